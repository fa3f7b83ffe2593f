"""A deep audit at which a function dies or fails passes over the message that causes it."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailmirror.domain.containment import Caution
from mailmirror.domain.deep_audit import FaultKind, Round
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.mail.mime.content import Content, parse_message
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.usecases.mailboxes.change_mailbox import request_audit
from mailmirror.usecases.sync.read_copy import ReadCopy, read_copy
from tests.integration.office import MARCH, REP, Clock, Office, letter
from tests.integration.test_deaths import synced_in_a_child
from tests.integration.test_deep_audit import copies_of, folder_item
from tests.servers.dovecot import Dovecot

AUDITED = "mailmirror.usecases.sync.copy_sources.read_copy"
"""What the audit reads of a copy; a sync that mirrors reads it by another name."""


@pytest.fixture
def mailbox(office: Office, dovecot: Dovecot) -> Mailbox:
    """Sixty letters in the inbox, and one in another folder."""
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 61)])
    with dovecot.session(REP) as client:
        client.create_folder("Customers")
    dovecot.append(REP, "Customers", letter(99), MARCH)
    connected = office.connect(dovecot, "rep", REP)
    office.sync(connected)
    return connected


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_letter(number: int, what: Callable[[], None]) -> Callable[..., ReadCopy]:
    """What reads a copy, and does something before it reads this letter."""

    def read(copy: FetchedCopy, *rest: Any) -> ReadCopy:
        if b"Letter %d\r" % number in copy.raw:
            what()
        return read_copy(copy, *rest)

    return read


def ends_of_syncs(
    office: Office,
    mailbox: Mailbox,
    clock: Clock,
    errors: Path,
    between: Callable[[], None] = lambda: None,
) -> list[bool]:
    """Sync in other processes until one lives to its end; return which were killed."""
    killed: list[bool] = []
    while not killed or killed[-1]:
        status = synced_in_a_child(office, mailbox, lambda: None, errors)
        assert os.WIFSIGNALED(status) or status == 0
        killed.append(os.WIFSIGNALED(status))
        clock.advance(timedelta(seconds=91))
        between()
        assert len(killed) < 8
    return killed


def present_round(mailbox: Mailbox, runtime: Runtime) -> Round:
    present = runtime.audit_rounds.read(mailbox.key).present
    assert present is not None
    return present


def test_the_message_at_which_an_audit_is_killed_is_named_and_the_others_are_audited(
    office: Office,
    mailbox: Mailbox,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Mail that arrives meanwhile is mirrored by each sync, though its audit is killed."""
    inbox = folder_item(mailbox, "INBOX", runtime)
    copies = copies_of(mailbox, "INBOX", runtime)
    runtime.table.write(deletes=[{"pk": copies[n]["pk"], "sk": copies[n]["sk"]} for n in (4, 54)])
    arrived = iter(range(101, 110))
    mirrored: list[int] = []

    def between() -> None:
        mirrored.append(office.counts(mailbox)["INBOX"]["mirrored"])
        dovecot.append(REP, "INBOX", letter(next(arrived)), MARCH)

    monkeypatch.setattr(AUDITED, at_letter(30, die))
    request_audit(mailbox, runtime)
    killed = ends_of_syncs(office, mailbox, clock, tmp_path / "errors", between)
    assert killed == [True, True, True, False]
    assert mirrored == [60, 61, 62, 63]
    present = present_round(mailbox, runtime)
    assert present.finished_at is not None
    assert present.found.faults == {FaultKind.COPY: 2, FaultKind.NOT_AUDITED: 1}
    assert (present.found.repaired, present.found.lost) == (2, 1)
    assert present.found.uids == 61  # without the letter, with one that arrived below the cursor
    assert [(one.kind, one.folder, one.uid) for one in present.listed] == [
        (FaultKind.NOT_AUDITED, inbox, 30)
    ]
    assert len(copies_of(mailbox, "INBOX", runtime)) == 63
    state = runtime.sync_states.read(mailbox.key)
    assert (state.deaths, state.caution, state.auditing) == (0, Caution(), False)

    monkeypatch.setattr(AUDITED, read_copy)
    request_audit(mailbox, runtime)
    office.sync(mailbox)
    again = present_round(mailbox, runtime)
    assert again.finished_at is not None
    assert (again.found.uids, again.found.faults) == (65, {})
    assert runtime.sync_states.read(mailbox.key).audit_caution == Caution()


def test_what_was_audited_before_a_death_is_not_audited_again(
    office: Office,
    mailbox: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Daily slices: the first has five UIDs; then the rest is due, ten at a time."""
    monkeypatch.setattr("mailmirror.usecases.sync.deep_audit.HEADER_RANGE", 10)
    monkeypatch.setattr(AUDITED, at_letter(30, die))
    inbox = folder_item(mailbox, "INBOX", runtime)
    lows: list[int] = []

    def between() -> None:
        audited = runtime.folders.read_all(mailbox.key)[inbox].state.audited
        assert audited is not None
        lows.append(audited.low)

    clock.advance(timedelta(days=2))
    office.sync(mailbox)
    assert present_round(mailbox, runtime).found.uids == 5
    clock.advance(timedelta(days=20))
    killed = ends_of_syncs(office, mailbox, clock, tmp_path / "errors", between)
    assert killed == [True, True, True, False]
    assert lows == [36, 36, 31, 1]
    found = present_round(mailbox, runtime).found
    assert (found.uids, found.faults) == (60, {FaultKind.NOT_AUDITED: 1})


def test_a_defect_at_one_message_stops_an_audit_only_at_this_message(
    office: Office,
    mailbox: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(AUDITED, at_letter(30, fail))
    request_audit(mailbox, runtime)
    syncs = 0
    while not syncs or present_round(mailbox, runtime).finished_at is None:
        office.sync(mailbox)
        clock.advance(timedelta(minutes=6))
        syncs += 1
        assert syncs < 6
    found = present_round(mailbox, runtime).found
    assert (found.uids, found.faults) == (60, {FaultKind.NOT_AUDITED: 1})


def test_a_message_without_a_verdict_that_kills_is_contained_as_new_mail_is(
    office: Office,
    mailbox: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The folder's numbers agree with the server's, so that only an audit misses the verdict."""
    inbox = folder_item(mailbox, "INBOX", runtime)
    copies = copies_of(mailbox, "INBOX", runtime)
    runtime.table.write(deletes=[{"pk": copies[29]["pk"], "sk": copies[29]["sk"]}])
    (item,) = runtime.table.get_many([keys.folder(mailbox.key, inbox)], consistent=True)
    head = Ledger.decode(item["head"])
    without = Ledger({verdict: uids - UidSet.of([30]) for verdict, uids in head.recorded.items()})
    runtime.table.write([item | {"head": without.encode()}])

    def parse(raw: bytes) -> Content:
        if b"Letter 30\r" in raw:
            die()
        return parse_message(raw)

    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", parse)
    request_audit(mailbox, runtime)
    killed = ends_of_syncs(office, mailbox, clock, tmp_path / "errors")
    assert killed == [True, True, True, True, False]
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 59, "pending": 1}
    assert present_round(mailbox, runtime).finished_at is not None
