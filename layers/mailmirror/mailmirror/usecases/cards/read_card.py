"""A card: the messages of a lead, contact or deal, and its coverage."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.aws.queues import PollJob
from mailmirror.domain.address import Address
from mailmirror.domain.coverage import Coverage, FeedCoverage, mailbox_coverage
from mailmirror.domain.deals import DealId, DealStatus
from mailmirror.domain.feed import PersonRef
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxState
from mailmirror.domain.outbound import OutboundState
from mailmirror.domain.overrides import DealOverrides
from mailmirror.domain.ownership import Claims
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.overrides import PlacedOverride
from mailmirror.store.timelines import Hit, Partitions, deal_partitions, person_partitions
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.shown_versions import Shown, shown_versions
from mailmirror.usecases.mailboxes.read_mailbox import MailboxReport, report

MAX_PAGE_LINES = 100
NUDGE_AFTER = timedelta(minutes=1)
_END_OF_TIME = "~"
"""Sorts after every instant."""
_CURSOR = re.compile(r"\d{4}-[0-9T:.-]{21}Z#[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class Line:
    """A message as a card shows it."""

    summary: Summary
    instant: datetime
    thread: ThreadId
    """The present id of its thread."""
    outgoing: bool
    mailboxes: Sequence[MailboxId]
    delivery: OutboundState | None
    """The state of the outbound, where the message was composed here."""
    versions: Sequence[Summary]
    """What the viewer's mailboxes keep of the message, in the order in which it was received."""
    further_versions: int
    """How many more were counted, and are not kept."""


@dataclass(frozen=True, slots=True)
class Page:
    lines: Sequence[Line]
    next_cursor: str | None
    coverage: Coverage


def read_person_card(
    viewer: Viewer, person: PersonRef, cursor: str | None, limit: int, runtime: Runtime
) -> Page:
    """Read a page of a lead's or contact's messages, newest first.

    Raises:
        Refused: no such person exists, or the cursor was not made here.
    """
    found = runtime.people.find(viewer.account, person)
    if found is None:
        raise Refused(Code.NOT_FOUND)
    addresses: Set[Address] = found.emails - runtime.people.team(viewer.account).addresses
    partitions = person_partitions(addresses, viewer.keys)
    before = _before(cursor)
    shown: list[Line] = []
    while len(shown) <= limit:
        hits = runtime.timelines.card(addresses, viewer.keys, before, limit + 1)
        shown += lines_of(viewer, hits, partitions, runtime)
        if len(hits) <= limit:
            break
        before = hits[-1].cursor
    return Page(
        shown[:limit],
        _cursor(shown[limit - 1]) if len(shown) > limit else None,
        _coverage(viewer, found.line, runtime),
    )


def read_deal_card(
    viewer: Viewer, id: DealId, cursor: str | None, limit: int, runtime: Runtime
) -> Page:
    """Read a page of a deal's messages, newest first.

    Overrides are applied as the card is read. An entry whose thread is not on the deal was left by
    a crash: it is skipped, and the page is filled with the entries after it.

    Raises:
        Refused: no such deal exists, or the cursor was not made here.
    """
    deal = runtime.deals.find(viewer.account, id)
    if deal is None or deal.latest.status is DealStatus.DELETED:
        raise Refused(Code.NOT_FOUND)
    before = _before(cursor)
    placed = runtime.overrides.of_deal(viewer.account, id)
    shown: list[Line] = []
    partitions = deal_partitions(id, viewer.keys)
    while len(shown) <= limit:
        hits = runtime.timelines.deal(id, viewer.keys, before, limit + 1)
        if not hits:
            break
        before = hits[-1].cursor
        lines = lines_of(viewer, hits, partitions, runtime)
        threads = {line.thread for line in lines}
        on = runtime.threads.deals_of(viewer.account, threads)
        overrides, roots = _overrides(viewer.account, placed, threads, runtime)
        shown += [
            line
            for line in lines
            if overrides.shows(
                line.summary.message, roots[line.thread], matched=id in on[line.thread]
            )
        ]
        if len(hits) <= limit:
            break
    line_of_log = runtime.deals.last_line(viewer.account, id)
    return Page(
        shown[:limit],
        _cursor(shown[limit - 1]) if len(shown) > limit else None,
        _coverage(viewer, line_of_log, runtime),
    )


