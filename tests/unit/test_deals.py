"""On which deals a message is, told from dated entries in whatever order they came."""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.deals import (
    DEAL_LOOKBACK,
    ContactId,
    Crm,
    Deal,
    DealId,
    DealPolicy,
    DealStatus,
    DealVersion,
    match_deals,
    match_thread,
)
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId

OPEN, WON, LOST, DELETED = DealStatus
KIM, LEE = ContactId("kim"), ContactId("lee")
KIM_ADDRESS, LEE_ADDRESS = Address("kim@customer.example"), Address("lee@customer.example")
REP = Address("rep@us.example")
ORDER, RENEWAL = DealId("order"), DealId("renewal")
NOTHING: frozenset[DealId] = frozenset()


def day(number: float) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number)


def version(
    at: float, status: DealStatus = OPEN, contacts: Set[ContactId] = frozenset({KIM}), id: str = "e"
) -> DealVersion:
    return DealVersion(day(at), id, "", status, frozenset(contacts))


def deal(*versions: DealVersion, id: DealId = ORDER) -> Deal:
    return Deal.of(id, versions)


def kims_match(
    at: float, *deals: Deal, policy: DealPolicy = DealPolicy.ONE_OPEN_DEAL
) -> frozenset[DealId]:
    return match_deals(day(at), {KIM}, deals, policy)


def test_a_message_matches_the_one_deal_that_was_open() -> None:
    assert kims_match(5, deal(version(0))) == {ORDER}


def test_a_message_is_matched_with_the_deal_at_its_instant() -> None:
    order = deal(version(0), version(10, WON))
    assert kims_match(9.99, order) == {ORDER}
    assert kims_match(10, order) == NOTHING


def test_a_deal_is_open_from_its_very_instant_on() -> None:
    assert kims_match(0, deal(version(0))) == {ORDER}


@pytest.mark.parametrize("closed", [WON, LOST, DELETED])
def test_a_deal_that_ended_keeps_the_mail_of_its_time_and_gets_no_more(closed: DealStatus) -> None:
    order = deal(version(0), version(10, closed))
    assert kims_match(5, order) == {ORDER}
    assert kims_match(11, order) == NOTHING


def test_a_deal_that_was_opened_again_gets_mail_again() -> None:
    order = deal(version(0), version(10, LOST), version(50))
    assert kims_match(60, order) == {ORDER}


def test_of_two_open_deals_one_open_deal_takes_neither_and_all_open_deals_both() -> None:
    deals = (deal(version(0)), deal(version(1), id=RENEWAL))
    assert kims_match(5, *deals) == NOTHING
    assert kims_match(5, *deals, policy=DealPolicy.ALL_OPEN_DEALS) == {ORDER, RENEWAL}


def test_the_policy_never_takes_none() -> None:
    assert kims_match(5, deal(version(0)), policy=DealPolicy.NEVER) == NOTHING


def test_a_deal_of_other_persons_does_not_count() -> None:
    others = deal(version(0, contacts={LEE}), id=RENEWAL)
    assert kims_match(5, others) == NOTHING
    assert kims_match(5, others, deal(version(0))) == {ORDER}


def test_a_message_before_the_deal_is_about_it_up_to_thirty_days_before() -> None:
    order = deal(version(30))
    assert timedelta(days=30) == DEAL_LOOKBACK
    assert kims_match(0, order) == {ORDER}
    assert match_deals(day(0) - timedelta(microseconds=1), {KIM}, [order]) == NOTHING


def test_of_later_openings_the_first_decides() -> None:
    assert kims_match(0, deal(version(3)), deal(version(2), id=RENEWAL)) == {RENEWAL}


def test_two_deals_that_open_first_together_are_two_open_deals() -> None:
    deals = (deal(version(2)), deal(version(2), id=RENEWAL))
    assert kims_match(0, *deals) == NOTHING
    assert kims_match(0, *deals, policy=DealPolicy.ALL_OPEN_DEALS) == {ORDER, RENEWAL}


