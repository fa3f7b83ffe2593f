"""Find the route of a request, check all that it names, and have it answered.

    event ─► route (404, 405) ─► API key ─► query, body typed ─► handler ─► Answer

Nothing is done before the whole request is understood. The routes are a table (`api/routes/`),
from which `openapi` is made as well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mailmirror.api.answers import Answer
from mailmirror.api.decoding import GivenTwice, Strict, json_value, typed, typed_query
from mailmirror.api.http_request import HttpRequest
from mailmirror.domain.event_fields import is_id
from mailmirror.domain.limits import MAX_REQUEST_BYTES
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.runtime import Runtime

if TYPE_CHECKING:
    from mailmirror.usecases.cards.acting_user import Viewer


class NoQuery(Strict):
    """No parameters."""


class NoBody(Strict):
    """No body; an empty object is taken for none."""


class ActingUser(Enum):
    """What a route does with the header X-Mailmirror-User."""

    UNUSED = "unused"
    OPTIONAL = "optional"
    """The mailbox's owner sees more."""
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, repr=False)
class Call[B = NoBody, Q = NoQuery]:
    """A request whose every part is understood."""

    runtime: Runtime
    account: AccountId
    """Empty where the route wants no API key."""
    ids: Mapping[str, str]
    """By the names in the route's path; each can be an id."""
    query: Q
    body: B
    raw: Any
    """The body as JSON gave it, to be passed on to `probe`."""
    request: HttpRequest
    language: Language
    """In which texts for people are answered: the request's, else the account's."""

    @property
    def user(self) -> str | None:
        """The acting user's id, as it was sent."""
        return self.header("X-Mailmirror-User")

    def header(self, name: str) -> str | None:
        return self.request.header(name)

    def viewer(self) -> "Viewer":
        """The acting user.

        Raises:
            Refused: none is named, or the account has no such user.
        """
        from mailmirror.usecases.cards.acting_user import viewer

        return viewer(self.account, self.user, self.runtime)

    def own_viewer(self) -> "Viewer":
        """The acting user, who is the path's: what it names is of no other user.

        Raises:
            Refused: as `viewer`, or the path names another user.
        """
        viewer = self.viewer()
        if viewer.user != self.ids["user_id"]:
            raise Refused(Code.NOT_FOUND)
        return viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Route[B = NoBody, Q = NoQuery]:
    """One method on one path, and all that its description says."""

    method: str
    path: str
    """Such as `/v1/mailboxes/{mailbox_id}`."""
    handler: Callable[[Call[B, Q]], Answer]
    """Its docstring's first line is the summary."""
    answers: Mapping[HTTPStatus, type | None]
    """The body's type by status; None where there is no body."""
    # mypy does not apply the defaults of type parameters (PEP 696) to defaults of fields.
    body: type[B] = NoBody  # type: ignore[assignment]
    query: type[Q] = NoQuery  # type: ignore[assignment]
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further request headers, with their meaning."""
    acting_user: ActingUser = ActingUser.UNUSED
    problems: Sequence[Code] = ()
    """Those of its own; what every route may answer is not named again."""
    needs_key: bool = True
    reads_body: bool = True
    """Not where the handler itself reads the body, byte by byte."""

    def ids(self, path: str) -> Mapping[str, str] | None:
        """The ids in a path, or None where it is another route's."""
        own, given = self.path.split("/"), path.split("/")
        if len(own) != len(given):
            return None
        ids = {}
        for name, value in zip(own, given, strict=True):
            if name.startswith("{"):
                ids[name[1:-1]] = unquote(value)
            elif name != value:
                return None
        return ids


AnyRoute = Route[Any, Any]


def answer(
    event: Mapping[str, Any], find_routes: Callable[[str], Sequence[AnyRoute]], runtime: Runtime
) -> dict[str, Any]:
    """Answer a request of API Gateway's.

    Parameters:
        find_routes: returns the routes among which a path's are.
    """
    language = Language.EN
    try:
        request = HttpRequest.of(event)
        language = request.language or language
        routes = find_routes(request.path)
        account = AccountId("")
        if not routes or routes[0].needs_key:
            from mailmirror.usecases.operating.accounts import authenticate, language_of

            account = authenticate(request.header("Authorization") or "", runtime)
            language = request.language or language_of(account, runtime)
        return _answer(request, routes, account, language, runtime).to_gateway()
    except Exception as error:  # a defect is logged, and answered with 500 `internal_error`
        return Answer.to(error, runtime.now(), language).to_gateway()


def _answer(
    request: HttpRequest,
    routes: Sequence[AnyRoute],
    account: AccountId,
    language: Language,
    runtime: Runtime,
) -> Answer:
    route, ids = _find(request, routes)
    query = typed_query(_query(request), route.query)
    raw = _raw(request, route) if route.reads_body else {}
    body = typed(raw, route.body) if route.reads_body else None
    return route.handler(Call(runtime, account, ids, query, body, raw, request, language))


def _find(request: HttpRequest, routes: Sequence[AnyRoute]) -> tuple[AnyRoute, Mapping[str, str]]:
    found = [(one, ids) for one in routes if (ids := one.ids(request.path)) is not None]
    for route, ids in found:
        if route.method == request.method:
            if all(is_id(id) for id in ids.values()):
                return route, ids
            raise Refused(Code.NOT_FOUND)
    if found:
        allow = ", ".join(sorted(route.method for route, _ in found))
        raise Refused(Code.METHOD_NOT_ALLOWED, request.method, allow=allow)
    raise Refused(Code.NOT_FOUND, "no such route")


def _query(request: HttpRequest) -> Mapping[str, object]:
    return {
        name: values[0] if len(values) == 1 else GivenTwice()
        for name, values in request.query.items()
    }


def _raw(request: HttpRequest, route: AnyRoute) -> object:
    data = request.body
    if len(data) > MAX_REQUEST_BYTES:
        raise Refused(Code.BODY_TOO_LARGE, f"{len(data)} bytes", limit=MAX_REQUEST_BYTES)
    if route.body is NoBody and not data.strip():
        return {}
    return json_value(data)
