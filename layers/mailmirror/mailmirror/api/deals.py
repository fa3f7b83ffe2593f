"""What is on a deal and what was taken off it; attaching to a deal and detaching from it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from mailmirror.api.associations import AssociationReason, Users
from mailmirror.api.cards import Coverage
from mailmirror.api.decoding import Strict
from mailmirror.api.times import utc
from mailmirror.domain.deals import DealId
from mailmirror.domain.limits import MAX_PAGE_LINES
from mailmirror.domain.words.explanation import Language
from mailmirror.usecases.cards.listed_threads import ListedThread, ThreadsPage
from mailmirror.usecases.threads.set_override import PlacedOverride


class Override(Struct, frozen=True):
    deal_id: str
    thread_id: str
    message_id: str | None
    """None where it is the whole thread."""
    attached: bool
    user_id: str
    at: datetime

    @classmethod
    def of(cls, placed: PlacedOverride) -> "Override":
        given = placed.override
        return cls(
            given.deal,
            placed.thread,
            given.message,
            given.attached,
            given.user,
            utc(given.stamp.occurred_at),
        )


class ThreadsQuery(Strict):
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE_LINES, description="Lines on a page")] = 50
    cursor: Annotated[str | None, Meta(description="`next_cursor` of the page before")] = None
    detached: Annotated[bool, Meta(description="What persons have taken off the deal")] = False


class DealThread(Struct, frozen=True):
    """A thread that is on a deal, or a thread or message that was taken off it."""

    thread_id: str
    message_id: str | None
    """The message, where it alone was taken off."""
    subject: str
    """Of the newest message of the reader's: on the deal, or of what was taken off."""
    instant: datetime
    messages: int
    """Those of the thread that the reader has."""
    messages_on_deal: int
    """Those of them that are on the deal."""
    counted: bool
    """False for a thread that is too long to be counted: there may be more."""
    reasons: Sequence[AssociationReason]
    further_reasons: int
    """Single messages beyond ten that were attached."""

    @classmethod
    def of(cls, one: ListedThread, deal: DealId, users: Users, language: Language) -> "DealThread":
        return cls(
            thread_id=one.thread,
            message_id=one.message,
            subject=one.newest.summary.subject,
            instant=utc(one.newest.instant),
            messages=one.messages,
            messages_on_deal=one.messages_on_deal,
            counted=one.counted,
            reasons=[
                AssociationReason.of(by, deal, one.thread, users, language) for by in one.reasons
            ],
            further_reasons=one.further_reasons,
        )


class DealThreads(Struct, frozen=True):
    threads: Sequence[DealThread]
    """Fewer than `limit`, or none, where the page was long to read: go on by `next_cursor`."""
    next_cursor: str | None
    coverage: Coverage | None
    """As a card's; null with `detached=true`."""

    @classmethod
    def of(cls, found: ThreadsPage, deal: DealId, language: Language) -> "DealThreads":
        lines = [DealThread.of(one, deal, found.users, language) for one in found.lines]
        coverage = Coverage.of(found.coverage, language) if found.coverage else None
        return cls(lines, found.next_cursor, coverage)
