"""What is not understood is refused by name over HTTP, and nothing is done."""

from collections.abc import Callable

import pytest
import requests

from local.stack import Stack
from tests.crm import Crm, Json, contact, user
from tests.stack.feed import told

UNKNOWN = "0" * 32


@pytest.fixture(scope="module")
def crm(new_crm: Callable[[], Crm]) -> Crm:
    made = new_crm()
    told(made, user("ann", "ann@us.example"), contact("kim", "kim@customer.example"))
    return made


def problem(answer: requests.Response, status: int, code: str) -> Json:
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: Json = answer.json()
    assert (answer.status_code, found["status"], found["code"]) == (status, status, code), found
    assert found["type"] == f"docs/problems.md#{code}"
    assert found["reason"]
    assert found["remedy"]
    return found


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/mailboxes", "GET, POST"),
        ("PUT", "/mailboxes/x", "DELETE, GET, PATCH"),
        ("OPTIONS", "/messages", "POST"),
        ("GET", "/uploads", "POST"),
        ("POST", "/deals/d/threads/t", "DELETE, PUT"),
    ],
)
def test_a_method_that_a_path_does_not_know_is_405_and_names_those_that_it_does(
    crm: Crm, method: str, path: str, allow: str
) -> None:
    answer = crm.ask(method, path, "ann")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == allow


def test_the_webhook_and_the_callback_take_one_method_each(stack: Stack, crm: Crm) -> None:
    webhook = f"{stack.endpoint}/webhooks/crm/{crm.account.account_id}"
    for method, url, allow in (
        ("GET", webhook, "POST"),
        ("DELETE", webhook, "POST"),
        ("POST", f"{stack.endpoint}/oauth/google/callback", "GET"),
    ):
        answer = requests.request(method, url, timeout=30)
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == allow


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/mailboxes", "/webhooks/crm", "/favicon.ico"])
def test_an_unknown_root_is_a_problem_without_any_function(stack: Stack, path: str) -> None:
    answer = requests.get(stack.endpoint + path, timeout=30)
    problem(answer, 404, "not_found")


def test_an_unknown_route_is_404(crm: Crm) -> None:
    assert problem(crm.ask("GET", "/nothing"), 404, "not_found")["detail"] == "no such route"
    problem(crm.ask("GET", "/mailboxes/x/nothing"), 404, "not_found")
    problem(crm.ask("GET", "/contacts/a%20b/messages", "ann"), 404, "not_found")


def test_401_says_how_to_authenticate(stack: Stack, crm: Crm) -> None:
    answer = crm.ask("GET", "/mailboxes", headers={"Authorization": "Bearer none"})
    problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    answer = crm.post_body(b"{}", "t=1,v1=0")
    problem(answer, 401, "invalid_signature")
    assert answer.headers["WWW-Authenticate"].startswith("Mailmirror-Signature ")


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/contacts/kim/messages?limt=5", "limt: no such field"),
        ("/contacts/kim/messages?limit=5&limit=6", "limit: given twice"),
        ("/contacts/kim/messages?limit=101", "limit: "),
        ("/contacts/kim/messages?limit=ten", "limit: "),
        ("/mailboxes?user=ann", "user: no such field"),
        (f"/messages/{UNKNOWN}?html=no", "html: no such field"),
    ],
)
def test_a_parameter_that_is_not_understood_is_named(crm: Crm, path: str, detail: str) -> None:
    found = problem(crm.ask("GET", path, "ann"), 422, "invalid_field")
    assert found["detail"].startswith(detail)


def test_a_mailbox_is_not_disconnected_by_a_call_that_is_not_understood(crm: Crm) -> None:
    for query in ("mail=delete", "mail=keep&dry_run=1", "mail=keep&mail=erase"):
        problem(crm.ask("DELETE", f"/mailboxes/{UNKNOWN}?{query}"), 422, "invalid_field")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"[" * 200_000, 400, "malformed_json"),
        (b'{"content_type": NaN}', 422, "invalid_field"),
        (b'{"content_type": "text/csv", "content_type": "text/html"}', 422, "invalid_field"),
        (rb'{"content_type": "\ud800"}', 422, "invalid_field"),
        (rb'{"\ud800": 1}', 422, "invalid_field"),
        (b'{"content_type": ' + b"9" * 10_000 + b"}", 422, "invalid_field"),
        (b'{"kind": "text/csv"}', 422, "invalid_field"),
    ],
)
def test_a_body_that_is_not_understood_is_a_problem(
    crm: Crm, body: bytes, status: int, code: str
) -> None:
    problem(crm.ask("POST", "/uploads", data=body), status, code)


def test_where_no_body_belongs_none_is_taken(crm: Crm) -> None:
    found = problem(
        crm.ask("POST", f"/mailboxes/{UNKNOWN}/sync", json={"full": True}), 422, "invalid_field"
    )
    assert found["detail"] == "full: no such field"
    for nothing in (b"", b"{}", b" "):
        problem(crm.ask("POST", f"/mailboxes/{UNKNOWN}/sync", data=nothing), 404, "not_found")


@pytest.mark.exceeds("MAX_REQUEST_BYTES")
def test_a_body_over_the_limit_is_a_problem(crm: Crm) -> None:
    body = b'{"content_type": "' + b"x" * 6_000_000 + b'"}'
    found = problem(crm.ask("POST", "/uploads", data=body), 413, "body_too_large")
    assert found["limit"] == 6_000_000


def test_an_event_with_a_field_twice_is_refused_and_no_other(crm: Crm) -> None:
    twice = b'{"id": "e1", "type": "lead.deleted", "occurred_at": "2026-03-01T10:00:00Z",'
    twice += b' "data": {"id": "a", "id": "b"}}'
    once = twice.replace(b', "id": "b"', b"").replace(b"e1", b"e2")
    answer = crm.post_body(b'{"events": [' + twice + b", " + once + b"]}")
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    (refused,) = answer.json()["refused"]
    assert (refused["index"], refused["id"], refused["code"]) == (0, "e1", "invalid_field")
    assert refused["detail"].startswith("data.id: ")


def test_nothing_is_queued_of_a_webhook_with_an_unknown_field_beside_its_events(crm: Crm) -> None:
    found = problem(crm.post_body(b'{"events": [], "event": []}'), 422, "invalid_field")
    assert found["detail"] == "event: no such field"
