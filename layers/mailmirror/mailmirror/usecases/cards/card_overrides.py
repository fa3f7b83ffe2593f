"""Take mail off the card of a lead or contact, or put it back, as a person asks.

    person exists, user sees the mail ─► override stored in the person's partition
    a card's messages and their threads ─► the overrides on the card ─► the roots of their threads

A contact to which a lead was converted, or another contact merged, keeps off what was off there.
Roots are read after the messages: a thread that was joined in between is known by both its ids.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import timedelta

from mailmirror.domain.address import Address
from mailmirror.domain.card_overrides import CardOverride, Scope, keeping_off
from mailmirror.domain.feed import PersonRef
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import MAX_CARD_OVERRIDES
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.threads.named_thread import named_thread

_LEAST_STEP = timedelta(microseconds=1)
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class GivenCardOverride:
    override: CardOverride
    still_off: Sequence[CardOverride]
    """The overrides that keep it off the card for the acting user now."""


@dataclass(frozen=True, slots=True)
class CardOverrides:
    """The overrides on a card that count for its viewer."""

    given: Sequence[CardOverride]
    """By the present ids of their threads."""
    present: Mapping[ThreadId, ThreadId]
    """The present id of a thread that has one, by each that it had."""

    def keeping_off(self, thread: ThreadId, message: MessageKey) -> Sequence[CardOverride]:
        """Those that keep a message off the card.

        Parameters:
            thread: an id of its thread, as it was read before the overrides.
        """
        return keeping_off(self.given, self.present.get(thread, thread), message)


def overrides_on_card(viewer: Viewer, persons: Set[PersonRef], runtime: Runtime) -> CardOverrides:
    """Read the overrides on a card: a read unit a person, and one a thread that is off.

    Parameters:
        persons: all leads and contacts that the card's person is now.
    """
    given = runtime.card_overrides.on_cards(viewer.account, persons, viewer.user)
    threads = {one.thread for one in given}
    roots = runtime.roots.read_many(viewer.account, threads) if threads else {}
    return CardOverrides(
        [replace(one, thread=roots[one.thread].thread) for one in given],
        {id: root.thread for root in roots.values() for id in root.threads},
    )


def override_card(
    viewer: Viewer,
    ref: PersonRef,
    thread_id: str | None,
    message_id: str | None,
    scope: Scope,
    runtime: Runtime,
    *,
    on: bool,
) -> GivenCardOverride:
    """Take a thread or a message off a card, or put it back; later than what was said before.

    Parameters:
        thread_id: of the thread, where it is the whole thread.
        message_id: of the one message, where it is one.

    Raises:
        Refused: there is no such person, the user sees no such mail of it, or too many single
            messages are off the card.
    """
    person = runtime.people.find(viewer.account, ref)
    if person is None:
        raise Refused(Code.NOT_FOUND)
    message = MessageKey(message_id) if message_id else None
    named = named_thread(viewer.account, thread_id, message, viewer.keys, runtime)
    root = runtime.roots.read(viewer.account, named)
    _check_seen(viewer, root.threads, message, person.emails, runtime)
    for _ in range(_ATTEMPTS):
        given = overrides_on_card(viewer, person.refs, runtime).given
        same = [
            one.at
            for one in given
            if (one.thread, one.message, one.scope) == (root.thread, message, scope)
        ]
        if message is not None and not same:
            _check_room(viewer, person.ref, runtime)
        at = max([runtime.now(), *(one + _LEAST_STEP for one in same)])
        override = CardOverride(person.ref, root.thread, message, on, scope, viewer.user, at)
        try:
            runtime.card_overrides.put(viewer.account, override)
        except ConditionFailed:
            continue
        runtime.count("CardOverridesGiven")
        # A whole thread has no message of its own: the empty key names none.
        target = message or MessageKey("")
        return GivenCardOverride(override, keeping_off([*given, override], root.thread, target))
    raise Refused(Code.TOO_MANY_REQUESTS)


def _check_room(viewer: Viewer, person: PersonRef, runtime: Runtime) -> None:
    if runtime.card_overrides.count(viewer.account, person) >= MAX_CARD_OVERRIDES:
        raise Refused(Code.TOO_MANY_OVERRIDES, limit=MAX_CARD_OVERRIDES)


def _check_seen(
    viewer: Viewer,
    threads: Set[ThreadId],
    message: MessageKey | None,
    emails: Set[Address],
    runtime: Runtime,
) -> None:
    """Check that the user has the thread, or the message, and that it names the person."""
    for entry in runtime.threads.entries(viewer.account, threads):
        is_named = message in (None, entry.message) and entry.key in viewer.keys
        if is_named and not emails.isdisjoint(entry.participants):
            return
    raise Refused(Code.MESSAGE_UNKNOWN if message else Code.THREAD_UNKNOWN)
