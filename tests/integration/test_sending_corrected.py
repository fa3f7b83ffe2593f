"""A message, or a sender's address, that was refused is taken once its remedy is followed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from mailmirror.aws.ses import SesTransport
from mailmirror.domain.providers import SendingFacts
from mailmirror.runtime import Runtime
from mailmirror.usecases.operating.accounts import set_codes_mailbox
from tests.integration.api_calls import Answered, Api, Json, connect_body
from tests.integration.office import BOSS, KIM, LEE, REP, STRANGER, Clock, Office
from tests.integration.sending import BODY, connect_to_send, settle
from tests.integration.test_prove_address import code_in
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_smtp import Answers, ScriptedSmtp


@pytest.fixture
def script() -> dict[str, Answers]:
    return {}


@pytest.fixture
def server(office: Office, dovecot: Dovecot, script: dict[str, Answers]) -> Iterator[ScriptedSmtp]:
    """REP's submission server; the mailbox is connected to it."""
    with ScriptedSmtp(script) as server:
        connect_to_send(office, dovecot, server.port, server.authority, security="tls")
        yield server


def post(api: Api, key: str = "", user: str = "rep", **fields: object) -> Answered:
    headers = {"Idempotency-Key": key} if key else {}
    return api.answered("POST", "/v1/messages", user, body=BODY | fields, headers=headers)


def refusal(answered: Answered, status: int, code: str) -> Answered:
    assert (answered.status, answered.code) == (status, code), answered
    return answered


def is_sent(api: Api, accepted: Answered, runtime: Runtime, clock: Clock) -> bool:
    """Let the queue do its work on an accepted message."""
    assert accepted.status == 202, accepted
    settle(runtime, clock)
    state = api.get(f"/v1/outbound/{accepted.body['id']}")["state"]
    return bool(state == "sent")


def submission(server: ScriptedSmtp) -> Json:
    return {"host": "localhost", "port": server.port, "security": "tls"}