def test_a_later_opening_does_not_count_where_some_deal_was_open() -> None:
    """Two were open, so there is no vote; a third that opens later does not change that."""
    open_then = (deal(version(-9)), deal(version(-8), id=RENEWAL))
    third = deal(version(2), id=DealId("third"))
    assert kims_match(0, *open_then, third) == NOTHING
    assert kims_match(0, open_then[0], third) == {ORDER}


def test_a_person_who_is_put_on_an_open_deal_brings_the_mail_of_the_days_before() -> None:
    order = deal(version(0, contacts={LEE}), version(10, contacts={LEE, KIM}))
    assert kims_match(5, order) == {ORDER}
    assert kims_match(-25, order) == NOTHING
    assert kims_match(12, order) == {ORDER}


def test_a_person_who_was_taken_off_the_deal_keeps_the_mail_of_their_time() -> None:
    order = deal(version(0, contacts={KIM, LEE}), version(10, contacts={LEE}))
    assert kims_match(5, order) == {ORDER}
    assert kims_match(11, order) == NOTHING


def test_of_two_versions_at_one_instant_the_one_with_the_later_stamp_is_in_force() -> None:
    for opened, lost in [
        (version(0, id="e1"), version(0, LOST, id="e2")),
        (version(0, id="9"), version(0, LOST, id="10")),
        (replace(version(0, id="e2"), accepted=1), replace(version(0, LOST, id="e1"), accepted=2)),
    ]:
        assert kims_match(5, deal(lost, opened)) == NOTHING
        assert deal(lost, opened).latest == lost


def test_not_even_versions_under_one_event_id_are_taken_in_the_order_of_their_arrival() -> None:
    kims, lees = version(0, contacts={KIM}), version(0, contacts={LEE})
    assert deal(kims, lees) == deal(lees, kims)


def test_a_message_at_the_end_of_the_calendar_matches() -> None:
    assert match_deals(datetime.max.replace(tzinfo=UTC), {KIM}, [deal(version(0))]) == {ORDER}


# A thread


MAILBOX = MailboxKey(AccountId("a"), MailboxId("m"))


def entry(
    at: float, *participants: Address, message: str = "m", others: Sequence[Address] = (REP,)
) -> Entry:
    everybody = frozenset({*participants, *others})
    return Entry(MAILBOX, MessageKey(message), "", ThreadId("t"), day(at), day(at), everybody)


def crm(
    *deals: Deal,
    team: Set[Address] = frozenset({REP}),
    policy: DealPolicy = DealPolicy.ONE_OPEN_DEAL,
) -> Crm:
    by_contact = {
        contact: [one for one in deals if any(contact in v.contacts for v in one.versions)]
        for contact in (KIM, LEE)
    }
    contacts = {KIM_ADDRESS: {KIM}, LEE_ADDRESS: {LEE}, REP: {ContactId("rep")}}
    return Crm(team, contacts, by_contact, policy)


def test_a_thread_is_on_the_deals_that_its_messages_match() -> None:
    order, renewal = deal(version(0), version(10, WON)), deal(version(10), id=RENEWAL)
    thread = [entry(5, KIM_ADDRESS, message="1"), entry(15, KIM_ADDRESS, message="2")]
    assert match_thread(thread, crm(order, renewal)) == {ORDER, RENEWAL}


def test_a_message_without_a_match_takes_nothing_from_another() -> None:
    thread = [entry(5, KIM_ADDRESS, message="1"), entry(5, message="2")]
    assert match_thread(thread, crm(deal(version(0)))) == {ORDER}


def test_a_thread_without_messages_is_on_no_deal() -> None:
    assert match_thread([], crm(deal(version(0)))) == NOTHING


