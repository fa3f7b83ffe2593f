"""Overrides come before matches, the later before the earlier, a message's before its thread's."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.association import Left, Root, Run, Token
from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import MAX_ABSORBED_THREADS
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.overrides import Override, Reason, Standing, latest, standings
from mailmirror.domain.stamp import Stamp
from mailmirror.domain.threads import ThreadId
from tests.unit.test_deals import NOTHING, ORDER, RENEWAL, day

ONE, TWO = MessageKey("1"), MessageKey("2")
THIS, OTHER = ThreadId("this"), ThreadId("other")
REP = UserId("rep")
RUN = Run("run", day(0), day(1))


def attach(
    at: float = 0, deal: DealId = ORDER, message: MessageKey | None = None, id: str = "e"
) -> Override:
    return Override(Stamp(day(at), id), deal, True, REP, message)


def detach(
    at: float = 0, deal: DealId = ORDER, message: MessageKey | None = None, id: str = "e"
) -> Override:
    return Override(Stamp(day(at), id), deal, False, REP, message)


def thread(*overrides: Override, matched: frozenset[DealId] = NOTHING, id: ThreadId = THIS) -> Root:
    """A thread whose messages match these deals, and which then gets these overrides."""
    root = Root(id, deals=matched)
    for override in overrides:
        root = root.overridden(override, RUN)
    return root


def shown(root: Root, message: MessageKey) -> frozenset[DealId]:
    return frozenset(deal for deal in (ORDER, RENEWAL) if root.shows(message, deal))


def of_message(
    message: MessageKey, *overrides: Override, matched: frozenset[DealId] = NOTHING
) -> frozenset[DealId]:
    """The deals that a message is on, when its thread's messages match these."""
    return shown(thread(*overrides, matched=matched), message)


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


def test_of_two_overrides_at_one_instant_the_one_with_the_later_stamp_counts() -> None:
    assert of_message(ONE, attach(id="b"), detach(id="a")) == {ORDER}
    assert of_message(ONE, attach(id="a"), detach(id="b")) == NOTHING
    assert of_message(ONE, attach(id="10"), detach(id="9")) == {ORDER}
    later = Override(Stamp(day(0), "a", 2), ORDER, False, REP, None)
    assert of_message(ONE, later, Override(Stamp(day(0), "b", 1), ORDER, True, REP)) == NOTHING


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


def test_a_message_is_indexed_on_the_deals_it_is_attached_to() -> None:
    overrides = [attach(message=ONE), detach(deal=RENEWAL, message=ONE), attach(deal=RENEWAL)]
    root = thread(*overrides)
    assert root.deals_of(ONE) == {ORDER, RENEWAL}
    assert root.deals_of(TWO) == {RENEWAL}
    assert root.overridden(detach(1, message=ONE), RUN).deals_of(ONE) == {RENEWAL}


def test_what_is_attached_is_pending_until_it_is_indexed() -> None:
    root = thread(attach())
    assert root.pending == {Token(ORDER, RUN)}
    assert root.indexed(root.pending).pending == frozenset()
    assert thread(detach(), matched=frozenset({ORDER})).pending == frozenset()


def test_a_detached_deal_is_left_until_it_is_swept() -> None:
    root = thread(detach(), matched=frozenset({ORDER}))
    assert root.deals == NOTHING
    assert root.left == frozenset({Left(ORDER, day(1))})
    assert root.sweepable(day(0.5)) == frozenset()
    assert root.sweepable(day(1)) == root.left
    assert root.swept(root.left).left == frozenset()
    attached_again = root.overridden(attach(1), RUN)
    assert attached_again.deals == {ORDER}
    assert attached_again.left == frozenset()
    assert attached_again.pending == {Token(ORDER, RUN)}


def test_a_message_that_is_detached_again_is_swept_off_its_deal() -> None:
    root = thread(attach(message=ONE), detach(1, message=ONE))
    assert root.left == frozenset({Left(ORDER, day(1))})
    assert root.indexed_on == {ORDER}
    assert thread(detach(message=ONE)).left == frozenset(), "it never was there"


def test_an_override_counts_or_was_replaced_or_its_message_has_one_of_its_own() -> None:
    first, second, own = detach(1), attach(2), detach(0, message=ONE)
    others = [attach(3, deal=RENEWAL), attach(3, message=TWO)]
    given_overrides = [second, first, own, *others]
    found = standings(given_overrides, ONE)
    assert (found[first], found[second], found[own]) == (
        Standing.REPLACED,
        Standing.OUTRANKED,
        Standing.COUNTS,
    )
    assert found[others[0]] is Standing.COUNTS
    assert standings([second, first], ONE)[second] is Standing.COUNTS


