"""Put messages on their threads, and threads on the deals that their messages match.

Announce, then read (`domain.association`): a deal that a thread's root lacks is stored there before
the thread's entries are read and indexed on it. The entries of a batch are put first, and the roots
are read after that: so an entry is either seen by the function that announces a deal, or it finds
the deal at the root. Most messages match what their root has, and cost no more than its read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mailmirror.domain.association import Root
from mailmirror.domain.deals import DealId
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId
from mailmirror.usecases.threads.join_threads import Placed
from mailmirror.usecases.threads.thread_writer import Contended, ThreadWriter

_ATTEMPTS = 50


def associate_threads(added: Sequence[Placed], writer: ThreadWriter) -> None:
    """Index entries, which are put on their threads before, on the deals of their threads."""
    account, runtime = writer.account, writer.runtime
    roots = runtime.roots.read_many(account, {one.entry.thread for one in added})
    by_root: dict[ThreadId, list[Placed]] = {}
    for one in added:
        by_root.setdefault(roots[one.entry.thread].thread, []).append(one)
    settled: list[tuple[Entry, frozenset[DealId]]] = []
    for mine in by_root.values():
        root = _Settling(mine, writer).run(roots[mine[0].entry.thread])
        settled += ((one.entry, root.deals_of(one.entry.message)) for one in mine)
    writer.index(settled)


@dataclass(slots=True)
class _Settling:
    """One thread, and the entries of it that were added."""

    mine: Sequence[Placed]
    writer: ThreadWriter
    compared: bool = False
    """Whether the other copies of these messages were looked at."""

    def run(self, root: Root) -> Root:
        """Bring the root to have every deal that these messages match; return it."""
        entries = [one.entry for one in self.mine]
        for _ in range(_ATTEMPTS):
            if (after := self._step(root, entries)) is None:
                return root
            root = after
        raise Contended(root.thread)

    def _step(self, root: Root, entries: list[Entry]) -> Root | None:
        """Do what is to be done first, and read the root again; None where nothing is."""
        writer = self.writer
        addresses = {address for entry in entries for address in entry.participants}
        if root.facts > writer.view.facts:
            writer.view.forget()
        elif expired := root.expired(writer.runtime.now()):
            writer.complete(root.thread, expired)
        elif writer.view.changed_after(root.facts, addresses):
            writer.refile(root.thread)
        elif writer.matched(entries) != root.deals and (doubtful := self._doubtful(root)):
            self._compare(root, entries, doubtful)
        elif needed := root.lacks(writer.matched(entries)):
            return self._announce(root, needed, entries)
        else:
            return None
        return writer.runtime.roots.read(writer.account, root.thread)

    def _announce(self, root: Root, deals: frozenset[DealId], entries: list[Entry]) -> Root:
        writer = self.writer
        after = root.announced(deals, writer.run)
        if writer.write(root, after):
            tokens = after.pending - root.pending
            found = writer.index_thread(root.thread, tokens) or ()
            others = self._other_copies(found, entries)
            if others:  # the tokens are dropped after that, or a crash would leave it undone
                self.compared = True
                entries += others
                writer.refile(root.thread)
            writer.drop(root.thread, tokens)
            # Two writes later, and both were ours: no one else has changed the root.
            before, now = (root.thread, root.version), (root.thread, root.version + 2)
            self.mine = [
                replace(one, alone=now) if one.alone == before else one for one in self.mine
            ]
        return writer.runtime.roots.read(writer.account, root.thread)

    def _other_copies(self, found: Iterable[Entry], entries: Sequence[Entry]) -> Sequence[Entry]:
        """What others have put of the same messages meanwhile, where that was not read yet."""
        messages = {one.message for one in entries}
        others = {one for one in found if one.message in messages} - set(entries)
        return [] if self.compared else list(others)

    def _doubtful(self, root: Root) -> Sequence[Entry]:
        """Those of whose messages others may have put copies that were not read."""
        at = (root.thread, root.version)
        return [] if self.compared else [one.entry for one in self.mine if one.alone != at]

    def _compare(self, root: Root, entries: list[Entry], doubtful: Iterable[Entry]) -> None:
        """Add the other copies of messages; where there are any, the thread is refiled."""
        self.compared = True
        others = set(self._copies(doubtful)) - set(entries)
        if others:
            entries += others
            self.writer.refile(root.thread)
        else:
            self.writer.compare_later(root.thread)

    def _copies(self, entries: Iterable[Entry]) -> Iterable[Entry]:
        for thread, message in {(one.thread, one.message) for one in entries}:
            yield from self.writer.runtime.threads.copies(self.writer.account, thread, message)