def test_transport_unavailable_connected_with_its_submission_server_or_by_ses_it_is_sent(
    api: Api, office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    office.connect(dovecot, "rep", REP)
    refused = refusal(post(api), 422, "transport_unavailable")
    named = re.search(r"submission server \(`(\w+)`\), or ask .* to set SES up", refused.remedy)
    assert named is not None, refused.remedy
    with ScriptedSmtp() as server:
        runtime.network_policy.trust.load_verify_locations(cadata=server.authority.read_text())
        body = connect_body(dovecot, **{named[1]: submission(server)})
        assert api.answered("POST", "/v1/mailboxes", body=body).status == 201
        assert is_sent(api, post(api), runtime, clock)
    refusal(post(api, transport="ses"), 422, "transport_unavailable")
    runtime.settings = replace(runtime.settings, ses_configuration_set="set")
    assert post(api, transport="ses").status == 202


@pytest.mark.parametrize("connects", [False, True])
def test_from_not_yours_from_an_own_mailbox_or_a_connected_address_it_is_sent(
    api: Api,
    dovecot: Dovecot,
    server: ScriptedSmtp,
    runtime: Runtime,
    clock: Clock,
    connects: bool,
) -> None:
    refused = refusal(post(api, user="boss", **{"from": BOSS}), 403, "from_not_yours")
    assert refused.remedy == (
        "Send from one of the user's own mailboxes, or connect the address first."
    )
    if connects:
        own = {"user_id": "boss", "email": BOSS, "username": BOSS, "password": dovecot.users[BOSS]}
        body = connect_body(dovecot, smtp=submission(server), **own)
        assert api.answered("POST", "/v1/mailboxes", body=body).status == 201
        sent = post(api, user="boss", **{"from": BOSS})
        assert sent.status == 202
        settle(runtime, clock)
        assert [one.sender for one in server.accepted] == [BOSS]
    else:
        refusal(post(api, **{"from": BOSS}), 403, "from_not_yours")
        mailboxes = api.get("/v1/mailboxes")["mailboxes"]
        (own_address,) = [one["email"] for one in mailboxes if one["user_id"] == "rep"]
        assert is_sent(api, post(api, **{"from": own_address}), runtime, clock)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
def test_no_recipient_an_address_in_any_of_the_fields_is_enough(
    api: Api, runtime: Runtime, clock: Clock, field: str
) -> None:
    refused = refusal(post(api, to=[]), 422, "no_recipient")
    assert field in re.findall(r"`(\w+)`", refused.remedy)
    fields: dict[str, Any] = {"to": [], field: [KIM]}
    assert is_sent(api, post(api, **fields), runtime, clock)


@pytest.mark.usefixtures("server")
def test_too_many_recipients_as_many_as_the_limit_of_the_answer_are_sent_to(
    api: Api, runtime: Runtime, clock: Clock
) -> None:
    crowd = [f"guest{n}@else.example" for n in range(150)]
    refused = refusal(post(api, to=crowd), 422, "too_many_recipients")
    assert "`limit` says how many" in refused.remedy
    assert is_sent(api, post(api, to=crowd[: refused.body["limit"]]), runtime, clock)


def uploaded(api: Api, size: int) -> Json:
    """An attachment whose bytes were put to the link that the API answers."""
    made = api.answered("POST", "/v1/uploads", body={"content_type": "text/plain"}).body
    request = Request(made["url"], b"x" * size, made["headers"], method=made["method"])
    with urlopen(request) as answer:
        assert answer.status == 200
    return {"upload_id": made["upload_id"], "name": "a.txt"}


@pytest.mark.usefixtures("server")
def test_message_too_large_with_smaller_attachments_or_a_link_it_is_sent(
    api: Api, runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SendingFacts(saves_to_sent=False, a_minute=30, a_day=300, message_bytes=10_000)
    facts = "mailmirror.usecases.sending.accept_message.sending_facts"
    monkeypatch.setattr(facts, lambda *_: small)
    refused = refusal(post(api, attachments=[uploaded(api, 9_000)]), 413, "message_too_large")
    assert refused.remedy == (
        "Make the attachments smaller, or send a link to them; `limit` is in bytes."
    )
    smaller = uploaded(api, refused.body["limit"] // 2)
    assert is_sent(api, post(api, attachments=[smaller]), runtime, clock)
    assert is_sent(api, post(api, text="https://files.example/a.txt"), runtime, clock)


@pytest.mark.usefixtures("server")
def test_upload_unknown_once_the_bytes_are_put_to_the_link_it_is_sent(
    api: Api, runtime: Runtime, clock: Clock
) -> None:
    made = api.answered("POST", "/v1/uploads", body={}).body
    attachment = {"upload_id": made["upload_id"], "name": "a.txt"}
    refused = refusal(post(api, attachments=[attachment]), 422, "upload_unknown")
    named = re.search(r"`(POST) (/v1/\w+)`", refused.remedy)
    assert named is not None
    made = api.answered(named[1], named[2], body={}).body
    put = Request(made["url"], b"bytes", made["headers"], method=made["method"])
    with urlopen(put) as answer:
        assert answer.status == 200
    attachment["upload_id"] = made["upload_id"]
    assert is_sent(api, post(api, attachments=[attachment]), runtime, clock)


def test_sending_off_it_is_sent_once_the_account_allows_messages_a_day(
    api: Api, runtime: Runtime, clock: Clock, server: ScriptedSmtp
) -> None:
    assert api.ask("PATCH", "/v1/account", body={"messages_a_day": 0})[0] == 200
    for _ in range(2):
        refused = refusal(post(api), 403, "sending_off")
        assert "resets_at" not in refused.body
        assert "Retry-After" not in refused.headers
        clock.advance(timedelta(days=1))  # which changes nothing
    assert "administrator" in refused.remedy
    call = re.search(r"`(PATCH) (\S+)` with `(\w+)`", refused.remedy)
    assert call is not None
    assert api.ask(call[1], call[2], body={call[3]: 1})[0] == 200
    assert is_sent(api, post(api), runtime, clock)


@pytest.mark.usefixtures("server")
def test_rate_limit_reached_after_the_time_of_the_answer_it_is_sent(
    api: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute = runtime.now().replace(second=10, microsecond=0)
    runtime.now = lambda: minute
    small = SendingFacts(saves_to_sent=False, a_minute=2, a_day=300, message_bytes=10_000)
    facts = "mailmirror.usecases.sending.accept_message.sending_facts"
    monkeypatch.setattr(facts, lambda *_: small)
    assert [post(api).status for _ in range(2)] == [202, 202]
    refused = refusal(post(api), 429, "rate_limit_reached")
    assert refused.remedy == "Send again after `resets_at`."
    resets = datetime.fromisoformat(refused.body["resets_at"])
    assert resets - minute == timedelta(seconds=int(refused.headers["Retry-After"]))
    runtime.now = lambda: resets
    assert post(api).status == 202


def test_idempotency_conflict_with_a_new_key_it_is_sent_and_the_same_key_repeats(
    api: Api, server: ScriptedSmtp, runtime: Runtime, clock: Clock
) -> None:
    first = post(api, "key-1")
    refused = refusal(post(api, "key-1", subject="Other"), 422, "idempotency_conflict")
    assert refused.remedy.startswith("Use a new key for each message, and the same key only to")
    assert is_sent(api, post(api, "key-2", subject="Other"), runtime, clock)
    assert post(api, "key-1").body["id"] == first.body["id"]
    assert len(server.accepted) == 2


def test_sent_already_the_call_of_the_remedy_says_how_far_it_is(
    api: Api, server: ScriptedSmtp, runtime: Runtime, clock: Clock
) -> None:
    accepted = post(api)
    assert is_sent(api, accepted, runtime, clock)
    id = accepted.body["id"]
    refused = refusal(api.answered("DELETE", f"/v1/outbound/{id}"), 409, "sent_already")
    named = re.search(r"`GET (/\S+)`", refused.remedy)
    assert named is not None
    assert api.get(named[1].format(outbound_id=id))["state"] == "sent"
    assert len(server.accepted) == 1


def failed(api: Api, accepted: Answered) -> Json:
    """The error of a message that was not sent, as its sender reads it."""
    told = api.get(f"/v1/outbound/{accepted.body['id']}")
    assert told["state"] == "failed"
    error: Json = told["recipients"][0]["error"]
    return error


def test_message_too_large_for_a_server_is_sent_as_a_link(
    api: Api,
    server: ScriptedSmtp,
    runtime: Runtime,
    clock: Clock,
) -> None:
    server.keywords = ["SIZE 20000" if one.startswith("SIZE") else one for one in server.keywords]
    accepted = post(api, attachments=[uploaded(api, 30_000)])
    assert not is_sent(api, accepted, runtime, clock)
    error = failed(api, accepted)
    assert error["code"] == "message_too_large"
    assert error["remedy"] == "Make the attachments smaller, or send a link to them."
    smaller = post(api, attachments=[uploaded(api, 3_000)])
    assert is_sent(api, smaller, runtime, clock)
    assert is_sent(api, post(api, text="https://files.example/a.txt"), runtime, clock)


def test_sign_in_failed_the_mailbox_connected_again_sends(
    api: Api,
    server: ScriptedSmtp,
    script: dict[str, Answers],
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
) -> None:
    script["AUTH"] = ["535 5.7.8 Error: authentication failed"]
    accepted = post(api)
    assert not is_sent(api, accepted, runtime, clock)
    error = failed(api, accepted)
    assert error["code"] == "sign_in_failed"
    assert error["remedy"] == "Connect the mailbox again, then send again."
    script.clear()
    body = connect_body(dovecot, smtp=submission(server))
    assert api.answered("POST", "/v1/mailboxes", body=body).status == 201
    assert is_sent(api, post(api), runtime, clock)


def test_timed_out_sent_again_later_it_arrives(
    api: Api,
    server: ScriptedSmtp,
    script: dict[str, Answers],
    runtime: Runtime,
    clock: Clock,
) -> None:
    clock.advance(timedelta(days=-30))
    script["RCPT"] = ["451 4.3.0 try later"]
    accepted = post(api)
    assert not is_sent(api, accepted, runtime, clock)
    error = failed(api, accepted)
    assert error["code"] == "timed_out"
    assert error["remedy"].startswith("Send again later;")
    script.clear()
    assert is_sent(api, post(api), runtime, clock)


def test_draft_lost_the_message_is_composed_again(
    api: Api, server: ScriptedSmtp, office: Office, runtime: Runtime, clock: Clock
) -> None:
    accepted = post(api)
    (mailbox,) = office.viewer("rep").mailboxes
    runtime.objects.delete_draft(mailbox.key, accepted.body["id"])
    assert not is_sent(api, accepted, runtime, clock)
    error = failed(api, accepted)
    assert (error["code"], error["remedy"]) == ("draft_lost", "Compose the message again.")
    assert is_sent(api, post(api), runtime, clock)


@pytest.mark.parametrize("way", ["the CRM", "a code"])
def test_address_unproven_by_the_crm_or_by_a_code_it_sends_through_ses(
    api: Api, office: Office, dovecot: Dovecot, runtime: Runtime, way: str
) -> None:
    runtime.settings = replace(runtime.settings, ses_configuration_set="set")
    body = connect_body(dovecot, email=STRANGER)
    assert api.answered("POST", "/v1/mailboxes", body=body).status == 201
    fields = {"from": STRANGER, "transport": "ses"}
    refused = refusal(post(api, **fields), 409, "address_unproven")
    ask, confirm = re.findall(r"`POST (/v1/\S+)`", refused.remedy)
    if way == "the CRM":
        assert refused.remedy.startswith("Enter it at the user in the CRM, or")
        office.tell("user.upserted", id="rep", name="rep", emails=[STRANGER], at=runtime.now())
    else:
        with ScriptedSmtp() as server:
            sender = connect_to_send(
                office, dovecot, server.port, server.authority, "boss", BOSS, security="tls"
            )
            set_codes_mailbox(office.account, sender.key.mailbox, runtime)
            address = {"address": STRANGER}
            assert api.answered("POST", ask.format(user_id="rep"), body=address).status == 202
            proof = address | {"code": code_in(server.accepted[0])}
        assert api.answered("POST", confirm.format(user_id="rep"), body=proof).status == 200
    assert post(api, **fields).status == 202


@pytest.mark.parametrize("way", ["the other user", "the CRM"])
def test_address_of_another_user_that_user_connects_it_or_the_crm_is_corrected(
    api: Api, office: Office, dovecot: Dovecot, runtime: Runtime, way: str
) -> None:
    body = connect_body(dovecot, email=BOSS, username=BOSS, password=dovecot.users[BOSS])
    refused = refusal(
        api.answered("POST", "/v1/mailboxes", body=body), 409, "address_of_another_user"
    )
    assert refused.remedy == (
        "Ask that user to connect it, or correct the users' addresses in the CRM."
    )
    if way == "the CRM":
        office.tell("user.upserted", id="boss", name="boss", emails=[], at=runtime.now())
        office.tell("user.upserted", id="rep", name="rep", emails=[REP, BOSS], at=runtime.now())
    else:
        body["user_id"] = "boss"
    assert api.answered("POST", "/v1/mailboxes", body=body).status == 201


@pytest.mark.parametrize("way", ["the CRM", "another address"])
def test_address_of_person_entered_at_the_user_or_another_address_connects(
    api: Api, office: Office, dovecot: Dovecot, runtime: Runtime, way: str
) -> None:
    body = connect_body(dovecot, email=LEE)
    refused = refusal(api.answered("POST", "/v1/mailboxes", body=body), 409, "address_of_person")
    assert refused.remedy.startswith("If it is the user's own, enter it at the user in the CRM;")
    assert refused.remedy.endswith("else connect another address.")
    if way == "the CRM":
        office.tell("user.upserted", id="rep", name="rep", emails=[REP, LEE], at=runtime.now())
    else:
        body["email"] = REP
    assert api.answered("POST", "/v1/mailboxes", body=body).status == 201


class Sandbox:
    """SES, in the sandbox, sends to verified addresses only."""

    def __init__(self) -> None:
        self.verified = {REP}

    def send_email(self, Destination: Json, **_: object) -> Json:
        refused = [one for one in Destination["ToAddresses"] if one not in self.verified]
        if not refused:
            return {"MessageId": "0100018f"}
        words = (
            "Email address is not verified. The following identities failed the check in region"
            f" US-EAST-1: {', '.join(refused)}"
        )
        raise ClientError({"Error": {"Code": "MessageRejected", "Message": words}}, "SendEmail")


def test_sandbox_once_the_operator_has_verified_the_address_it_is_sent_to(
    api: Api,
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ses = Sandbox()
    runtime.settings = replace(runtime.settings, ses_configuration_set="set")
    transport = SesTransport(cast(Any, ses), "set", "us-east-1")
    monkeypatch.setitem(runtime.__dict__, "ses", transport)
    office.connect(dovecot, "rep", REP)
    accepted = post(api, transport="ses")
    assert not is_sent(api, accepted, runtime, clock)
    error = failed(api, accepted)
    assert error["code"] == "sandbox"
    assert error["remedy"].startswith(
        "Ask the stack's operator to verify the address, or to request"
    )
    ses.verified.add(KIM)
    assert is_sent(api, post(api, transport="ses"), runtime, clock)
