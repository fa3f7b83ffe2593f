"""The threads of a deal, and what persons have taken off it.

    on it      the deal's timelines, newest first ─► the roots of the threads ─► a thread a line, at
               its newest message of the viewer's
    taken off  the deal's overrides, the latest first ─► the roots ─► the detaches that count

Neither list is stored: each follows from items that are there for the cards. A thread is listed
where its first entry is met. On a later page it was listed before if it has an entry above the
page's beginning, which its entries say; of a thread that is too long to be read, the cursor does.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from mailmirror.domain.association import Root
from mailmirror.domain.deals import DealId
from mailmirror.domain.limits import (
    MAX_REMEMBERED_THREADS,
)
from mailmirror.domain.overrides import Override
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.timelines import Hit
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.listed_threads import (
    Candidate,
    Reading,
    ThreadsPage,
    ViewedThread,
    newest_first,
    shown_lines,
    users_named,
)
from mailmirror.usecases.cards.read_card import deal_coverage
from mailmirror.usecases.cards.read_message import hit_of
from mailmirror.usecases.threads.existing_deal import existing_deal

_END_OF_TIME = "~"
"""Sorts after every instant."""
_TIME = r"\d{4}-[0-9T:.-]{21}Z"
_HASH = "[0-9a-f]{32}"
_ID = "[A-Za-z0-9._:@+=-]{1,80}"
_ON = re.compile(rf"on#({_ID})#({_TIME}#{_HASH})#((?:{_HASH},)*)\Z")
_OFF = re.compile(rf"off#({_ID})#({_TIME}#{_ID}#{_HASH}#(?:attached|detached))\Z")


def list_threads(
    viewer: Viewer, id: DealId, cursor: str | None, limit: int, runtime: Runtime
) -> ThreadsPage:
    """List the threads on a deal of which the viewer has a message on it, the newest first.

    A page ends after MAX_LISTED_ITEMS, with as many lines as there are by then.

    Raises:
        Refused: the deal is unknown or deleted, or the cursor is none of this list.
    """
    feed = runtime.feed.state(viewer.account, runtime.now())
    deal = existing_deal(viewer.account, id, runtime)
    before, remembered = _read_on(cursor, id)
    # Before its messages: what is mirrored or matched while they are read may not be among them.
    coverage = deal_coverage(viewer, deal, feed, runtime)
    index = runtime.timelines.index_of(viewer.account, id, runtime.now())
    work = Reading(viewer, id, runtime)
    work.read_roots(remembered)
    begin, passed = before, {work.roots[one].thread for one in remembered}
    found: list[tuple[Hit, ViewedThread]] = []
    for hit, root in work.hits(index.having(viewer.keys), before, limit + 1):
        if root.thread not in passed and root.shows(hit.message, id):
            if len(found) == limit or (work.is_full() and before != begin):
                break
            thread = work.thread(root)
            passed.add(root.thread)
            if thread.whole and not thread.on_deal:
                continue  # no person has any of it now
            if cursor is None or not thread.whole or thread.newest_place < begin:
                found.append((hit, thread))
        before = hit.cursor
    long = [*remembered, *(one.root.thread for _, one in found if not one.whole)]
    lines = shown_lines(viewer, [_on_deal(hit, one) for hit, one in found], runtime)
    return ThreadsPage(
        lines,
        None if work.is_at_end else _encoded(_on_cursor(id, before, long)),
        replace(coverage, thread_pending=index.announced),
        users_named(viewer, lines, runtime),
    )


def list_taken_off(
    viewer: Viewer, id: DealId, cursor: str | None, limit: int, runtime: Runtime
) -> ThreadsPage:
    """List what persons have taken off a deal, the latest first, where the viewer has mail of it.

    A page ends after MAX_LISTED_ITEMS, with as many lines as there are by then.

    Raises:
        Refused: the deal is unknown or deleted, or the cursor is none of this list.
    """
    existing_deal(viewer.account, id, runtime)
    begin = before = _read_off(cursor, id)
    work = Reading(viewer, id, runtime)
    seen: set[Override] = set()
    if before is not None:
        # A repeat of an event is stored twice where its thread was joined between.
        event = runtime.overrides.of_event(viewer.account, id, before)
        seen = {one.override for one in event if one.position >= before}
    found: list[Candidate] = []
    for one, root in work.overrides(before):
        override = one.override
        if override in root.overrides and not override.attached and override not in seen:
            if len(found) == limit or (work.is_full() and before != begin):
                break
            seen.add(override)
            found += _taken_off(root, override, work)
        before = one.position
    lines = shown_lines(viewer, found, runtime)
    next_cursor = None if work.is_at_end else _encoded(f"off#{id}#{before}")
    return ThreadsPage(lines, next_cursor, None, users_named(viewer, lines, runtime))


def _on_deal(hit: Hit, thread: ViewedThread) -> Candidate:
    root, deal = thread.root, thread.deal
    mine = {one.message for one in thread.entries} | {hit.message}
    alone = [
        one for one in root.overrides if one.deal == deal and one.attached and one.message in mine
    ]
    alone.sort(key=lambda one: one.stamp, reverse=True)
    whole = root.decides(None, deal)
    on = whole.attached if whole is not None else deal in root.deals
    newest = newest_first(thread.on_deal)
    if not thread.whole:
        newest = chain([hit], newest)
    return Candidate(thread, [*([whole] if on else []), *alone], newest)


def _taken_off(root: Root, override: Override, work: Reading) -> Iterable[Candidate]:
    """The line of a detach; none where the viewer has nothing of what was detached."""
    if override.message is not None:
        hit = hit_of(work.viewer, override.message, work.runtime)
        work.items += 1
        if hit is not None:
            thread = work.thread(root)
            yield Candidate(thread, [override], iter([hit]), override.message)
        return
    thread = work.thread(root)
    if thread.entries:
        yield Candidate(thread, [override], newest_first(thread.entries))


# Cursors: each names its list and its deal, and is refused elsewhere


def _on_cursor(deal: DealId, before: str, long: Sequence[ThreadId]) -> str:
    remembered = "".join(f"{one}," for one in long[-MAX_REMEMBERED_THREADS:])
    return f"on#{deal}#{before}#{remembered}"


def _read_on(cursor: str | None, deal: DealId) -> tuple[str, Sequence[ThreadId]]:
    """Where a page of threads begins, and the long threads that pages before it had."""
    if cursor is None:
        return _END_OF_TIME, ()
    place, long = _decoded(cursor, _ON, deal)
    return place, [ThreadId(one) for one in long.split(",") if one]


def _read_off(cursor: str | None, deal: DealId) -> str | None:
    """After which override a page of what was taken off begins."""
    return _decoded(cursor, _OFF, deal)[0] if cursor is not None else None


def _encoded(cursor: str) -> str:
    return base64.urlsafe_b64encode(cursor.encode()).decode()


def _decoded(cursor: str, pattern: re.Pattern[str], deal: DealId) -> Sequence[str]:
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise Refused(Code.INVALID_CURSOR) from error
    found = pattern.match(text)
    if found is None or found[1] != deal:
        raise Refused(Code.INVALID_CURSOR)
    return found.groups()[1:]
