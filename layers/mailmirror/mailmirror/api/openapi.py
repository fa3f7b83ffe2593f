"""The API described (OpenAPI 3.1), made from its routes and typed values.

`make documents` writes it to docs/openapi.json; no function imports this.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from mailmirror.api.answers import JSON, PROBLEM, Problem
from mailmirror.api.decoding import Field
from mailmirror.api.routes import all_routes
from mailmirror.api.routing import ActingUser, AnyRoute, NoBody
from mailmirror.domain.problems import Code, Refused

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_ID = {"type": "string", "pattern": "^[A-Za-z0-9._:@+=-]{1,64}$"}
_IDS = {
    "account_id": "The account's id, as `make account` says it",
    "block_id": "`block_id` of a block",
    "contact_id": "The CRM's id of a contact",
    "deal_id": "The CRM's id of a deal",
    "lead_id": "The CRM's id of a lead",
    "mailbox_id": "`id` of a mailbox",
    "message_id": "`id` of a message",
    "n": "`n` of an attachment",
    "outbound_id": "`id` of an outbound",
    "provider": "`google` or `microsoft`",
    "thread_id": "`thread_id` of a message",
    "user_id": "The CRM's id of a user",
}
_DESCRIPTION = """\
Mirrors mailboxes into a CRM. Every refusal is a problem (RFC 9457); `docs/problems.md` says of each
code what its reader can do. An unknown path is answered 404, an unknown method 405 with Allow.
Unknown fields and query parameters are refused everywhere: `detail` begins with their path."""

_EVERY_ROUTE = (
    Code.MALFORMED_JSON,
    Code.INVALID_FIELD,
    Code.BODY_TOO_LARGE,
    Code.NOT_FOUND,
    Code.TOO_MANY_REQUESTS,
    Code.INTERNAL_ERROR,
)
_HEADERS_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "How to authenticate"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "Seconds until it frees"},
    HTTPStatus.CONFLICT: {"Retry-After": "Seconds, where it frees by time (`mailbox_busy`)"},
    HTTPStatus.SEE_OTHER: {"Location": "Where to go"},
}


def openapi() -> Json:
    """The whole description."""
    routes = all_routes()
    kinds = list(dict.fromkeys(kind for route in routes for kind in _kinds(route)))
    schemas, components = msgspec.json.schema_components(
        kinds, schema_hook=_field_schema, ref_template=_REF
    )
    by_kind = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, Json] = defaultdict(dict)
    for route in routes:
        paths[route.path][route.method.lower()] = _operation(route, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mailmirror", "version": "1", "description": _DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key of an account (`make key`).",
                }
            },
        },
    }


def problems_of(route: AnyRoute) -> Sequence[Code]:
    """Every problem that a route may answer."""
    codes = [*_EVERY_ROUTE, *route.problems]
    if route.needs_key:
        codes.append(Code.UNAUTHORIZED)
    if route.acting_user is ActingUser.REQUIRED:
        codes += [Code.ACTING_USER_REQUIRED, Code.ACTING_USER_UNKNOWN]
    if route.body is not NoBody:
        codes.append(Code.MISSING_FIELD)
    return sorted(set(codes))


def _kinds(route: AnyRoute) -> Iterable[type]:
    yield Problem
    if route.body is not NoBody:
        yield route.body
    yield from (kind for kind in route.answers.values() if kind)


def _operation(route: AnyRoute, schemas: Mapping[type, Json]) -> Json:
    operation: Json = {
        "operationId": route.handler.__name__,
        "summary": (route.handler.__doc__ or "").partition("\n")[0],
        "parameters": [*_path(route), *_query(route), *_headers(route)],
        "responses": _responses(route, schemas),
    }
    if route.body is not NoBody:
        content = {JSON: {"schema": schemas[route.body]}}
        operation["requestBody"] = {"required": True, "content": content}
    if route.needs_key:
        operation["security"] = [{"key": []}]
    return operation


def _path(route: AnyRoute) -> Iterable[Json]:
    for name in re.findall(r"{(\w+)}", route.path):
        schema = {"type": "integer", "minimum": 0} if name == "n" else _ID
        yield _parameter("path", name, _IDS[name], schema, required=True)


def _query(route: AnyRoute) -> Iterable[Json]:
    schema = msgspec.json.schema(route.query, schema_hook=_field_schema)["$defs"]
    for name, one in schema[route.query.__name__]["properties"].items():
        yield _parameter("query", name, one.pop("description", ""), one)


def _headers(route: AnyRoute) -> Iterable[Json]:
    if route.acting_user is not ActingUser.UNUSED:
        required = route.acting_user is ActingUser.REQUIRED
        meaning = "The acting user's id" + ("" if required else "; the mailbox's owner sees more")
        yield _parameter("header", "X-Mailmirror-User", meaning, _ID, required=required)
    headers = {"Accept-Language": "The language of texts for people: `en`, or `ja`"}
    for name, meaning in (headers | dict(route.headers)).items():
        yield _parameter("header", name, meaning, {"type": "string"})


def _parameter(
    place: str, name: str, meaning: str, schema: Json, *, required: bool = False
) -> Json:
    found: Json = {"name": name, "in": place, "schema": schema, "description": meaning}
    return found | ({"required": True} if required else {})


def _responses(route: AnyRoute, schemas: Mapping[type, Json]) -> Json:
    responses: Json = {}
    for status, kind in route.answers.items():
        one: Json = {"description": status.phrase}
        if kind:
            one["content"] = {JSON: {"schema": schemas[kind]}}
        responses[str(int(status))] = one | _response_headers(status)
    by_status: dict[HTTPStatus, list[Code]] = defaultdict(list)
    for code in problems_of(route):
        by_status[Refused(code).status].append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(int(status))] = {
            "description": ", ".join(f"`{code}`" for code in codes),
            "content": {PROBLEM: {"schema": schemas[Problem]}},
            **_response_headers(status),
        }
    return responses


def _response_headers(status: HTTPStatus) -> Json:
    headers = _HEADERS_BY_STATUS.get(status, {})
    described = {
        name: {"schema": {"type": "string"}, "description": meaning}
        for name, meaning in headers.items()
    }
    return {"headers": described} if described else {}


def _field_schema(kind: type) -> Json:
    if not issubclass(kind, Field):
        raise NotImplementedError(kind)  # as msgspec's `schema_hook` must
    lengths = {"maxLength": kind.MAX_CHARS} | ({"minLength": 1} if kind.MIN_CHARS else {})
    return {"type": "string", **lengths, **kind.SCHEMA}
