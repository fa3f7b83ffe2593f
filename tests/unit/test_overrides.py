"""What hands come to: they beat votes, the later beats the earlier, a message's its thread's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import Stamp
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.overrides import DealOverrides, Override, ThreadOverrides
from mailmirror.domain.threads import ThreadId
from tests.unit.test_deals import NOTHING, ORDER, RENEWAL, day

ONE, TWO = MessageKey("1"), MessageKey("2")
THIS, OTHER = ThreadId("this"), ThreadId("other")
REP = UserId("rep")


def attach(
    at: float = 0, deal: DealId = ORDER, message: MessageKey | None = None, id: str = "e"
) -> Override:
    return Override(Stamp(day(at), id), deal, True, REP, message)


def detach(
    at: float = 0, deal: DealId = ORDER, message: MessageKey | None = None, id: str = "e"
) -> Override:
    return Override(Stamp(day(at), id), deal, False, REP, message)


def of_message(
    message: MessageKey, *overrides: Override, matched: frozenset[DealId] = NOTHING
) -> frozenset[DealId]:
    """The deals that a message is on, when its thread's messages vote for these."""
    said = ThreadOverrides.of(overrides)
    return said.message_deals(message, said.thread_deals(matched))


def test_without_overrides_the_matches_decide() -> None:
    assert of_message(ONE) == NOTHING
    assert of_message(ONE, matched=frozenset({ORDER, RENEWAL})) == {ORDER, RENEWAL}


def test_a_detach_comes_before_the_match_of_its_deal_and_no_others() -> None:
    assert of_message(ONE, detach(), matched=frozenset({ORDER, RENEWAL})) == {RENEWAL}


def test_an_attach_needs_no_match() -> None:
    assert of_message(ONE, attach(), matched=frozenset({RENEWAL})) == {ORDER, RENEWAL}


def test_of_two_overrides_the_later_counts() -> None:
    assert of_message(ONE, detach(1), attach(2)) == {ORDER}
    assert of_message(ONE, attach(1), detach(2), matched=frozenset({ORDER})) == NOTHING


def test_of_two_overrides_at_one_instant_the_greater_event_id_counts() -> None:
    assert of_message(ONE, attach(id="b"), detach(id="a")) == {ORDER}
    assert of_message(ONE, attach(id="a"), detach(id="b")) == NOTHING


@pytest.mark.parametrize("later", [-1, 0, 1])
def test_an_override_on_a_message_comes_before_one_on_its_thread_whichever_is_later(
    later: float,
) -> None:
    overrides = [detach(), attach(later, message=ONE)]
    assert of_message(ONE, *overrides) == {ORDER}
    assert of_message(TWO, *overrides, matched=frozenset({ORDER})) == NOTHING
    overrides = [attach(), detach(later, message=ONE)]
    assert of_message(ONE, *overrides, matched=frozenset({ORDER})) == NOTHING
    assert of_message(TWO, *overrides) == {ORDER}


def test_an_override_on_a_message_is_about_its_deal_alone() -> None:
    overrides = [attach(), detach(deal=RENEWAL, message=ONE)]
    assert of_message(ONE, *overrides, matched=frozenset({RENEWAL})) == {ORDER}


def test_the_deals_that_single_messages_are_attached_to_are_reported() -> None:
    overrides = [attach(message=ONE), detach(deal=RENEWAL, message=ONE), attach(deal=RENEWAL)]
    assert ThreadOverrides.of(overrides).attached_messages == {ORDER}
    assert ThreadOverrides.of([*overrides, detach(1, message=ONE)]).attached_messages == NOTHING


def test_on_a_deal_each_thread_has_its_own_overrides() -> None:
    said = DealOverrides.of([(THIS, detach(1)), (OTHER, attach(2))])
    assert not said.shows(ONE, THIS, matched=True)
    assert said.shows(ONE, OTHER, matched=False)
    assert said.shows(ONE, ThreadId("third"), matched=True)
    assert not said.shows(ONE, ThreadId("third"), matched=False)


deals = st.sampled_from([ORDER, RENEWAL])
messages = st.sampled_from([ONE, TWO])
overrides = st.lists(
    st.builds(
        Override,
        st.builds(Stamp, st.integers(0, 2).map(day), st.sampled_from("abc")),
        deals,
        st.booleans(),
        st.just(REP),
        st.none() | messages,
    ),
    max_size=6,
)
matches = st.frozensets(deals)


@given(overrides, st.data())
def test_neither_the_order_of_overrides_nor_repeats_matter(
    given_overrides: list[Override], data: st.DataObject
) -> None:
    again = data.draw(st.permutations(given_overrides + given_overrides[:2]))
    assert ThreadOverrides.of(again) == ThreadOverrides.of(given_overrides)


@given(overrides, st.data())
def test_neither_the_order_of_a_deals_overrides_nor_repeats_matter(
    given_overrides: list[Override], data: st.DataObject
) -> None:
    placed = [(data.draw(st.sampled_from([THIS, OTHER])), override) for override in given_overrides]
    again = data.draw(st.permutations(placed + placed[:2]))
    assert DealOverrides.of(again) == DealOverrides.of(placed)


@given(overrides, overrides, deals, matches, messages)
def test_the_overrides_of_joined_threads_are_read_together(
    these: list[Override],
    others: list[Override],
    deal: DealId,
    matched: frozenset[DealId],
    message: MessageKey,
) -> None:
    """As if all had been given on the one thread, and for its card as for whoever files it."""
    placed = [(THIS, override) for override in [*these, *others] if override.deal == deal]
    shown = DealOverrides.of(placed).shows(message, THIS, matched=deal in matched)
    assert shown == (deal in of_message(message, *others, *these, matched=matched))


@given(overrides, matches, messages, deals)
def test_a_card_shows_what_is_indexed(
    given_overrides: list[Override], matched: frozenset[DealId], message: MessageKey, deal: DealId
) -> None:
    """Whether it starts from the votes or from the deals that the thread was filed on."""
    said = ThreadOverrides.of(given_overrides)
    on_thread = said.thread_deals(matched)
    card = DealOverrides.of(
        (THIS, override) for override in given_overrides if override.deal == deal
    )
    is_on = deal in said.message_deals(message, on_thread)
    assert card.shows(message, THIS, matched=deal in matched) == is_on
    assert card.shows(message, THIS, matched=deal in on_thread) == is_on


@given(overrides, matches, messages, deals, st.booleans())
def test_whatever_was_given_before_a_later_override_decides(
    before: list[Override],
    matched: frozenset[DealId],
    message: MessageKey,
    deal: DealId,
    attached: bool,
) -> None:
    last = Override(Stamp(day(9), "z"), deal, attached, REP, message)
    assert (deal in of_message(message, *before, last, matched=matched)) == attached
    on_thread = Override(Stamp(day(9), "z"), deal, attached, REP)
    assert (deal in ThreadOverrides.of([*before, on_thread]).thread_deals(matched)) == attached


@given(overrides, matches, matches, messages)
def test_no_match_changes_the_outcome_of_overrides(
    given_overrides: list[Override],
    matched: frozenset[DealId],
    anew: frozenset[DealId],
    message: MessageKey,
) -> None:
    said = {override.deal for override in given_overrides if override.message in (None, message)}
    before = of_message(message, *given_overrides, matched=matched)
    after = of_message(message, *given_overrides, matched=anew)
    assert before & said == after & said
    assert after - said == anew - said
