"""What was contained is listed for the mailbox's owner, and goes when it is mended."""

from datetime import timedelta

import pytest

from mailmirror.api.mailboxes import MailboxProblems
from mailmirror.domain.contained import Cause, Contained
from mailmirror.domain.containment import Place
from mailmirror.domain.limits import MAX_CONTAINED_SUBJECT_CHARS
from mailmirror.domain.mailbox import AccountId, Mailbox, MailboxId, MailboxKey
from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Language
from mailmirror.mail.mime.content import Content, parse_message
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.change_mailbox import erase
from mailmirror.usecases.mailboxes.list_problems import MAX_LISTED, Problem, list_problems
from tests.integration.office import MARCH, REP, STRANGER, Clock, Office, letter
from tests.integration.test_containment import BODY, HEADER, before
from tests.integration.test_trust import card
from tests.servers.dovecot import Dovecot
from tests.servers.meddling import End, Meddle, Refusing, Said, at_message, unchanged

DAY = timedelta(days=1)


def problems(mailbox: Mailbox, runtime: Runtime) -> list[Problem]:
    return list(list_problems(mailbox, runtime).listed)


def withheld(uid: int) -> Meddle:
    """The server leaves a message out of every answer that has its body."""

    def leave_out(said: Said) -> bytes | End:
        names = f"UID {uid} ".encode() in said.answer and BODY.encode() in said.command
        return b"" if said.answer.startswith(b"*") and names else said.answer

    return leave_out


@pytest.mark.parametrize(
    ("meddle", "cause"),
    [
        (Refusing(BODY, 3), Cause.REFUSED),
        (at_message(BODY, 3, End.HANG_UP), Cause.BREAKS_CONNECTION),
        (withheld(3), Cause.NOT_RETURNED),
    ],
)
def test_a_message_that_the_server_does_not_return_is_listed_until_it_does(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock, meddle: Meddle, cause: Cause
) -> None:
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    with before(dovecot, runtime, meddle) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        (first,) = problems(mailbox, runtime)
        assert (first.code, first.folder, first.uid) == (cause, "INBOX", 3)
        assert first.contained is not None
        assert (first.contained.subject, first.contained.received_at) == ("Letter 3", MARCH)
        (coverage,) = card(office, "kim").coverage.mailboxes
        assert coverage.contained == 1
        clock.advance(DAY)
        office.sync(mailbox)
        (again,) = problems(mailbox, runtime)
        assert again.since == first.since
        assert again.next_try_at is not None
        assert again.next_try_at > runtime.now()
        server.meddle = unchanged
        clock.advance(DAY)
        office.sync(mailbox)
    assert problems(mailbox, runtime) == []
    assert runtime.contained.list_all(mailbox.key) == []
    assert card(office, "kim").coverage.mailboxes[0].contained == 0


def test_a_message_whose_headers_cannot_be_understood_is_listed_behind_the_others(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    for raw in (b"\r\nno header at all\r\n", letter(2), letter(3)):
        dovecot.append(REP, "INBOX", raw, MARCH)
    with before(dovecot, runtime, Refusing(BODY, 3)) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 1, "pending": 1, "unreadable": 1}
    pending, unreadable = problems(mailbox, runtime)
    assert (pending.code, pending.uid) == (Cause.REFUSED, 3)
    assert (unreadable.code, unreadable.folder, unreadable.uid) == (Cause.UNREADABLE, "INBOX", 1)
    told = MailboxProblems.of(list_problems(mailbox, runtime), Language.EN).problems[1]
    assert (told.kind, told.code, told.next_try_at) == ("message", "message_unreadable", None)
    assert told.reason == "The message's headers cannot be understood."


def test_unreadable_messages_beyond_a_hundred_are_counted(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    dovecot.append_all(REP, "INBOX", [(b"\r\nno header at all\r\n", MARCH)] * (MAX_LISTED + 3))
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    found = list_problems(mailbox, runtime)
    assert (len(found.listed), found.further) == (MAX_LISTED, 3)


def test_of_a_message_whose_headers_were_not_read_nothing_but_its_uid_is_known(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    dovecot.append(REP, "INBOX", letter(1, STRANGER), MARCH)
    with before(dovecot, runtime, at_message(HEADER, 1, End.HANG_UP)) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
    (found,) = problems(mailbox, runtime)
    assert (found.code, found.uid) == (Cause.BREAKS_CONNECTION, 1)
    assert found.contained is not None
    assert (found.contained.subject, found.contained.received_at) == ("", None)


def test_a_message_that_is_deleted_at_the_server_is_listed_no_more(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 4)])
    with before(dovecot, runtime, Refusing(BODY, 2)) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert [one.uid for one in problems(mailbox, runtime)] == [2]
        dovecot.expunge(REP, "INBOX", [2])
        clock.advance(DAY)
        office.sync(mailbox)
    assert problems(mailbox, runtime) == []