def _overrides(
    account: AccountId, placed: Sequence[PlacedOverride], threads: Set[ThreadId], runtime: Runtime
) -> tuple[DealOverrides, Mapping[ThreadId, ThreadId]]:
    """The overrides on a deal, and the present ids of these threads and of their threads.

    All roots are read together: a thread that was joined in between would lose its overrides.
    """
    if not placed:
        return DealOverrides({}, {}), {thread: thread for thread in threads}
    roots = runtime.threads.roots(account, threads | {one.thread for one in placed})
    return DealOverrides.of((roots[one.thread], one.override) for one in placed), roots


def lines_of(
    viewer: Viewer, hits: Sequence[Hit], partitions: Partitions, runtime: Runtime
) -> Sequence[Line]:
    """Show messages as the viewer's mailboxes have them.

    Parameters:
        partitions: of the card that the hits are from.
    """
    return _lines(viewer, shown_versions(hits, partitions, runtime), runtime)


def line_of(viewer: Viewer, shown: Shown, runtime: Runtime) -> Line | None:
    """Show one message; None where it was cancelled before it was sent."""
    return next(iter(_lines(viewer, [shown], runtime)), None)


def _lines(viewer: Viewer, shown: Sequence[Shown], runtime: Runtime) -> Sequence[Line]:
    threads = runtime.threads.roots(viewer.account, {one.summary.thread for one in shown})
    team = runtime.people.team(viewer.account).addresses
    outgoing = {
        one.summary.message: one.summary.key
        for one in shown
        if any(sender.address in team for sender in one.summary.from_)
    }
    sent = runtime.outbounds.find_many((key, message) for message, key in outgoing.items())
    return [
        Line(
            summary,
            one.hit.instant,
            threads[summary.thread],
            outgoing=summary.message in outgoing,
            mailboxes=one.mailboxes,
            delivery=sent[summary.message].state if summary.message in sent else None,
            versions=one.versions,
            further_versions=one.further,
        )
        for one in shown
        for summary in [one.summary]
        if summary.message not in sent or not sent[summary.message].cancelled
    ]


def _coverage(viewer: Viewer, line: int, runtime: Runtime) -> Coverage:
    """The coverage of a card whose person or deal last changed at this line of the change log."""
    reports = report(viewer.mailboxes, runtime, Claims({}))
    _nudge(reports, runtime)
    feed = runtime.feed.state(viewer.account, runtime.now())
    return Coverage(
        [
            mailbox_coverage(
                one.mailbox.key.mailbox,
                one.state,
                one.problem,
                one.due,
                one.progress,
                late=line > one.log_cursor,
            )
            for one in reports
        ],
        FeedCoverage(feed.as_of, feed.refused),
    )


def _nudge(reports: Sequence[MailboxReport], runtime: Runtime) -> None:
    """Queue a poll of the viewer's mailboxes whose last success is over a minute old."""
    now = runtime.now()
    stale = [
        one.mailbox.key
        for one in reports
        if one.state
        not in (MailboxState.FIRST_SYNC, MailboxState.DISCONNECTED, MailboxState.ERASING)
        and one.due is not None
        and one.due.error is None
        and one.due.last_success_at is not None
        and now - one.due.last_success_at > NUDGE_AFTER
    ]
    if stale:
        runtime.poll_queue.send([PollJob(stale, now)])


def _cursor(line: Line) -> str:
    cursor = Hit(line.summary.message, line.instant, {}).cursor
    return base64.urlsafe_b64encode(cursor.encode()).decode()


def _before(cursor: str | None) -> str:
    if cursor is None:
        return _END_OF_TIME
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise Refused(Code.INVALID_CURSOR) from error
    if not _CURSOR.match(text):
        raise Refused(Code.INVALID_CURSOR)
    return text
