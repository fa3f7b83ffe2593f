"""Facts about deals that come after the mail: threads are matched again, and cards say so."""

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from mailmirror.aws.queues import FeedJob, MatchJob, ThreadJob
from mailmirror.domain.coverage import Gap
from mailmirror.domain.deals import DealId
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.threads import ThreadId
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.runtime import Runtime
from mailmirror.store.keys import DUE_SHARDS
from mailmirror.store.table import Item
from mailmirror.usecases.cards.read_card import read_deal_card
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.mirror_copies import FolderKey, mirror_each
from mailmirror.usecases.threads import match_again as matching
from mailmirror.usecases.threads.match_again import match_again
from mailmirror.usecases.threads.thread_writer import Contended, ThreadWriter
from mailmirror.usecases.threads.tidy_thread import tidy_thread
from tests.integration.copies import TODAY, Mailboxes
from tests.integration.office import BOSS, KIM, LEE, MARCH, REP, letter
from tests.integration.stored_people import StoredPeople

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
EVENTS = (("e1", 0, "open"), ("e2", 4, "won"), ("e3", 9, "open"), ("e4", 20, "lost"))
"""A deal's life, by days of March."""
LETTERS = (2, 6, 12, 25)
ON_DEAL = [2, 6, 12]
"""That of day 6 lies between two openings, the later of which is within 30 days."""


@pytest.fixture
def office(runtime: Runtime, stored_people: StoredPeople) -> Mailboxes:
    runtime.now = lambda: TODAY
    return Mailboxes(runtime, stored_people)


@pytest.fixture
def mailbox(office: Mailboxes) -> MailboxKey:
    return office.open()


def received(number: int, at: datetime, *, sender: str = KIM, to: Sequence[str] = (REP,)) -> Any:
    raw = letter(number, sender, to, at=at)
    return FetchedCopy(number, at, raw.partition(b"\n\n")[0] + b"\n\n", raw)


def deal_changed(office: Mailboxes, event: tuple[str, int, str]) -> None:
    id, day, status = event
    data = {"id": "d1", "name": "Deal", "status": status, "contact_ids": ["kim"]}
    at = (MARCH + day * DAY).isoformat()
    raw = {"id": id, "type": "deal.upserted", "occurred_at": at, "data": data}
    apply_event(FeedJob(office.account, raw), office.runtime)


def gap(office: Mailboxes) -> Gap | None:
    page = read_deal_card(office.viewer("rep"), DealId("d1"), None, 100, office.runtime)
    return page.coverage.gap


def days(office: Mailboxes) -> list[int]:
    """The days of March whose letters are on the deal."""
    return sorted((line.instant - MARCH).days for line in office.deal("rep", "d1"))


@pytest.mark.parametrize("mirrored_after", range(len(EVENTS) + 1))
def test_letters_are_on_a_deal_that_was_reopened_whatever_came_first(
    office: Mailboxes, mailbox: MailboxKey, mirrored_after: int
) -> None:
    for event in EVENTS[:mirrored_after]:
        deal_changed(office, event)
    office.mirror(mailbox, [received(day, MARCH + day * DAY) for day in LETTERS])
    for event in EVENTS[mirrored_after:]:
        deal_changed(office, event)
    assert gap(office) is Gap.MATCHES_PENDING
    office.match_again()
    assert (days(office), gap(office)) == (ON_DEAL, None)


def test_events_in_any_order_end_alike(office: Mailboxes, mailbox: MailboxKey) -> None:
    office.mirror(mailbox, [received(day, MARCH + day * DAY) for day in LETTERS])
    for order in ((3, 1, 2, 0), (2, 3, 0, 1)):
        for index in order:
            deal_changed(office, EVENTS[index])
            office.match_again()
    assert (days(office), gap(office)) == (ON_DEAL, None)


