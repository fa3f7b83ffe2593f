"""Put threads on the deals for which their messages vote.

A thread is filed by whoever adds a message to it, and two mailboxes may do so in the same second.
Each first adds its own entries, then reads the whole thread, consistently. Where the deals come
out as they are filed, only its own entries are missing. Where they come out otherwise:

    begin   the deals are noted at the root: nobody takes the short way any more
    read    again, for an entry that came before the note
    file    every entry on every deal, and off those that it is no longer on
    settle  on the condition that nobody has begun meanwhile; else from the start

So of two syncs the one that settles last has read what both have added. A crash leaves the note, by
which the repeated batch, or the next message of the thread, files everything.
"""

from collections.abc import Sequence

from mailmirror.domain.deals import DealId, associate
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.filed import Filed
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.crm import CrmView

_ATTEMPTS = 50


class Contended(Exception):
    """Other syncs have changed the thread again and again; the batch is repeated."""


def file_threads(
    account: AccountId, added: Sequence[Filed], view: CrmView, runtime: Runtime
) -> None:
    """Add messages to their threads, and file the threads on their deals."""
    runtime.threads.add(added)
    roots = runtime.threads.roots(account, {filed.thread for filed in added})
    by_root: dict[ThreadId, list[Filed]] = {}
    for filed in added:
        by_root.setdefault(roots[filed.thread], []).append(filed)
    for root, mine in by_root.items():
        _file(account, root, mine, view, runtime)


def _file(
    account: AccountId, root: ThreadId, mine: Sequence[Filed], view: CrmView, runtime: Runtime
) -> None:
    threads, timelines = runtime.threads, runtime.timelines
    for _ in range(_ATTEMPTS):
        found, entries = threads.read(account, root)
        deals = _deals(entries, view)
        if not found.settled or found.deals != deals:
            view.forget_deals()  # what changes a thread's deals must be of today
            deals = _deals(entries, view)
        try:
            if found.settled and found.deals == deals:
                timelines.file_on_deals(mine, on=deals)
                return
            if found.settled or not deals <= found.trying:
                threads.begin_filing(account, root, deals, found.version)
                continue
            timelines.file_on_deals(entries, on=deals, off=found.ever - deals)
            threads.settle(account, root, deals, found.version)
            return
        except ConditionFailed:
            root = threads.roots(account, [root])[root]
    raise Contended(root)


def _deals(entries: Sequence[Filed], view: CrmView) -> frozenset[DealId]:
    addresses = {address for entry in entries for address in entry.participants}
    return associate((entry.fact for entry in entries), view.crm(addresses))
