"""Which mailboxes are polled when, and what a poll makes of what a server says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import repeat
from typing import Any

import pytest
import trustme

from mailmirror.aws.queues import MatchJob, PollJob, SyncJob
from mailmirror.domain.address import Address
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.mailbox import (
    AccountId,
    Mailbox,
    MailboxId,
    MailboxKey,
    MailboxState,
    Seen,
)
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.credentials import Password
from mailmirror.store.due import DueEntry
from mailmirror.usecases.mailboxes.change_mailbox import disconnect, erase
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.sync.dispatch_due import dispatch_polls
from mailmirror.usecases.sync.poll_mailboxes import STALE_AFTER, poll_mailboxes
from tests.integration.office import BOSS, MARCH, REP, Clock, Office, basis_of, letter
from tests.servers.dovecot import Dovecot
from tests.servers.hostile import DRIP, HANG_UP, SILENCE, Answer, Hostile
from tests.servers.mailbox_server import MailboxServer
from tests.servers.mailbox_servers import StartServer

MINUTE = timedelta(minutes=1)


def taken(runtime: Runtime, url: str) -> list[str]:
    """The bodies of all messages that wait in a queue; none waits any more."""
    sqs: Any = runtime._client("sqs")
    bodies: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def polls(runtime: Runtime) -> list[PollJob]:
    return [PollJob.from_json(body) for body in taken(runtime, runtime.settings.poll_queue)]


def syncs(runtime: Runtime) -> list[MailboxId]:
    """The mailboxes for which a sync waits, in no order."""
    bodies = taken(runtime, runtime.settings.sync_queue)
    return sorted(SyncJob.from_json(body).mailbox for body in bodies)


def first_syncs(runtime: Runtime) -> list[MailboxId]:
    bodies = taken(runtime, runtime.settings.first_sync_queue)
    return sorted(SyncJob.from_json(body).mailbox for body in bodies)


def entry(mailbox: Mailbox, runtime: Runtime) -> DueEntry:
    found = runtime.due.find(mailbox)
    assert found is not None
    return found


def fail(mailbox: Mailbox, refusal: Refused, runtime: Runtime) -> None:
    failures = entry(mailbox, runtime).due.failures
    runtime.due.failed(mailbox, failures, refusal, runtime.now())


def poll(runtime: Runtime, *mailboxes: Mailbox) -> datetime:
    """Poll as a job does that was queued now; return when that was."""
    now = datetime.fromisoformat(keys.time_text(runtime.now()))
    poll_mailboxes(PollJob([mailbox.key for mailbox in mailboxes], now), runtime)
    return now


def moved(mailbox: Mailbox, server: Hostile, runtime: Runtime) -> Mailbox:
    """A mailbox whose server is another, with which it was synced just now."""
    here = replace(mailbox, imap=replace(mailbox.imap, host=server.host, port=server.port))
    runtime.mailboxes.connect(here, runtime.now())
    runtime.due.synced(
        mailbox, {"INBOX": Seen(1, 4, 3)}, runtime.now(), basis=basis_of(mailbox, runtime)
    )
    return here


@pytest.fixture
def imap_server(authority: trustme.CA, start_imap_server: StartServer) -> Iterator[MailboxServer]:
    """Certified as the scripted servers are."""
    users = {REP: "rep's secret", BOSS: "boss's secret"}
    with start_imap_server(users, issuer=authority) as server:
        yield server


@pytest.fixture
def synced(office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock) -> Mailbox:
    """REP's mailbox with three letters, synced a minute ago."""
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in (1, 2, 3)])
    mailbox = office.connect(imap_server, "rep", REP)
    first_syncs(runtime)
    office.sync(mailbox)
    clock.advance(MINUTE)
    return mailbox


# Dispatch


def due_at(runtime: Runtime, offsets: dict[int, timedelta]) -> dict[int, MailboxKey]:
    """Entries of numbered mailboxes, due so long from now: a minute after they were connected."""
    found = {n: MailboxKey(AccountId(f"a{n % 3}"), MailboxId(f"m{n:03d}")) for n in offsets}
    for n, offset in offsets.items():
        connected_at = runtime.now() + offset - MINUTE
        runtime.table.put(runtime.due.first(found[n], found[n].new_slot, connected_at))
    return found


