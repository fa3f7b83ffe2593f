"""What threads lack of the copies of one folder: entries, roots, and what roots should say."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import combinations, islice

from mailmirror.domain.association import Root
from mailmirror.domain.deals import DealId
from mailmirror.domain.deep_audit import Fault, FaultKind
from mailmirror.domain.message import Entry
from mailmirror.domain.overrides import Override, latest
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.entries import entry_item
from mailmirror.store.overrides import StoredOverride
from mailmirror.store.stored_items import name_of
from mailmirror.store.table import Item
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.copy_repairs import Repairs
from mailmirror.usecases.sync.copy_sources import Source
from mailmirror.usecases.sync.needed_items import ENTRY, is_as
from mailmirror.usecases.sync.stored_copies import StoredCopies, content_key
from mailmirror.usecases.threads.thread_writer import ThreadWriter

_MAX_OVERRIDES = 1_000
"""Of a deal, the latest, that are held against the roots of its threads."""


@dataclass(frozen=True, slots=True)
class ThreadFaults:
    """Compares what is stored of threads with what copies of one folder lead to."""

    view: CrmView
    runtime: Runtime
    stored: StoredCopies
    _overrides: dict[DealId, Sequence[StoredOverride]] = field(default_factory=dict)

    def roots(self, sources: Sequence[Source]) -> Mapping[ThreadId, Root]:
        """The roots of the threads that copies belong or point to, by these threads."""
        threads = {thread for one in sources for thread in one.pointers.values()}
        threads |= {one.entry.thread for one in sources if one.entry.thread}
        return self.runtime.roots.read_many(self.stored.where.mailbox.account, threads)

    def of(
        self, source: Source, roots: Mapping[ThreadId, Root], repairs: Repairs
    ) -> Iterator[Fault]:
        """What the roots of a copy's Message-IDs do not say."""
        entry, own = source.entry, source.read.evidence.own
        account = entry.key.account

        def fault(kind: FaultKind, *key: object) -> Fault:
            return Fault.of(kind, self.stored.where.folder, source.copy.uid, *key)

        pointed = source.pointers.get(own)
        pointers = dict(source.pointers)
        if (
            (belongs := source.belongs_to)
            and pointed != belongs
            and (pointed or ThreadId(own) != belongs)
        ):
            yield fault(FaultKind.VERTEX, *name_of(keys.vertex(account, own)))
            repairs.pointers[own] = pointers[own] = belongs
        for vertex, thread in source.pointers.items():
            if vertex != own and not roots[thread].version and thread != ThreadId(vertex):
                others = {roots[t].thread for t in source.pointers.values() if roots[t].version}
                if thread not in self._evident(source) and others:
                    yield fault(FaultKind.VERTEX, *name_of(keys.vertex(account, vertex)))
                    repairs.pointers[vertex] = min(others)
                    pointers.pop(vertex)
        threads = set(pointers.values()) | ({entry.thread} if entry.thread else set())
        for thread in threads:
            root = roots[thread] if thread in roots else Root(thread)
            if not root.version:
                yield fault(FaultKind.ROOT, *name_of(keys.thread_root(account, root.thread)))
                repairs.roots.add(root.thread)
                repairs.copy(source)
            if thread not in root.threads:
                yield fault(FaultKind.ROOT, *name_of(keys.thread_root(account, root.thread)))
                repairs.absorbed.add((root.thread, thread))
        ends = {roots[thread].thread: roots[thread] for thread in threads if thread in roots}
        apart = [ends[id] for id in sorted(ends) if ends[id].version]
        for winner, loser in combinations(apart, 2):
            joined = loser.thread in winner.absorbed or winner.thread in loser.absorbed
            if joined:
                repairs.copy(source)
            if joined or winner.may_absorb(loser):  # else they stay apart
                yield fault(FaultKind.ROOT, *name_of(keys.thread_root(account, loser.thread)))
        if entry.thread not in roots:
            return
        root = roots[entry.thread]
        participants = entry.participants
        writer = ThreadWriter.of(account, self.view, self.runtime)
        lacks = root.wanted(writer.matched([entry])) - root.deals
        if lacks and root.version and not self.view.changed_after(root.facts, participants):
            yield fault(FaultKind.ROOT, *name_of(keys.thread_root(account, root.thread)))
            repairs.refiled.add(root.thread)
        if missing := self._missing_overrides(root, entry):
            yield fault(FaultKind.ROOT, *name_of(keys.thread_root(account, root.thread)))
            repairs.overrides.setdefault(root.thread, set()).update(missing)

    def of_entries(self, sources: Sequence[Source], repairs: Repairs) -> Iterator[Fault]:
        """The entry of a content in its thread stands at one of two places."""
        placed = [one for one in sources if one.entry.thread]
        items = self.runtime.stored_items.read(
            place
            for one in placed
            for place in (keys.first_entry(one.entry), keys.thread_entry(one.entry))
        )
        for source in placed:
            entry = source.entry
            at, beside = keys.first_entry(entry), keys.thread_entry(entry)
            first, own = items.get(name_of(at)), items.get(name_of(beside))
            is_right = is_as(entry_item(at, entry), ENTRY)
            if is_right(first) or is_right(own):
                continue
            yield Fault.of(
                FaultKind.ENTRY,
                self.stored.where.folder,
                source.copy.uid,
                *name_of(at),
                entry.sha256,
            )
            repairs.copy(source)
            if own is not None:
                repairs.items[name_of(beside)] = entry_item(beside, entry)
            elif first is not None and not self._is_of_another(first, entry):
                repairs.items[name_of(at)] = entry_item(at, entry)

    def _is_of_another(self, first: Item, entry: Entry) -> bool:
        """Whether the first entry of a message is one of another content that is stored."""
        other = self.stored.entry_in_thread(first)
        if other is None:
            return False
        if (other.message, other.key, other.thread) != (entry.message, entry.key, entry.thread):
            return False
        if other.sha256 == entry.sha256:
            return False
        return bool(self.runtime.stored_items.read([content_key(other)]))

    def _evident(self, source: Source) -> Set[ThreadId]:
        """Threads that the copy's stored items name, or that its Message-IDs are the root of."""
        named = {ThreadId(vertex) for vertex in source.read.vertices}
        return named | ({source.entry.thread} if source.entry.thread else set())

    def _missing_overrides(self, root: Root, entry: Entry) -> Set[Override]:
        """What persons have said of a thread or message, and its root does not say."""
        crm = self.view.crm(entry.participants)
        contacts = crm.contacts_of(entry.participants)
        deals = {deal.id for contact in contacts for deal in crm.deals.get(contact, ())}
        given = {
            one.override
            for deal in deals | root.deals
            for one in self._given(deal)
            if one.thread in root.threads and one.override.message in (None, entry.message)
        }
        return latest([*root.overrides, *given]) - root.overrides

    def _given(self, deal: DealId) -> Sequence[StoredOverride]:
        if deal not in self._overrides:
            read = self.runtime.overrides.of_deal(self.stored.where.mailbox.account, deal)
            self._overrides[deal] = list(islice(read, _MAX_OVERRIDES))
        return self._overrides[deal]
