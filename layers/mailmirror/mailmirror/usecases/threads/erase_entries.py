"""Take messages off their threads, cards and deals; the threads are then refiled."""

from collections.abc import Collection, Set

from mailmirror.domain.deals import DealId
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.message import Entry
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.threads.thread_writer import ThreadWriter


def erase_entries(account: AccountId, entries: Collection[Entry], runtime: Runtime) -> Set[DealId]:
    """Delete entries from everywhere: first from their threads, where other functions find them.

    A function that has read one before, and indexes it afterwards, reads the thread again and
    deletes what it has indexed. Idempotent.

    Returns:
        The deals on which they were, or may have been.
    """
    runtime.threads.erase(entries)
    return _take_off(account, entries, runtime)


def hide_entries(account: AccountId, entries: Collection[Entry], runtime: Runtime) -> None:
    """Leave entries out of their threads until they are put again, and delete all others."""
    runtime.threads.hide(entries)
    _take_off(account, entries, runtime)


def _take_off(account: AccountId, entries: Collection[Entry], runtime: Runtime) -> Set[DealId]:
    roots = runtime.roots.read_many(account, {entry.thread for entry in entries})
    deals: set[DealId] = set()
    for entry in entries:
        on = roots[entry.thread].indexed_on
        runtime.timelines.erase(entry, on)
        deals |= on
    found = runtime.accounts.find(account)
    if found is None:
        return deals
    writer = ThreadWriter.of(account, CrmView(found, runtime), runtime)
    for root in {root.thread: root for root in roots.values()}.values():
        if root.deals:
            writer.refile(root.thread)
    return deals
