"""What a person attaches or detaches by hand stays so, whatever mail, mailbox and CRM do next."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from mailmirror.aws.queues import FeedJob
from mailmirror.domain.address import Address
from mailmirror.domain.deals import DealId
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.overrides import Override as GivenOverride
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.usecases.cards.read_card import Line
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.mailboxes.change_mailbox import erase
from mailmirror.usecases.threads.set_override import PlacedOverride, give_override, set_override
from tests.integration.interruptions import Killed, before_write
from tests.integration.office import BOSS, KIM, LEE, MARCH, REP, Clock, Office, letter, subjects
from tests.servers.dovecot import Dovecot


def on_thread(office: Office, deal: str, number: int, *, attached: bool) -> PlacedOverride:
    """Give a hand on the thread of a letter that rep has."""
    thread = line_of(office, number).thread
    viewer = office.viewer("rep")
    return set_override(viewer, DealId(deal), thread, None, office.runtime, attached=attached)


def on_message(office: Office, deal: str, number: int, *, attached: bool) -> PlacedOverride:
    message = line_of(office, number).summary.message
    viewer = office.viewer("rep")
    return set_override(viewer, DealId(deal), None, message, office.runtime, attached=attached)


def line_of(office: Office, number: int) -> Line:
    lines = [*office.card("rep", "kim"), *office.card("rep", "lee")]
    return next(line for line in lines if line.summary.subject == f"Letter {number}")


def numbers(lines: Iterable[Line]) -> list[int]:
    return sorted(int(subject.split()[-1]) for subject in subjects(lines))


def deal(office: Office, id: str, status: str = "open", day: int = -20, *contacts: str) -> None:
    at = MARCH + timedelta(days=day)
    office.tell("deal.upserted", at, id=id, name=id, status=status, contact_ids=list(contacts))


def erased(office: Office, mailbox: Mailbox) -> None:
    erase(office.account, mailbox.owner, mailbox.key.mailbox, office.runtime)
    office.sync(replace(mailbox, key=replace(mailbox.key, epoch=mailbox.key.epoch + 1)))
    assert office.viewer("rep").mailboxes == []


@pytest.fixture
def mailbox(office: Office, dovecot: Dovecot) -> Mailbox:
    """Rep's, with a letter of Kim's, which is on Kim's deal `d`."""
    deal(office, "d", "open", -20, "kim")
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    assert numbers(office.deal("rep", "d")) == [1]
    return mailbox


def test_two_overrides_of_one_stamp_have_one_outcome_in_either_order(
    office: Office, mailbox: Mailbox, runtime: Runtime
) -> None:
    placed = on_thread(office, "d", 1, attached=False)
    other = replace(placed.override, attached=True)

    def given() -> tuple[frozenset[GivenOverride], set[bool]]:
        stored = runtime.table.query(keys.deal(office.account, DealId("d")), keys.OVERRIDES)
        root = runtime.roots.read(office.account, placed.thread)
        return root.overrides, {bool(item["attached"]) for item in stored}

    give_override(office.account, placed.thread, other, runtime)
    first = given()
    give_override(office.account, placed.thread, placed.override, runtime)
    assert given() == first == (frozenset({other}), {True, False})


def event_says(office: Office, id: str, accepted: int, thread: str, *, attached: bool) -> None:
    """Apply an override of the CRM's; all of them are of one instant."""
    event = {
        "id": id,
        "type": "association.attached" if attached else "association.detached",
        "occurred_at": "2026-03-01T10:00:00Z",
        "data": {"deal_id": "d", "user_id": "rep", "thread_id": thread},
    }
    apply_event(FeedJob(office.account, event, accepted=accepted), office.runtime)


@pytest.mark.parametrize("ids", [("9", "10"), ("evt_b", "evt_a")])
def test_of_two_overrides_of_one_instant_a_repeat_of_the_earlier_does_not_win(
    office: Office, mailbox: Mailbox, ids: tuple[str, str]
) -> None:
    thread = line_of(office, 1).thread
    event_says(office, ids[0], 1, thread, attached=True)
    event_says(office, ids[1], 2, thread, attached=False)
    assert numbers(office.deal("rep", "d")) == []
    event_says(office, ids[0], 3, thread, attached=True)
    assert numbers(office.deal("rep", "d")) == []
    assert office.runtime.feed.state(office.account, office.runtime.now()).refused == 0


# What happens to a thread after a hand


