"""What strangers write into their mail keeps no other message off its card."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from itertools import count

import pytest

from mailmirror.api.messages import Message
from mailmirror.aws.queues import PollJob
from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Language
from mailmirror.mail.mime.content import Content, parse_message
from mailmirror.runtime import Runtime
from mailmirror.store.table import Table
from mailmirror.usecases.cards.read_message import read_message
from mailmirror.usecases.mailboxes.change_mailbox import erase
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from mailmirror.usecases.sync.poll_mailboxes import poll_mailboxes
from tests.integration.interruptions import WRITES
from tests.integration.office import (
    KIM,
    LEE,
    MARCH,
    REP,
    STRANGER,
    Clock,
    Office,
    letter,
    loopback,
    subjects,
)
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer


def with_headers(number: int, **headers: str) -> bytes:
    lines = [
        f"From: {KIM}",
        f"To: {REP}",
        f"Subject: Letter {number}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", "body", ""]).encode()


def many_attachments() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = KIM, REP, "Letter 4"
    message.set_content("Attached.")
    for n in range(900):
        message.add_attachment(b"x", "application", "x-long", filename=f"{n}-{'n' * 180}.bin")
    return message.as_bytes()


def test_a_message_made_to_break_items_is_mirrored_like_any_other(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    crowd = ", ".join(f"a{n}@{'d' * 60}.example" for n in range(3_000))
    poison = [
        with_headers(1, Message_ID=f"<{'x' * 450_000}@x.example>"),
        with_headers(2, Reply_To=crowd, Sender=crowd, Message_ID="<2@x.example>"),
        with_headers(3, Date="Mon, 01 Jan 0999 00:00:00 +0000", Message_ID="<3@x.example>"),
        many_attachments(),
        with_headers(5, References=" ".join(f"<{n}@{'r' * 200}>" for n in range(4_000))),
    ]
    for raw in [*poison, letter(6)]:
        imap_server.append(REP, "INBOX", raw, MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    shown = [f"Letter {n}" for n in (1, 3, 4, 5, 6)]
    assert sorted(subjects(office.card("rep", "kim"))) == shown
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 5, "too_many_recipients": 1}


def test_a_message_that_cannot_be_kept_whole_is_mirrored_by_its_headers(
    office: Office, imap_server: MailboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing_at_bombs(raw: bytes) -> Content:
        if b"bomb" in raw:
            raise ValueError("a defect of the parser")
        return parse_message(raw)

    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", failing_at_bombs)
    imap_server.append(REP, "INBOX", letter(1, text="a bomb"), MARCH)
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert subjects(card) == ["Letter 2", "Letter 1"]
    assert [line.summary.warnings for line in card] == [[], ["headers_only"]]


def test_a_letter_of_other_people_replaces_no_content_of_headers_alone(
    office: Office, imap_server: MailboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing_at_bombs(raw: bytes) -> Content:
        if b"a bomb" in raw:
            raise ValueError("a defect of the parser")
        return parse_message(raw)

    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", failing_at_bombs)
    office.tell("contact.upserted", id="lee", name="Lee", emails=[LEE])
    imap_server.append(REP, "INBOX", letter(1, text="a bomb"), MARCH)
    imap_server.append(REP, "INBOX", letter(1, LEE), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    (line,) = office.card("rep", "kim")
    assert line.summary.warnings == ["headers_only"]
    assert len(line.versions) == 2


def test_html_beyond_the_limits_is_mirrored_as_its_text_and_api_says_so(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    markup = "<p>Dear all," + "".join(f"<b id={n}>" for n in range(3_900)) + "<p>x" * 1_200
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    html = b"Content-Type: text/html\r\nMIME-Version: 1.0\r\n"
    imap_server.append(REP, "INBOX", html + with_headers(2) + markup.encode(), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    card = {line.summary.subject: line for line in office.card("rep", "kim")}
    assert list(card["Letter 1"].summary.warnings) == []
    assert list(card["Letter 2"].summary.warnings) == ["html_truncated"]
    assert card["Letter 2"].summary.snippet.startswith("body Dear all, x x x")
    shown = Message.whole(
        read_message(office.viewer("rep"), card["Letter 2"].summary.message, runtime), Language.EN
    )
    assert shown.warnings == ["html_truncated"]
    assert shown.html is not None
    assert "Dear all," in shown.html
    assert "<b" not in shown.html


def test_a_renamed_folder_of_sent_mail_stops_nothing(runtime: Runtime, clock: Clock) -> None:
    with Dovecot({REP: "secret"}, folders=()) as server:
        runtime.network_policy = loopback(server.authority)
        office = Office(runtime)
        server.create(REP, "Sent")
        server.append(REP, "Sent", letter(1, REP, [KIM]), MARCH)
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        with server.session(REP) as client:
            client.rename_folder("Sent", "Sent Items")
        poll_mailboxes(PollJob([mailbox.key], runtime.now()), runtime)
        entry = runtime.due.find(mailbox)
        assert entry is not None
        assert entry.due.error is None
        office.sync(mailbox)
        assert office.counts(mailbox) == {"INBOX": {}, "Sent Items": {"mirrored": 1}}
        assert subjects(office.card("rep", "kim")) == ["Letter 1"]


def test_a_sync_that_fails_is_not_healthy_because_polls_succeed(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    before = runtime.due.find(mailbox)
    imap_server.append(REP, "INBOX", letter(1), MARCH)

    def defect(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(runtime.contents, "put", defect)
    with pytest.raises(RuntimeError):
        office.sync(mailbox)
    poll_mailboxes(PollJob([mailbox.key], runtime.now()), runtime)
    after = runtime.due.find(mailbox)
    assert before is not None
    assert after is not None
    assert after.due.error is Code.INTERNAL_ERROR
    assert after.due.last_success_at == before.due.last_success_at
    monkeypatch.undo()
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


class Crash(BaseException):
    """The function dies: nothing after it runs."""


@contextmanager
def crash_at(number: int, table: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the n-th write of the table crash."""
    writes = count(1)

    def crashing(original: Callable[..., object]) -> Callable[..., object]:
        def write(*args: object, **kwargs: object) -> object:
            if next(writes) == number:
                raise Crash
            return original(*args, **kwargs)

        return write

    with monkeypatch.context() as patch:
        for name in WRITES:
            patch.setattr(table, name, crashing(getattr(table, name)))
        yield


