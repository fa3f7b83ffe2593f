"""A card: the messages of a lead, contact or deal, and its coverage."""

import base64
import binascii
import re
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailmirror.aws.queues import MatchJob, PollJob
from mailmirror.domain.address import Address
from mailmirror.domain.association import Root
from mailmirror.domain.coverage import Coverage, FeedCoverage, mailbox_coverage
from mailmirror.domain.deals import Deal, DealId, DealStatus
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.mailbox import MailboxId, MailboxState
from mailmirror.domain.outbound import OutboundState
from mailmirror.domain.ownership import Claims
from mailmirror.domain.persons import Person
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.change_log import Heads
from mailmirror.store.content_lines import Summary
from mailmirror.store.feed import FeedState
from mailmirror.store.timelines import Hit, Partitions, deal_partitions
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.card_overrides import overrides_on_card
from mailmirror.usecases.cards.matches_pending import matches_pending
from mailmirror.usecases.cards.shown_versions import Shown, shown_versions
from mailmirror.usecases.cards.still_matched import StillOnDeal
from mailmirror.usecases.mailboxes.read_mailbox import MailboxReport, report

_MAX_READS = 20
"""How often a page of a person's card is read on behind messages that are off the card; it may end
then with fewer messages than asked for."""
_MAX_HITS = 1_600
"""Entries of a deal that are read at once, in some 400 KB."""
SENDER_UNPROVEN = "sender_unproven"
"""The warning of a message From the team that nothing shows to have been sent by the team."""
NUDGE_AFTER = timedelta(minutes=1)
_NOT_POLLED = {
    *(MailboxState.FIRST_SYNC, MailboxState.PAUSED),
    *(MailboxState.DISCONNECTED, MailboxState.ERASING),
}
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
    redirected_to: PersonRef | None = None
    """The contact whose messages these are, where the lead or contact was converted or merged."""


def read_person_card(
    viewer: Viewer, person: PersonRef, cursor: str | None, limit: int, runtime: Runtime
) -> Page:
    """Read a page of a lead's or contact's messages, newest first.

    Of a lead that was converted, or a contact that was merged, those of the contact that it is now.

    The feed's state is read before the person, and the mailboxes' before the messages: what is
    applied or mirrored meanwhile may not be among them.

    Raises:
        Refused: no such person exists, or the cursor was not made here.
    """
    feed = runtime.feed.state(viewer.account, runtime.now())
    found = runtime.people.find(viewer.account, person)
    if found is None:
        raise Refused(Code.NOT_FOUND)
    coverage = _coverage(viewer, [found], feed, runtime, unread=found.lost)
    addresses: Set[Address] = found.emails - runtime.people.team_addresses(viewer.account)
    partitions = runtime.timelines.person_partitions(viewer.account, addresses, viewer.keys)
    before = _before(cursor)
    shown: list[Line] = []
    for _ in range(_MAX_READS):
        hits = runtime.timelines.card(partitions, before, limit + 1)
        lines = lines_of(viewer, hits, partitions, runtime)
        overrides = overrides_on_card(viewer, found.refs, runtime)
        shown += (
            one for one in lines if not overrides.keeping_off(one.thread, one.summary.message)
        )
        if len(shown) > limit or len(hits) <= limit:
            break
        before = hits[-1].cursor
    goes_on = _encoded(before) if len(hits) > limit else None
    return Page(
        shown[:limit],
        _cursor(shown[limit - 1]) if len(shown) > limit else goes_on,
        coverage,
        found.ref if found.ref != person else None,
    )


def read_deal_card(
    viewer: Viewer, id: DealId, cursor: str | None, limit: int, runtime: Runtime
) -> Page:
    """Read a page of a deal's messages, newest first.

    The root of a message's thread says whether it is on the deal, and its addresses whether a
    person has it still. An entry that is not shown, as after a detach, is skipped before its
    content is read, and the page is filled with those after it.

    Raises:
        Refused: no such deal exists, or the cursor was not made here.
    """
    feed = runtime.feed.state(viewer.account, runtime.now())
    deal = runtime.deals.find(viewer.account, id)
    if deal is None or deal.latest.status is DealStatus.DELETED:
        raise Refused(Code.NOT_FOUND)
    # Before its messages: what is mirrored or matched while they are read may not be among them.
    coverage = deal_coverage(viewer, deal, feed, runtime)
    before = _before(cursor)
    shown: list[Line] = []
    roots: dict[ThreadId, Root] = {}
    index = runtime.timelines.index_of(viewer.account, id, runtime.now())
    partitions = deal_partitions(id, index.having(viewer.keys))
    still = StillOnDeal(viewer.account, deal, runtime, pending=coverage.matches_pending)
    size = limit + 1
    while len(shown) <= limit:
        hits = runtime.timelines.deal(partitions, before, size)
        threads = {hit.thread for hit in hits if hit.thread} - roots.keys()
        roots |= runtime.roots.read_many(viewer.account, threads)
        on: Sequence[Hit] = [
            one for one in hits if one.thread and roots[one.thread].shows(one.message, id)
        ]
        on = still.of(on, roots)
        taken = on[: limit + 1 - len(shown)]
        shown += lines_of(viewer, taken, partitions, runtime, roots)
        if len(taken) < len(on):
            before = taken[-1].cursor
        elif len(hits) < size:
            break
        else:
            before = hits[-1].cursor
            size = min(4 * size, _MAX_HITS)  # a long thread may be off the deal, and not swept yet
    return Page(
        shown[:limit],
        _cursor(shown[limit - 1]) if len(shown) > limit else None,
        replace(coverage, thread_pending=index.announced),
    )


