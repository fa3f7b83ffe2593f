"""A message being sent only ever moves forward, whatever is told of it, and in which order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey, UserId
from mailmirror.domain.outbound import (
    GIVE_UP_AFTER,
    Attempt,
    BeingSent,
    Outbound,
    OutboundState,
    Recipient,
    RecipientState,
    Transport,
)
from mailmirror.domain.threads import ThreadId

KIM, LEE = "Kim@customer.example", "lee@customer.example"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINE = Attempt("mine", NOON + timedelta(minutes=6))
WHY = (DeliveryCode.GREYLISTED, "451 4.7.1 later")
RANKS = list(RecipientState)

states = st.sampled_from(RecipientState)
news = st.tuples(
    st.sampled_from([[KIM], [LEE], [KIM.upper(), LEE]]),
    st.sampled_from(
        [
            RecipientState.SENT,
            RecipientState.DELAYED,
            RecipientState.DELIVERED,
            RecipientState.COMPLAINED,
            RecipientState.BOUNCED,
            RecipientState.FAILED,
        ]
    ),
)


def outbound(*states: RecipientState, **fields: object) -> Outbound:
    key = MailboxKey(AccountId("a"), MailboxId("m"))
    recipients = tuple(
        Recipient(address, state)
        for address, state in zip([KIM, LEE], states or [RecipientState.WAITING] * 2, strict=False)
    )
    made = Outbound(
        account=key.account,
        id=MessageKey("1" * 32),
        mailbox=key,
        user=UserId("rep"),
        transport=Transport.SMTP,
        sender="rep@us.example",
        recipients=recipients,
        thread=ThreadId("t"),
        vertex=Vertex("v"),
        message_id="1@us.example",
        date=NOON,
        size=1,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def after(told: Sequence[tuple[Sequence[str], RecipientState]], one: Outbound) -> Outbound:
    for addresses, state in told:
        one = one.reported(addresses, state)
    return one


@given(st.lists(news, max_size=4), states, states)
def test_the_order_of_news_never_matters(
    told: list[tuple[list[str], RecipientState]], kim: RecipientState, lee: RecipientState
) -> None:
    one = outbound(kim, lee)
    assert len({after(order, one) for order in permutations(told)}) == 1


@given(st.lists(news, max_size=4), states, states)
def test_news_told_again_change_nothing(
    told: list[tuple[list[str], RecipientState]], kim: RecipientState, lee: RecipientState
) -> None:
    once = after(told, outbound(kim, lee))
    assert after(told, once) == once


@given(st.lists(news), states, states)
def test_news_never_move_a_recipient_back(
    told: list[tuple[list[str], RecipientState]], kim: RecipientState, lee: RecipientState
) -> None:
    before = outbound(kim, lee)
    for one, then in zip(before.recipients, after(told, before).recipients, strict=True):
        assert RANKS.index(then.state) >= RANKS.index(one.state)
        assert then.address == one.address


@given(states, states)
def test_the_state_follows_from_the_recipients_in_whatever_order_they_stand(
    kim: RecipientState, lee: RecipientState
) -> None:
    assert outbound(kim, lee).state is outbound(lee, kim).state
    assert outbound(kim, kim).state is outbound(kim).state


@pytest.mark.parametrize(
    ("recipients", "state"),
    [
        ("waiting waiting", "accepted"),
        ("submitting sent", "accepted"),
        ("unknown sent", "unknown"),
        ("unknown failed", "unknown"),
        ("sent sent", "sent"),
        ("sent delivered", "sent"),
        ("sent delayed", "delayed"),
        ("delivered delivered", "delivered"),
        ("delivered complained", "delivered"),
        ("sent bounced", "bounced"),
        ("sent failed", "bounced"),
        ("bounced bounced", "bounced"),
        ("failed failed", "failed"),
    ],
)
def test_the_state_of_the_message_is_that_of_whoever_is_worst_off(
    recipients: str, state: str
) -> None:
    assert outbound(*map(RecipientState, recipients.split())).state == state


def test_a_message_with_anybody_left_to_try_is_being_sent_once_an_attempt_has_begun() -> None:
    begun = outbound(RecipientState.WAITING, RecipientState.SENT).begun(MINE, NOON)
    assert (begun.state, begun.attempts) == (OutboundState.SENDING, 1)


def test_two_never_send_at_once_and_a_lease_that_expired_is_no_obstacle() -> None:
    begun = outbound().begun(MINE, NOON)
    other = Attempt("other", NOON + timedelta(minutes=12))
    with pytest.raises(BeingSent):
        begun.begun(other, MINE.until - timedelta(microseconds=1))
    assert begun.begun(other, MINE.until).attempt == other


def test_an_attempt_whose_beginning_was_written_twice_has_begun_once() -> None:
    begun = outbound().begun(MINE, NOON)
    assert begun.begun(MINE, NOON) == begun


def test_an_attempt_that_was_replaced_submits_nothing_and_ends_no_other() -> None:
    other = Attempt("other", NOON + timedelta(minutes=12))
    taken = outbound().begun(MINE, NOON).begun(other, MINE.until)
    with pytest.raises(BeingSent):
        taken.begin_submission([KIM], MINE)
    assert taken.ended(MINE) == taken
    assert taken.ended(other).attempt is None


def test_only_who_waits_is_submitting() -> None:
    one = outbound(RecipientState.WAITING, RecipientState.FAILED, attempt=MINE)
    handed = one.begin_submission([KIM, LEE], MINE)
    assert (handed.submitting, handed.waiting) == ([KIM], [])
    assert handed.not_accepted([KIM, LEE]) == one


@given(states, states)
def test_losing_sight_touches_only_who_was_submitting(
    kim: RecipientState, lee: RecipientState
) -> None:
    before = outbound(kim, lee)
    for one, then in zip(before.recipients, before.outcome_unknown().recipients, strict=True):
        if one.state is RecipientState.SUBMITTING:
            assert then.state is RecipientState.UNKNOWN
            assert then.code is DeliveryCode.OUTCOME_UNKNOWN
        else:
            assert then == one


@given(states)
def test_an_unknown_recipient_never_waits_again(state: RecipientState) -> None:
    one = outbound(RecipientState.UNKNOWN, RecipientState.WAITING, attempt=MINE)
    for then in (
        one.reported([KIM], state),
        one.not_accepted([KIM]),
        replace(one, attempts=1).deferred({KIM: WHY}, NOON),
        one.refused({KIM: WHY}),
        one.begin_submission([KIM], MINE),
    ):
        assert KIM not in then.waiting
        assert KIM not in then.submitting


@given(st.integers(1, 60))
def test_pauses_grow_to_an_hour_and_stay(attempts: int) -> None:
    def pause(number: int) -> timedelta:
        put_off = outbound(attempts=number).deferred({KIM: WHY}, NOON)
        assert put_off.next_attempt_at is not None
        return put_off.next_attempt_at - NOON

    assert pause(attempts) <= pause(attempts + 1) <= timedelta(hours=1)


@given(st.timedeltas(timedelta(), timedelta(days=2)), st.integers(1, 60))
def test_a_refusal_for_now_is_final_where_the_next_attempt_would_come_after_a_day(
    age: timedelta, attempts: int
) -> None:
    one = outbound(attempts=attempts).deferred({KIM: WHY}, NOON + age)
    kim = one.recipients[0]
    assert kim.reply == WHY[1]
    if one.next_attempt_at is None:
        assert (kim.state, kim.code) == (RecipientState.FAILED, DeliveryCode.TIMED_OUT)
        assert age > GIVE_UP_AFTER - timedelta(hours=1)
    else:
        assert (kim.state, kim.code) == (RecipientState.WAITING, WHY[0])
        assert one.next_attempt_at <= NOON + GIVE_UP_AFTER


def test_a_refusal_concerns_nobody_whom_it_does_not_name() -> None:
    one = outbound().refused({KIM: WHY})
    assert [each.state for each in one.recipients] == [
        RecipientState.FAILED,
        RecipientState.WAITING,
    ]


@given(states, states)
def test_a_message_can_be_cancelled_only_while_nothing_was_submitted(
    kim: RecipientState, lee: RecipientState
) -> None:
    everybody_waits = kim is lee is RecipientState.WAITING
    assert outbound(kim, lee).can_be_cancelled is everybody_waits
    assert not outbound(kim, lee, cancelled=True).can_be_cancelled


def test_a_message_that_was_taken_back_is_never_begun() -> None:
    cancelled = outbound(cancelled=True)
    assert cancelled.state is OutboundState.CANCELLED
    with pytest.raises(BeingSent):
        cancelled.begun(MINE, NOON)


@given(states, states)
def test_a_message_has_left_once_a_server_has_taken_it_for_anybody(
    kim: RecipientState, lee: RecipientState
) -> None:
    stayed = {
        RecipientState.WAITING,
        RecipientState.SUBMITTING,
        RecipientState.UNKNOWN,
        RecipientState.FAILED,
    }
    assert outbound(kim, lee).accepted_by_server is not ({kim, lee} <= stayed)


def test_sent_is_looked_at_five_times_and_then_no_more() -> None:
    one, pauses = outbound(RecipientState.UNKNOWN), []
    for _ in range(6):
        one = one.not_found_in_sent(NOON)
        pauses.append(one.next_attempt_at and one.next_attempt_at - NOON)
    assert pauses == [*(timedelta(minutes=n) for n in (1, 5, 15, 60)), None, None]
