"""Several who file one thread on its deals at once: nothing is missing when all is quiet."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from mailmirror.aws.queues import MatchJob, ThreadJob, thread_job
from mailmirror.domain.association import Root
from mailmirror.domain.coverage import Gap
from mailmirror.domain.deals import DealId
from mailmirror.domain.mailbox import AccountId, Mailbox
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.usecases.cards.read_card import read_deal_card
from mailmirror.usecases.sync.dispatch_due import dispatch_threads
from mailmirror.usecases.threads.set_override import set_override
from mailmirror.usecases.threads.thread_writer import SWEEP_AGE
from mailmirror.usecases.threads.tidy_thread import tidy_thread
from tests.integration.interruptions import Killed, before_write
from tests.integration.office import BOSS, KIM, LEE, MARCH, REP, Clock, Office, letter
from tests.integration.test_overrides import (
    deal,
    erased,
    line_of,
    numbers,
    on_message,
    on_thread,
)
from tests.servers.dovecot import Dovecot

SECONDS = 20
"""For what the other does, which takes no time."""


@pytest.fixture
def mailbox(office: Office, dovecot: Dovecot) -> Mailbox:
    """Rep's, with a letter of Kim's, which is on Kim's deal `d`."""
    deal(office, "d", "open", -20, "kim")
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    return mailbox