def test_a_content_that_names_another_person_takes_a_message_off_no_deal() -> None:
    """A stranger who knows a Message-ID and Date can write one; programs that merge mail do."""
    order, renewal = deal(version(0)), deal(version(0, contacts={LEE}), id=RENEWAL)
    contents = [entry(5, KIM_ADDRESS), entry(5, KIM_ADDRESS, LEE_ADDRESS)]
    assert match_thread(contents, crm(order, renewal)) == {ORDER}
    letters = [entry(5, KIM_ADDRESS), entry(5, LEE_ADDRESS)]
    assert match_thread(letters, crm(order, renewal)) == {ORDER, RENEWAL}


@given(st.permutations([entry(5, KIM_ADDRESS), entry(7, LEE_ADDRESS), entry(9, KIM_ADDRESS)]))
def test_what_contents_match_does_not_depend_on_their_order(contents: list[Entry]) -> None:
    facts = crm(deal(version(0)), deal(version(8), id=RENEWAL))
    assert match_thread(contents, facts) == match_thread(contents[::-1], facts)
    assert match_thread(contents[:2], facts) <= match_thread(contents, facts)


def test_a_team_address_never_matches_a_person() -> None:
    order = deal(version(0, contacts={ContactId("rep")}))
    known = Crm(frozenset({REP}), {REP: {ContactId("rep")}}, {ContactId("rep"): [order]})
    assert match_thread([entry(5)], known) == NOTHING
    assert known.contacts_of(frozenset({REP})) == frozenset()


def test_a_deal_of_two_participants_is_one_deal() -> None:
    order = deal(version(0, contacts={KIM, LEE}))
    assert match_thread([entry(5, KIM_ADDRESS, LEE_ADDRESS)], crm(order)) == {ORDER}


def test_the_accounts_policy_holds_for_its_threads() -> None:
    deals = (deal(version(0)), deal(version(1), id=RENEWAL))
    for policy, expected in [
        (DealPolicy.ONE_OPEN_DEAL, NOTHING),
        (DealPolicy.ALL_OPEN_DEALS, {ORDER, RENEWAL}),
        (DealPolicy.NEVER, NOTHING),
    ]:
        assert match_thread([entry(5, KIM_ADDRESS)], crm(*deals, policy=policy)) == expected


days = st.integers(-40, 40)
persons = st.frozensets(st.sampled_from([KIM, LEE]))
versions = st.lists(
    st.builds(version, days, st.sampled_from(DealStatus), persons, st.sampled_from("12")),
    max_size=4,
)
entries = st.lists(
    st.builds(
        lambda at, participants, message: entry(at, *participants, message=message),
        days,
        st.frozensets(st.sampled_from([KIM_ADDRESS, LEE_ADDRESS])),
        st.sampled_from("123"),
    ),
    max_size=6,
)


@given(versions, versions, entries, st.sampled_from(DealPolicy), st.data())
def test_neither_the_order_of_mail_and_events_nor_repeats_change_a_threads_deals(
    ordered: list[DealVersion],
    renewed: list[DealVersion],
    thread: list[Entry],
    policy: DealPolicy,
    data: st.DataObject,
) -> None:
    def shuffled[T](some: list[T]) -> list[T]:
        return data.draw(st.permutations(some + some[:2]))

    told = crm(deal(*ordered), deal(*renewed, id=RENEWAL), policy=policy)
    again = crm(deal(*shuffled(renewed), id=RENEWAL), deal(*shuffled(ordered)), policy=policy)
    assert match_thread(shuffled(thread), again) == match_thread(thread, told)


@given(versions, versions, days)
def test_one_open_deal_matches_at_most_one_and_none_that_all_open_deals_leaves_out(
    ordered: list[DealVersion], renewed: list[DealVersion], at: int
) -> None:
    deals = (deal(*ordered), deal(*renewed, id=RENEWAL))
    one, every = (
        kims_match(at, *deals, policy=policy)
        for policy in (DealPolicy.ONE_OPEN_DEAL, DealPolicy.ALL_OPEN_DEALS)
    )
    assert one == (every if len(every) == 1 else NOTHING)
