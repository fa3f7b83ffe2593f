"""What one message, one answer or one death costs, and that it stops nothing behind it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

import pytest

from mailmirror.aws.queues import SyncJob
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code
from mailmirror.runtime import Runtime
from mailmirror.store.folders import StoredFolder
from mailmirror.usecases.mailboxes.change_mailbox import request_sync
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from mailmirror.usecases.sync.sync_mailbox import sync_mailbox
from tests.integration.office import KIM, MARCH, REP, Clock, Office, letter, loopback, subjects
from tests.integration.test_polls import first_syncs
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer
from tests.servers.meddling import End, Meddle, Meddling, Refusing, Said, at_message, unchanged

MINUTE = timedelta(minutes=1)
BODY, HEADER = "BODY.PEEK[]", "HEADER.FIELDS"


@contextmanager
def before(imap_server: MailboxServer, runtime: Runtime, meddle: Meddle) -> Iterator[Meddling]:
    """A proxy before a server, which the runtime trusts."""
    with Meddling(imap_server, meddle) as server:
        runtime.network_policy = loopback(server.authority)
        yield server


def verdicts(office: Office, mailbox: Mailbox) -> dict[str, int]:
    return office.counts(mailbox)["INBOX"]


def error(runtime: Runtime, mailbox: Mailbox) -> Code | None:
    entry = runtime.due.find(mailbox)
    assert entry is not None
    return entry.due.error


# One message that the server cannot hand over


@pytest.mark.parametrize(
    "meddle",
    [
        Refusing(BODY, 3),
        Refusing(BODY, 3, at_once=True),
        Refusing(HEADER, 3),
        Refusing(HEADER, 3, at_once=True),
        at_message(BODY, 3, End.HANG_UP),
        at_message(BODY, 3, End.CUT_OFF),
        at_message(HEADER, 3, End.HANG_UP),
    ],
    ids=[
        "NO at its body",
        "NO to its body before any answer",
        "NO at its headers",
        "NO to its headers before any answer",
        "hang-up at its body",
        "hang-up within its body",
        "hang-up at its headers",
    ],
)
def test_a_message_that_the_server_cannot_return_is_pending_and_the_others_are_mirrored(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock, meddle: Meddle
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    with before(imap_server, runtime, meddle) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert verdicts(office, mailbox) == {"mirrored": 4, "pending": 1}
        assert subjects(office.card("rep", "kim")) == [f"Letter {n}" for n in (5, 4, 2, 1)]
        entry = runtime.due.find(mailbox)
        assert entry is not None
        assert entry.due.error is None
        imap_server.append(REP, "INBOX", letter(6), MARCH)
        office.sync(mailbox)
        assert verdicts(office, mailbox) == {"mirrored": 5, "pending": 1}
        assert server.connections < 12
        server.meddle = unchanged
        clock.advance(timedelta(days=1))
        office.sync(mailbox)
        assert verdicts(office, mailbox) == {"mirrored": 6}
        assert audit_mailbox(mailbox, runtime).folders[0].audit.clean


@pytest.mark.dovecot_only("it makes a file of Dovecot's Maildir unreadable")
def test_a_message_whose_file_a_real_dovecot_cannot_read_is_pending_alone(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    (third,) = [
        path
        for path in dovecot.mail.rglob("Maildir/*/*")
        if path.is_file() and b"Letter 3" in path.read_bytes()
    ]
    third.chmod(0)
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == [f"Letter {n}" for n in (5, 4, 2, 1)]
    assert verdicts(office, mailbox) == {"mirrored": 4, "pending": 1}


def test_what_is_pending_is_asked_for_ever_less_often(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 4)])
    refusing = Refusing(BODY, 2)
    asked: list[bytes] = []

    def counted(said: Said) -> bytes:
        if said.command not in asked:
            asked.append(said.command)
        return refusing(said)

    with before(imap_server, runtime, counted) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        pauses = []
        for _ in range(12):
            office.sync(mailbox)
            entry = runtime.due.find(mailbox)
            retries = [one.state.retry_at for one in runtime.folders.read_all(mailbox.key).values()]
            (retry_at,) = [one for one in retries if one is not None]
            assert entry is not None
            assert entry.retry_at is not None
            assert entry.retry_at <= retry_at
            pause = retry_at - runtime.now()
            pauses.append(round(pause / MINUTE))
            asked.clear()
            office.sync(mailbox)
            assert not [command for command in asked if BODY.encode() in command]
            clock.advance(pause + timedelta(seconds=1))
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440]


def test_a_person_who_asks_for_a_sync_has_pending_messages_tried_again(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 4)])
    sent = list[SyncJob]()
    monkeypatch.setattr(runtime.sync_queue, "send", sent.extend)
    with before(imap_server, runtime, Refusing(BODY, 2)) as server:
        mailbox = office.connect(server, "rep", REP)
        for _ in range(4):
            office.sync(mailbox)
            clock.advance(MINUTE)
        server.meddle = unchanged
        office.sync(mailbox)
        assert verdicts(office, mailbox) == {"mirrored": 2, "pending": 1}
        request_sync(office.account, mailbox.key.mailbox, runtime)
        (job,) = sent
        sync_mailbox(SyncJob.from_json(job.to_json()), runtime, runtime.now() + 5 * MINUTE)
        assert verdicts(office, mailbox) == {"mirrored": 3}


@pytest.mark.long
def test_forty_messages_in_a_row_at_which_the_server_hangs_up_stop_nothing_for_good(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 61)])
    bad = re.compile(rb"\* [0-9]+ FETCH \((?:[^\r]* )?UID ([0-9]+) .*BODY\[\]", re.DOTALL)

    def hang_up(said: Said) -> bytes | End:
        told = bad.match(said.answer)
        return End.HANG_UP if told and 10 <= int(told[1]) < 50 else said.answer

    with before(imap_server, runtime, hang_up) as server:
        mailbox = office.connect(server, "rep", REP)
        for _ in range(6):
            office.sync(mailbox)
            if verdicts(office, mailbox) == {"mirrored": 20, "pending": 40}:
                break
            clock.advance(timedelta(days=1))
        assert verdicts(office, mailbox) == {"mirrored": 20, "pending": 40}
        assert read_mailbox(office.account, mailbox.key.mailbox, runtime).state == "incomplete"


def test_the_server_may_hang_up_at_half_the_headers_and_at_a_quarter_of_the_bodies(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 81)])
    header = re.compile(rb"\* [0-9]+ FETCH \((?:[^\r]* )?UID ([0-9]+) .*BODY\[HEADER", re.DOTALL)
    body = re.compile(rb"\* [0-9]+ FETCH \((?:[^\r]* )?UID ([0-9]+) .*BODY\[\]", re.DOTALL)

    def hang_up(said: Said) -> bytes | End:
        if (told := header.match(said.answer)) and int(told[1]) % 2:
            return End.HANG_UP
        if (told := body.match(said.answer)) and int(told[1]) % 4 == 0:
            return End.HANG_UP
        return said.answer

    with before(imap_server, runtime, hang_up) as server:
        mailbox = office.connect(server, "rep", REP)
        for _ in range(6):
            office.sync(mailbox)
            if sum(verdicts(office, mailbox).values()) == 80:
                break
            clock.advance(timedelta(days=1))
        assert verdicts(office, mailbox) == {"mirrored": 20, "pending": 60}
        server.meddle = unchanged
        clock.advance(timedelta(days=1))
        office.sync(mailbox)
        assert verdicts(office, mailbox) == {"mirrored": 80}


# Sizes that lie


@pytest.mark.parametrize("size", [b"NIL", b"0", b"-1", b"100", b"99000000"])
def test_a_size_is_a_hint(
    office: Office, imap_server: MailboxServer, runtime: Runtime, size: bytes
) -> None:
    large = letter(2, text="x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 260_000)
    imap_server.append_all(REP, "INBOX", [(letter(1), MARCH), (large, MARCH), (letter(3), MARCH)])

    def lie(said: Said) -> bytes:
        return re.sub(rb"(UID 2 .*RFC822\.SIZE) [0-9]+", rb"\1 " + size, said.answer)

    with before(imap_server, runtime, lie) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
    assert verdicts(office, mailbox) == {"mirrored": 3}
    (line,) = [one for one in office.card("rep", "kim") if one.summary.subject == "Letter 2"]
    assert line.summary.warnings == (["too_large"] if size == b"99000000" else [])


# Messages that are fetched piece by piece

LARGE = letter(1, text="first\r\n" + ("y" * 70 + "\r\n") * 85_000 + "last line\r\n")
"""6 MB."""


def hang_up_after(command: bytes) -> Meddle:
    """Hang up once, when the data was handed over and before the tagged answer."""
    done: list[bytes] = []

    def meddle(said: Said) -> bytes | End:
        if command in said.command and not said.answer.startswith(b"*") and not done:
            done.append(said.command)
            return End.HANG_UP
        return said.answer

    return meddle


def refused_after(command: bytes) -> Meddle:
    def meddle(said: Said) -> bytes:
        if command in said.command and not said.answer.startswith(b"*"):
            return said.answer.partition(b" ")[0] + b" NO [SERVERBUG] x\r\n"
        return said.answer

    return meddle


def left_out(command: bytes) -> Meddle:
    def meddle(said: Said) -> bytes:
        return b"" if command in said.command and said.answer.startswith(b"*") else said.answer

    return meddle


@pytest.mark.parametrize(
    "meddle",
    [
        hang_up_after(b"BODY.PEEK[]<0."),
        hang_up_after(b"BODY.PEEK[]<1048576."),
        refused_after(b"BODY.PEEK[]<2097152."),
        left_out(b"BODY.PEEK[]<2097152."),
    ],
    ids=[
        "hang-up after the first piece",
        "hang-up after the second piece",
        "NO after the third piece",
        "the third piece is left out",
    ],
)
def test_a_piece_never_passes_for_the_message(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock, meddle: Meddle
) -> None:
    imap_server.append(REP, "INBOX", LARGE, MARCH)
    with before(imap_server, runtime, meddle) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert verdicts(office, mailbox) == {"pending": 1}
        server.meddle = unchanged
        office.sync(mailbox)
    assert verdicts(office, mailbox) == {"mirrored": 1}
    (line,) = office.card("rep", "kim")
    assert line.summary.warnings == []
    assert runtime.contents.raw(line.summary).endswith(b"last line\r\n")


def test_a_message_that_is_larger_than_its_size_says_is_cut_and_says_so(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    huge = letter(1, text="first\r\n" + ("y" * 70 + "\r\n") * 430_000)
    imap_server.append(REP, "INBOX", huge, MARCH)

    def lie(said: Said) -> bytes:
        return re.sub(rb"(RFC822\.SIZE) [0-9]+", rb"\1 0", said.answer)

    with before(imap_server, runtime, lie) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
    (line,) = office.card("rep", "kim")
    assert line.summary.warnings == ["too_large"]
    assert line.summary.snippet.startswith("first")


# Lists and numbers that are wrong once


@pytest.mark.parametrize("already", [0, 3])
def test_mail_that_arrives_below_a_uidnext_that_was_too_high_is_read(
    already: int, office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    def too_high(said: Said) -> bytes:
        return re.sub(rb"UIDNEXT ([0-9]+)", lambda n: b"UIDNEXT %d" % (int(n[1]) + 2), said.answer)

    with before(imap_server, runtime, unchanged) as server:
        mailbox = office.connect(server, "rep", REP)
        for number in range(1, already + 1):
            imap_server.append(REP, "INBOX", letter(number), MARCH)
            office.sync(mailbox)
        imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in (20, 21)])
        server.meddle = too_high
        office.sync(mailbox)
        server.meddle = unchanged
        imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in (22, 23)])
        with imap_server.session(REP) as client:
            client.select_folder("INBOX")
            client.delete_messages([1, 2])
            client.uid_expunge([1, 2])
        office.sync(mailbox)
        assert audit_mailbox(mailbox, runtime).folders[0].audit.clean


@pytest.mark.parametrize(("arrived", "withheld"), [(3, 4), (3, 5), (3, 6), (1, 4)])
def test_a_message_that_is_left_out_of_one_list_is_read_though_another_was_deleted(
    arrived: int, withheld: int, office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    left_out = [withheld]

    def once(said: Said) -> bytes:
        listing = said.command.startswith(b"UID FETCH") and b"(UID)" in said.command
        if listing and left_out and b"(UID %d)" % withheld in said.answer:
            left_out.clear()
            return b""
        return said.answer

    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 4)])
    with before(imap_server, runtime, once) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(4, 4 + arrived)])
        with imap_server.session(REP) as client:
            client.select_folder("INBOX")
            client.delete_messages([1])
            client.uid_expunge([1])
        office.sync(mailbox)
        assert not left_out
        office.sync(mailbox)
        assert verdicts(office, mailbox) == {"mirrored": 3 + arrived}
        audit = audit_mailbox(mailbox, runtime).folders[0].audit
        assert (audit.clean, audit.pending, audit.removed) == (True, 0, 1)


# What a server says of itself


def test_a_server_that_is_unavailable_at_fetch_is_the_mailboxes_error_and_no_verdict(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 31)])

    def busy(said: Said) -> bytes:
        if not said.command.startswith(b"UID FETCH") or b"BODY" not in said.command:
            return said.answer
        if said.answer.startswith(b"*"):
            return b""
        return said.answer.partition(b" ")[0] + b" NO [UNAVAILABLE] try later\r\n"

    with before(imap_server, runtime, busy) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert sum(one.startswith(b"UID FETCH") for one in server.commands) < 8
    assert error(runtime, mailbox) is Code.SERVER_UNAVAILABLE
    assert verdicts(office, mailbox) == {}


def test_one_message_at_which_a_server_always_says_that_it_is_unavailable_stops_no_other(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 31)])
    meddle = Refusing(BODY, 1, b"[UNAVAILABLE] try later", at_once=True)
    with before(imap_server, runtime, meddle) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
    assert verdicts(office, mailbox) == {"mirrored": 29, "pending": 1}


@pytest.mark.parametrize("new", [True, False])
def test_many_messages_at_which_a_server_is_unavailable_are_pending_in_the_end(
    new: bool, office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    text = b"[UNAVAILABLE] try later"
    meddle = Refusing(BODY, 1, text, at_once=True, also=set(range(2, 91)))
    with before(imap_server, runtime, meddle) as server:
        mailbox = office.connect(server, "rep", REP)
        if new:
            office.sync(mailbox)
        imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 101)])
        for _ in range(8):
            office.sync(mailbox)
            clock.advance(timedelta(minutes=31))
        assert verdicts(office, mailbox) == {"mirrored": 10, "pending": 90}


def test_a_server_that_is_unavailable_gives_no_verdict_in_any_folder(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    for name in ("INBOX", "Sent"):
        imap_server.append_all(REP, name, [(letter(n), MARCH) for n in range(1, 31)])
    text = b"[UNAVAILABLE] try later"
    everything = Refusing(HEADER, 1, text, at_once=True, also=set(range(2, 31)))
    with before(imap_server, runtime, everything) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert office.counts(mailbox) == {"INBOX": {}, imap_server.named("Sent"): {}}
        assert sum(HEADER.encode() in one for one in server.commands) < 16


@pytest.mark.parametrize("item", [BODY, HEADER])
def test_messages_at_which_a_server_says_for_hours_that_it_is_unavailable_stop_no_other(
    item: str, office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 31)])
    text = b"[UNAVAILABLE] try later"
    meddle = Refusing(item, 1, text, at_once=True, also={2, 3, 4, 5, 6})
    with before(imap_server, runtime, meddle) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert error(runtime, mailbox) is Code.SERVER_UNAVAILABLE
        clock.advance(timedelta(minutes=61))
        office.sync(mailbox)
        assert verdicts(office, mailbox) == {"mirrored": 24, "pending": 6}
        for number in range(31, 34):
            imap_server.append(REP, "INBOX", letter(number), MARCH)
            clock.advance(timedelta(hours=7))
            office.sync(mailbox)
            assert error(runtime, mailbox) is None
            assert verdicts(office, mailbox) == {"mirrored": number - 6, "pending": 6}
        server.meddle = unchanged
        clock.advance(timedelta(days=2))
        office.sync(mailbox)
    assert verdicts(office, mailbox) == {"mirrored": 33}


def test_a_message_that_was_gone_and_is_listed_again_is_read_in_the_end(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 4)])
    withheld = Refusing(BODY, 2)

    def hidden(said: Said) -> bytes:
        listing = said.command.startswith(b"UID FETCH") and b"(UID)" in said.command
        return b"" if listing and b"(UID 2)" in said.answer else withheld(said)

    with before(imap_server, runtime, withheld) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        for meddle in (hidden, withheld, unchanged):
            server.meddle = meddle
            clock.advance(timedelta(days=1))
            office.sync(mailbox)
        assert verdicts(office, mailbox) == {"mirrored": 3}
        assert audit_mailbox(mailbox, runtime).folders[0].audit.clean


def test_more_withheld_messages_than_one_sync_asks_for_keep_no_other_folder_from_being_read(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.domain.batches.HEADER_RANGE", 30)
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 71)])
    imap_server.append(REP, "Sent", letter(200, REP, [KIM]), MARCH)
    examined, sent = [b""], imap_server.named("Sent").encode()

    def withheld(said: Said) -> bytes:
        if said.command.startswith(b"EXAMINE"):
            examined[0] = said.command
        if sent in examined[0] or BODY.encode() not in said.command:
            return said.answer
        if said.answer.startswith(b"*"):
            return b""
        return said.answer.partition(b" ")[0] + b" NO [SERVERBUG] x\r\n"

    with before(imap_server, runtime, withheld) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert office.counts(mailbox)[imap_server.named("Sent")] == {"mirrored": 1}
        for _ in range(6):
            clock.advance(timedelta(minutes=1))
            office.sync(mailbox)
        entry = runtime.due.find(mailbox)
        assert entry is not None
        assert entry.due.error is None
        assert verdicts(office, mailbox) == {"pending": 70}


def test_after_its_deadline_a_sync_sends_no_further_command(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 13)])
    late: list[int] = []

    def late_hang_up(said: Said) -> bytes | End:
        if BODY.encode() not in said.command:
            return said.answer
        if not late:
            clock.advance(timedelta(minutes=6))
        late.append(server.connections)
        return End.HANG_UP

    with before(imap_server, runtime, late_hang_up) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert late == [2]
        assert server.connections == 2


def test_a_sync_that_does_not_come_to_its_first_batch_is_an_error_and_is_not_repeated_at_once(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH)

    def slow(said: Said) -> bytes:
        if said.command.startswith(b"EXAMINE") and not said.answer.startswith(b"*"):
            clock.advance(timedelta(minutes=6))
        return said.answer

    with before(imap_server, runtime, slow) as server:
        mailbox = office.connect(server, "rep", REP)
        first_syncs(runtime)
        office.sync(mailbox)
    entry = runtime.due.find(mailbox)
    assert entry is not None
    assert entry.due.error is Code.CONNECTION_LOST
    assert entry.due.failures == 1
    assert first_syncs(runtime) == []


# Header blocks without bound


def referring(number: int, megabytes: float) -> bytes:
    """A letter behind a References of so many megabytes."""
    ids = "\r\n ".join(f"<{n}.{'r' * 60}@x.example>" for n in range(int(megabytes * 12_500)))
    return b"References: " + ids.encode() + b"\r\n" + letter(number)


@pytest.mark.exceeds("MAX_LONG_HEADERS_BYTES", "MAX_MEAN_HEADER_BYTES")
def test_header_blocks_beyond_what_is_fetched_at_once_are_judged_in_smaller_ranges(
    office: Office, imap_server: MailboxServer
) -> None:
    """20 blocks of 1.2 MB together are more than a range may have."""
    for number in range(1, 21):
        imap_server.append(REP, "INBOX", referring(number, 1.2), MARCH)
    imap_server.append(REP, "INBOX", letter(21), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert verdicts(office, mailbox) == {"mirrored": 21}


@pytest.mark.exceeds("MAX_LONG_HEADER_BYTES", "MAX_ANSWER_BYTES")
def test_of_a_message_whose_header_block_is_too_long_the_start_of_each_field_is_read(
    office: Office, imap_server: MailboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.mail.imap.client.MAX_ANSWER_BYTES", 1 << 20)
    imap_server.append(REP, "INBOX", referring(1, 9), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert verdicts(office, mailbox) == {"mirrored": 1}


@pytest.mark.exceeds("MAX_LONG_HEADER_BYTES", "MAX_FIELD_BYTES")
def test_a_long_to_has_the_same_verdict_in_a_range_alone_and_by_its_start(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the fields whole, by the start of each, and again when the mailbox begins anew."""
    word = "word" * 15
    crowd = [f"c{n}@crowd.example" for n in range(20_000)]
    long = [
        " ".join([*[word] * 17_000, f"<{KIM}>"]),
        f"({' '.join([word] * 5_000)}) {REP}",
        f'"{word * 300}" <{KIM}>, ' * 60,
        ", ".join(crowd * 3),
        "\r\n ".join(crowd),
    ]
    for number, to in enumerate(long, 1):
        head = f"From: {KIM}\r\nTo: {to}\r\nSubject: Letter {number}\r\n\r\nbody\r\n"
        imap_server.append(REP, "INBOX", head.encode(), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert verdicts(office, mailbox) == {"too_many_recipients": 5}
    monkeypatch.setattr("mailmirror.mail.imap.client.MAX_ANSWER_BYTES", 10_000)
    for name in ("MAX_LONG_HEADER_BYTES", "MAX_MEAN_HEADER_BYTES"):
        monkeypatch.setattr(f"mailmirror.mail.imap.session.{name}", 10_000)
    again = Office(runtime)
    mailbox = again.connect(imap_server, "rep", REP)
    again.sync(mailbox)
    assert verdicts(again, mailbox) == {"too_many_recipients": 5}


# A list that is not whole


def test_mail_that_search_leaves_out_is_mirrored_though_another_was_expunged(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    """EXISTS agrees then with the number of the UIDs that SEARCH tells."""

    def without_3(said: Said) -> bytes:
        if said.answer.startswith(b"* SEARCH"):
            return said.answer.replace(b" 3", b"")
        return re.sub(rb"(\* ESEARCH .*ALL) .*\r\n", rb"\1 1:2\r\n", said.answer)

    with before(imap_server, runtime, without_3) as server:
        imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in (1, 2)])
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        imap_server.append(REP, "INBOX", letter(3), MARCH)
        imap_server.expunge(REP, "INBOX", [1])
        office.sync(mailbox)
        office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 3", "Letter 2", "Letter 1"]


