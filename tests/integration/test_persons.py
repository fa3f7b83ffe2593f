"""A person's life: addresses come and go, leads are converted, contacts merged; cards follow."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from mailmirror.aws.queues import FeedJob
from mailmirror.domain.address import Address
from mailmirror.domain.coverage import Gap
from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.mailbox import AccountId, MailboxKey
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.table import Update
from mailmirror.usecases.cards import still_matched
from mailmirror.usecases.cards.read_card import Page, read_deal_card, read_person_card
from mailmirror.usecases.cards.read_message import attachment_link, read_message
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.operating.accounts import create_account
from tests.integration.copies import TODAY, Mailboxes
from tests.integration.office import KIM, LEE, MARCH, REP, STRANGER, letter
from tests.integration.stored_people import StoredPeople

DAY = timedelta(days=1)
HOME = "k@home.example"


@pytest.fixture
def office(runtime: Runtime, stored_people: StoredPeople) -> Mailboxes:
    runtime.now = lambda: TODAY
    return Mailboxes(runtime, stored_people)


@pytest.fixture
def mailbox(office: Mailboxes) -> MailboxKey:
    return office.open()


def received(
    number: int, sender: str, to: Sequence[str] = (REP,), replies_to: Sequence[int] = ()
) -> FetchedCopy:
    """A letter of a day of March."""
    at = MARCH + number * DAY
    raw = letter(number, sender, to, at=at, replies_to=replies_to)
    return FetchedCopy(number, at, raw.partition(b"\n\n")[0] + b"\n\n", raw)


def happens(office: Mailboxes, type: str, day: int, id: str, **data: object) -> None:
    office.tell(type, MARCH + day * DAY, id=id, **data)


def contact(office: Mailboxes, day: int, id: str, *emails: str, kind: str = "contact") -> None:
    happens(office, f"{kind}.upserted", day, id, name=id.title(), emails=list(emails))


def deal(office: Mailboxes, *contacts: str, id: str = "d1", day: int = 0) -> None:
    happens(
        office, "deal.upserted", day, id, name="Deal", status="open", contact_ids=list(contacts)
    )


def page(office: Mailboxes, kind: str, id: str) -> Page:
    ref = PersonRef(PersonKind(kind), id)
    return read_person_card(office.viewer("rep"), ref, None, 100, office.runtime)


def letters(found: Page) -> list[int]:
    return sorted(int(line.summary.subject.removeprefix("Letter ")) for line in found.lines)


def card(office: Mailboxes, id: str, kind: str = "contact") -> list[int]:
    return letters(page(office, kind, id))


def deal_page(office: Mailboxes, id: str = "d1") -> Page:
    return read_deal_card(office.viewer("rep"), DealId(id), None, 100, office.runtime)


def on_deal(office: Mailboxes, id: str = "d1") -> list[int]:
    return letters(deal_page(office, id))


def has_card(office: Mailboxes, id: str, kind: str = "contact") -> bool:
    try:
        page(office, kind, id)
    except Refused as refusal:
        if refusal.code is not Code.NOT_FOUND:
            raise
        return False
    return True


def refused(office: Mailboxes) -> list[tuple[str, str, bool, bool]]:
    listed = office.runtime.feed.refused(office.account, office.runtime.now())
    return [(one.code.value, one.detail, one.gap, one.applied) for one in listed]


def index(office: Mailboxes, address: str) -> set[str]:
    """The persons that the index names for an address, checked or not."""
    item = office.runtime.table.get(keys.address(office.account, Address(address)))
    return set(item.get("persons", ())) if item else set()


def test_a_converted_lead_and_its_contact_show_the_mail_of_both(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    contact(office, 0, "lena", STRANGER, kind="lead")
    office.mirror(mailbox, [received(1, STRANGER), received(2, KIM)])
    deal(office, "kim")
    office.match_again()
    assert (card(office, "lena", "lead"), card(office, "kim"), on_deal(office)) == ([1], [2], [2])
    assert page(office, "lead", "lena").redirected_to is None
    happens(office, "lead.converted", 3, "lena", contact_id="kim")
    kim = PersonRef(PersonKind.CONTACT, "kim")
    found = page(office, "lead", "lena")
    assert (letters(found), found.redirected_to) == ([1, 2], kim)
    assert page(office, "contact", "kim").redirected_to is None
    assert card(office, "kim") == [1, 2]
    assert deal_page(office).coverage.gap is Gap.MATCHES_PENDING
    office.match_again()
    assert on_deal(office) == [1, 2]
    contact(office, 4, "kim", KIM)
    assert (card(office, "kim"), card(office, "lena", "lead"), on_deal(office)) == ([2], [2], [2])


def test_a_detach_sticks_through_conversion_and_merge(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    contact(office, 0, "lena", STRANGER, kind="lead")
    office.mirror(mailbox, [received(1, STRANGER), received(2, KIM), received(3, LEE)])
    deal(office, "kim")
    office.match_again()
    (line,) = page(office, "contact", "kim").lines
    taken_off = {"deal_id": "d1", "user_id": "rep", "thread_id": line.thread}
    happens(office, "association.detached", 3, "x", **taken_off)
    happens(office, "lead.converted", 4, "lena", contact_id="kim")
    happens(office, "contact.merged", 5, "kim", winner_id="lee")
    office.match_again()
    assert card(office, "lee") == [1, 2, 3]
    assert on_deal(office) == [1, 3]


def test_deals_of_a_merged_contact_have_the_mail_of_the_other_until_they_part(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    office.mirror(mailbox, [received(1, KIM), received(2, LEE)])
    deal(office, "kim")
    office.match_again()
    assert on_deal(office) == [1]
    happens(office, "contact.merged", 3, "kim", winner_id="lee")
    assert deal_page(office).coverage.gap is Gap.MATCHES_PENDING
    office.match_again()
    assert (card(office, "lee"), card(office, "kim"), on_deal(office)) == ([1, 2], [1, 2], [1, 2])
    assert index(office, KIM) == {"contact/kim"}
    contact(office, 4, "kim", KIM)
    assert (card(office, "lee"), card(office, "kim")) == ([2], [1])
    assert on_deal(office) == [1]
    office.match_again()
    assert (on_deal(office), deal_page(office).coverage.gap) == ([1], None)


def test_a_merge_that_comes_before_its_contact_waits_for_it_and_is_listed(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    office.mirror(mailbox, [received(1, KIM)])
    happens(office, "contact.merged", 3, "kim", winner_id="new")
    assert card(office, "kim") == [1]
    assert not has_card(office, "new")
    assert refused(office) == [("contact_unknown", "data.winner_id: new", False, True)]
    contact(office, 2, "new", HOME)
    assert (card(office, "new"), card(office, "kim")) == ([1], [1])
    assert page(office, "contact", "kim").redirected_to == PersonRef(PersonKind.CONTACT, "new")


def test_a_circle_of_merges_is_listed_and_loses_no_mail(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    contact(office, 0, "new", HOME)
    office.mirror(mailbox, [received(1, KIM), received(2, LEE), received(3, HOME)])
    merges = [("kim", "lee", 5), ("lee", "new", 6), ("new", "kim", 7)]
    random.Random(18).shuffle(merges)
    for id, winner, day in merges:
        happens(office, "contact.merged", day, id, winner_id=winner)
    assert [card(office, id) for id in ("kim", "lee", "new")] == [[1, 2, 3]] * 3
    path = "contact/kim → contact/lee → contact/new → contact/kim"
    assert refused(office) == [("redirects_in_circle", f"data.winner_id: {path}", False, True)]
    happens(office, "contact.merged", 8, "kim", winner_id="kim")
    assert refused(office)[0][:2] == ("invalid_field", "data.winner_id: the contact itself")
    assert card(office, "kim") == [1, 2, 3]


def test_a_deleted_person_has_no_mail_and_has_it_again_when_restored(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    office.mirror(mailbox, [received(1, KIM), received(2, LEE)])
    deal(office, "kim")
    office.match_again()
    happens(office, "contact.deleted", 3, "kim")
    assert not has_card(office, "kim")
    assert on_deal(office) == []
    assert index(office, KIM) == set()
    office.match_again()
    assert on_deal(office) == []
    contact(office, 4, "kim", KIM)
    assert card(office, "kim") == [1]
    office.match_again()
    assert on_deal(office) == [1]


@pytest.mark.parametrize("matched_again", [False, True])
def test_an_address_that_is_taken_from_a_person_is_off_deals_at_once(
    office: Mailboxes, mailbox: MailboxKey, matched_again: bool
) -> None:
    contact(office, 0, "kim", KIM, HOME)
    office.mirror(
        mailbox,
        [received(1, KIM), received(2, HOME, replies_to=[1]), received(3, HOME), received(4, HOME)],
    )
    deal(office, "kim")
    office.match_again()
    assert on_deal(office) == [1, 2, 3, 4]
    attached = next(one for one in deal_page(office).lines if one.instant == MARCH + 4 * DAY)
    put = {"deal_id": "d1", "user_id": "rep", "thread_id": attached.thread}
    happens(office, "association.attached", 5, "x", **put)
    contact(office, 6, "kim", KIM)
    if matched_again:
        office.match_again()
    assert card(office, "kim") == [1]
    assert on_deal(office) == [1]
    contact(office, 7, "kim", KIM, HOME)
    assert {2, 4} <= set(on_deal(office))
    office.match_again()
    assert on_deal(office) == [1, 2, 3, 4]


def test_of_two_persons_with_an_address_one_loses_it_from_their_own_card_and_deals(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    contact(office, 0, "kim", KIM, HOME)
    contact(office, 0, "lee", LEE, HOME)
    office.mirror(mailbox, [received(1, HOME), received(2, REP, [HOME], replies_to=[1])])
    deal(office, "kim", day=0)
    office.match_again()
    assert (card(office, "kim"), card(office, "lee"), on_deal(office)) == ([1, 2], [1, 2], [1, 2])
    contact(office, 3, "kim", KIM)
    assert (card(office, "kim"), card(office, "lee")) == ([], [1, 2])
    assert on_deal(office) == []
    office.match_again()
    assert on_deal(office) == []
    assert index(office, HOME) == {"contact/lee"}


@pytest.mark.parametrize("limit", ["_MAX_MATCHED_ENTRIES", "_MAX_MATCHED_THREADS"])
def test_what_is_too_much_for_a_page_is_shown_until_its_change_is_worked_off(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    contact(office, 0, "kim", KIM, HOME)
    contact(office, 0, "lee", LEE, HOME)
    office.mirror(
        mailbox, [received(1, HOME), received(2, HOME, replies_to=[1]), received(3, HOME)]
    )
    deal(office, "kim")
    office.match_again()
    monkeypatch.setattr(still_matched, limit, 1)
    contact(office, 3, "kim", KIM)
    # The newest thread is matched first: with the one limit it is short, with the other the only.
    assert (on_deal(office), deal_page(office).coverage.gap) == ([1, 2], Gap.MATCHES_PENDING)
    office.match_again()
    assert on_deal(office) == []


def test_a_page_reads_its_addresses_at_once(office: Mailboxes, mailbox: MailboxKey) -> None:
    def requests() -> int:
        before = office.runtime.table.meter.requests
        assert deal_page(office).lines
        return office.runtime.table.meter.requests - before

    office.mirror(mailbox, [received(1, KIM)])
    deal(office, "kim")
    office.match_again()
    office.runtime.people.team_addresses(office.account)
    with_one = requests()
    office.mirror(mailbox, [received(n, KIM, [REP, LEE]) for n in range(2, 40)])
    office.match_again()
    assert requests() == with_one


def test_a_message_whose_participant_became_a_persons_later_is_on_the_deal(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    """Its entry names the participants that a person had when it was put there."""
    contact(office, 0, "guest", HOME)
    office.mirror(mailbox, [received(1, KIM), received(2, STRANGER, [HOME], replies_to=[1])])
    deal(office, "kim")
    office.match_again()
    assert on_deal(office) == [1, 2]
    contact(office, 3, "guest")
    assert on_deal(office) == [1]
    contact(office, 4, "late", STRANGER)
    assert on_deal(office) == [1, 2]
    office.match_again()
    assert on_deal(office) == [1, 2]


def test_a_message_of_no_person_cannot_be_read_until_a_person_has_it_again(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    office.mirror(mailbox, [received(1, KIM), received(2, KIM)])
    deal(office, "kim")
    office.match_again()
    viewer = office.viewer("rep")
    attached, other = (line.summary.message for line in page(office, "contact", "kim").lines)
    put = {"deal_id": "d1", "user_id": "rep", "message_id": attached}
    happens(office, "association.attached", 3, "x", **put)
    happens(office, "contact.deleted", 4, "kim")
    for read in (
        lambda: read_message(viewer, attached, office.runtime),
        lambda: read_message(viewer, other, office.runtime),
        lambda: attachment_link(viewer, other, 0, office.runtime),
    ):
        with pytest.raises(Refused) as hidden:
            read()
        assert (hidden.value.code, hidden.value.detail) == (Code.NOT_FOUND, "")
    assert on_deal(office) == []
    contact(office, 5, "other", KIM, kind="lead")
    assert on_deal(office) == [2]
    assert read_message(viewer, other, office.runtime).line.summary.message == other


def test_a_merges_line_names_what_its_contact_has_gained_meanwhile(
    office: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = office.runtime.change_log
    write = log.write

    def raced(*args: Any) -> None:
        monkeypatch.undo()
        contact(office, 1, "lee", LEE, HOME)
        write(*args)

    monkeypatch.setattr(log, "write", raced)
    happens(office, "contact.merged", 2, "kim", winner_id="lee")
    merge = log.lines(office.account, log.head(office.account) - 1, 1)[0].change
    assert (merge.gained, merge.lost) == ({KIM, LEE, HOME}, set())


def test_each_address_whose_persons_change_has_the_line_of_the_change(office: Mailboxes) -> None:
    """A sync that has read them before refiles its thread by it."""

    def lines() -> list[int]:
        known = office.runtime.people.known(office.account, [Address(KIM), Address(LEE)])
        head = office.runtime.change_log.head(office.account)
        return [known[Address(one)].line - head for one in (KIM, LEE)]

    happens(office, "contact.merged", 1, "kim", winner_id="lee")
    assert lines() == [0, 0]
    contact(office, 2, "other", HOME)
    assert lines() == [-1, -1]
    contact(office, 3, "lee", LEE)
    assert lines() == [0, -2]


def test_a_repeated_merge_changes_nothing_and_is_listed_as_before(office: Mailboxes) -> None:
    raw = {
        "id": "m",
        "type": "contact.merged",
        "occurred_at": MARCH.isoformat(),
        "data": {"id": "kim", "winner_id": "new"},
    }
    for accepted in (7, 8):
        apply_event(FeedJob(office.account, raw, accepted=accepted), office.runtime)
        assert refused(office) == [("contact_unknown", "data.winner_id: new", False, True)]
    contact(office, 2, "new", HOME)
    head = office.runtime.change_log.head(office.account)
    apply_event(FeedJob(office.account, raw, accepted=9), office.runtime)
    assert office.runtime.change_log.head(office.account) == head
    assert refused(office) == []
    assert page(office, "contact", "kim").redirected_to is not None


def test_a_hundred_changes_leave_nothing_in_the_index(office: Mailboxes) -> None:
    for n in range(50):
        happens(office, "contact.upserted", 1, "kim", name="Kim", emails=[KIM, HOME])
        happens(office, "contact.upserted", 1, "kim", name="Kim", emails=[KIM])
        assert index(office, HOME) == set(), n
    happens(office, "contact.merged", 2, "kim", winner_id="lee")
    happens(office, "contact.merged", 3, "kim", winner_id="new")
    contact(office, 4, "kim")
    assert index(office, KIM) == set()
    for id in ("lee", "new"):
        ref = PersonRef(PersonKind.CONTACT, id)
        item = office.runtime.people._table.get(keys.person(office.account, ref))
        assert item is not None
        assert "redirecting" not in item


@pytest.mark.parametrize(("id", "day"), [("first", 1), ("second", 2)])
def test_an_address_that_its_index_has_lost_is_named_again_by_a_repeat_and_by_a_later_event(
    office: Mailboxes, id: str, day: int
) -> None:
    """The line of the log has verdicts and matches that were given meanwhile given again."""

    def raw(id: str, day: int) -> dict[str, Any]:
        return {
            "id": id,
            "type": "contact.upserted",
            "occurred_at": (MARCH + day * DAY).isoformat(),
            "data": {"id": "new", "name": "New", "emails": [HOME, "n@else.example"]},
        }

    account, log = office.account, office.runtime.change_log
    apply_event(FeedJob(account, raw("first", 1)), office.runtime)
    office.runtime.table.write(deletes=[keys.address(account, Address(HOME))])
    assert index(office, HOME) == set()
    head = log.head(account)
    apply_event(FeedJob(account, raw(id, day)), office.runtime)
    assert index(office, HOME) == {"contact/new"}
    (line,) = log.lines(account, head, 10)
    assert (line.change.gained, line.change.lost) == ({HOME}, set())
    assert office.runtime.people.known(account, [Address(HOME)])[Address(HOME)].line == head + 1


def test_an_event_that_changes_no_address_writes_none(
    office: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact(office, 1, "kim", KIM)
    table, written = office.runtime.table, list[str]()
    update = table.update

    def noted(one: Update) -> Any:
        written.append(one.key[keys.PK])
        return update(one)

    monkeypatch.setattr(table, "update", noted)
    head = office.runtime.change_log.head(office.account)
    contact(office, 2, "kim", KIM)
    assert office.runtime.change_log.head(office.account) == head
    assert not [one for one in written if "#address#" in one]
    contact(office, 3, "kim", KIM, HOME)
    assert [one for one in written if "#address#" in one] == [
        keys.address(office.account, Address(HOME))[keys.PK]
    ]


@pytest.mark.exceeds("MAX_JOINED_RECORDS")
@pytest.mark.parametrize("in_a_row", [False, True])
def test_a_merge_beyond_the_limit_is_listed_and_both_keep_their_cards(
    in_a_row: bool, office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.domain.persons.MAX_JOINED_RECORDS", 5)
    office.mirror(mailbox, [received(1, KIM), received(2, STRANGER)])
    joined = [f"c{n}" for n in range(5)]
    for id, winner in zip(joined, ["kim", *joined] if in_a_row else ["kim"] * 5, strict=False):
        contact(office, 1, id, f"{id}@x.example")
        happens(office, "contact.merged", 2, id, winner_id=winner)
    contact(office, 3, "more", STRANGER)
    happens(office, "contact.merged", 4, "more", winner_id=joined[-1])
    assert refused(office) == [("too_many_joined", f"data.winner_id: {joined[-1]}", True, False)]
    assert (card(office, "kim"), card(office, "more")) == ([1], [2])
    assert page(office, "contact", joined[-1]).redirected_to == PersonRef(PersonKind.CONTACT, "kim")
    # The remedy: its addresses are the contact's.
    contact(office, 5, "more")
    contact(office, 5, "kim", KIM, STRANGER)
    assert (card(office, "kim"), card(office, "more")) == ([1, 2], [])
    # One that takes the place of another is no further one.
    happens(office, "contact.merged", 6, joined[-1], winner_id="lee")
    assert page(office, "contact", joined[-1]).redirected_to == PersonRef(PersonKind.CONTACT, "lee")


@pytest.mark.parametrize("length", [2, 3, 5])
def test_merges_in_a_circle_end_in_one_card_in_whatever_order_they_come(
    length: int, runtime: Runtime
) -> None:
    ids = [f"c{n}" for n in range(length)]
    merges = [(n, ids[n], ids[(n + 1) % length]) for n in range(length)]
    orders = list(permutations(merges)) if length < 5 else [merges, merges[::-1]]
    for order in orders:
        account = create_account("Test", runtime).account_id
        for number, id in enumerate(ids):
            data = {"id": id, "emails": [f"{id}@x.example"]}
            tell(account, runtime, f"u{number}", "contact.upserted", MARCH, data)
        for number, id, winner in order:
            at = MARCH + (number + 1) * DAY
            data = {"id": id, "winner_id": winner}
            tell(account, runtime, f"m{number}", "contact.merged", at, data)
        found = runtime.people.find_many(account, [PersonRef(PersonKind.CONTACT, id) for id in ids])
        assert {one.ref.id for one in found.values()} == {ids[0]}, order
        assert len(found) == length
        assert {len(one.emails) for one in found.values()} == {length}
        # Named once: the last to come closed it.
        listed = runtime.feed.refused(account, runtime.now())
        assert [one.code for one in listed] == [Code.REDIRECTS_IN_CIRCLE], order
        # The remedy: a contact that is sent again has a card of its own.
        data = {"id": ids[1], "emails": ["own@x.example"]}
        tell(account, runtime, "own", "contact.upserted", MARCH + 30 * DAY, data)
        own = runtime.people.find(account, PersonRef(PersonKind.CONTACT, ids[1]))
        assert own is not None
        assert own.ref.id == ids[1]
        assert "own@x.example" in own.emails


def test_a_merge_into_itself_is_a_gap_and_changes_nothing(office: Mailboxes) -> None:
    head = office.runtime.change_log.head(office.account)
    happens(office, "contact.merged", 2, "kim", winner_id="kim")
    ((code, detail, gap, applied),) = refused(office)
    assert (code, gap, applied) == ("invalid_field", True, False)
    assert "winner_id" in detail
    assert office.runtime.change_log.head(office.account) == head
    assert has_card(office, "kim")


def test_contradictions_of_one_instant_end_alike_in_each_order(runtime: Runtime) -> None:
    """Upserted twice, deleted and merged, all at one instant: the greater ids count."""
    told: Sequence[tuple[int, str, dict[str, Any]]] = (
        (1, "contact.upserted", {"id": "a", "emails": ["one@x.example"]}),
        (2, "contact.deleted", {"id": "a"}),
        (3, "contact.merged", {"id": "a", "winner_id": "b"}),
        (4, "contact.upserted", {"id": "a", "emails": ["two@x.example"]}),
    )
    ends = set()
    for order in permutations(told):
        account = create_account("Test", runtime).account_id
        tell(account, runtime, 0, "contact.upserted", MARCH, {"id": "b", "emails": []})
        for id, type, data in [*order, order[0]]:
            tell(account, runtime, id, type, MARCH, data)
        refs = [PersonRef(PersonKind.CONTACT, id) for id in "ab"]
        found = runtime.people.find_many(account, refs)
        ends.add(tuple((ref.id, one.ref.id, tuple(one.emails)) for ref, one in found.items()))
        assert runtime.feed.refused(account, runtime.now()) == []
    ((*end,),) = ends
    assert sorted(end) == [("a", "a", ("two@x.example",)), ("b", "b", ())]


def tell(
    account: AccountId,
    runtime: Runtime,
    id: str | int,
    type: str,
    at: datetime,
    data: dict[str, Any],
) -> None:
    raw = {"id": id, "type": type, "occurred_at": at.isoformat(), "data": data}
    apply_event(FeedJob(account, raw), runtime)


EVENTS: Sequence[tuple[str, int, str, dict[str, Any]]] = (
    ("lead.upserted", 1, "a", {"emails": ["l@x.example", "x@x.example"]}),
    ("contact.upserted", 1, "a", {"emails": ["a@x.example", "x@x.example"]}),
    ("contact.upserted", 1, "b", {"emails": ["b@x.example"]}),
    ("contact.upserted", 2, "c", {"emails": ["c@x.example"]}),
    ("lead.converted", 2, "a", {"contact_id": "a"}),
    ("contact.merged", 3, "a", {"winner_id": "b"}),
    ("contact.deleted", 3, "a", {}),
    ("contact.merged", 3, "b", {"winner_id": "c"}),
    ("contact.merged", 4, "c", {"winner_id": "a"}),
    ("contact.merged", 5, "d", {"winner_id": "e"}),
    ("contact.upserted", 5, "d", {"emails": ["d@x.example"]}),
    ("contact.upserted", 6, "b", {"emails": ["b@x.example", "x@x.example"]}),
    ("contact.deleted", 6, "f", {}),
    ("contact.merged", 6, "f", {"winner_id": "b"}),
)


def stored(runtime: Runtime, order: Sequence[int]) -> object:
    """What a new account's people are once it was sent the events in this order."""
    account = create_account("Test", runtime).account_id
    for n in order:
        type, day, id, data = EVENTS[n]
        at: datetime = MARCH + day * DAY
        raw = {"id": n, "type": type, "occurred_at": at.isoformat(), "data": {"id": id, **data}}
        apply_event(FeedJob(account, raw), runtime)
    refs = [PersonRef(kind, id) for kind in PersonKind for id in "abcdef"]
    found = {ref: runtime.people.find(account, ref) for ref in refs}
    addresses = [Address(f"{name}@x.example") for name in "abcdlx"]
    known = runtime.people.known(account, addresses)
    indexed = {
        one: (runtime.table.get(keys.address(account, one)) or {}).get("persons")
        for one in addresses
    }
    return (
        {ref: one and (one.ref, one.emails, one.redirecting) for ref, one in found.items()},
        {address: (set(one.persons), one.contacts) for address, one in known.items()},
        indexed,
    )


def test_events_in_any_order_store_the_same_persons(runtime: Runtime) -> None:
    order = list(range(len(EVENTS)))
    first = stored(runtime, order)
    for seed in range(6):
        random.Random(seed).shuffle(order)
        assert stored(runtime, [*order, *order[:3]]) == first, order