def test_facts_that_change_between_a_crash_and_its_repeat_leave_no_trace(
    runtime: Runtime, imap_server: MailboxServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger becomes a contact and a second deal is learned, after a crash at every write.

    No UID may have two verdicts, no message stay on a deal that it does not match any more, and
    an erasure must find what the crash has left.
    """
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_HEAD_BYTES", 20)
    runtime.network_policy = loopback(imap_server.authority)
    for n in range(1, 4):
        imap_server.append(REP, "INBOX", letter(n, replies_to=[1] if n > 1 else []), MARCH)
        imap_server.append(REP, "INBOX", letter(100 + n, STRANGER), MARCH)
    for number in count(1):
        office = Office(runtime)
        office.tell("deal.upserted", id="d1", name="One", status="open", contact_ids=["kim"])
        mailbox = office.connect(imap_server, "rep", REP)
        crashed = False
        with crash_at(number, runtime.table, monkeypatch):
            try:
                office.sync(mailbox)
            except Crash:
                crashed = True
        office.tell("contact.upserted", id="who", name="Who", emails=[STRANGER])
        office.tell("deal.upserted", id="d2", name="Two", status="open", contact_ids=["kim"])
        clock.advance(timedelta(seconds=91))
        office.sync(mailbox)
        (inbox, sent) = audit_mailbox(mailbox, runtime).folders
        assert inbox.audit.clean
        assert sent.audit.clean
        office.match_again()
        # With two open deals a message of their contact is on neither.
        assert office.deal("rep", "d1") == office.deal("rep", "d2") == []
        erase(office.account, mailbox.owner, mailbox.key.mailbox, runtime)
        clock.advance(timedelta(minutes=7))
        office.sync(mailbox)
        left = runtime._client("dynamodb").scan(TableName=runtime.settings.table)["Items"]
        assert not [item for item in left if mailbox.key.mailbox in str(item)]
        if not crashed:
            assert number > 15
            break
