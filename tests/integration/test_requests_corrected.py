"""A request that was refused is answered once it is corrected as the problem's remedy says."""

import hashlib
import hmac
import json
import re
from datetime import timedelta
from typing import Any

import pytest

from local.environments import ROOT
from mailmirror.aws.queues import FeedJob
from mailmirror.domain.limits import MAX_REQUEST_BYTES, MAX_WEBHOOK_BYTES
from mailmirror.domain.mailbox import Mailbox
from mailmirror.runtime import Runtime
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.operating.accounts import replace_webhook_secret
from tests.integration.api_calls import Answered, Api, Json, call, call_outside, connect_body
from tests.integration.office import MARCH, REP, STRANGER, Clock, Office
from tests.servers.mailbox_server import MailboxServer

TYPES = re.compile(r"`((?:user|lead|contact|deal|association)\.\w+)`")


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    return office.connect(imap_server, "rep", REP)


class Crm:
    """The CRM's sender of events, and the function that applies what it has sent."""

    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self._office = office
        self._secret = replace_webhook_secret(office.account, office.runtime)
        self._queued: list[FeedJob] = []
        queue = type("Queue", (), {"send": staticmethod(self._queued.extend)})
        monkeypatch.setitem(office.runtime.__dict__, "feed_queue", queue)

    def signature(self, template: str, body: str, at: float) -> tuple[str, str]:
        """Name and value of the header that a remedy describes."""
        found = re.search(r"Sign `(.+?)` with .* send `([\w-]+): (.+?)`", template)
        assert found is not None, template
        t = str(int(at))
        signed = found[1].replace("<t>", t).replace("<raw body>", body)
        digest = hmac.new(self._secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        return found[2], found[3].replace("<unix>", t).replace("<hex HMAC-SHA256>", digest)

    def _now(self) -> float:
        return self._office.runtime.now().timestamp()

    def post(self, body: str, **headers: str) -> Answered:
        path = f"/webhooks/crm/{self._office.account}"
        return call_outside(self._office.runtime, "POST", path, headers, body=body)

    def send(self, *events: Json) -> Json:
        """Send events signed as they ought to be, and have them applied."""
        body = json.dumps({"events": events})
        name, value = self.signature(self.post(body).remedy, body, self._now())
        answered = self.post(body, **{name: value})
        assert answered.status == 202, answered
        while self._queued:
            apply_event(self._queued.pop(0), self._office.runtime)
        return answered.body


@pytest.fixture
def crm(office: Office, monkeypatch: pytest.MonkeyPatch) -> Crm:
    return Crm(office, monkeypatch)


def contact(type: str = "contact.upserted", **others: object) -> Json:
    data = {"id": "who", "name": "Who", "emails": [STRANGER]}
    return {"id": "w1", "type": type, "occurred_at": MARCH.isoformat(), "data": data, **others}


def test_unauthorized_the_header_that_the_remedy_names_opens_the_account(
    api: Api, runtime: Runtime
) -> None:
    for headers in ({}, {"Authorization": "Bearer mm_unknown"}):
        refused = call(runtime, "GET", "/v1/account", headers)
        assert (refused.status, refused.code) == (401, "unauthorized")
    named = re.search(r"`(\w+): (.+) <API key>`", refused.remedy)
    assert named is not None, refused.remedy
    assert call(runtime, "GET", "/v1/account", {named[1]: f"{named[2]} {api.key}"}).status == 200


def test_invalid_signature_events_signed_as_the_remedy_says_are_accepted(
    crm: Crm, office: Office, runtime: Runtime
) -> None:
    body = json.dumps({"events": [contact()]})
    refused = crm.post(body)
    assert (refused.status, refused.code) == (401, "invalid_signature")
    name, value = crm.signature(refused.remedy, body, runtime.now().timestamp())
    assert crm.post(f"{body} ", **{name: value}).code == "invalid_signature"  # another raw body
    assert crm.post(body, **{name: value}).status == 202


def test_stale_timestamp_events_signed_at_the_time_of_sending_are_accepted(
    crm: Crm, office: Office, clock: Clock
) -> None:
    body = json.dumps({"events": [contact()]})
    template = crm.post(body).remedy
    name, value = crm.signature(template, body, clock().timestamp())
    clock.advance(timedelta(minutes=6))
    refused = crm.post(body, **{name: value})
    assert (refused.status, refused.code) == (401, "stale_timestamp")
    assert "Sign at the time of sending" in refused.remedy
    name, value = crm.signature(template, body, clock().timestamp())
    assert crm.post(body, **{name: value}).status == 202


def test_not_found_what_the_remedy_has_checked_is_there(api: Api, mailbox: Mailbox) -> None:
    path = f"/v1/mailboxes/{mailbox.key.mailbox}/ledger"
    for wrong, user in (
        (path.replace("mailboxes", "mailbox"), "rep"),
        (path.replace(mailbox.key.mailbox, "0" * 16), "rep"),
        (path, "boss"),
    ):
        refused = api.answered("GET", wrong, user)
        assert (refused.status, refused.code) == (404, "not_found")
        assert refused.remedy == "Check the path, the id, and the acting user."
    assert api.answered("GET", path, "rep").status == 200


def test_method_not_allowed_a_method_of_the_header_is_taken(api: Api) -> None:
    refused = api.answered("POST", "/v1/account")
    assert (refused.status, refused.code) == (405, "method_not_allowed")
    named = re.search(r"header (\w+)", refused.remedy)
    assert named is not None
    methods = refused.headers[named[1]].split(", ")
    assert "GET" in methods
    for method in methods:
        assert api.answered(method, "/v1/account", text="{}").status != 405


def test_too_many_requests_after_the_seconds_that_the_header_names_it_is_done(
    api: Api, runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events write to the account's log all the time, and then less often."""

    def moved(*_: Any) -> None:
        raise ConditionFailed

    with monkeypatch.context() as patched:
        patched.setattr(runtime.change_log, "write", moved)
        refused = api.answered("PATCH", "/v1/account", body={"max_recipients": 7})
    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert "Retry-After" in refused.remedy
    clock.advance(timedelta(seconds=int(refused.headers["Retry-After"])))
    assert api.answered("PATCH", "/v1/account", body={"max_recipients": 7}).status == 200


def test_body_too_large_less_than_the_limit_of_the_answer_is_taken(api: Api, crm: Crm) -> None:
    body = '{"max_recipients": 7}'
    refused = api.answered("PATCH", "/v1/account", text=body + " " * MAX_REQUEST_BYTES)
    assert (refused.status, refused.code) == (413, "body_too_large")
    assert "`limit`" in refused.remedy
    fitting = body.ljust(refused.body["limit"])
    assert api.answered("PATCH", "/v1/account", text=fitting).status == 200
    events = [contact(id=f"w{n}", pad="x" * 100) for n in range(MAX_WEBHOOK_BYTES // 200)]
    refused = crm.post(json.dumps({"events": events}).ljust(MAX_WEBHOOK_BYTES + 1))
    assert refused.code == "body_too_large"
    assert len(json.dumps({"events": events[:50]})) <= refused.body["limit"]
    assert crm.send(*events[:50])["accepted"] == 50


@pytest.mark.parametrize("wrong", ["", "{", '{"language": ja}', '{"language": "ja"'])
def test_malformed_json_is_taken_once_it_is_json(api: Api, wrong: str) -> None:
    refused = api.answered("PATCH", "/v1/account", text=wrong)
    assert (refused.status, refused.code) == (400, "malformed_json")
    assert refused.remedy == "Send the JSON that docs/api.md describes for this call."
    assert api.answered("PATCH", "/v1/account", text='{"language": "ja"}').status == 200


def test_missing_field_fields_are_added_as_details_name_them_until_it_is_connected(
    api: Api, imap_server: MailboxServer
) -> None:
    whole = connect_body(imap_server)
    body: Json = {}
    added = []
    while (answered := api.answered("POST", "/v1/mailboxes", body=body)).status != 201:
        assert (answered.status, answered.code) == (422, "missing_field")
        assert "`detail`" in answered.remedy
        name = answered.body["detail"]
        body[name] = whole[name]
        added.append(name)
    assert {"user_id", "email", "provider", "imap", "password"} <= set(added)


def test_unknown_event_type_the_types_of_the_document_are_taken(
    api: Api, crm: Crm, office: Office
) -> None:
    (refused,) = crm.send(contact("contact.created"))["refused"]
    assert refused["code"] == "unknown_event_type"
    named = re.search(r"docs/\w+\.md", refused["remedy"])
    assert named is not None
    page = (ROOT / named[0]).read_text("utf-8")
    table = page.partition("| type | data |")[2].partition("\n\n")[0]
    types = TYPES.findall(table)
    assert {"contact.upserted", "deal.deleted", "association.detached"} <= set(types)
    for type in types:
        told = [one["code"] for one in crm.send(contact(type))["refused"]]
        assert "unknown_event_type" not in told, type
    later = (MARCH + timedelta(days=1)).isoformat()
    crm.send(contact(id="w2", occurred_at=later))
    assert api.answered("GET", "/v1/contacts/who/messages").status == 200


def test_event_ahead_the_event_is_sent_again_under_its_id_with_the_right_time(
    api: Api, crm: Crm, clock: Clock
) -> None:
    ahead = (clock() + timedelta(minutes=6)).isoformat()
    (refused,) = crm.send(contact(occurred_at=ahead))["refused"]
    assert (refused["id"], refused["code"]) == ("w1", "event_ahead")
    assert "again under the same id, with the time at which it happened" in refused["remedy"]
    assert api.get("/v1/events/refused")["events"]
    again = crm.send(contact(id=refused["id"], occurred_at=clock().isoformat()))
    assert (again["accepted"], again["refused"]) == (1, [])
    assert api.answered("GET", "/v1/contacts/who/messages").status == 200
    assert api.get("/v1/events/refused")["events"] == []


def test_user_unknown_once_the_user_was_sent_the_mailbox_is_connected(
    api: Api, office: Office, imap_server: MailboxServer
) -> None:
    body = connect_body(imap_server, user_id="new", email=STRANGER)
    refused = api.answered("POST", "/v1/mailboxes", body=body)
    assert (refused.status, refused.code) == (422, "user_unknown")
    assert "`user.upserted`" in refused.remedy
    assert "or correct the id" in refused.remedy
    assert api.answered("POST", "/v1/mailboxes", body=body | {"user_id": "boss"}).status == 201
    office.tell("user.upserted", id="new", name="New", emails=[])
    other = body | {"email": "new@else.example"}
    assert api.answered("POST", "/v1/mailboxes", body=other).status == 201


def test_mailbox_busy_once_it_is_erased_the_address_is_connected_again(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    path = f"/v1/mailboxes/{mailbox.key.mailbox}"
    assert api.ask("DELETE", path, params={"mail": "erase"})[0] == 202
    body = connect_body(imap_server)
    for refused in (api.answered("POST", "/v1/mailboxes", body=body), api.answered("DELETE", path)):
        assert (refused.status, refused.code) == (409, "mailbox_busy")
        assert refused.remedy == "Try again in a few minutes."
        assert int(refused.headers["Retry-After"]) > 0
    clock.advance(timedelta(minutes=3))
    office.sync(mailbox)  # the job that the erasure has queued
    assert api.answered("POST", "/v1/mailboxes", body=body).status == 201


def test_feed_silent_the_first_event_that_comes_as_the_document_says_ends_it(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The users are known, and the function that applied them has died before it noted that."""
    with monkeypatch.context() as patched:
        patched.setattr(runtime.feed, "applied", lambda *_: None)
        office = Office(runtime)
    api = Api(office)
    feed = api.get("/v1/contacts/kim/messages")["coverage"]["feed"]
    assert (feed["complete"], feed["gap"]) == (False, "feed_silent")
    named = re.search(r"Mailmirror's webhook; (docs/\w+\.md) says how", feed["remedy"])
    assert named is not None
    page = (ROOT / named[1]).read_text("utf-8")
    assert "`POST /webhooks/crm/{account_id}`" in page
    example = re.search(r"^X-Mailmirror-Signature.*?\n\n(\{.*?\})\n```", page, re.S | re.M)
    assert example is not None
    (event,) = json.loads(example[1])["events"]
    Crm(office, monkeypatch).send(event)
    assert api.get("/v1/contacts/kim/messages")["coverage"]["feed"]["complete"]
    assert api.answered("GET", f"/v1/contacts/{event['data']['id']}/messages").status == 200
