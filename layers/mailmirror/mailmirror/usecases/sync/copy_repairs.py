"""Plan and carry out what puts lost items of copies again, by the ordinary, idempotent path."""

from collections.abc import Set
from dataclasses import dataclass, field, replace

from mailmirror.domain.deals import DealId
from mailmirror.domain.deep_audit import FaultKind
from mailmirror.domain.identity import Vertex
from mailmirror.domain.overrides import Override
from mailmirror.domain.threads import ThreadId
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.keys import PK
from mailmirror.store.stored_items import ItemName, name_of
from mailmirror.store.table import Item
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.copy_sources import Source
from mailmirror.usecases.sync.mirror_copies import FolderKey, mirror_each
from mailmirror.usecases.sync.needed_items import Needed
from mailmirror.usecases.sync.stored_copies import content_key, is_of_copy
from mailmirror.usecases.threads.thread_writer import ThreadWriter


@dataclass(slots=True)
class Repairs:
    """What is to be put again, of copies of one folder."""

    where: FolderKey
    copies: dict[tuple[int, str], FetchedCopy] = field(default_factory=dict)
    contents: dict[ItemName, tuple[Summary, bytes]] = field(default_factory=dict)
    items: dict[ItemName, Item] = field(default_factory=dict)
    pointers: dict[Vertex, ThreadId] = field(default_factory=dict)
    roots: set[ThreadId] = field(default_factory=set)
    """That are lost."""
    absorbed: set[tuple[ThreadId, ThreadId]] = field(default_factory=set)
    """Of roots, threads that they have lost."""
    overrides: dict[ThreadId, set[Override]] = field(default_factory=dict)
    refiled: set[ThreadId] = field(default_factory=set)
    deals: set[DealId] = field(default_factory=set)

    def item(self, needed: Needed, line: Summary | None, source: Source | None) -> None:
        """Put an item again.

        Parameters:
            line: the stored line of the copy's content, where the item is one and can be read.
            source: None of a further version.
        """
        if source is None:
            if needed.kind is FaultKind.TIMELINE:
                self.items[name_of(needed.key)] = dict(needed.key)
            return
        self.copy(source)
        match needed.kind:
            case FaultKind.CONTENT:
                self.content(source, line)
            case FaultKind.DEAL:
                self.deals.add(DealId(needed.key[PK].split("#", 2)[2]))
            case _:
                pass

    def copy(self, source: Source) -> None:
        """Mirror a copy again."""
        self.copies[source.copy.uid, source.entry.sha256] = source.copy

    def content(self, source: Source, line: Summary | None) -> None:
        """Put a line as it should be, with what can be kept of the stored one."""
        summary = source.summary
        if line is not None:
            kept = replace(summary, extends=line.extends, others=line.others)
            other = line.received < summary.received and not is_of_copy(
                line, self.where, source.copy.uid
            )
            summary = kept.with_copy(line) if other else kept
        self.contents[name_of(content_key(source.entry))] = (summary, source.copy.raw)


@dataclass(frozen=True, slots=True)
class CopyRepair:
    """Carries repairs out."""

    where: FolderKey
    view: CrmView
    runtime: Runtime

    def carry_out(self, repairs: Repairs) -> None:
        """Put what is missing; threads first, on which the rest stands."""
        account, runtime = self.where.mailbox.account, self.runtime
        for vertex, thread in repairs.pointers.items():
            runtime.stored_items.point(account, vertex, thread)
        for thread in repairs.roots:
            runtime.stored_items.begin_root(account, thread, self.view.facts)
        for root, thread in repairs.absorbed:
            self._absorb(root, thread)
        for root, overrides in repairs.overrides.items():
            self._override(root, overrides)
        runtime.contents.put(repairs.contents.values(), repairs.items.values())
        by_uid: dict[int, list[FetchedCopy]] = {}
        for copy in repairs.copies.values():
            by_uid.setdefault(copy.uid, []).append(copy)
        while by_uid:  # mirror_each tells copies apart by their UIDs
            mirror_each(self.where, [some.pop() for some in by_uid.values()], self.view, runtime)
            by_uid = {uid: some for uid, some in by_uid.items() if some}
        for deal in repairs.deals:
            runtime.timelines.name_on_deal(self.where.mailbox, deal)
        for thread in repairs.refiled | repairs.roots:
            self._writer().refile(thread)

    def _writer(self) -> ThreadWriter:
        return ThreadWriter.of(self.where.mailbox.account, self.view, self.runtime)

    def _absorb(self, thread: ThreadId, absorbed: ThreadId) -> None:
        """Have a root name a thread again that redirects to it."""
        writer = self._writer()
        root = self.runtime.roots.read(writer.account, thread)
        after = replace(root, version=root.version + 1, absorbed=root.absorbed | {absorbed})
        if root.version and writer.write(root, after):
            writer.refile(root.thread)

    def _override(self, thread: ThreadId, overrides: Set[Override]) -> None:
        """Have a root say again what persons have said."""
        writer = self._writer()
        root = after = self.runtime.roots.read(writer.account, thread)
        for one in overrides:
            after = after.overridden(one, writer.run)
        if after != root and writer.write(root, after):
            writer.complete(root.thread, after.pending - root.pending)
