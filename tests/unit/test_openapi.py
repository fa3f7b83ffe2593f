"""The API's description is made from its code, and is whole."""

import json
import re
from datetime import UTC, datetime

import msgspec
import pytest

from local.documents import openapi_text
from local.environments import ROOT
from local.template import template
from mailmirror.api.answers import Answer, Problem, json_text
from mailmirror.api.openapi import openapi, problems_of
from mailmirror.api.routes import all_routes, routes_of
from mailmirror.api.routing import AnyRoute
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.problem import as_problem

MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)
ROUTES = {f"{route.method} {route.path}": route for route in all_routes()}


def test_the_description_is_that_of_the_code() -> None:
    written = (ROOT / "docs" / "openapi.json").read_text("utf-8")
    assert written == openapi_text(), "make documents"


@pytest.mark.parametrize("name", ROUTES)
def test_every_parameter_answer_and_problem_of_a_route_is_described(name: str) -> None:
    route = ROUTES[name]
    described = openapi()["paths"][route.path][route.method.lower()]
    assert described["summary"].endswith(".")
    for parameter in described["parameters"]:
        assert parameter["description"], parameter["name"]
    in_path = [one["name"] for one in described["parameters"] if one["in"] == "path"]
    assert in_path == re.findall(r"{(\w+)}", route.path)
    for code in problems_of(route):
        assert f"`{code}`" in described["responses"][str(Refused(code).status.value)]["description"]
    for status in route.answers:
        assert described["responses"][str(status.value)]["description"] == status.phrase


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_is_found_by_its_path(name: str) -> None:
    route = ROUTES[name]
    path = re.sub(r"{\w+}", "x", route.path)
    if route.needs_key:
        assert route in routes_of(path)
    assert route.ids(path) == dict.fromkeys(re.findall(r"{(\w+)}", route.path), "x")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v2/mailboxes", "/v1/nothing/x", "/v1//"])
def test_a_path_of_no_resource_has_no_routes(path: str) -> None:
    assert routes_of(path) == ()


def test_an_id_in_a_path_may_be_percent_encoded() -> None:
    route: AnyRoute = ROUTES["GET /v1/contacts/{contact_id}/messages"]
    assert route.ids("/v1/contacts/a%40b/messages") == {"contact_id": "a@b"}


def test_every_route_stands_in_the_documents() -> None:
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    missing = [name for name in ROUTES if f"`{name.partition('?')[0]}" not in page]
    assert missing == []


@pytest.mark.parametrize("code", Code)
def test_every_problem_is_of_the_described_form(code: Code) -> None:
    problem = Refused(
        code, "detail", limit=1, left=0, resets_at="2026-03-01T10:00:00Z", allow="GET"
    )
    msgspec.convert(as_problem(problem), Problem)


@pytest.mark.parametrize("code", [code for code in Code if Refused(code).status == 401])
def test_a_refused_authentication_says_how_to_authenticate(code: Code) -> None:
    assert Answer.to(Refused(code), MARCH).headers["WWW-Authenticate"]


def test_what_frees_by_time_says_when() -> None:
    resets_at = f"{MARCH:%Y-%m-%dT%H:%M}:30Z"
    limited = Refused(Code.RATE_LIMIT_REACHED, limit=30, left=0, resets_at=resets_at)
    assert Answer.to(limited, MARCH).headers["Retry-After"] == "30"
    assert Answer.to(Refused(Code.MAILBOX_BUSY), MARCH).headers["Retry-After"] == "5"
    assert "Retry-After" not in Answer.to(Refused(Code.NOT_FOUND), MARCH).headers


@pytest.mark.parametrize("id", ["\ud800", 10**63])
def test_an_id_that_json_can_hardly_hold_goes_out(id: str | int) -> None:
    assert json.loads(json_text({"id": id})) == {"id": "?" if isinstance(id, str) else id}


def test_api_gateway_answers_by_itself_with_problems_of_the_catalogue() -> None:
    responses = template()["Resources"]["Api"]["Properties"]["GatewayResponses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED"} <= set(
        responses
    )
    for response in responses.values():
        headers = response["ResponseParameters"]["Headers"]
        assert headers["Content-Type"] == "'application/problem+json'"
        body = json.loads(response["ResponseTemplates"]["application/json"])
        assert body == as_problem(Refused(Code(body["code"])))
        assert response["StatusCode"] == str(body["status"])
        assert ("Retry-After" in headers) == (body["status"] == 429)