def the_customer_replies(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.append(REP, "INBOX", letter(2, replies_to=[1]), MARCH)
    office.sync(mailbox)


def the_mailbox_is_synced_again(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.append(REP, "Sent", letter(1), MARCH)
    office.sync(mailbox)


def the_uids_change(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.reset_uidvalidity(REP, "INBOX")
    office.sync(mailbox)


def the_deal_is_lost_and_reopened(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    deal(office, "d", "lost", -10, "kim")
    the_mailbox_is_synced_again(office, dovecot, mailbox)
    deal(office, "d", "open", -5, "kim")
    the_uids_change(office, dovecot, mailbox)


def the_deals_contacts_change(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    deal(office, "d", "open", -10, "lee")
    the_mailbox_is_synced_again(office, dovecot, mailbox)
    deal(office, "d", "open", -5, "lee", "kim")
    the_uids_change(office, dovecot, mailbox)


def the_person_leaves_and_comes_back(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    office.tell("contact.deleted", MARCH, id="kim")
    the_mailbox_is_synced_again(office, dovecot, mailbox)
    later = MARCH + timedelta(days=1)
    office.tell("contact.upserted", later, id="kim", name="Kim", emails=[KIM])
    the_uids_change(office, dovecot, mailbox)


def the_message_disappears_and_comes_back(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    dovecot.expunge(REP, "INBOX", [1])
    office.sync(mailbox)
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    office.sync(mailbox)


def a_colleague_has_it_too(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.append(BOSS, "INBOX", letter(1), MARCH)
    office.sync(office.connect(dovecot, "boss", BOSS))


def the_mailbox_is_erased_and_connected_anew(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    erased(office, mailbox)
    office.sync(office.connect(dovecot, "rep", REP))


Happening = Callable[[Office, Dovecot, Mailbox], None]
HAPPENINGS: list[Happening] = [
    the_customer_replies,
    the_mailbox_is_synced_again,
    the_uids_change,
    the_deal_is_lost_and_reopened,
    the_deals_contacts_change,
    the_person_leaves_and_comes_back,
    the_message_disappears_and_comes_back,
    a_colleague_has_it_too,
    the_mailbox_is_erased_and_connected_anew,
]
whatever = pytest.mark.parametrize("happens", HAPPENINGS, ids=lambda one: one.__name__)


@whatever
def test_a_detached_thread_stays_off_its_deal_until_it_is_attached(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, happens: Happening
) -> None:
    on_thread(office, "d", 1, attached=False)
    happens(office, dovecot, mailbox)
    known = numbers(office.card("rep", "kim"))
    assert 1 in known
    assert office.deal("rep", "d") == office.deal("boss", "d") == []
    on_thread(office, "d", 1, attached=True)
    assert numbers(office.deal("rep", "d")) == known


@whatever
def test_an_attached_thread_stays_on_its_deal_until_it_is_detached(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, happens: Happening
) -> None:
    deal(office, "other", "open", -20, "nobody")
    on_thread(office, "other", 1, attached=True)
    happens(office, dovecot, mailbox)
    assert numbers(office.deal("rep", "other")) == numbers(office.card("rep", "kim"))
    on_thread(office, "other", 1, attached=False)
    assert office.deal("rep", "other") == []


@whatever
def test_a_detached_message_stays_off_and_takes_nothing_else_off(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, happens: Happening
) -> None:
    on_message(office, "d", 1, attached=False)
    happens(office, dovecot, mailbox)
    known = numbers(office.card("rep", "kim"))
    assert numbers(office.deal("rep", "d")) == [number for number in known if number != 1]
    on_message(office, "d", 1, attached=True)
    assert numbers(office.deal("rep", "d")) == known


# Levels


def test_an_override_on_a_message_comes_before_its_threads(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    the_customer_replies(office, dovecot, mailbox)
    on_message(office, "d", 1, attached=False)
    on_thread(office, "d", 1, attached=True)
    assert numbers(office.deal("rep", "d")) == [2]
    on_message(office, "d", 1, attached=True)
    on_thread(office, "d", 1, attached=False)
    assert numbers(office.deal("rep", "d")) == [1]


def test_a_message_that_is_attached_brings_no_reply_with_it(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    deal(office, "other", "open", -20, "nobody")
    on_message(office, "other", 1, attached=True)
    the_customer_replies(office, dovecot, mailbox)
    assert numbers(office.deal("rep", "other")) == [1]
    assert numbers(office.deal("rep", "d")) == [1, 2]


def test_an_attached_message_is_erased_with_its_mailbox(
    office: Office, dovecot: Dovecot, runtime: Runtime, mailbox: Mailbox
) -> None:
    deal(office, "other", "open", -20, "nobody")
    on_message(office, "other", 1, attached=True)
    on_message(office, "other", 1, attached=False)
    on_message(office, "other", 1, attached=True)
    erased(office, mailbox)
    left = runtime._client("dynamodb").scan(TableName=runtime.settings.table)["Items"]
    assert not [item for item in left if mailbox.key.mailbox in str(item)]


@pytest.mark.exceeds("MAX_OVERRIDES")
def test_overrides_on_single_messages_are_bounded_and_the_whole_thread_is_the_remedy(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.threads.set_override.MAX_OVERRIDES", 2)
    the_customer_replies(office, dovecot, mailbox)
    deal(office, "other", "open", -20, "nobody")
    on_message(office, "d", 1, attached=False)
    on_message(office, "d", 2, attached=False)
    with pytest.raises(Refused) as refused:
        on_message(office, "other", 1, attached=True)
    assert refused.value.code is Code.TOO_MANY_OVERRIDES
    assert office.deal("rep", "other") == []
    on_thread(office, "other", 1, attached=True)
    assert numbers(office.deal("rep", "other")) == [1, 2]
    on_message(office, "d", 2, attached=True)
    assert numbers(office.deal("rep", "d")) == [2]


# Threads that join


@pytest.fixture
def two_threads(office: Office, dovecot: Dovecot) -> Mailbox:
    """Letters 1 and 2, both on `d`, which know nothing of each other."""
    deal(office, "d", "open", -20, "kim")
    for number in (1, 2):
        dovecot.append(REP, "INBOX", letter(number), MARCH)
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    assert numbers(office.deal("rep", "d")) == [1, 2]
    return mailbox


def join(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.append(REP, "INBOX", letter(3, replies_to=[1, 2]), MARCH)
    office.sync(mailbox)


@pytest.mark.parametrize("number", [1, 2])
def test_a_repeat_of_an_override_is_recognised_after_its_thread_was_joined(
    office: Office, dovecot: Dovecot, two_threads: Mailbox, number: int
) -> None:
    thread = line_of(office, number).thread
    event_says(office, "evt_b", 1, thread, attached=True)
    event_says(office, "evt_a", 2, thread, attached=False)
    join(office, dovecot, two_threads)
    event_says(office, "evt_b", 3, thread, attached=True)
    assert numbers(office.deal("rep", "d")) == []
    assert len({line.thread for line in office.card("rep", "kim")}) == 1


def test_two_detached_threads_that_are_joined_are_one_detached_thread(
    office: Office, dovecot: Dovecot, two_threads: Mailbox
) -> None:
    for number in (1, 2):
        on_thread(office, "d", number, attached=False)
    join(office, dovecot, two_threads)
    assert office.deal("rep", "d") == []
    on_thread(office, "d", 3, attached=True)
    assert numbers(office.deal("rep", "d")) == [1, 2, 3]


def test_two_attached_threads_that_are_joined_are_one_attached_thread(
    office: Office, dovecot: Dovecot, two_threads: Mailbox
) -> None:
    deal(office, "other", "open", -20, "nobody")
    for number in (1, 2):
        on_thread(office, "other", number, attached=True)
    join(office, dovecot, two_threads)
    assert numbers(office.deal("rep", "other")) == [1, 2, 3]


@pytest.mark.parametrize(("earlier", "later"), [(1, 2), (2, 1)])
@pytest.mark.parametrize("attached", [True, False])
def test_of_the_overrides_on_joined_threads_the_later_counts(
    office: Office,
    dovecot: Dovecot,
    two_threads: Mailbox,
    earlier: int,
    later: int,
    attached: bool,
) -> None:
    on_thread(office, "d", earlier, attached=not attached)
    on_thread(office, "d", later, attached=attached)
    join(office, dovecot, two_threads)
    assert numbers(office.deal("rep", "d")) == ([1, 2, 3] if attached else [])


@pytest.mark.parametrize("detached", [1, 2])
def test_a_detached_thread_is_not_shown_though_a_sync_joins_it_and_dies_meanwhile(
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    two_threads: Mailbox,
    detached: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_thread(office, "d", detached, attached=False)
    # What a sync that knew nothing of the hand has filed at the last moment.
    (entry,) = runtime.threads.entries(office.account, [line_of(office, detached).thread])
    runtime.timelines.index_on_deals([(entry, {DealId("d")}, {Address(KIM)})], runtime.now())
    read = runtime.timelines.deal

    class Death(BaseException):
        pass

    def die(*_: object) -> None:
        raise Death

    def read_and_join(*args: Any) -> object:
        monkeypatch.undo()
        hits = read(*args)
        dovecot.append(REP, "INBOX", letter(3, replies_to=[1, 2]), MARCH)
        with monkeypatch.context() as patched:
            patched.setattr(runtime.contents, "put", die)
            with pytest.raises(Death):
                office.sync(two_threads)
        return hits

    monkeypatch.setattr(runtime.timelines, "deal", read_and_join)
    assert detached not in numbers(office.deal("rep", "d"))
    assert office.deal("rep", "d") == []


# Races


Override = Callable[..., PlacedOverride]


@pytest.mark.parametrize("give", [on_thread, on_message])
@pytest.mark.parametrize("attached", [True, False])
def test_an_override_made_at_any_moment_of_a_sync_holds_from_then_on(
    runtime: Runtime, dovecot: Dovecot, office: Office, give: Override, attached: bool
) -> None:
    """The sync puts a thread on a further deal, and takes it off those from which it is detached.

    A hand before the sync's first write, before the second one in another thread, and so on.
    """
    deal(office, "d", "open", -20, "kim")
    deal(office, "lees", "open", -20, "lee")
    mailbox = office.connect(dovecot, "rep", REP)
    for moment in count(1):
        first, reply = 10 * moment, 10 * moment + 1
        dovecot.append(REP, "INBOX", letter(first), MARCH)
        office.sync(mailbox)
        if attached:
            on_thread(office, "d", first, attached=False)
        dovecot.append(REP, "INBOX", letter(reply, LEE, replies_to=[first]), MARCH)
        seen: list[bool] = []

        def override(first: int = first, seen: list[bool] = seen) -> None:
            give(office, "d", first, attached=attached)
            seen.append(first in numbers(office.deal("rep", "d")))

        with before_write(runtime, moment, override) as done:
            office.sync(mailbox)
        if not done:
            break
        assert seen == [attached], moment
        on = {first, reply} & set(numbers(office.deal("rep", "d")))
        follows = attached if give is on_thread else not attached
        assert on == {one for one, is_on in ((first, attached), (reply, follows)) if is_on}, moment
        assert {first, reply} <= set(numbers(office.deal("rep", "lees"))), moment
    assert moment > 10


@pytest.mark.parametrize("give", [on_thread, on_message])
def test_what_is_attached_stays_though_a_sync_that_had_read_otherwise_dies(
    runtime: Runtime,
    dovecot: Dovecot,
    office: Office,
    clock: Clock,
    after_a_crash: timedelta,
    give: Override,
) -> None:
    """The sync takes the thread off the deal, and is killed right after any of its writes."""
    deal(office, "d", "open", -20, "kim")
    deal(office, "lees", "open", -20, "lee")
    mailbox = office.connect(dovecot, "rep", REP)
    for moment in count(1):
        first, reply = 10 * moment, 10 * moment + 1
        dovecot.append(REP, "INBOX", letter(first), MARCH)
        office.sync(mailbox)
        on_thread(office, "d", first, attached=False)
        dovecot.append(REP, "INBOX", letter(reply, LEE, replies_to=[first]), MARCH)

        def attach(first: int = first) -> None:
            give(office, "d", first, attached=True)

        with (
            suppress(Killed),
            before_write(runtime, moment, attach, then_die=True) as done,
        ):
            office.sync(mailbox)
        if not done:
            break
        assert first in numbers(office.deal("rep", "d")), moment
        clock.advance(after_a_crash)
        office.sync(mailbox)
        on = {first, reply} & set(numbers(office.deal("rep", "d")))
        assert on == ({first, reply} if give is on_thread else {first}), moment
    assert moment > 10


@pytest.mark.parametrize("attached", [True, False])
def test_overrides_made_while_two_colleagues_sync_the_thread_count_in_their_order(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, attached: bool
) -> None:
    deal(office, "lees", "open", -20, "lee")
    bosss = office.connect(dovecot, "boss", BOSS)
    for number in range(2, 10):
        raw = letter(number, LEE if number % 2 else KIM, replies_to=[number - 1])
        for email in (REP, BOSS):
            dovecot.append(email, "INBOX", raw, MARCH)
    with ThreadPoolExecutor(2) as pool:
        syncs = pool.map(office.sync, (mailbox, bosss))
        for turn in range(7):
            says = attached == (turn % 2 == 0)
            on_thread(office, "d", 1, attached=says)
            assert says or office.deal("rep", "d") == []
        list(syncs)
    for user, expected in (("rep", [*range(1, 10)]), ("boss", [*range(2, 10)])):
        assert numbers(office.deal(user, "d")) == (expected if attached else [])
        assert numbers(office.deal(user, "lees")) == expected