def test_an_attach_counts_though_a_sync_is_about_to_take_the_thread_off(
    runtime: Runtime,
    dovecot: Dovecot,
    office: Office,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sync has read a late version of the deal, by which the thread is off it."""
    thread = line_of(office, 1).thread
    viewer = office.viewer("rep")
    dovecot.append(REP, "INBOX", letter(2, replies_to=[1]), MARCH)
    deal(office, "d", "open", -15, "nobody")
    write, about_to, attached = runtime.roots.write, threading.Event(), threading.Event()
    sync = threading.Thread(target=office.sync, args=[mailbox])

    def writes(account: AccountId, before: Root, after: Root, *puts: Any) -> None:
        if threading.current_thread() is sync and "d" in before.deals - after.deals:
            about_to.set()
            attached.wait(SECONDS)
        write(account, before, after, *puts)

    monkeypatch.setattr(runtime.roots, "write", writes)
    sync.start()
    assert about_to.wait(SECONDS)
    set_override(viewer, DealId("d"), thread, None, runtime, attached=True)
    assert 1 in numbers(office.deal("rep", "d"))
    attached.set()
    sync.join(SECONDS)
    assert numbers(office.deal("rep", "d")) == [1, 2]


def test_an_attach_counts_though_the_thread_is_being_swept_off_the_deal(
    runtime: Runtime,
    office: Office,
    mailbox: Mailbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thread = line_of(office, 1).thread
    viewer = office.viewer("rep")
    on_thread(office, "d", 1, attached=False)
    clock.advance(2 * SWEEP_AGE)
    sweep, swept = runtime.timelines.sweep, list[bool]()

    def sweeps(*args: Any) -> bool:
        if not swept:
            set_override(viewer, DealId("d"), thread, None, runtime, attached=True)
        swept.append(sweep(*args))
        return swept[-1]

    monkeypatch.setattr(runtime.timelines, "sweep", sweeps)
    assert tidied(office) == 1
    assert swept == [False], "what was put since is kept"
    assert numbers(office.deal("rep", "d")) == [1]


def test_a_detached_thread_is_swept_off_its_deal_when_the_schedule_says_so(
    runtime: Runtime, office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    on_thread(office, "d", 1, attached=False)
    pk = keys.deal_timeline(mailbox.key, DealId("d"))
    assert len(list(runtime.table.query(pk))) == 1
    assert tidied(office) == 0, "a function may still put what it has read before"
    assert len(list(runtime.table.query(pk))) == 1
    clock.advance(2 * SWEEP_AGE)
    assert tidied(office) == 1
    assert list(runtime.table.query(pk)) == []
    assert tidied(office) == 0


def test_an_entry_of_a_deal_names_its_thread_and_the_participants_that_a_person_has(
    runtime: Runtime, office: Office, mailbox: Mailbox
) -> None:
    (entry,) = runtime.table.query(keys.deal_timeline(mailbox.key, DealId("d")))
    assert entry["thread"] == line_of(office, 1).thread
    assert entry["matched"] == {KIM}, "REP is of the team"


@pytest.mark.parametrize("write", range(1, 5))
def test_an_attach_that_dies_completes_by_itself(
    runtime: Runtime, office: Office, mailbox: Mailbox, clock: Clock, write: int
) -> None:
    """Whichever of its writes is the last; before the first it was never given."""
    deal(office, "other", "open", -20, "nobody")
    with suppress(Killed), before_write(runtime, write, lambda: None, then_die=True):
        on_thread(office, "other", 1, attached=True)
    clock.advance(timedelta(minutes=2))
    tidied(office)
    assert numbers(office.deal("rep", "other")) == [1]
    root = runtime.roots.read(office.account, line_of(office, 1).thread)
    assert not root.pending


def test_two_attaches_of_one_deal_that_die_are_both_completed(
    runtime: Runtime, dovecot: Dovecot, office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    dovecot.append(REP, "INBOX", letter(2, replies_to=[1]), MARCH)
    office.sync(mailbox)
    deal(office, "other", "open", -20, "nobody")
    office.match_again()
    for number in (1, 2):
        with pytest.raises(Killed), before_write(runtime, 1, lambda: None, then_die=True):
            on_message(office, "other", number, attached=True)
    clock.advance(timedelta(minutes=2))
    tidied(office)
    page = read_deal_card(office.viewer("rep"), DealId("other"), None, 50, runtime)
    assert numbers(page.lines) == [1, 2]
    assert page.coverage.gap is None
    assert tidied(office) == 0


def test_a_long_thread_is_attached_at_once_and_indexed_by_the_queue(
    runtime: Runtime, office: Office, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then the deal's card says that it lacks some of it."""
    monkeypatch.setattr("mailmirror.usecases.threads.set_override.MAX_INDEXED_AT_ONCE", 0)
    deal(office, "other", "open", -20, "nobody")
    office.match_again()
    on_thread(office, "other", 1, attached=True)
    assert office.deal("rep", "other") == []
    page = read_deal_card(office.viewer("rep"), DealId("other"), None, 50, runtime)
    assert page.coverage.gap is Gap.THREAD_PENDING
    (job,) = queued(runtime)
    tidy_thread(job, runtime)
    page = read_deal_card(office.viewer("rep"), DealId("other"), None, 50, runtime)
    assert numbers(page.lines) == [1]
    assert page.coverage.gap is None


def test_a_long_thread_that_is_detached_again_leaves_no_gap(
    runtime: Runtime,
    office: Office,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.threads.set_override.MAX_INDEXED_AT_ONCE", 0)
    deal(office, "other", "open", -20, "nobody")
    office.match_again()
    on_thread(office, "other", 1, attached=True)
    on_thread(office, "other", 1, attached=False)
    for _ in range(3):
        page = read_deal_card(office.viewer("rep"), DealId("other"), None, 50, runtime)
        assert (page.lines, page.coverage.gap) == ([], None)
        for job in queued(runtime):
            tidy_thread(job, runtime)
        clock.advance(2 * SWEEP_AGE)
        tidied(office)
    on_thread(office, "other", 1, attached=True)
    for job in queued(runtime):
        tidy_thread(job, runtime)
    assert numbers(office.deal("rep", "other")) == [1]


def tidied(office: Office) -> int:
    """Do the jobs of the threads that are due; return how many there were."""
    due = dispatch_threads(office.runtime)
    for job in queued(office.runtime):
        tidy_thread(job, office.runtime)
    return due


def queued(runtime: Runtime) -> list[ThreadJob]:
    """The threads that are queued; jobs that match threads again are left out."""
    sqs, url = runtime._client("sqs"), runtime.settings.thread_queue
    jobs: list[ThreadJob | MatchJob] = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            jobs.append(thread_job(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [job for job in jobs if isinstance(job, ThreadJob)]


def test_an_attach_that_dies_half_way_is_completed_with_the_next_message(
    runtime: Runtime, dovecot: Dovecot, office: Office, mailbox: Mailbox
) -> None:
    deal(office, "other", "open", -20, "nobody")
    on_message(office, "other", 1, attached=True)
    on_message(office, "other", 1, attached=False)
    with pytest.raises(Killed), before_write(runtime, 1, lambda: None, then_die=True):
        on_message(office, "other", 1, attached=True)
    dovecot.append(REP, "INBOX", letter(2, replies_to=[1]), MARCH)
    office.sync(mailbox)
    assert numbers(office.deal("rep", "other")) == [1]


def test_a_sync_with_stale_contacts_undoes_nothing_that_a_later_one_indexed(
    runtime: Runtime, dovecot: Dovecot, office: Office
) -> None:
    new = "new@customer.example"
    deal(office, "d", "open", -20, "new")
    reps, bosss = office.connect(dovecot, "rep", REP), office.connect(dovecot, "boss", BOSS)

    def arrive(number: int, *inboxes: str) -> None:
        raw = letter(number, to=(REP, BOSS, new), replies_to=[1] if number > 1 else [])
        for email in inboxes:
            dovecot.append(email, "INBOX", raw, MARCH)

    arrive(1, REP, BOSS)
    office.sync(reps)
    office.sync(bosss)
    arrive(2, REP)
    arrive(3, BOSS)

    def meanwhile() -> None:
        office.tell("contact.upserted", id="new", name="new", emails=[new])
        office.sync(bosss)
        assert numbers(office.deal("boss", "d")) == [1, 3]

    with before_write(runtime, 3, meanwhile) as done:
        office.sync(reps)
    assert done
    assert numbers(office.deal("boss", "d")) == [1, 3]
    assert numbers(office.deal("rep", "d")) == [1, 2]


def test_an_erased_mailbox_leaves_nothing_where_a_colleague_was_indexing_its_mail(
    runtime: Runtime,
    dovecot: Dovecot,
    office: Office,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deal(office, "lees", "open", -20, "lee")
    bosss = office.connect(dovecot, "boss", BOSS)
    raw = letter(2, LEE, to=[BOSS], replies_to=[1])
    dovecot.append(BOSS, "INBOX", raw, MARCH)
    file, filing = runtime.timelines.index_on_deals, threading.Event()

    def index_on_deals(*args: Any) -> None:
        if not filing.is_set():
            filing.set()
            erased(office, mailbox)
        file(*args)

    monkeypatch.setattr(runtime.timelines, "index_on_deals", index_on_deals)
    office.sync(bosss)
    assert numbers(office.deal("boss", "lees")) == [2]
    pages = (
        runtime._client("dynamodb").get_paginator("scan").paginate(TableName=runtime.settings.table)
    )
    assert [
        (item["pk"]["S"], item["sk"]["S"])
        for page in pages
        for item in page["Items"]
        if mailbox.key.mailbox in str(item)
    ] == []


def test_a_thread_leaves_a_deal_that_no_message_matches_after_an_erasure(
    dovecot: Dovecot, office: Office, mailbox: Mailbox
) -> None:
    """The colleague's message is on the deal only by the one that is erased."""
    dovecot.append(BOSS, "INBOX", letter(2, LEE, to=[BOSS], replies_to=[1]), MARCH)
    bosss = office.connect(dovecot, "boss", BOSS)
    office.sync(bosss)
    assert numbers(office.deal("boss", "d")) == [2]
    erased(office, mailbox)
    assert office.deal("boss", "d") == []
    assert numbers(office.card("boss", "lee")) == [2]


def test_who_reads_a_long_thread_misses_nothing_that_others_put_meanwhile(
    runtime: Runtime,
    dovecot: Dovecot,
    office: Office,
    mailbox: Mailbox,
    clock: Clock,
    after_a_crash: timedelta,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its entries come in pages, and what is put behind the first page is not read."""
    deal(office, "lees", "open", -20, "lee")
    bosss = office.connect(dovecot, "boss", BOSS)
    thread = line_of(office, 1).thread
    dovecot.append(REP, "INBOX", letter(2, LEE, replies_to=[1]), MARCH)
    dovecot.append(BOSS, "INBOX", letter(3, to=[BOSS], replies_to=[1]), MARCH)
    query, index = runtime.table.query, runtime.timelines.index_on_deals
    read = threading.Event()

    def dies(*args: Any) -> None:
        raise Killed

    def between() -> None:
        office.sync(bosss)
        dovecot.append(BOSS, "INBOX", letter(4, to=[BOSS], replies_to=[1]), MARCH)
        with monkeypatch.context() as patched:
            patched.setattr(runtime.timelines, "index_on_deals", dies)
            with pytest.raises(Killed):
                office.sync(bosss)

    def paged(pk: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        first = list(query(pk, *args, **kwargs))
        if pk.endswith(f"#thread#{thread}") and not read.is_set():
            read.set()
            between()
        yield from first

    monkeypatch.setattr(runtime.table, "query", paged)
    office.sync(mailbox)
    assert read.is_set()
    assert runtime.timelines.index_on_deals == index
    clock.advance(after_a_crash)
    office.sync(bosss)
    assert numbers(office.deal("rep", "lees")) == [1, 2]
    assert numbers(office.deal("boss", "lees")) == [3, 4]