def deal_coverage(viewer: Viewer, deal: Deal, feed: FeedState, runtime: Runtime) -> Coverage:
    """The coverage of a deal's messages, but for threads that are being indexed on it.

    A job is queued where threads are still to be matched again.

    Parameters:
        feed: as it was read before the deal.
    """
    refs = (PersonRef(PersonKind.CONTACT, one) for one in deal.latest.contacts)
    persons = runtime.people.find_many(viewer.account, refs).values()
    coverage = _coverage(viewer, persons, feed, runtime, unread=deal.lost)
    pending = matches_pending(viewer.account, deal, runtime)
    if pending:
        runtime.thread_queue.send([MatchJob(viewer.account)])
    return replace(coverage, matches_pending=pending)


def lines_of(
    viewer: Viewer,
    hits: Sequence[Hit],
    partitions: Partitions,
    runtime: Runtime,
    roots: Mapping[ThreadId, Root] | None = None,
) -> Sequence[Line]:
    """Show messages as the viewer's mailboxes have them.

    Parameters:
        partitions: of the card that the hits are from.
        roots: of their threads, where they were read already.
    """
    return _lines(viewer, shown_versions(hits, partitions, runtime), runtime, roots or {})


def line_of(viewer: Viewer, shown: Shown, runtime: Runtime) -> Line | None:
    """Show one message; None where it was cancelled before it was sent."""
    return next(iter(_lines(viewer, [shown], runtime, {})), None)


def _lines(
    viewer: Viewer, shown: Sequence[Shown], runtime: Runtime, roots: Mapping[ThreadId, Root]
) -> Sequence[Line]:
    unread = {one.summary.thread for one in shown} - roots.keys()
    threads = {**roots, **runtime.roots.read_many(viewer.account, unread)}
    team = runtime.people.team_addresses(viewer.account)
    in_sent = {one.summary.message for one in shown if one.is_in_sent}
    outgoing = {
        one.summary.message: one.summary.key
        for one in shown
        if one.is_in_sent or any(sender.address in team for sender in one.summary.from_)
    }
    sent = runtime.outbounds.find_many((key, message) for message, key in outgoing.items())
    doubtful = outgoing.keys() - in_sent - sent.keys()
    doubtful -= runtime.sent_copies.were_sent(viewer.account, doubtful)
    return [
        Line(
            _with_warning(summary, SENDER_UNPROVEN) if summary.message in doubtful else summary,
            one.hit.instant,
            threads[summary.thread].thread,
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


def _with_warning(summary: Summary, warning: str) -> Summary:
    return replace(summary, warnings=[*summary.warnings, warning])


def _coverage(
    viewer: Viewer,
    persons: Collection[Person],
    feed: FeedState,
    runtime: Runtime,
    *,
    unread: int = 0,
) -> Coverage:
    """The coverage of a card.

    Parameters:
        persons: the card's.
        unread: the person's addresses or the deal's contacts that could not be read.
    """
    reports = report(viewer.mailboxes, runtime, Claims({}))
    _nudge(reports, runtime)
    heads = runtime.change_log.heads(viewer.account)
    return Coverage(
        [
            mailbox_coverage(
                one.mailbox.key.mailbox,
                one.state,
                one.problem,
                one.due,
                one.progress,
                late=_needed_line(one, persons, heads, runtime) > one.log_cursor
                or one.judged_by_others,
                last_success_at=one.last_success_at,
                contained=one.pending,
                history_since=one.mailbox.history_since,
                limits=one.limits_told_to(viewer.user),
            )
            for one in reports
        ],
        FeedCoverage(feed.as_of, feed.refused, feed.waiting),
        unread=unread,
    )


def _needed_line(
    report: MailboxReport, persons: Collection[Person], heads: Heads, runtime: Runtime
) -> int:
    """The line of the log under which a mailbox's mail is to be judged, for a card to have all.

    That of its persons' addresses. Where the owner blocks others, an address that comes from one
    person to another changes verdicts too; a card of a blocked person shows what another one's
    address brings. One read unit more for an owner who blocks.
    """
    known = max([heads.left_team, heads.ruling, *(one.line for one in persons)])
    if not report.owner_blocks:
        return known
    blocks = runtime.blocks.read(report.mailbox.key.account, report.mailbox.owner)
    if any(blocks.least_over(address, [one.refs]) for one in persons for address in one.emails):
        return heads.judging
    return max([known, heads.parted, *(one.moved for one in persons)])


def _nudge(reports: Sequence[MailboxReport], runtime: Runtime) -> None:
    """Queue a poll of the viewer's mailboxes whose last success is over a minute old."""
    now = runtime.now()
    stale = [
        one.mailbox.key
        for one in reports
        if one.state not in _NOT_POLLED
        and one.due is not None
        and one.due.error is None
        and one.due.last_success_at is not None
        and now - one.due.last_success_at > NUDGE_AFTER
    ]
    if stale:
        runtime.poll_queue.send([PollJob(stale, now)])


def _cursor(line: Line) -> str:
    return _encoded(Hit(line.summary.message, line.instant, {}).cursor)


def _encoded(cursor: str) -> str:
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