def test_the_most_overdue_go_first_and_25_at_a_time(runtime: Runtime) -> None:
    mailboxes = due_at(runtime, {n: -timedelta(seconds=n) for n in range(60)})
    assert dispatch_polls(runtime) == 60
    jobs = sorted(polls(runtime), key=lambda job: job.mailboxes[0].mailbox, reverse=True)
    assert [len(job.mailboxes) for job in jobs] == [25, 25, 10]
    order = [key for job in jobs for key in job.mailboxes]
    assert order == [mailboxes[n] for n in reversed(range(60))]
    assert {job.at for job in jobs} == {jobs[0].at}
    assert abs(jobs[0].at - runtime.now()) < MINUTE


def test_what_is_not_due_is_not_polled(runtime: Runtime) -> None:
    mailboxes = due_at(
        runtime,
        {
            1: timedelta(seconds=-1),
            2: timedelta(seconds=20),  # before the schedule is half way to its next run
            3: timedelta(seconds=45),
            4: timedelta(minutes=15),
        },
    )
    assert dispatch_polls(runtime) == 2
    (job,) = polls(runtime)
    assert list(job.mailboxes) == [mailboxes[1], mailboxes[2]]


def test_where_nothing_is_due_nothing_is_queued(runtime: Runtime) -> None:
    assert dispatch_polls(runtime) == 0
    due_at(runtime, {1: timedelta(minutes=5)})
    assert dispatch_polls(runtime) == 0
    assert polls(runtime) == []


