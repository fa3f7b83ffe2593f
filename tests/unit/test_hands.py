"""What hands come to: they beat votes, the later beats the earlier, a message's its thread's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import Stamp
from mailmirror.domain.hands import DealHands, Hand, Hands
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.threads import ThreadId
from tests.unit.test_deals import NOTHING, ORDER, RENEWAL, day

ONE, TWO = MessageKey("1"), MessageKey("2")
THIS, OTHER = ThreadId("this"), ThreadId("other")
REP = UserId("rep")


def attach(
    at: float = 0, deal: DealId = ORDER, message: MessageKey | None = None, id: str = "e"
) -> Hand:
    return Hand(Stamp(day(at), id), deal, True, REP, message)


def detach(
    at: float = 0, deal: DealId = ORDER, message: MessageKey | None = None, id: str = "e"
) -> Hand:
    return Hand(Stamp(day(at), id), deal, False, REP, message)


def of_message(
    message: MessageKey, *hands: Hand, voted: frozenset[DealId] = NOTHING
) -> frozenset[DealId]:
    """The deals that a message is on, when its thread's messages vote for these."""
    said = Hands.of(hands)
    return said.message_deals(message, said.thread_deals(voted))


def test_without_hands_the_votes_decide() -> None:
    assert of_message(ONE) == NOTHING
    assert of_message(ONE, voted=frozenset({ORDER, RENEWAL})) == {ORDER, RENEWAL}


def test_a_detach_beats_the_votes_for_its_deal_and_no_others() -> None:
    assert of_message(ONE, detach(), voted=frozenset({ORDER, RENEWAL})) == {RENEWAL}


def test_an_attach_needs_no_vote() -> None:
    assert of_message(ONE, attach(), voted=frozenset({RENEWAL})) == {ORDER, RENEWAL}


def test_of_two_hands_the_later_counts() -> None:
    assert of_message(ONE, detach(1), attach(2)) == {ORDER}
    assert of_message(ONE, attach(1), detach(2), voted=frozenset({ORDER})) == NOTHING


def test_of_two_hands_at_one_instant_the_greater_event_id_counts() -> None:
    assert of_message(ONE, attach(id="b"), detach(id="a")) == {ORDER}
    assert of_message(ONE, attach(id="a"), detach(id="b")) == NOTHING


@pytest.mark.parametrize("later", [-1, 0, 1])
def test_a_hand_on_a_message_beats_one_on_its_thread_be_it_earlier_or_later(later: float) -> None:
    hands = [detach(), attach(later, message=ONE)]
    assert of_message(ONE, *hands) == {ORDER}
    assert of_message(TWO, *hands, voted=frozenset({ORDER})) == NOTHING
    hands = [attach(), detach(later, message=ONE)]
    assert of_message(ONE, *hands, voted=frozenset({ORDER})) == NOTHING
    assert of_message(TWO, *hands) == {ORDER}


def test_a_hand_on_a_message_is_about_its_deal_alone() -> None:
    hands = [attach(), detach(deal=RENEWAL, message=ONE)]
    assert of_message(ONE, *hands, voted=frozenset({RENEWAL})) == {ORDER}


def test_the_deals_that_single_messages_are_attached_to_are_told() -> None:
    hands = [attach(message=ONE), detach(deal=RENEWAL, message=ONE), attach(deal=RENEWAL)]
    assert Hands.of(hands).attached_messages == {ORDER}
    assert Hands.of([*hands, detach(1, message=ONE)]).attached_messages == NOTHING


def test_on_a_deal_each_thread_has_its_own_hands() -> None:
    said = DealHands.of([(THIS, detach(1)), (OTHER, attach(2))])
    assert not said.shows(ONE, THIS, voted=True)
    assert said.shows(ONE, OTHER, voted=False)
    assert said.shows(ONE, ThreadId("third"), voted=True)
    assert not said.shows(ONE, ThreadId("third"), voted=False)


deals = st.sampled_from([ORDER, RENEWAL])
messages = st.sampled_from([ONE, TWO])
hands = st.lists(
    st.builds(
        Hand,
        st.builds(Stamp, st.integers(0, 2).map(day), st.sampled_from("abc")),
        deals,
        st.booleans(),
        st.just(REP),
        st.none() | messages,
    ),
    max_size=6,
)
votes = st.frozensets(deals)


@given(hands, st.data())
def test_neither_the_order_of_hands_nor_repeats_matter(
    given_hands: list[Hand], data: st.DataObject
) -> None:
    again = data.draw(st.permutations(given_hands + given_hands[:2]))
    assert Hands.of(again) == Hands.of(given_hands)


@given(hands, st.data())
def test_neither_the_order_of_a_deals_hands_nor_repeats_matter(
    given_hands: list[Hand], data: st.DataObject
) -> None:
    placed = [(data.draw(st.sampled_from([THIS, OTHER])), hand) for hand in given_hands]
    again = data.draw(st.permutations(placed + placed[:2]))
    assert DealHands.of(again) == DealHands.of(placed)


@given(hands, hands, deals, votes, messages)
def test_the_hands_of_joined_threads_are_read_together(
    these: list[Hand],
    others: list[Hand],
    deal: DealId,
    voted: frozenset[DealId],
    message: MessageKey,
) -> None:
    """As if all had been given on the one thread, and for its card as for whoever files it."""
    placed = [(THIS, hand) for hand in [*these, *others] if hand.deal == deal]
    shown = DealHands.of(placed).shows(message, THIS, voted=deal in voted)
    assert shown == (deal in of_message(message, *others, *these, voted=voted))


@given(hands, votes, messages, deals)
def test_a_card_shows_what_is_filed(
    given_hands: list[Hand], voted: frozenset[DealId], message: MessageKey, deal: DealId
) -> None:
    """Whether it starts from the votes or from the deals that the thread was filed on."""
    said = Hands.of(given_hands)
    on_thread = said.thread_deals(voted)
    card = DealHands.of((THIS, hand) for hand in given_hands if hand.deal == deal)
    is_on = deal in said.message_deals(message, on_thread)
    assert card.shows(message, THIS, voted=deal in voted) == is_on
    assert card.shows(message, THIS, voted=deal in on_thread) == is_on


@given(hands, votes, messages, deals, st.booleans())
def test_whatever_was_given_before_a_still_later_hand_decides(
    before: list[Hand], voted: frozenset[DealId], message: MessageKey, deal: DealId, attached: bool
) -> None:
    last = Hand(Stamp(day(9), "z"), deal, attached, REP, message)
    assert (deal in of_message(message, *before, last, voted=voted)) == attached
    on_thread = Hand(Stamp(day(9), "z"), deal, attached, REP)
    assert (deal in Hands.of([*before, on_thread]).thread_deals(voted)) == attached


@given(hands, votes, votes, messages)
def test_what_hands_have_said_no_vote_changes(
    given_hands: list[Hand],
    voted: frozenset[DealId],
    anew: frozenset[DealId],
    message: MessageKey,
) -> None:
    said = {hand.deal for hand in given_hands if hand.message in (None, message)}
    before = of_message(message, *given_hands, voted=voted)
    after = of_message(message, *given_hands, voted=anew)
    assert before & said == after & said
    assert after - said == anew - said
