"""What keeps a message off the card of a lead or contact, by all that persons have said of it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.card_overrides import CardOverride, Scope, keeping_off
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.threads import ThreadId

KIM = PersonRef(PersonKind.CONTACT, "kim")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
THREAD, OTHER = ThreadId("t"), ThreadId("u")
ONE, TWO = MessageKey("1"), MessageKey("2")


def said(
    hour: int,
    *,
    on: bool,
    message: MessageKey | None = None,
    scope: Scope = Scope.ACCOUNT,
    thread: ThreadId = THREAD,
) -> CardOverride:
    at = NOON + timedelta(hours=hour)
    return CardOverride(KIM, thread, message, on, scope, UserId("rep"), at)


def off(*overrides: CardOverride, message: MessageKey = ONE) -> list[CardOverride]:
    return list(keeping_off(overrides, THREAD, message))


def test_a_message_is_on_its_card_without_an_override() -> None:
    assert off() == []


def test_an_override_on_a_thread_takes_off_each_message_of_it_and_no_other() -> None:
    whole = said(0, on=False)
    assert off(whole) == off(whole, message=TWO) == [whole]
    assert off(said(0, on=False, thread=OTHER)) == []


def test_an_override_on_a_message_comes_before_one_on_its_thread_whichever_is_later() -> None:
    for hour in (-1, 1):
        single = said(hour, on=True, message=ONE)
        whole = said(0, on=False)
        assert off(whole, single) == []
        assert off(whole, single, message=TWO) == [whole]


def test_the_later_of_two_on_joined_threads_counts() -> None:
    assert off(said(0, on=False), said(1, on=True)) == []
    later = said(2, on=False)
    assert off(said(1, on=True), later) == [later]


def test_putting_back_in_one_scope_leaves_the_other() -> None:
    own = said(0, on=False, scope=Scope.OWNER)
    everyones = said(0, on=False)
    assert off(everyones, own) == [everyones, own]
    assert off(everyones, said(1, on=True, scope=Scope.OWNER)) == [everyones]
    assert off(said(1, on=True), own) == [own]


OVERRIDES = st.builds(
    said,
    st.integers(0, 50),
    on=st.booleans(),
    message=st.sampled_from([None, ONE, TWO]),
    scope=st.sampled_from(Scope),
    thread=st.sampled_from([THREAD, OTHER]),
)


@given(st.lists(OVERRIDES, unique_by=lambda one: one.at))
def test_the_order_in_which_overrides_are_read_does_not_matter(
    overrides: list[CardOverride],
) -> None:
    shuffled = sorted(overrides, key=lambda one: (one.on, one.at))
    for message in (ONE, TWO):
        assert off(*overrides, message=message) == off(*shuffled, message=message)


@given(st.lists(OVERRIDES, unique_by=lambda one: one.at))
def test_what_was_said_last_of_a_message_in_each_scope_decides(
    overrides: list[CardOverride],
) -> None:
    last = [
        said(100, on=True, message=ONE, scope=Scope.ACCOUNT),
        said(101, on=True, message=ONE, scope=Scope.OWNER),
    ]
    assert off(*overrides, *last) == []
    taken = said(102, on=False, message=ONE, scope=Scope.OWNER)
    assert off(*overrides, *last, taken) == [taken]
