"""Overrides on the cards of leads and contacts: a person takes mail off a card, or puts it back.

An override is given for the account, or by a user for themselves, and each of the two is undone
only by an override of its own scope. Within a scope one on a message comes before one on its
thread; of two at the same level the later counts, and where threads are joined, the latest on any.
Nothing else undoes it: no reply, no event of the CRM, no message that appears again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailmirror.domain.feed import PersonRef
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.threads import ThreadId


class Scope(StrEnum):
    """For whom an override on a card counts."""

    ACCOUNT = "account"
    OWNER = "owner"
    """For the user alone who gives it."""


@dataclass(frozen=True, slots=True)
class CardOverride:
    person: PersonRef
    thread: ThreadId
    message: MessageKey | None
    """None where it is on the whole thread."""
    on: bool
    """False where it takes off the card what it is on."""
    scope: Scope
    user: UserId
    at: datetime


def keeping_off(
    given: Iterable[CardOverride], thread: ThreadId, message: MessageKey
) -> Sequence[CardOverride]:
    """The overrides that keep a message off a card: one of each scope at most, none where it shows.

    Parameters:
        given: those on the card, of the account and of the viewer.
        thread: the present id of the message's thread, as `given` names threads too.
    """
    named = [one for one in given if one.message in (None, message) and one.thread == thread]
    counting = (
        max(
            (one for one in named if one.scope is scope),
            key=lambda one: (one.message is not None, one.at),
            default=None,
        )
        for scope in Scope
    )
    return [one for one in counting if one is not None and not one.on]
