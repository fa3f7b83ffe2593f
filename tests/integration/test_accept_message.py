"""What may be sent is accepted once, and everything else is refused with its reason."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from itertools import count
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.client import BaseClient

from mailmirror.api.decoding import typed
from mailmirror.api.outbound import ComposeBody
from mailmirror.api.outbound import Outbound as OutboundAnswer
from mailmirror.aws.queues import NotQueued
from mailmirror.domain.limits import MAX_SENT_RECIPIENTS
from mailmirror.domain.outbound import Outbound, OutboundState, Transport
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import SendingFacts
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.table import Update
from mailmirror.usecases.cards.read_message import read_message
from mailmirror.usecases.mailboxes.change_mailbox import set_paused
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.sending.accept_message import accept_message
from mailmirror.usecases.sending.make_upload import make_upload
from mailmirror.usecases.sending.read_outbound import cancel_outbound, read_outbound
from tests.integration.office import (
    BOSS,
    KIM,
    LEE,
    MARCH,
    REP,
    STRANGER,
    Clock,
    Office,
    letter,
    subjects,
)
from tests.integration.sending import (
    BODY,
    accept,
    composed,
    connect_to_send,
    deliver_job,
    due,
    lying_in,
    now,
    settle,
)
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


def refused(office: Office, key: str | None = None, **fields: object) -> Refused:
    with pytest.raises(Refused) as refusal:
        accept(office, key, **fields)
    return refusal.value


def upload(office: Office, data: bytes, content_type: str = "application/pdf") -> str:
    made = make_upload(office.account, content_type, office.runtime)
    headers = {"Content-Type": content_type}
    with urlopen(Request(made.url, data, headers, method="PUT")) as answer:
        assert answer.status == 200
    return made.id


def set_account(office: Office, setting: str, value: int) -> None:
    expression = f"SET {setting} = :value"
    office.runtime.table.update(Update(keys.account(office.account), expression, {":value": value}))


@pytest.mark.usefixtures("server")
def test_the_day_has_a_limit_that_says_when_it_ends(office: Office, clock: Clock) -> None:
    set_account(office, "messages_a_day", 2)
    accept(office)
    accept(office)
    refusal = refused(office)
    tomorrow = (office.runtime.now() + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")
    assert refusal.code is Code.DAILY_LIMIT_REACHED
    assert refusal.figures == {"limit": 2, "left": 0, "resets_at": tomorrow}
    clock.advance(timedelta(days=1))
    accept(office)


@pytest.mark.usefixtures("server")
def test_a_paused_mailbox_sends(office: Office, clock: Clock, dovecot: Dovecot) -> None:
    (mailbox,) = office.viewer("rep").mailboxes
    set_paused(mailbox, office.runtime, paused=True)
    outbound = accept(office)
    assert deliver_job(outbound, office.runtime).state is OutboundState.SENT
    assert read_mailbox(office.account, mailbox.key.mailbox, office.runtime).state == "paused"


@pytest.mark.usefixtures("server")
def test_a_minute_has_a_limit_that_many_requests_at_once_do_not_break(office: Office) -> None:
    minute = office.runtime.now().replace(second=10)
    office.runtime.now = lambda: minute

    def tried(_: int) -> Code | None:
        try:
            accept(office)
        except Refused as refusal:
            return refusal.code
        return None

    with ThreadPoolExecutor(4) as workers:
        found = list(workers.map(tried, range(36)))
    # Two that count at the same moment hold each other up: what was not accepted says so.
    assert found.count(None) <= 30
    while found.count(None) < 30:
        found.append(tried(0))
    refusal = refused(office)
    resets = (minute + timedelta(seconds=50)).strftime("%Y-%m-%dT%H:%M:00Z")
    assert refusal.code is Code.RATE_LIMIT_REACHED
    assert refusal.figures == {"limit": 30, "left": 0, "resets_at": resets}


@pytest.mark.usefixtures("server")
def test_so_many_recipients_and_no_more(office: Office) -> None:
    set_account(office, "max_recipients", 3)
    three = ["a@x.example", "b@x.example", "c@x.example"]
    accept(office, to=three[:1], cc=three[1:2], bcc=[*three[2:], "A@x.example"])
    refusal = refused(office, to=three, bcc=["d@x.example"])
    assert (refusal.code, refusal.figures) == (Code.TOO_MANY_RECIPIENTS, {"limit": 3})


@pytest.mark.exceeds("MAX_SENT_RECIPIENTS")
@pytest.mark.usefixtures("server")
def test_no_setting_allows_more_recipients_than_an_item_can_have(office: Office) -> None:
    set_account(office, "max_recipients", 10_000)
    crowd = [f"a{n}@x.example" for n in range(MAX_SENT_RECIPIENTS + 1)]
    refusal = refused(office, to=crowd)
    assert refusal.code is Code.TOO_MANY_RECIPIENTS
    assert refusal.figures == {"limit": MAX_SENT_RECIPIENTS}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"from": BOSS}, Code.FROM_NOT_YOURS),
        ({"from": "alias@us.example"}, Code.FROM_NOT_YOURS),
        ({"from": None}, Code.MISSING_FIELD),
        ({"from": "rep"}, Code.INVALID_EMAIL),
        ({"to": []}, Code.NO_RECIPIENT),
        ({"to": KIM}, Code.INVALID_FIELD),
        ({"to": ["kim@"]}, Code.INVALID_EMAIL),
        ({"to": [f"{KIM}, {LEE}"]}, Code.INVALID_EMAIL),
        ({"to": [f"Kim <{KIM}>"]}, Code.INVALID_EMAIL),
        ({"to": [f"{KIM}>\r\nRCPT TO:<{STRANGER}"]}, Code.INVALID_EMAIL),
        ({"to": [7]}, Code.INVALID_FIELD),
        ({"text": None}, Code.MISSING_FIELD),
        ({"text": 7}, Code.INVALID_FIELD),
        ({"text": "a\0b"}, Code.INVALID_FIELD),
        ({"subject": "a\nb"}, Code.INVALID_FIELD),
        ({"transport": "pigeon"}, Code.INVALID_FIELD),
        ({"send_at": "2027-01-01T00:00:00Z"}, Code.INVALID_FIELD),
        ({"to": [{"address": KIM, "nmae": "Kim"}]}, Code.INVALID_FIELD),
        ({"to": [f"{'k' * 65}@customer.example"]}, Code.INVALID_EMAIL),
        ({"transport": "ses"}, Code.TRANSPORT_UNAVAILABLE),
        ({"in_reply_to": "0" * 32}, Code.MESSAGE_UNKNOWN),
        ({"in_reply_to": "what?"}, Code.MESSAGE_UNKNOWN),
        ({"attachments": [{"upload_id": "0" * 32, "name": "a"}]}, Code.UPLOAD_UNKNOWN),
        ({"attachments": [{"upload_id": "../x", "name": "a"}]}, Code.UPLOAD_UNKNOWN),
        ({"attachments": [{"upload_id": "0" * 32}]}, Code.MISSING_FIELD),
        ({"attachments": "a"}, Code.INVALID_FIELD),
    ],
)
def test_what_cannot_be_sent_is_refused_and_leaves_nothing(
    fields: dict[str, object], code: Code, office: Office
) -> None:
    assert refused(office, "key", **fields).code is code
    assert due(office.runtime, timedelta(days=1)) == []
    accept(office, "key")


@pytest.mark.usefixtures("server")
def test_nobody_replies_to_a_message_of_which_they_have_no_copy(
    office: Office, dovecot: Dovecot
) -> None:
    dovecot.append(BOSS, "INBOX", letter(1, to=[BOSS]), MARCH)
    office.sync(office.connect(dovecot, "boss", BOSS))
    (line,) = office.card("boss", "kim")
    assert refused(office, in_reply_to=line.summary.message).code is Code.MESSAGE_UNKNOWN


def test_a_reply_names_its_parent_letter_by_letter_and_joins_its_thread_and_deal(
    office: Office, dovecot: Dovecot, server: ScriptedSmtp, runtime: Runtime
) -> None:
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    raw = letter(2, replies_to=[1]).replace(b"<2@mail.example>", b"<Two@MAIL.Example>")
    dovecot.append(REP, "INBOX", raw, MARCH)
    (mailbox,) = office.viewer("rep").mailboxes
    office.sync(mailbox)
    (parent,) = office.card("rep", "kim")
    sent = deliver_job(accept(office, in_reply_to=parent.summary.message), runtime)
    headers = message_from_bytes(server.accepted[0].raw, policy=default)
    assert headers["In-Reply-To"] == "<Two@MAIL.Example>"
    assert headers["References"].split() == ["<1@mail.example>", "<Two@MAIL.Example>"]
    card = office.card("rep", "kim")
    assert subjects(card) == ["Hello", "Letter 2"]
    assert {line.thread for line in card} == {sent.thread}
    assert subjects(office.deal("rep", "d1")) == ["Hello", "Letter 2"]


def test_the_same_request_again_is_the_same_message_sent_once(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    first = accept(office, "key-1")
    written = dict(reversed(BODY.items())) | {"cc": None, "transport": "auto"}
    composition = typed(written, ComposeBody).composition()
    again = accept_message(office.viewer("rep"), composition, "key-1", runtime)
    assert again == first
    deliver_job(first, runtime)
    assert accept(office, "key-1").state is OutboundState.SENT
    assert len(server.accepted) == 1
    assert accept(office, "key-2").id != first.id


@pytest.mark.usefixtures("server")
def test_another_request_under_the_same_key_is_refused(office: Office) -> None:
    first = accept(office, "key-1")
    assert refused(office, "key-1", subject="Other").code is Code.IDEMPOTENCY_CONFLICT
    assert read_outbound(office.viewer("rep"), first.id, office.runtime) == first


@pytest.mark.exceeds("MAX_IDEMPOTENCY_KEY_CHARS")
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("key", ["", "  ", "x" * 201, "a\nb"])
def test_a_key_is_a_few_printable_characters(key: str, office: Office) -> None:
    assert refused(office, key).code is Code.INVALID_FIELD


def test_two_requests_with_one_key_at_once_are_one_message(
    office: Office, server: ScriptedSmtp, runtime: Runtime, clock: Clock
) -> None:
    viewer = office.viewer("rep")
    for number in range(3):
        with ThreadPoolExecutor(4) as workers:
            made = list(
                workers.map(
                    lambda _, key=f"key-{number}": accept_message(viewer, composed(), key, runtime),
                    range(4),
                )
            )
        assert len({one.id for one in made}) == 1
    settle(runtime, clock)
    assert len(server.accepted) == 3


def test_a_key_is_its_users_own(
    office: Office, dovecot: Dovecot, server: ScriptedSmtp, runtime: Runtime
) -> None:
    connect_to_send(office, dovecot, server.port, server.authority, "boss", BOSS, "tls")
    mine = accept(office, "key-1")
    theirs = accept_message(office.viewer("boss"), composed(**{"from": BOSS}), "key-1", runtime)
    assert (mine.sender, theirs.sender) == (REP, BOSS)
    with pytest.raises(Refused):
        read_outbound(office.viewer("boss"), mine.id, runtime)
    with pytest.raises(Refused):
        cancel_outbound(office.viewer("boss"), mine.id, runtime)


def test_a_message_taken_back_in_time_is_on_no_card_and_is_not_sent(
    office: Office,
    server: ScriptedSmtp,
    script: dict[str, Answers],
    runtime: Runtime,
    clock: Clock,
) -> None:
    script["RCPT"] = ["451 4.3.0 later"]
    waiting = deliver_job(accept(office), runtime)
    assert subjects(office.card("rep", "kim")) == ["Hello"]
    cancelled = cancel_outbound(office.viewer("rep"), waiting.id, runtime)
    assert cancelled.state is OutboundState.CANCELLED
    told = OutboundAnswer.of(cancelled)
    assert (told.error, told.next_attempt_at) == (None, None)
    assert [(one.state, one.error) for one in told.recipients] == [("cancelled", None)]
    assert office.card("rep", "kim") == []
    script.clear()
    settle(runtime, clock)
    assert server.messages == []
    assert runtime.contents.find(waiting.mailbox, waiting.id) is None
    assert cancel_outbound(office.viewer("rep"), waiting.id, runtime).cancelled


def test_a_message_that_was_sent_cannot_be_taken_back(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    sent = deliver_job(accept(office), runtime)
    with pytest.raises(Refused) as refusal:
        cancel_outbound(office.viewer("rep"), sent.id, runtime)
    assert refusal.value.code is Code.SENT_ALREADY
    assert len(server.accepted) == 1


def test_a_message_to_nobody_known_leaves_no_trace_but_the_outbound(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    sent = deliver_job(accept(office, to=[STRANGER], subject="Dinner"), runtime)
    assert sent.state is OutboundState.SENT
    assert runtime.contents.find(sent.mailbox, sent.id) is None
    client = runtime._client("dynamodb")
    items = client.scan(TableName=runtime.settings.table)["Items"]
    assert [item["pk"]["S"] for item in items if STRANGER in str(item)] == [
        keys.outbounds(sent.mailbox)
    ]
    assert not [item for item in items if "Dinner" in str(item)]
    objects = runtime._client("s3").list_objects_v2(
        Bucket=runtime.settings.bucket, Prefix=f"drafts/{office.account}/"
    )
    assert objects.get("Contents", []) == []


def test_a_customer_in_bcc_has_it_on_the_card_and_no_other_recipient_sees_it(
    office: Office, dovecot: Dovecot, server: ScriptedSmtp, runtime: Runtime
) -> None:
    deliver_job(accept(office, to=[STRANGER], bcc=[LEE]), runtime)
    assert subjects(office.card("rep", "lee")) == ["Hello"]
    (message,) = server.accepted
    assert message.recipients == (STRANGER, LEE)
    assert LEE.encode() not in message.raw
    (kept,) = lying_in(dovecot, REP, "Sent")
    assert f"Bcc: {LEE}".encode() in kept
    (mailbox,) = office.viewer("rep").mailboxes
    office.sync(mailbox)
    assert subjects(office.card("rep", "lee")) == ["Hello"]


def test_attachments_arrive_as_they_were_uploaded(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    data = bytes(range(256)) * 200
    attachment = {
        "upload_id": upload(office, data),
        "name": "見積書 2026.pdf",
        "content_type": "application/pdf",
    }
    sent = deliver_job(accept(office, attachments=[attachment]), runtime)
    (part,) = message_from_bytes(server.accepted[0].raw, policy=default).iter_attachments()
    assert (part.get_filename(), part.get_content()) == ("見積書 2026.pdf", data)
    (found,) = read_message(office.viewer("rep"), sent.id, runtime).attachments
    assert (found.name, found.size) == ("見積書 2026.pdf", len(data))


@pytest.mark.usefixtures("server")
def test_attachments_over_the_limit_are_refused_before_they_are_read(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = "mailmirror.usecases.sending.accept_message.sending_facts"
    small = SendingFacts(saves_to_sent=False, a_minute=30, a_day=300, message_bytes=10_000)
    monkeypatch.setattr(facts, lambda *_: small)
    attachments = [{"upload_id": upload(office, b"x" * 4_000), "name": "a"} for _ in range(2)]
    accept(office, attachments=attachments[:1])
    refusal = refused(office, attachments=attachments)
    assert (refusal.code, refusal.detail) == (Code.MESSAGE_TOO_LARGE, "attachments[1]")
    assert refusal.figures == {"limit": 10_000}
    assert refused(office, text="long\n" * 3_000).code is Code.MESSAGE_TOO_LARGE


@pytest.mark.exceeds("MAX_SES_MESSAGE_BYTES")
def test_an_upload_over_the_limit_of_ses_is_refused_before_it_is_read(
    office: Office, server: ScriptedSmtp, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.sending.accept_message.MAX_SES_MESSAGE_BYTES", 10_000)
    monkeypatch.setattr(
        "mailmirror.usecases.sending.accept_message._transport", lambda *_: Transport.SES
    )
    attachments = [{"upload_id": upload(office, b"x" * 10_001), "name": "a"}]
    refusal = refused(office, attachments=attachments)
    assert (refusal.code, refusal.detail) == (Code.MESSAGE_TOO_LARGE, "attachments[0]")
    assert refusal.figures == {"limit": 10_000}


@pytest.mark.usefixtures("server")
def test_another_accounts_upload_is_unknown(office: Office, runtime: Runtime) -> None:
    other = Office(runtime)
    attachment = {"upload_id": upload(other, b"theirs"), "name": "a"}
    assert refused(office, attachments=[attachment]).code is Code.UPLOAD_UNKNOWN


def test_html_goes_out_as_it_was_written_and_is_shown_without_what_is_dangerous(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    html = '<p>Hi <img src=x onerror="alert(1)"></p><script>alert(2)</script><p>例え &amp; ü</p>'
    sent = deliver_job(accept(office, text=None, html=html), runtime)
    message = message_from_bytes(server.accepted[0].raw, policy=default)
    body = message.get_body(("html",))
    assert body is not None
    assert body.get_content().strip() == html
    shown = read_message(office.viewer("rep"), sent.id, runtime).html
    assert shown is not None
    assert "alert" not in shown


def test_what_was_accepted_is_sent_though_the_queue_took_it_not(
    office: Office,
    server: ScriptedSmtp,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(runtime.send_queue, "send", failing)
        outbound = accept(office)
    settle(runtime, clock)
    assert now(outbound, runtime).state is OutboundState.SENT
    assert len(server.accepted) == 1


def failing(*_: object) -> None:
    raise NotQueued


def test_a_request_that_crashes_at_any_call_and_comes_again_is_one_message(
    office: Office,
    server: ScriptedSmtp,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One crash after the first call of AWS, the next after the second, and so on to the end."""
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]
    for step in count(1):
        calls = count(1)

        def crashing(*args: Any, step: int = step, calls: "count[int]" = calls) -> Any:
            answer = call(*args)
            if next(calls) == step:
                raise KeyboardInterrupt
            return answer

        monkeypatch.setattr(BaseClient, "_make_api_call", crashing)
        try:
            made: Outbound | None = accept(office, f"key-{step}")
        except KeyboardInterrupt:
            made = None
        monkeypatch.setattr(BaseClient, "_make_api_call", call)
        again = accept(office, f"key-{step}")
        assert made is None or made.id == again.id
        clock.advance(timedelta(minutes=1))
        if made:
            break
    settle(runtime, clock)
    assert step > 8
    assert len(server.accepted) == step
