"""Put messages on their threads, and threads on the deals that their messages match.

Announce, then read (`domain.association`): a deal that a thread's root lacks is stored there before
the thread's entries are read and indexed on it. The entries of a batch are put first, and the roots
are read after that: so an entry is either seen by the function that announces a deal, or it finds
the deal at the root. Most messages match what their root has, and cost no more than its read.
"""

from collections.abc import Sequence

from mailmirror.domain.association import Root
from mailmirror.domain.deals import DealId
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId
from mailmirror.usecases.threads.thread_writer import Contended, ThreadWriter

_ATTEMPTS = 50


def associate_threads(added: Sequence[Entry], writer: ThreadWriter) -> None:
    """Index entries, which are put on their threads and cards before, on their threads' deals.

    The log's head is read first: a run of `match_again` that has not found the entries on their
    cards is about a line that stands in the log by now.
    """
    writer.view.refresh()
    roots = writer.runtime.roots.read_many(writer.account, {entry.thread for entry in added})
    by_root: dict[ThreadId, list[Entry]] = {}
    for entry in added:
        by_root.setdefault(roots[entry.thread].thread, []).append(entry)
    settled: list[tuple[Entry, frozenset[DealId]]] = []
    for mine in by_root.values():
        root = _settled(roots[mine[0].thread], mine, writer)
        settled += ((entry, root.deals_of(entry.message)) for entry in mine)
    writer.index(settled)


def _settled(root: Root, mine: Sequence[Entry], writer: ThreadWriter) -> Root:
    """Bring a root to have every deal that these messages of its thread match; return it."""
    for _ in range(_ATTEMPTS):
        if not _steps(root, mine, writer):
            return root
        root = writer.runtime.roots.read(writer.account, root.thread)
    raise Contended(root.thread)


def _steps(root: Root, mine: Sequence[Entry], writer: ThreadWriter) -> bool:
    """Do what is to be done first, so that the root is read again; False where nothing is."""
    addresses = {address for entry in mine for address in entry.participants}
    if root.facts > writer.view.facts:
        writer.view.forget()
    elif expired := root.expired(writer.runtime.now()):
        writer.complete(root.thread, expired)
    elif writer.view.changed_after(root.facts, addresses):
        writer.refile(root.thread)
    elif needed := root.lacks(writer.matched(mine)):
        after = root.announced(needed, writer.run)
        if writer.write(root, after):
            writer.complete(root.thread, after.pending - root.pending)
    else:
        return False
    return True
