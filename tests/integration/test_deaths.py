"""A function that dies within a sync, hangs, or fails by a defect stops no mailbox."""

import os
import re
import resource
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from itertools import groupby
from pathlib import Path
from typing import Any
from unittest import mock

import nh3
import pytest
from botocore.exceptions import ClientError

from mailmirror.aws.queues import PollJob
from mailmirror.domain.containment import Caution
from mailmirror.domain.mailbox import Mailbox, MailboxState
from mailmirror.domain.problems import Code
from mailmirror.mail.mime.content import Content, parse_message
from mailmirror.runtime import Runtime
from mailmirror.store.sync_state import Lease, LeaseHeld
from mailmirror.usecases.mailboxes.read_mailbox import MailboxReport, read_mailbox
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from mailmirror.usecases.sync.poll_mailboxes import poll_mailboxes
from mailmirror.usecases.sync.renewed_lease import renewed
from tests.integration.interruptions import Killed
from tests.integration.office import KIM, MARCH, REP, Clock, Office, letter, subjects
from tests.integration.test_containment import before
from tests.integration.test_trust import card
from tests.servers.dovecot import Dovecot
from tests.servers.meddling import End, Said

MEMORY_BYTES = 400 << 20
"""What a child may take beside what it has when it is forked."""


def bomb(number: int) -> bytes:
    """44 KB of HTML of which a parser without bounds makes more than 1 GB."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = KIM, REP, f"Letter {number}"
    message["Message-ID"] = f"<{number}@mail.example>"
    elements = "<p>" + "".join(f"<b id={n}>" for n in range(3_900)) + "<p>x" * 1_200
    message.set_content(elements, subtype="html")
    return message.as_bytes()


def report(office: Office, mailbox: Mailbox) -> MailboxReport:
    return read_mailbox(office.account, mailbox.key.mailbox, office.runtime)


def synced_in_a_child(
    office: Office, mailbox: Mailbox, prepare: Callable[[], None], errors: Path
) -> int:
    """Sync in another process; return how it ended, as `os.wait` tells it."""
    child = os.fork()
    if child == 0:
        try:
            descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(descriptor, 2)
            prepare()
            office.sync(mailbox)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status


def with_little_memory_and_an_unbounded_parser() -> None:
    import faulthandler

    import mailmirror.mail.mime.content

    faulthandler.disable()  # the death is meant
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unbounded = mock.patch.object(
        mailmirror.mail.mime.content, "text_of", lambda markup, _: nh3.clean(markup)
    )
    unbounded.start()


def test_the_message_at_which_a_process_runs_out_of_memory_is_mirrored_by_its_headers(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock, tmp_path: Path
) -> None:
    mail = [bomb(n) if n == 30 else letter(n) for n in range(1, 61)]
    dovecot.append_all(REP, "INBOX", [(one, MARCH) for one in mail])
    mailbox = office.connect(dovecot, "rep", REP)
    ends: list[int] = []
    while not ends or ends[-1] != 0:
        prepare = with_little_memory_and_an_unbounded_parser
        ends.append(synced_in_a_child(office, mailbox, prepare, tmp_path / "errors"))
        clock.advance(timedelta(seconds=91))
        assert len(ends) < 6
    assert [os.WIFSIGNALED(status) for status in ends] == [True, True, True, False]
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 60}
    lines = office.card("rep", "kim")
    assert len(lines) == 60
    assert [
        (one.summary.subject, one.summary.warnings) for one in lines if one.summary.warnings
    ] == [("Letter 30", ["headers_only"])]
    assert audit_mailbox(mailbox, runtime).folders[0].audit.clean


def test_a_defect_that_no_handler_knows_stops_only_the_message_at_which_it_shows(
    office: Office, dovecot: Dovecot, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(raw: bytes) -> object:
        if b"Letter 3" in raw:
            raise RuntimeError("a defect")
        return parse_message(raw)

    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", defect)
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    mailbox = office.connect(dovecot, "rep", REP)
    for _ in range(4):
        with pytest.raises(RuntimeError):
            office.sync(mailbox)
        assert report(office, mailbox).problem is Code.INTERNAL_ERROR
    office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 4, "pending": 1}
    assert subjects(office.card("rep", "kim")) == [f"Letter {n}" for n in (5, 4, 2, 1)]


def ends_of(
    office: Office, mailbox: Mailbox, clock: Clock, syncs: int, between: Callable[[int], None]
) -> list[type[BaseException] | None]:
    """How so many syncs end, one after the other."""
    ends: list[type[BaseException] | None] = []
    for number in range(syncs):
        try:
            office.sync(mailbox)
            ends.append(None)
        except (Killed, RuntimeError, ClientError) as error:
            ends.append(type(error))
        clock.advance(timedelta(seconds=91))
        between(number)
    return ends


def failing_at(*numbers: int, by: type[BaseException]) -> Callable[[bytes], Content]:
    def parse(raw: bytes) -> Content:
        if any(b"Letter %d\r" % number in raw for number in numbers):
            raise by
        return parse_message(raw)

    return parse


def test_two_messages_with_a_defect_are_both_contained(
    office: Office, dovecot: Dovecot, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = failing_at(2, 4, by=RuntimeError)
    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", failing)
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    mailbox = office.connect(dovecot, "rep", REP)
    ends = ends_of(office, mailbox, clock, 12, lambda _: None)
    assert ends[-1] is None
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 3, "pending": 2}


def test_new_mail_between_deaths_does_not_hide_the_message_that_kills(
    office: Office, dovecot: Dovecot, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    killing = failing_at(3, by=Killed)
    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", killing)
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    mailbox = office.connect(dovecot, "rep", REP)

    def arrive(number: int) -> None:
        dovecot.append(REP, "INBOX", letter(100 + number), MARCH)

    ends = ends_of(office, mailbox, clock, 10, arrive)
    # It dies at the message when it is asked for again, too: after one minute, and after five.
    assert ends.count(Killed) <= 6
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 13, "pending": 1}


def test_a_pending_message_that_kills_when_it_is_returned_delays_no_other(
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """1 and 4 are withheld; then 4 is handed over."""
    killing = failing_at(4, by=Killed)
    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", killing)
    withheld = {1, 4}

    def meddle(said: Said) -> bytes | End:
        told = re.match(rb"\* [0-9]+ FETCH \(UID ([0-9]+) .*BODY\[\]", said.answer, re.DOTALL)
        return End.HANG_UP if told and int(told[1]) in withheld else said.answer

    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    with before(dovecot, runtime, meddle) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        withheld.remove(4)
        ends = ends_of(office, mailbox, clock, 2, lambda _: None)
        assert ends == [Killed, None]
        dovecot.append(REP, "INBOX", letter(6), MARCH)
        office.sync(mailbox)
        assert office.counts(mailbox)["INBOX"] == {"mirrored": 4, "pending": 2}
        ends = ends_of(office, mailbox, clock, 12, lambda _: clock.advance(timedelta(days=1)))
        assert ends.count(Killed) <= 8
        assert None in ends
        assert max(len(list(run)) for end, run in groupby(ends) if end is Killed) <= 3


def test_an_outage_of_aws_costs_no_message_its_body(
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(dovecot, "rep", REP)
    syncs = [0]
    put = runtime.contents.put

    def failing(*args: Any) -> None:
        if syncs[0] < 5:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")
        put(*args)

    def one_more(number: int) -> None:
        syncs[0] = number + 1

    monkeypatch.setattr("mailmirror.usecases.sync.repeated.PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(runtime.contents, "put", failing)
    ends = ends_of(office, mailbox, clock, 6, one_more)
    assert ends == [ClientError] * 5 + [None]
    (line,) = office.card("rep", "kim")
    assert line.summary.warnings == []


def test_deaths_are_forgotten_by_a_sync_that_leaves_no_message_unjudged(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    for _ in range(3):
        runtime.sync_states.take(mailbox.key, runtime.now())
        clock.advance(timedelta(seconds=91))
        office.sync(mailbox)
        state = runtime.sync_states.read(mailbox.key)
        assert (state.deaths, state.caution) == (0, Caution())


def test_deaths_that_lie_months_apart_cost_no_message_its_body(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    for number in range(1, 7):
        dovecot.append(REP, "INBOX", letter(number), MARCH)
        runtime.sync_states.take(mailbox.key, runtime.now())
        clock.advance(timedelta(seconds=91))
        office.sync(mailbox)
        assert runtime.sync_states.read(mailbox.key).caution == Caution()
        clock.advance(timedelta(days=30))
    assert [line.summary.warnings for line in office.card("rep", "kim")] == [[]] * 6


# The lease


def held(runtime: Runtime, mailbox: Mailbox) -> bool:
    try:
        lease, _ = runtime.sync_states.take(mailbox.key, runtime.now())
    except LeaseHeld:
        return True
    runtime.sync_states.release(lease, first_sync_done=False)
    return False


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def renewals(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[Lease]:
    """The renewals that were made, which come at once."""
    monkeypatch.setattr("mailmirror.usecases.sync.renewed_lease.RENEW_SECONDS", 0.02)
    made: list[Lease] = []
    renew = runtime.sync_states.renew

    def noted(lease: Lease, *args: object) -> None:
        renew(lease, *args)  # type: ignore[arg-type]
        made.append(lease)

    monkeypatch.setattr(runtime.sync_states, "renew", noted)
    return made


def test_a_step_that_lasts_longer_than_the_lease_keeps_it(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock, renewals: list[Lease]
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    lease, _ = runtime.sync_states.take(mailbox.key, runtime.now())
    with renewed(lease, runtime, runtime.now() + timedelta(minutes=5)) as progress:
        for _ in range(4):
            clock.advance(timedelta(seconds=50))
            progress.note()
            made = len(renewals)
            until(lambda made=made: len(renewals) > made + 1)  # type: ignore[misc]
            assert held(runtime, mailbox)
    runtime.sync_states.release(lease, first_sync_done=False)
    assert not held(runtime, mailbox)


def test_a_sync_without_progress_for_a_minute_loses_its_lease_and_one_that_goes_on_keeps_it(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock, renewals: list[Lease]
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    lease, _ = runtime.sync_states.take(mailbox.key, runtime.now())
    with renewed(lease, runtime, runtime.now() + timedelta(days=1)) as progress:
        until(lambda: bool(renewals))
        clock.advance(timedelta(seconds=61))
        settled = len(renewals)
        until(lambda: len(renewals) <= settled + 1)
        progress.note()
        until(lambda: len(renewals) > settled + 2)
        clock.advance(timedelta(seconds=61))
        clock.advance(timedelta(seconds=91))
        assert not held(runtime, mailbox)


def test_a_lease_is_not_renewed_after_the_jobs_deadline(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock, renewals: list[Lease]
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    lease, _ = runtime.sync_states.take(mailbox.key, runtime.now())
    threads = set(threading.enumerate())
    with renewed(lease, runtime, runtime.now() + timedelta(seconds=55)) as progress:
        (thread,) = set(threading.enumerate()) - threads
        until(lambda: bool(renewals))
        clock.advance(timedelta(seconds=56))
        progress.note()
        until(lambda: not thread.is_alive())


def test_a_renewal_takes_nothing_from_whoever_has_taken_over_or_after_a_release(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    first, _ = runtime.sync_states.take(mailbox.key, runtime.now())
    runtime.sync_states.release(first, first_sync_done=False)
    with pytest.raises(Exception, match=mailbox.key.mailbox):
        runtime.sync_states.renew(first, runtime.now())
    assert not held(runtime, mailbox)


# Silence


def test_six_hours_of_killed_syncs_are_an_error_and_no_complete_card(
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    clock.advance(timedelta(minutes=1))
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    found_at = runtime.now()

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("mailmirror.usecases.sync.sync_folders.CrmView", killed)
        for _ in range(6 * 12):
            poll_mailboxes(PollJob([mailbox.key], runtime.now()), runtime)
            with pytest.raises(Killed):
                office.sync(mailbox)
            clock.advance(timedelta(minutes=5))
    found = report(office, mailbox)
    assert (found.state, found.problem) == (MailboxState.FAILING, Code.NEWS_WAITING)
    assert found.due is not None
    assert found.due.news_since is not None
    assert found.due.news_since - found_at < timedelta(minutes=1)
    (coverage,) = card(office, "kim").coverage.mailboxes
    assert (coverage.gap, coverage.since) == (Code.NEWS_WAITING, found.due.news_since)
    poll_mailboxes(PollJob([mailbox.key], runtime.now()), runtime)
    office.sync(mailbox)
    assert report(office, mailbox).state is MailboxState.HEALTHY
    assert card(office, "kim").coverage.complete
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


def test_news_that_goes_away_by_itself_waits_for_no_sync(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    """A poll that was overtaken by a sync may note news that this sync has seen."""
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    runtime.due.found_news(mailbox, runtime.now(), runtime.now())
    clock.advance(timedelta(minutes=20))
    poll_mailboxes(PollJob([mailbox.key], runtime.now()), runtime)
    assert report(office, mailbox).state is MailboxState.HEALTHY


def test_a_first_sync_that_never_moves_is_an_error(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    for _ in range(4):
        assert report(office, mailbox).state is MailboxState.FIRST_SYNC
        clock.advance(timedelta(minutes=4))
        poll_mailboxes(PollJob([mailbox.key], runtime.now()), runtime)
    found = report(office, mailbox)
    assert (found.state, found.problem) == (MailboxState.FAILING, Code.NEWS_WAITING)


def test_a_mailbox_that_nobody_polls_is_not_healthy(
    office: Office, dovecot: Dovecot, clock: Clock
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    clock.advance(timedelta(hours=6))
    found = report(office, mailbox)
    assert (found.state, found.problem) == (MailboxState.FAILING, Code.POLL_OVERDUE)
    assert not card(office, "kim").coverage.complete
