"""Put threads on the deals for which their messages vote, and where hands have put them.

A thread is entry by whoever adds a message to it, and two mailboxes may do so in the same second.
Each first adds its own entries, then reads the whole thread, consistently. Where the deals come
out as they are entry, only its own entries are missing. Where they come out otherwise:

    begin   the deals are noted at the root: nobody takes the short way any more
    read    again, for an entry that came before the note
    file    every entry on every deal
    off     those that it is no longer on, while nobody has begun since
    settle  on the condition that nobody has begun meanwhile; else from the start

So of two syncs the one that settles last has read what both have added. Each begins for itself:
from then on an earlier one takes nothing off, not even what it has read as off, and cannot settle;
it waits a little for the later one. A crash leaves the note, by which the repeated batch, or the
next message of the thread, files everything. A hand is kept before the thread is entry anew, so a
sync has either read the hand or its entries are read with it; the root tells how many were read.
Who erases a mailbox disturbs its threads, and whoever was filing them erases what it has put after.
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
_PAUSE, _LONGEST_PAUSE = 0.3, 5.0
"""Seconds for whoever is filing to come to an end, before another begins; longer each time."""


class Contended(Exception):
    """Other syncs have changed the thread again and again; the batch is repeated."""


def associate_threads(
    account: AccountId, added: Sequence[Entry], view: CrmView, runtime: Runtime
) -> None:
    """Add messages to their threads, and file the threads on their deals."""
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
    """File every entry of a thread where votes and hands put it now.

    Raises:
        Contended: others have changed the thread again and again.
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
    """File what was added; everything, if `mine` is None or the deals have changed."""
    threads = runtime.threads
    own = waited_for = -1  # versions
    pause = _PAUSE
    put: Sequence[Entry] = ()
    for _ in range(_ATTEMPTS):
        thread = threads.read(account, root)
        found, overrides = thread.association, ThreadOverrides.of(thread.overrides)
        for erased in set(put) - set(thread.entries):
            runtime.timelines.erase(erased, found.ever)
        deals = overrides.thread_deals(_matched_deals(thread.entries, view))
        if mine is None or not found.settled or found.deals != deals:
            view.forget_deals()  # what changes a thread's deals must be of today
            deals = overrides.thread_deals(_matched_deals(thread.entries, view))
            if not found.ever <= deals:
                view.forget()  # and what takes it off one as well
                deals = overrides.thread_deals(_matched_deals(thread.entries, view))
        if found.begun and found.version not in (own, waited_for):
            waited_for = found.version
            time.sleep(random.uniform(0, pause))  # unequal, or two would go on as one
            pause = min(2 * pause, _LONGEST_PAUSE)
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
