"""Several who file one thread on its deals at once: nothing is missing when all is quiet."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from mailmirror.domain.deals import DealId
from mailmirror.domain.mailbox import Mailbox
from mailmirror.runtime import Runtime
from mailmirror.usecases.threads.set_override import set_override
from tests.integration.interruptions import Killed, before_write
from tests.integration.office import BOSS, LEE, MARCH, REP, Clock, Office, letter
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


@pytest.mark.parametrize("change", ["a_late_version_of_the_deal", "a_detach_that_dies"])
def test_an_attach_counts_though_a_sync_is_about_to_take_the_thread_off(
    runtime: Runtime,
    dovecot: Dovecot,
    office: Office,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    """The sync has begun, then reads that the thread is off; meanwhile the thread is attached."""
    deal(office, "lees", "open", -20, "lee")
    thread = line_of(office, 1).thread
    viewer = office.viewer("rep")
    dovecot.append(REP, "INBOX", letter(2, LEE, replies_to=[1]), MARCH)
    begin, settle = runtime.threads.announce_deals, runtime.threads.settle
    take_off = runtime.timelines.take_off_deals
    changed, about_to, may, taken_off, settled = (threading.Event() for _ in range(5))
    sync = threading.Thread(target=office.sync, args=[mailbox])

    def announce_deals(*args: Any) -> int:
        version = begin(*args)
        if threading.current_thread() is sync and not changed.is_set():
            changed.set()
            if change == "a_late_version_of_the_deal":
                deal(office, "d", "open", -15, "nobody")
            else:
                with pytest.raises(Killed), before_write(runtime, 1, lambda: None, then_die=True):
                    on_thread(office, "d", 1, attached=False)
        return version

    def take_off_deals(filed: Any, deals: Any, unchanged: Any) -> None:
        if threading.current_thread() is sync and deals and not about_to.is_set():
            about_to.set()
            may.wait(SECONDS)
            try:
                take_off(filed, deals, unchanged)
            finally:
                taken_off.set()
        else:
            take_off(filed, deals, unchanged)

    def settles(*args: Any) -> None:
        if threading.current_thread() is sync:
            settled.wait(SECONDS)
            settle(*args)
        else:
            may.set()
            taken_off.wait(SECONDS)
            settle(*args)
            settled.set()

    monkeypatch.setattr(runtime.threads, "announce_deals", announce_deals)
    monkeypatch.setattr(runtime.timelines, "take_off_deals", take_off_deals)
    monkeypatch.setattr(runtime.threads, "settle", settles)
    sync.start()
    assert about_to.wait(SECONDS)
    set_override(viewer, DealId("d"), thread, None, runtime, attached=True)
    assert 1 in numbers(office.deal("rep", "d"))
    sync.join(SECONDS)
    assert numbers(office.deal("rep", "d")) == [1, 2]


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


def test_a_reader_of_a_long_thread_misses_nothing_while_others_index_it(
    runtime: Runtime,
    dovecot: Dovecot,
    office: Office,
    mailbox: Mailbox,
    clock: Clock,
    after_a_crash: timedelta,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its entries come in one page and its root in another, after what others do in between."""
    bosss = office.connect(dovecot, "boss", BOSS)
    thread = line_of(office, 1).thread
    dovecot.append(REP, "INBOX", letter(2, LEE, replies_to=[1]), MARCH)
    dovecot.append(BOSS, "INBOX", letter(3, to=[BOSS], replies_to=[1]), MARCH)
    query, begin = runtime.table.query, runtime.threads.announce_deals
    read = threading.Event()

    def begins_and_dies(*args: Any) -> int:
        begin(*args)
        raise Killed

    def between() -> None:
        office.sync(bosss)
        deal(office, "lees", "open", -20, "lee")
        dovecot.append(BOSS, "INBOX", letter(4, to=[BOSS], replies_to=[1]), MARCH)
        with monkeypatch.context() as patched:
            patched.setattr(runtime.threads, "announce_deals", begins_and_dies)
            with pytest.raises(Killed):
                office.sync(bosss)

    def paged(pk: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        if read.is_set() or not pk.endswith(f"#thread#{thread}"):
            yield from query(pk, *args, **kwargs)
            return
        read.set()
        first = [item for item in query(pk, *args, **kwargs) if item["sk"].startswith("entry#")]
        yield from first
        between()
        for item in query(pk, *args, **kwargs):
            if not item["sk"].startswith("entry#"):
                yield item

    monkeypatch.setattr(runtime.table, "query", paged)
    office.sync(mailbox)
    assert read.is_set()
    clock.advance(after_a_crash)
    office.sync(bosss)
    assert numbers(office.deal("rep", "lees")) == [1, 2]
    assert numbers(office.deal("boss", "lees")) == [3, 4]