@pytest.mark.parametrize(
    ("mark", "cause"), [(b"Letter 2", Cause.TOO_HEAVY), (b"bomb", Cause.HEADERS_ONLY)]
)
def test_a_message_at_which_functions_die_is_listed(
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    mark: bytes,
    cause: Cause,
) -> None:
    def defect(raw: bytes) -> Content:
        if mark in raw:
            raise RuntimeError("a defect")
        return parse_message(raw)

    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", defect)
    mail = [letter(1), letter(2, text="bomb"), letter(3)]
    dovecot.append_all(REP, "INBOX", [(one, MARCH) for one in mail])
    mailbox = office.connect(dovecot, "rep", REP)
    failures = 0
    while failures < 6:
        try:
            office.sync(mailbox)
            break
        except RuntimeError:
            failures += 1
    (found,) = problems(mailbox, runtime)
    assert (found.code, found.uid) == (cause, 2)
    assert (found.next_try_at is None) == (cause is Cause.HEADERS_ONLY)


def test_a_message_at_which_the_parser_fails_is_listed_by_its_headers(
    office: Office, dovecot: Dovecot, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(raw: bytes) -> Content:
        if b"bomb" in raw:
            raise ValueError("a defect of the parser")
        return parse_message(raw)

    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", failing)
    dovecot.append_all(REP, "INBOX", [(letter(1, text="bomb"), MARCH), (letter(2), MARCH)])
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    (found,) = problems(mailbox, runtime)
    assert (found.code, found.uid) == (Cause.HEADERS_ONLY, 1)


@pytest.mark.exceeds("MAX_CONTAINED_SUBJECT_CHARS")
def test_a_long_subject_of_a_message_that_could_not_be_read_is_cut(runtime: Runtime) -> None:
    key, place = MailboxKey(AccountId("a" * 12), MailboxId("m")), Place("INBOX", 1, 7)
    subject = "x" * (MAX_CONTAINED_SUBJECT_CHARS + 1)
    unread = Contained(Cause.HEADERS_ONLY, received_at=MARCH, subject=subject)
    runtime.contained.put(key, {place: unread}, MARCH)
    (stored,) = runtime.contained.list_all(key)
    assert stored.contained.subject == subject[:-1]


def test_a_folder_that_cannot_be_opened_is_named_until_it_can(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    dovecot.append(REP, "Sent", letter(2, REP, ["kim@customer.example"]), MARCH)

    def closed(said: Said) -> bytes:
        if said.command.startswith(b"EXAMINE") and b"Sent" in said.command:
            tag = said.answer.partition(b" ")[0]
            return b"" if tag == b"*" else tag + b" NO [SERVERBUG] x\r\n"
        return said.answer

    with before(dovecot, runtime, closed) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        own, folder = problems(mailbox, runtime)
        assert own.code is folder.code is Code.FOLDER_REFUSED
        assert (own.folder, folder.folder) == (None, "Sent")
        clock.advance(timedelta(hours=1))
        office.sync(mailbox)
        assert problems(mailbox, runtime)[1].since == folder.since
        server.meddle = unchanged
        clock.advance(timedelta(hours=1))
        office.sync(mailbox)
    assert problems(mailbox, runtime) == []
    assert office.counts(mailbox)["Sent"] == {"mirrored": 1}


def test_a_hundred_messages_are_listed_and_the_others_counted(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    total = MAX_LISTED + 5
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, total + 1)])

    def leave_out(said: Said) -> bytes | End:
        asked = BODY.encode() in said.command and said.answer.startswith(b"*")
        return b"" if asked else said.answer

    with before(dovecot, runtime, leave_out) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
    found = list_problems(mailbox, runtime)
    assert (len(found.listed), found.further) == (MAX_LISTED, 5)
    answer = MailboxProblems.of(found, Language.JA)
    assert {one.code for one in answer.problems} == {"message_not_returned"}
    assert answer.problems[0].reason.endswith("。")


def test_an_erased_mailbox_leaves_no_problem(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 4)])
    with before(dovecot, runtime, Refusing(BODY, 2)) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
    assert runtime.contained.list_all(mailbox.key) != []
    erase(office.account, mailbox.owner, mailbox.key.mailbox, runtime)
    clock.advance(timedelta(minutes=7))
    office.sync(mailbox)
    assert runtime.contained.list_all(mailbox.key) == []
