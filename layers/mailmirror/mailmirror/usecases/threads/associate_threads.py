"""Put threads on the deals that their messages match, and where overrides put them.

Each sync that adds a message to a thread associates it, and two may do so at once. A sync first
puts its own entries, then reads the whole thread, consistently. Where the deals are those that the
thread is on, it indexes its own entries. Where they differ:

    announce  the deals are stored at the root: every other writer now reads the whole thread
    read      again, for an entry that was put before the announcement
    index     every entry on every deal
    delete    entries on other deals, conditional on the root's version
    settle    conditional on the root's version; else from the start

Optimistic concurrency on the root's `version`: every write is conditional on it, so the last
successful one has seen every entry. A writer whose version was overtaken deletes nothing and cannot
settle; it waits for the later one. A crash leaves the announcement, and the repeated batch, or the
next message of the thread, completes it. An override is stored before its thread is associated
again, so a sync has either read it or is overtaken; the root stores how many were read. Erasing a
mailbox raises the version of its threads, and a writer deletes what it indexed of erased entries.
"""

import random
import time
from collections.abc import Sequence

from mailmirror.domain.deals import DealId, match_thread
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.message import Entry
from mailmirror.domain.overrides import ThreadOverrides
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.crm_feed.crm_view import CrmView

_ATTEMPTS = 50
_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.3, 5.0
"""Seconds to wait for a writer that has announced, before announcing again; doubled each time."""


class Contended(Exception):
    """Other syncs changed the thread at each of 50 attempts; the batch is repeated."""


def associate_threads(
    account: AccountId, added: Sequence[Entry], view: CrmView, runtime: Runtime
) -> None:
    """Add messages to their threads, and associate the threads with their deals."""
    runtime.threads.add(added)
    roots = runtime.threads.roots(account, {entry.thread for entry in added})
    by_root: dict[ThreadId, list[Entry]] = {}
    for entry in added:
        by_root.setdefault(roots[entry.thread], []).append(entry)
    for root, mine in by_root.items():
        _associate(account, root, mine, view, runtime)


def reassociate_thread(
    account: AccountId, thread: ThreadId, view: CrmView, runtime: Runtime
) -> None:
    """Index every entry of a thread on its present deals.

    Raises:
        Contended: see there.
    """
    root = runtime.threads.roots(account, [thread])[thread]
    _associate(account, root, None, view, runtime)


def _associate(
    account: AccountId,
    root: ThreadId,
    mine: Sequence[Entry] | None,
    view: CrmView,
    runtime: Runtime,
) -> None:
    """Index what was added; everything, if `mine` is None or the deals have changed."""
    threads = runtime.threads
    own = waited_for = -1  # versions
    pause = _PAUSE_SECONDS
    put: Sequence[Entry] = ()
    for _ in range(_ATTEMPTS):
        thread = threads.read(account, root)
        found, overrides = thread.association, ThreadOverrides.of(thread.overrides)
        for erased in set(put) - set(thread.entries):
            runtime.timelines.erase(erased, found.ever)
        deals = overrides.thread_deals(_matched_deals(thread.entries, view))
        if mine is None or not found.settled or found.deals != deals:
            view.forget_deals()  # a change must come from present facts
            deals = overrides.thread_deals(_matched_deals(thread.entries, view))
            if not found.ever <= deals:
                view.forget()  # and so must a deletion
                deals = overrides.thread_deals(_matched_deals(thread.entries, view))
        if found.begun and found.version not in (own, waited_for):
            waited_for = found.version
            time.sleep(random.uniform(0, pause))  # random, or two writers would stay in step
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)
            continue
        as_indexed = found.settled and (found.deals, found.overrides) == (
            deals,
            len(thread.overrides),
        )
        try:
            if mine is not None and as_indexed:
                _put_on_deals(mine, overrides, deals, runtime)
                return
            targets = deals | overrides.attached_messages
            if found.version != own or not targets <= found.trying:
                own = threads.announce_deals(account, root, targets, found.version)
                continue
            put = thread.entries
            _put_on_deals(put, overrides, deals, runtime)
            unchanged = threads.unchanged(account, root, found.version)
            for on, entries in _by_deals(put, overrides, deals).items():
                runtime.timelines.take_off_deals(entries, found.ever - on, unchanged)
            threads.settle(account, root, deals, len(thread.overrides), found.version)
            return
        except ConditionFailed:
            root, own = threads.roots(account, [root])[root], -1
    raise Contended(root)


def _matched_deals(entries: Sequence[Entry], view: CrmView) -> frozenset[DealId]:
    addresses = {address for entry in entries for address in entry.participants}
    return match_thread(entries, view.crm(addresses))


def _put_on_deals(
    entries: Sequence[Entry], overrides: ThreadOverrides, deals: frozenset[DealId], runtime: Runtime
) -> None:
    for on, some in _by_deals(entries, overrides, deals).items():
        runtime.timelines.index_on_deals(some, on)


def _by_deals(
    entries: Sequence[Entry], overrides: ThreadOverrides, deals: frozenset[DealId]
) -> dict[frozenset[DealId], list[Entry]]:
    """Entries by the deals that they are on."""
    by_deals: dict[frozenset[DealId], list[Entry]] = {}
    for entry in entries:
        by_deals.setdefault(overrides.message_deals(entry.message, deals), []).append(entry)
    return by_deals