# Work that strangers cause


def crowded(number: int, crowd: int) -> bytes:
    """Spam to KIM, of somebody who knows nobody else."""
    cc = ",\r\n ".join(f"c{number}-{n}@crowd.example" for n in range(crowd))
    return f"Cc: {cc}\r\n".encode() + letter(number, KIM)


@pytest.mark.long
def test_thousands_of_addresses_a_message_are_not_looked_up(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append_all(REP, "INBOX", [(crowded(n, 5_000), MARCH) for n in range(1, 141)])
    mailbox = office.connect(imap_server, "rep", REP)
    before_it = runtime.table.meter.requests
    office.sync(mailbox)
    assert verdicts(office, mailbox) == {"too_many_recipients": 140}
    assert runtime.table.meter.requests - before_it < 50


@pytest.mark.long
def test_a_batch_is_bounded_by_the_requests_that_it_causes(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each letter names forty others, and is in a thread of its own on a deal."""
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    letters = [letter(n, replies_to=range(1000 * n, 1000 * n + 40)) for n in range(1, 61)]
    imap_server.append_all(REP, "INBOX", [(one, MARCH) for one in letters])
    mailbox = office.connect(imap_server, "rep", REP)
    save = runtime.folders.save
    moves = [runtime.table.meter.requests]

    def counted(*args: object) -> StoredFolder:
        saved = save(*args)  # type: ignore[arg-type]
        moves.append(runtime.table.meter.requests)
        return saved

    monkeypatch.setattr(runtime.folders, "save", counted)
    office.sync(mailbox)
    assert verdicts(office, mailbox) == {"mirrored": 60}
    assert max(later - earlier for earlier, later in pairwise(moves)) < 2_500


def test_the_deadline_is_looked_at_where_nothing_is_mirrored(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.domain.batches.HEADER_RANGE", 2)
    imap_server.append_all(
        REP, "INBOX", [(letter(n, "who@else.example"), MARCH) for n in range(1, 21)]
    )
    mailbox = office.connect(imap_server, "rep", REP)
    late = runtime.now() + timedelta(hours=1)
    save = runtime.folders.save
    now: Callable[[], object] = runtime.now

    def save_late(*args: object) -> StoredFolder:
        saved = save(*args)  # type: ignore[arg-type]
        if args[2].judged:  # type: ignore[attr-defined]
            runtime.now = lambda: late
        return saved

    monkeypatch.setattr(runtime.folders, "save", save_late)
    office.sync(mailbox)
    runtime.now = now  # type: ignore[assignment]
    assert verdicts(office, mailbox) == {"no_person": 2}