def test_more_shards_on_a_running_stack_move_no_mailbox(
    office: Office,
    imap_server: MailboxServer,
    synced: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The 16 shards contain the 4 that there were; new mailboxes are put into all."""
    clock.advance(MINUTE)
    monkeypatch.setattr("mailmirror.domain.slot.SHARDS", 16)
    new = due_at(runtime, dict.fromkeys(range(40), -MINUTE))
    assert len({key.new_slot for key in new.values()}) > 4
    assert dispatch_polls(runtime) == 41
    assert synced.key in [key for job in polls(runtime) for key in job.mailboxes]
    now = poll(runtime, synced)
    again = office.connect(imap_server, "rep", REP)
    assert again.slot == synced.slot
    assert entry(again, runtime).due.last_success_at == now
    disconnect(office.account, synced.key.mailbox, runtime)
    assert dispatch_polls(runtime) == 40


def test_how_late_the_most_overdue_is_is_reported_at_every_run_also_as_nothing(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm that sees no data keeps its state, whatever is the matter."""
    told: list[tuple[str, float]] = []
    monkeypatch.setattr(runtime, "count", lambda name, value=1.0: told.append((name, value)))

    dispatch_polls(runtime)
    due_at(runtime, {1: -5 * MINUTE, 2: -MINUTE})
    dispatch_polls(runtime)

    overdue = [value for name, value in told if name == "MostOverdueSeconds"]
    assert overdue[0] == 0.0
    assert timedelta(seconds=overdue[1]) >= 5 * MINUTE
    assert len(overdue) == 2


def test_a_mailbox_that_was_polled_is_due_at_the_next_run_but_one_that_failed_is_not(
    office: Office, synced: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    poll(runtime, synced)
    assert dispatch_polls(runtime) == 0
    clock.advance(MINUTE)
    assert dispatch_polls(runtime) == 1
    for failures in range(3):
        fail(synced, Refused(Code.CONNECT_REFUSED), runtime)
        assert entry(synced, runtime).due.failures == failures + 1
    clock.advance(2 * MINUTE)
    assert dispatch_polls(runtime) == 0
    clock.advance(2 * MINUTE)
    assert dispatch_polls(runtime) == 1


# What is news


def test_a_poll_without_news_is_a_success(
    synced: Mailbox, imap_server: MailboxServer, runtime: Runtime
) -> None:
    before = entry(synced, runtime)
    now = poll(runtime, synced)
    after = entry(synced, runtime)
    assert (after.due.last_success_at, after.due.due_at) == (now, now + MINUTE)
    assert (after.due.error, after.due.failures) == (None, 0)
    assert after.seen == before.seen
    assert set(after.seen) == {"INBOX", imap_server.named("Sent")}
    assert syncs(runtime) == first_syncs(runtime) == []


@pytest.mark.parametrize("news", ["inbox", "sent", "uidvalidity", "renamed", "missing"])
def test_news_is_for_a_sync_to_tell(
    office: Office, imap_server: MailboxServer, synced: Mailbox, runtime: Runtime, news: str
) -> None:
    # A server may make Sent anew at once: of an empty one, that is no news.
    imap_server.append(REP, "Sent", letter(5, REP), MARCH)
    office.sync(synced)
    match news:
        case "inbox":
            imap_server.append(REP, "INBOX", letter(4), MARCH)
        case "sent":
            imap_server.append(REP, "Sent", letter(4, REP), MARCH)
        case "uidvalidity":
            imap_server.reset_uidvalidity(REP, "INBOX")
        case "renamed":
            with imap_server.session(REP) as client:
                client.rename_folder(imap_server.named("Sent"), imap_server.named("Gesendet"))
        case "missing":
            with imap_server.session(REP) as client:
                client.delete_folder(imap_server.named("Sent"))
    before = entry(synced, runtime)
    now = poll(runtime, synced)
    after = entry(synced, runtime)
    assert syncs(runtime) == [synced.key.mailbox]
    assert first_syncs(runtime) == []
    assert after.due == replace(before.due, due_at=now + MINUTE, news_since=now)
    assert after.seen == before.seen  # so that a lost job is news again
    poll(runtime, synced)
    assert syncs(runtime) == [synced.key.mailbox]
    office.sync(synced)
    poll(runtime, synced)
    assert syncs(runtime) == []


def test_fewer_messages_are_no_news(
    synced: Mailbox, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.expunge(REP, "INBOX", [2])
    poll(runtime, synced)
    assert syncs(runtime) == []


def test_more_messages_than_the_ledger_has_are_news(synced: Mailbox, runtime: Runtime) -> None:
    seen = dict(entry(synced, runtime).seen)
    seen["INBOX"] = replace(seen["INBOX"], present=2)
    runtime.due.synced(synced, seen, runtime.now(), basis=basis_of(synced, runtime))
    poll(runtime, synced)
    assert syncs(runtime) == [synced.key.mailbox]


@pytest.mark.dovecot_only("it reads the server's log of commands")
def test_a_mailbox_that_was_never_synced_goes_to_a_queue_of_its_own(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    mailbox = office.connect(dovecot, "rep", REP)
    assert first_syncs(runtime) == [mailbox.key.mailbox]  # a job that is lost
    asked = len(dovecot.commands())
    now = poll(runtime, mailbox)
    assert first_syncs(runtime) == [mailbox.key.mailbox]
    assert syncs(runtime) == []
    assert entry(mailbox, runtime).due.last_success_at is None
    assert entry(mailbox, runtime).due.due_at == now + 5 * MINUTE
    assert len(dovecot.commands()) == asked


@pytest.fixture
def projects(synced: Mailbox, imap_server: MailboxServer) -> Sequence[str]:
    """Folders of REP's beside Inbox and Sent, which are read."""
    names = [imap_server.named(f"Project {n}") for n in range(30)]
    with imap_server.session(REP) as client:
        for name in names:
            client.create_folder(name)
    return names


@pytest.mark.parametrize("news", ["mail", "uidvalidity", "missing"])
def test_news_in_a_folder_that_the_entry_does_not_name_is_found_by_its_slice(
    office: Office,
    imap_server: MailboxServer,
    synced: Mailbox,
    runtime: Runtime,
    projects: Sequence[str],
    news: str,
) -> None:
    imap_server.append(REP, "Project 7", letter(6), MARCH)
    office.sync(synced)
    found = entry(synced, runtime)
    assert (set(found.seen), len(found.slices)) == ({"INBOX", imap_server.named("Sent")}, 2)
    poll(runtime, synced)
    assert syncs(runtime) == []
    match news:
        case "mail":
            imap_server.append(REP, "Project 7", letter(4), MARCH)
        case "uidvalidity":
            imap_server.reset_uidvalidity(REP, "Project 7")
        case "missing":
            with imap_server.session(REP) as client:
                client.delete_folder(projects[7])
    poll(runtime, synced)
    assert syncs(runtime) == [synced.key.mailbox]


# What goes wrong


def test_a_wrong_password_waits_an_hour(office: Office, synced: Mailbox, runtime: Runtime) -> None:
    account = runtime.accounts.find(office.account)
    assert account is not None
    runtime.credentials.put(account, synced.key, Password("no longer it"), runtime.now())
    before = entry(synced, runtime)
    now = poll(runtime, synced)
    after = entry(synced, runtime)
    assert after.due.error is Code.SIGN_IN_FAILED
    assert after.due.due_at == now + timedelta(hours=1)
    assert after.due.failing_since == now
    assert after.due.last_success_at == before.due.last_success_at
    assert syncs(runtime) == []


def test_a_failing_server_is_asked_ever_less_and_forgiven_at_once(
    synced: Mailbox, runtime: Runtime, clock: Clock, authority: trustme.CA
) -> None:
    script: dict[str, list[Answer]] = {"LOGIN": [HANG_UP]}
    pauses = []
    with Hostile(script, issuer=authority) as server:
        broken = moved(synced, server, runtime)
        began = runtime.now()
        for _ in range(6):
            now = poll(runtime, broken)
            due = entry(broken, runtime).due
            assert due.error is Code.CONNECTION_LOST
            assert due.error_detail.startswith("imap")
            assert due.failing_since is not None
            assert due.failing_since - began < MINUTE
            pauses.append((due.due_at - now) // MINUTE)
            clock.advance(due.due_at - now)
        assert pauses == [1, 2, 4, 8, 15, 15]
        assert syncs(runtime) == []
        script.clear()  # and so the server is well again
        now = poll(runtime, broken)
    due = entry(broken, runtime).due
    assert (due.error, due.failures, due.failing_since) == (None, 0, None)
    assert due.last_success_at == now


def test_a_poll_with_news_leaves_the_error_for_the_sync_to_take_back(
    office: Office, imap_server: MailboxServer, synced: Mailbox, runtime: Runtime
) -> None:
    fail(synced, Refused(Code.CONNECTION_LOST), runtime)
    imap_server.append(REP, "INBOX", letter(4), MARCH)
    poll(runtime, synced)
    assert entry(synced, runtime).due.error is Code.CONNECTION_LOST
    office.sync(synced)
    assert entry(synced, runtime).due.error is None


def test_reading_a_card_has_the_readers_mailbox_polled_a_minute_after_its_last(
    office: Office, synced: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    office.sync(synced)
    office.card("rep", "kim")
    assert polls(runtime) == []
    clock.advance(MINUTE)
    office.card("rep", "kim")
    assert [job.mailboxes for job in polls(runtime)] == [[synced.key]]


def test_reading_a_card_asks_nothing_of_a_server_that_refuses(
    office: Office, synced: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    fail(synced, Refused(Code.SIGN_IN_FAILED), runtime)
    clock.advance(MINUTE)
    office.card("rep", "kim")
    assert polls(runtime) == []


def test_connected_again_a_mailbox_goes_on_and_at_another_server_begins_there(
    office: Office,
    imap_server: MailboxServer,
    synced: Mailbox,
    runtime: Runtime,
    authority: trustme.CA,
) -> None:
    before = entry(synced, runtime)
    assert before.seen
    again = entry(office.connect(imap_server, "rep", REP), runtime)
    assert (again.seen, again.due.last_success_at) == (before.seen, before.due.last_success_at)
    with Dovecot({REP: "rep's secret", BOSS: "boss's secret"}, issuer=authority) as other:
        moved_to = office.connect(other, "rep", REP)
    elsewhere = entry(moved_to, runtime)
    assert moved_to.key == synced.key
    assert (elsewhere.seen, elsewhere.due.last_success_at) == ({}, None)


def test_a_mailbox_that_is_connected_again_waits_for_its_newer_mail_as_of_its_last_success(
    office: Office,
    imap_server: MailboxServer,
    synced: Mailbox,
    runtime: Runtime,
    clock: Clock,
    authority: trustme.CA,
) -> None:
    success = entry(synced, runtime).due.last_success_at
    for again in range(2):
        disconnect(office.account, synced.key.mailbox, runtime)
        clock.advance(MINUTE)
        office.connect(imap_server, "rep", REP)
        told = read_mailbox(office.account, synced.key.mailbox, runtime)
        expected = (MailboxState.INCOMPLETE, Code.NEWS_WAITING, success, 100)
        assert (told.state, told.problem, told.last_success_at, told.progress) == expected, again
        assert told.due is not None
        assert told.due.news_since == told.mailbox.connected_at
    imap_server.append(REP, "INBOX", letter(4), MARCH)
    office.sync(synced)
    told = read_mailbox(office.account, synced.key.mailbox, runtime)
    assert (told.state, told.problem, told.progress) == (MailboxState.HEALTHY, None, 100)
    with Dovecot({REP: "rep's secret", BOSS: "boss's secret"}, issuer=authority) as other:
        disconnect(office.account, synced.key.mailbox, runtime)
        office.connect(other, "rep", REP)
        told = read_mailbox(office.account, synced.key.mailbox, runtime)
    assert (told.state, told.last_success_at, told.progress) == (MailboxState.FIRST_SYNC, None, 0)


def test_what_one_server_does_is_no_other_mailboxs_affair(
    office: Office,
    imap_server: MailboxServer,
    synced: Mailbox,
    runtime: Runtime,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.sync.poll_mailboxes.SESSION_SECONDS", 4.0)
    endless = repeat(b"* 1 EXISTS\r\n" * 5_000)
    scripts: list[dict[str, Iterable[Answer]]] = [
        {"LOGIN": [SILENCE]},
        {"LOGIN": [DRIP]},
        {"STATUS": [HANG_UP]},
        {"STATUS": endless},
        {"STATUS": [b"* STATUS INBOX ()\r\n<tag> OK done\r\n"]},
    ]
    boss = office.connect(imap_server, "boss", BOSS)
    office.sync(boss)
    account = runtime.accounts.find(office.account)
    assert account is not None
    with ExitStack() as stack:
        bad = []
        for n, script in enumerate(scripts):
            server = stack.enter_context(Hostile(script, issuer=authority))
            key = replace(boss.key, mailbox=MailboxId(f"bad{n}"))
            email = Address(f"bad{n}@us.example")
            runtime.credentials.put(account, key, Password("secret"), runtime.now())
            bad.append(moved(replace(boss, key=key, email=email), server, runtime))
        office.sync(synced)  # the team has changed
        imap_server.append(BOSS, "INBOX", letter(5, to=[BOSS]), MARCH)
        now = poll(runtime, *bad[:2], synced, *bad[2:], boss)
    assert [entry(mailbox, runtime).due.error for mailbox in bad] == [
        Code.SIGN_IN_UNANSWERED,
        Code.SIGN_IN_UNANSWERED,
        Code.CONNECTION_LOST,
        Code.PROTOCOL_ERROR,
        Code.PROTOCOL_ERROR,
    ]
    assert entry(synced, runtime).due.last_success_at == now
    assert syncs(runtime) == [boss.key.mailbox]


# Mailboxes that are gone


def test_a_job_that_has_waited_too_long_is_dropped_for_the_schedule_has_queued_another(
    synced: Mailbox, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    imap_server.append(REP, "INBOX", letter(4), MARCH)
    job = PollJob([synced.key], runtime.now())
    before = entry(synced, runtime)

    clock.advance(STALE_AFTER + MINUTE)
    poll_mailboxes(job, runtime)

    assert entry(synced, runtime) == before
    assert syncs(runtime) == []
    poll_mailboxes(PollJob([synced.key], runtime.now() - MINUTE), runtime)
    assert syncs(runtime) == [synced.key.mailbox]


@pytest.mark.dovecot_only("it reads the server's log of sign-ins")
def test_a_job_that_comes_again_polls_what_no_other_has_polled_since(
    office: Office, synced: Mailbox, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    """It has killed its function, or AWS failed it: the one is to be seen, the other forgiven."""
    boss = office.connect(dovecot, "boss", BOSS)
    office.sync(boss)
    clock.advance(MINUTE)
    job = PollJob([synced.key, boss.key], runtime.now())
    clock.advance(timedelta(minutes=12))
    at = poll(runtime, boss)
    polled, logins = entry(boss, runtime), dovecot.log().count("Login")

    poll_mailboxes(job, runtime, received=2)

    assert entry(boss, runtime) == polled
    last_success_at = entry(synced, runtime).due.last_success_at
    assert last_success_at is not None
    assert last_success_at >= at
    assert dovecot.log().count("Login") == logins + 1


@pytest.mark.parametrize("outcome", ["quiet", "news", "failing"])
def test_a_mailbox_disconnected_during_its_poll_is_never_due_again(
    office: Office,
    synced: Mailbox,
    imap_server: MailboxServer,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    outcome: str,
) -> None:
    if outcome == "news":
        imap_server.append(REP, "INBOX", letter(4), MARCH)
    statuses = ImapSession.statuses

    def disconnected_meanwhile(
        session: ImapSession, folders: Sequence[FolderChoice]
    ) -> Mapping[str, Status | None]:
        disconnect(office.account, synced.key.mailbox, runtime)
        if outcome == "failing":
            raise Refused(Code.CONNECTION_LOST)
        return statuses(session, folders)

    monkeypatch.setattr(ImapSession, "statuses", disconnected_meanwhile)
    poll(runtime, synced)
    assert runtime.due.find(synced) is None
    assert dispatch_polls(runtime) == 0


@pytest.mark.dovecot_only("it reads the server's log of commands")
def test_a_mailbox_disconnected_before_its_poll_is_not_asked(
    office: Office, synced: Mailbox, dovecot: Dovecot, runtime: Runtime
) -> None:
    disconnect(office.account, synced.key.mailbox, runtime)
    asked = len(dovecot.commands())
    poll(runtime, synced)
    assert runtime.due.find(synced) is None
    assert syncs(runtime) == first_syncs(runtime) == []
    assert len(dovecot.commands()) == asked


def test_an_erasure_that_was_cut_off_goes_on(
    office: Office, synced: Mailbox, runtime: Runtime
) -> None:
    erase(office.account, synced.owner, synced.key.mailbox, runtime)
    assert syncs(runtime) == [synced.key.mailbox]
    poll(runtime, synced)
    assert first_syncs(runtime) == [synced.key.mailbox]
    office.sync(synced)
    assert runtime.due.find(synced) is None


def test_an_entry_without_a_mailbox_goes_away(synced: Mailbox, runtime: Runtime) -> None:
    left = replace(synced, key=replace(synced.key, mailbox=MailboxId("left")))
    runtime.table.put(runtime.due.first(left.key, left.slot, runtime.now()))
    now = poll(runtime, left, synced)
    assert runtime.due.find(left) is None
    assert entry(synced, runtime).due.last_success_at == now


def test_a_change_whose_job_was_lost_is_matched_within_ten_minutes(
    office: Office, synced: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    url = runtime.settings.need("thread_queue")
    taken(runtime, url)
    for _ in range(10):
        clock.advance(MINUTE)
        poll(runtime, synced)
    assert taken(runtime, url) == [MatchJob(office.account).to_json()]
    office.match_again()
    for _ in range(10):
        clock.advance(MINUTE)
        poll(runtime, synced)
    assert taken(runtime, url) == []


def test_a_mailbox_that_reads_neither_inbox_nor_sent_mail_is_polled_and_healthy(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    """Its schedule entry has no STATUS of a watched folder, though a sync has finished."""
    imap_server.create(REP, "Customers")
    chosen = imap_server.named("Customers")
    mailbox = office.connect(imap_server, "rep", REP, folders=[chosen])
    office.sync(mailbox)
    first_syncs(runtime)
    assert read_mailbox(office.account, mailbox.key.mailbox, runtime).state == "healthy"
    again = office.connect(imap_server, "rep", REP, folders=[chosen])
    first_syncs(runtime)
    assert read_mailbox(office.account, again.key.mailbox, runtime).state == "healthy"
    clock.advance(MINUTE)
    poll(runtime, again)
    assert (syncs(runtime), first_syncs(runtime)) == ([], [])
    imap_server.append(REP, "Customers", letter(1), MARCH)
    clock.advance(MINUTE)
    poll(runtime, again)
    assert (len(syncs(runtime)), first_syncs(runtime)) == (1, [])