def test_a_reason_says_who_or_what_and_of_what() -> None:
    assert [Reason.of(one) for one in (None, attach(), detach())] == [
        Reason.MATCH,
        Reason.THREAD_ATTACHED,
        Reason.THREAD_DETACHED,
    ]
    assert Reason.of(attach(message=ONE)) is Reason.MESSAGE_ATTACHED
    assert Reason.of(detach(message=ONE)) is Reason.MESSAGE_DETACHED


@pytest.mark.exceeds("MAX_ABSORBED_THREADS")
def test_a_thread_absorbs_no_more_than_its_bound() -> None:
    absorbed = frozenset(ThreadId(str(number)) for number in range(MAX_ABSORBED_THREADS - 1))
    winner = replace(Root(THIS), absorbed=absorbed)
    assert winner.may_absorb(Root(OTHER))
    full = winner.joined(Root(OTHER), RUN)
    assert len(full.absorbed) == MAX_ABSORBED_THREADS
    assert not full.may_absorb(Root(ThreadId("third")))


def test_a_root_that_redirects_never_changes() -> None:
    gone = Root(OTHER, version=3).redirected(THIS)
    assert (gone.redirect, gone.version) == (THIS, 4)
    with pytest.raises(ValueError, match="other"):
        gone.announced({ORDER}, RUN)


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


@given(overrides, matches, messages, st.data())
def test_neither_the_order_of_overrides_nor_repeats_matter(
    given_overrides: list[Override],
    matched: frozenset[DealId],
    message: MessageKey,
    data: st.DataObject,
) -> None:
    again = data.draw(st.permutations(given_overrides + given_overrides[:2]))
    one, other = thread(*again, matched=matched), thread(*given_overrides, matched=matched)
    assert one.overrides == other.overrides == latest(given_overrides)
    assert shown(one, message) == shown(other, message)


@given(overrides, matches, messages)
def test_what_decides_is_the_override_that_counts_and_without_one_the_match(
    given_overrides: list[Override], matched: frozenset[DealId], message: MessageKey
) -> None:
    root = thread(*given_overrides, matched=matched)
    concern = [one for one in given_overrides if one.message in (None, message)]
    found = standings(concern, message)
    for deal in (ORDER, RENEWAL):
        counting = [one for one in found if one.deal == deal and found[one] is Standing.COUNTS]
        said = root.decides(message, deal)
        assert counting == ([said] if said is not None else [])
        assert root.shows(message, deal) == (said.attached if said else deal in matched)
    assert root.deals_showing(message) == shown(root, message)


@given(overrides, overrides, matches, matches, messages)
def test_the_overrides_of_joined_threads_are_read_together(
    these: list[Override],
    others: list[Override],
    matched: frozenset[DealId],
    others_matched: frozenset[DealId],
    message: MessageKey,
) -> None:
    """As if all had been given on the one thread, once it is refiled."""
    winner = thread(*these, matched=matched)
    loser = thread(*others, matched=others_matched, id=OTHER)
    both = matched | others_matched
    joined = winner.joined(loser, RUN)
    assert shown(joined.refiled(both, 1, RUN), message) == of_message(
        message, *others, *these, matched=both
    )
    assert {token.deal for token in joined.pending} >= joined.deals


@given(overrides, matches, messages, deals)
def test_a_card_shows_what_is_indexed(
    given_overrides: list[Override], matched: frozenset[DealId], message: MessageKey, deal: DealId
) -> None:
    """Whether the overrides come after the deals were computed or before."""
    after = thread(*given_overrides, matched=matched)
    before = thread(*given_overrides).refiled(matched, 1, RUN)
    for root in (after, before, after.refiled(matched, 1, RUN)):
        assert root.shows(message, deal) == after.shows(message, deal)
        assert deal in root.deals_of(message) or not root.shows(message, deal)


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
    other = MessageKey("3")
    assert (deal in of_message(other, *before, on_thread, matched=matched)) == attached


@given(overrides, matches, matches, messages)
def test_no_match_changes_the_outcome_of_overrides(
    given_overrides: list[Override],
    matched: frozenset[DealId],
    anew: frozenset[DealId],
    message: MessageKey,
) -> None:
    said = {override.deal for override in given_overrides if override.message in (None, message)}
    root = thread(*given_overrides, matched=matched)
    before, after = shown(root, message), shown(root.refiled(anew, 1, RUN), message)
    assert before & said == after & said
    assert after - said == anew - said