def test_an_address_that_a_contact_gains_brings_mirrored_mail_to_the_deal(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    """The mail is mirrored because Lee takes part in it; Kim writes from another address."""
    deal_changed(office, ("e1", 0, "open"))
    office.mirror(mailbox, [received(2, MARCH + 2 * DAY, sender="k@home.example", to=[REP, LEE])])
    office.match_again()
    assert days(office) == []
    office.tell("contact.upserted", MARCH, id="kim", name="Kim", emails=[KIM, "k@home.example"])
    assert gap(office) is Gap.MATCHES_PENDING
    office.match_again()
    assert (days(office), gap(office)) == ([2], None)
    office.tell("contact.upserted", MARCH + DAY, id="kim", name="Kim", emails=[KIM])
    office.match_again()
    assert days(office) == []


def test_a_deleted_deal_and_a_new_contact_of_a_deal_are_matched_again(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    office.mirror(mailbox, [received(2, MARCH + 2 * DAY, sender=LEE)])
    deal_changed(office, ("e1", 0, "open"))
    office.match_again()
    assert days(office) == []
    both = ["kim", "lee"]
    office.tell("deal.upserted", MARCH + DAY, id="d1", name="", status="open", contact_ids=both)
    office.match_again()
    assert days(office) == [2]
    office.tell("deal.deleted", MARCH + 2 * DAY - MINUTE, id="d1")
    office.tell("deal.upserted", MARCH + 3 * DAY, id="d1", name="", status="lost", contact_ids=both)
    office.match_again()
    assert days(office) == []


def test_what_is_left_at_the_deadline_is_gone_on_with(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "_PAGE_MESSAGES", 2)
    office.mirror(mailbox, [received(hour, MARCH + hour * 60 * MINUTE) for hour in range(1, 10)])
    deal_changed(office, ("e1", 0, "open"))
    seen = []
    for _ in itertools.takewhile(lambda _: gap(office), range(20)):
        # Each look at the clock takes a minute: the deadline comes after a page or two.
        minutes = itertools.count()
        monkeypatch.setattr(office.runtime, "now", lambda m=minutes: TODAY + next(m) * MINUTE)
        match_again(MatchJob(office.account), office.runtime, TODAY + 12 * MINUTE)
        monkeypatch.setattr(office.runtime, "now", lambda: TODAY + 600 * MINUTE)
        seen.append(len(office.deal("rep", "d1")))
    assert gap(office) is None
    assert seen[-1] == 9
    assert len(seen) > 1, "one run was enough"


def test_one_run_an_account_is_at_work_and_a_dead_one_is_followed(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.mirror(mailbox, [received(2, MARCH + 2 * DAY)])
    deal_changed(office, ("e1", 0, "open"))
    assert office.runtime.matching.begin(office.account, "dead", TODAY, TODAY + 5 * MINUTE)
    office.match_again()
    assert gap(office) is Gap.MATCHES_PENDING
    monkeypatch.setattr(office.runtime, "now", lambda: TODAY + 5 * MINUTE)
    office.match_again()
    assert (days(office), gap(office)) == ([2], None)


def test_a_run_that_fails_is_gone_on_with_at_once(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.mirror(mailbox, [received(2, MARCH + 2 * DAY)])
    deal_changed(office, ("e1", 0, "open"))
    with monkeypatch.context() as broken:
        broken.setattr(office.runtime.timelines, "card", failing)
        with pytest.raises(OSError, match="broken"):
            office.match_again()
    office.match_again()
    assert (days(office), gap(office)) == ([2], None)


def failing(*_: object, **__: object) -> None:
    raise OSError("broken")


def deal_is_opened(office: Mailboxes) -> None:
    deal_changed(office, ("e1", 0, "open"))


def address_is_gained(office: Mailboxes) -> None:
    emails = [KIM, "k@home.example"]
    office.tell("contact.upserted", MARCH, id="kim", name="Kim", emails=emails)


@pytest.mark.parametrize("step", ["put_copies", "put", "put_lines"])
@pytest.mark.parametrize("fact", [deal_is_opened, address_is_gained])
def test_a_message_that_a_run_has_not_found_is_matched_by_its_own_function(
    office: Mailboxes,
    mailbox: MailboxKey,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    fact: Callable[[Mailboxes], None],
) -> None:
    """The fact comes, and the run ends, before a write of the message, in a sync's second batch."""
    if fact is address_is_gained:
        deal_is_opened(office)
        office.match_again()
    contents = office.runtime.contents
    write: Callable[..., Any] = getattr(contents, step)

    def late(*args: Any) -> Any:
        monkeypatch.setattr(contents, step, write)
        fact(office)
        office.match_again()
        return write(*args)

    account = office.runtime.accounts.find(office.account)
    assert account is not None
    view, where = CrmView(account, office.runtime), FolderKey(mailbox, "INBOX", 1)
    sender, to = ("k@home.example", [REP, LEE]) if fact is address_is_gained else (KIM, [REP])
    first, second = (received(n, MARCH + n * DAY, sender=sender, to=to) for n in (1, 2))
    mirror_each(where, [first], view, office.runtime)
    monkeypatch.setattr(contents, step, late)
    mirror_each(where, [second], view, office.runtime)
    assert (days(office), gap(office)) == ([1, 2], None)


def test_an_import_of_contacts_without_deals_reads_no_timeline(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.mirror(mailbox, [received(2, MARCH + 2 * DAY, to=[REP, "n@new.example"])])
    office.match_again()
    office.tell("contact.upserted", MARCH, id="n", name="N", emails=["n@new.example"])
    monkeypatch.setattr(office.runtime.timelines, "card", failing)
    office.match_again()
    head = office.runtime.change_log.head(office.account)
    assert office.runtime.matching.read(office.account).line == head


def test_a_card_that_is_read_while_a_run_ends_is_not_called_complete(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.mirror(mailbox, [received(2, MARCH + 2 * DAY)])
    deal_changed(office, ("e1", 0, "open"))
    timelines = office.runtime.timelines
    read = timelines.index_of

    def then_run(*args: Any) -> Any:
        monkeypatch.setattr(timelines, "index_of", read)
        index = read(*args)
        office.match_again()
        return index

    monkeypatch.setattr(timelines, "index_of", then_run)
    page = read_deal_card(office.viewer("rep"), DealId("d1"), None, 100, office.runtime)
    assert (page.lines, page.coverage.gap) == ([], Gap.MATCHES_PENDING)
    assert (days(office), gap(office)) == ([2], None)


def test_a_run_reads_consistently_which_mailboxes_have_an_addresss_mail(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.mirror(mailbox, [received(2, MARCH + 2 * DAY)])
    deal_changed(office, ("e1", 0, "open"))
    get_many = office.runtime.table.get_many

    def stale(wanted: Any, *, consistent: bool = False) -> list[Item]:
        lately = set() if consistent else {"mailboxes"}
        items = get_many(wanted, consistent=consistent)
        return [
            {name: value for name, value in item.items() if name not in lately} for item in items
        ]

    with monkeypatch.context() as replica:
        replica.setattr(office.runtime.table, "get_many", stale)
        office.match_again()
    assert (days(office), gap(office)) == ([2], None)


def takes_kims_address(office: Mailboxes) -> None:
    office.tell("contact.upserted", MARCH, id="kim", name="Kim", emails=["new@x.example"])


def deletes_kim(office: Mailboxes) -> None:
    office.tell("contact.deleted", MARCH, id="kim")


def makes_kim_a_user(office: Mailboxes) -> None:
    office.tell("user.upserted", MARCH, id="boss", name="boss", emails=[BOSS, KIM])


@pytest.mark.parametrize("fact", [takes_kims_address, deletes_kim, makes_kim_a_user])
def test_a_fact_that_takes_mail_off_a_deal_makes_its_card_incomplete_until_it_is_matched(
    office: Mailboxes, mailbox: MailboxKey, fact: Callable[[Mailboxes], None]
) -> None:
    deal_changed(office, ("e1", 0, "open"))
    office.mirror(mailbox, [received(2, MARCH + 2 * DAY, to=[REP, LEE])])
    office.match_again()
    assert (days(office), gap(office)) == ([2], None)
    fact(office)
    assert gap(office) is Gap.MATCHES_PENDING
    office.match_again()
    assert (days(office), gap(office)) == ([], None)


def test_an_address_of_a_contact_who_was_on_the_deal_then_makes_its_card_incomplete(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    deal_changed(office, ("e1", 0, "open"))
    office.tell(
        "deal.upserted", MARCH + 10 * DAY, id="d1", name="", status="open", contact_ids=["zoe"]
    )
    office.mirror(mailbox, [received(2, MARCH + 2 * DAY, sender="k@home.example", to=[REP, LEE])])
    office.match_again()
    assert (days(office), gap(office)) == ([], None)
    address_is_gained(office)
    assert gap(office) is Gap.MATCHES_PENDING
    office.match_again()
    assert (days(office), gap(office)) == ([2], None)


def test_a_deal_that_a_fact_does_not_concern_stays_complete(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    deal_changed(office, ("e1", 0, "open"))
    office.match_again()
    office.tell("contact.upserted", id="n", name="N", emails=["n@new.example"])
    office.tell("deal.upserted", id="d2", name="", status="open", contact_ids=["n"])
    assert gap(office) is None


def test_more_lines_than_a_card_looks_at_count_for_every_deal(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.cards.matches_pending._MAX_LINES", 2)
    deal_changed(office, ("e1", 0, "open"))
    office.match_again()
    for number, expected in enumerate((None, None, Gap.MATCHES_PENDING)):
        email = f"n{number}@new.example"
        office.tell("contact.upserted", id=f"n{number}", name="N", emails=[email])
        assert gap(office) is expected


def test_a_thread_that_fails_is_scheduled_alone_and_stops_no_other(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.mirror(mailbox, [received(day, MARCH + day * DAY) for day in (2, 3)])
    deal_changed(office, ("e1", 0, "open"))
    refile, failed = ThreadWriter.refile, list[ThreadId]()

    def one_fails(writer: ThreadWriter, thread: ThreadId) -> None:
        failed.append(thread)
        if thread == failed[0]:
            raise Contended(thread)
        refile(writer, thread)

    with monkeypatch.context() as broken:
        broken.setattr(ThreadWriter, "refile", one_fails)
        office.match_again()
    assert len(days(office)) == 1
    shards = (office.runtime.due_threads.find(n, TODAY) for n in range(DUE_SHARDS))
    (due,) = [one for shard in shards for one in shard]
    tidy_thread(ThreadJob(office.account, due.thread, (due.reason,)), office.runtime)
    assert days(office) == [2, 3]


def test_looking_at_a_card_brings_a_run_whose_job_was_lost(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal_changed(office, ("e1", 0, "open"))
    sent = list[MatchJob]()
    monkeypatch.setattr(office.runtime.thread_queue, "send", sent.extend)
    assert gap(office) is Gap.MATCHES_PENDING
    assert sent == [MatchJob(office.account)]
