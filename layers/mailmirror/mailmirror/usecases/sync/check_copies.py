"""Check that what mirrored copies need is stored, and put it again where it is not.

    copies' items ─► lines ─► raw bytes (`stored_copies`) ─► their bytes (`copy_sources`)
        ─► everything that these bytes lead to (`needed_items`, `thread_faults`)
        ─► read at once, compared ─► faults ─► repaired (`copy_repairs`) ─► compared once more

What is stored beyond that is left alone: nothing is hidden or erased here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailmirror.domain import batches
from mailmirror.domain.deep_audit import Fault, FaultKind
from mailmirror.domain.verdict import Verdict
from mailmirror.mail.imap.fetched import FetchedCopy, FetchedHeader
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.keys import PK, SK
from mailmirror.store.stored_items import name_of
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.copy_repairs import CopyRepair, Repairs
from mailmirror.usecases.sync.copy_sources import CopySources, Source
from mailmirror.usecases.sync.mail_server import MailServer, fetched_bytes
from mailmirror.usecases.sync.mirror_copies import FolderKey, is_about_the_mail
from mailmirror.usecases.sync.needed_items import NeededItems
from mailmirror.usecases.sync.stored_copies import StoredCopies, StoredCopy, content_key
from mailmirror.usecases.sync.thread_faults import ThreadFaults

_REMOVED_GROUP = 5
"""Copies whose size is not known: each may have 25 MB."""
_MAX_REPAIRS = 3
"""Attempts: what a lost root has said is known only once the root is there again."""


@dataclass(slots=True)
class Findings:
    """What was found of some copies."""

    faults: dict[str, Fault] = field(default_factory=dict)
    """By `Fault.same`."""
    not_repaired: set[Fault] = field(default_factory=set)

    def add(self, fault: Fault) -> None:
        self.faults.setdefault(fault.same, fault)


@dataclass(frozen=True, slots=True)
class CheckCopies:
    """Checks copies of one folder."""

    where: FolderKey
    view: CrmView
    runtime: Runtime
    server: MailServer
    check_time: Callable[[], None]
    """Raises OutOfTime once the deadline has come."""
    stored: StoredCopies
    sources: CopySources
    needed: NeededItems
    threads: ThreadFaults

    @classmethod
    def of(
        cls,
        where: FolderKey,
        view: CrmView,
        runtime: Runtime,
        server: MailServer,
        check_time: Callable[[], None],
    ) -> "CheckCopies":
        """The check of copies of the folder that is open at the server."""
        stored = StoredCopies(where, runtime)
        return cls(
            where,
            view,
            runtime,
            server,
            check_time,
            stored,
            CopySources(where, view, runtime, server, stored),
            NeededItems(view, stored),
            ThreadFaults(view, runtime, stored),
        )

    def check(self, headers: Mapping[int, FetchedHeader], removed: Sequence[int]) -> Findings:
        """Check mirrored copies, and repair what is not as it should be.

        Parameters:
            headers: of copies that the server has, as it has just returned them.
            removed: UIDs of copies that it does not return.
        """
        findings = Findings()
        sizes = {uid: fetched_bytes(one.size) for uid, one in headers.items()}
        groups = [
            *(list(run) for run in batches.runs(dict.fromkeys(headers, Verdict.MIRRORED), sizes)),
            *(removed[n : n + _REMOVED_GROUP] for n in range(0, len(removed), _REMOVED_GROUP)),
        ]
        for group in groups:
            self.check_time()
            self._contained(group, headers, findings)
            self.server.note_progress()
        return findings

    def _contained(
        self, group: Sequence[int], headers: Mapping[int, FetchedHeader], findings: Findings
    ) -> None:
        """Check a group; where that fails because of what one of them is, each alone."""
        try:
            self._check(group, headers, findings)
        except Exception as error:
            if not is_about_the_mail(error):
                raise
            if len(group) > 1:
                for uid in group:
                    self.check_time()
                    self._contained([uid], headers, findings)
                return
            fault = Fault.of(FaultKind.COPY, self.where.folder, group[0])
            findings.add(fault)
            findings.not_repaired.add(fault)

    def _check(
        self, group: Sequence[int], headers: Mapping[int, FetchedHeader], findings: Findings
    ) -> None:
        found, repairs, sources = self._compared(group, headers, {})
        for fault in found.values():
            findings.add(fault)
        known = {one.copy.uid: one.copy for one in sources}
        for _ in range(_MAX_REPAIRS):
            if not found:
                return
            CopyRepair(self.where, self.view, self.runtime).carry_out(repairs)
            self.view.forget()
            found, repairs, _ = self._compared(group, headers, known)
        for fault in found.values():
            findings.add(fault)
            findings.not_repaired.add(findings.faults[fault.same])

    def _compared(
        self,
        group: Sequence[int],
        headers: Mapping[int, FetchedHeader],
        known: Mapping[int, FetchedCopy],
    ) -> tuple[dict[str, Fault], Repairs, Sequence[Source]]:
        """Compare what copies need with what is stored.

        Parameters:
            known: bytes that were read before, by UID.
        """
        stored = self.stored.read(group)
        hidden = {one.uid for one in stored if one.is_hidden}
        stored = [one for one in stored if one.uid not in hidden]
        group = [uid for uid in group if uid not in hidden]
        sources, further = self.sources.read(group, headers, stored, known)
        repairs, faults = Repairs(self.where), dict[str, Fault]()
        lost = set(group) - {one.copy.uid for one in sources} - {one.uid for one in further}
        for uid in lost:
            for fault in self._lost(uid, stored):
                faults.setdefault(fault.same, fault)
        needed = [one for source in sources for one in self.needed.of(source)]
        needed += [one for copy in further for one in self.needed.of_further(copy)]
        roots = self.threads.roots(sources)
        for source in sources:
            needed += self.needed.on_deals(source, roots)
        items = self.runtime.stored_items.read(one.key for one in needed)
        by_uid = {source.copy.uid: source for source in sources}
        for one in needed:
            item = items.get(name_of(one.key))
            if one.is_right(item):
                continue
            fault = Fault.of(one.kind, self.where.folder, one.uid, *name_of(one.key))
            faults.setdefault(fault.same, fault)
            line = self.stored.line(item) if item and one.kind is FaultKind.CONTENT else None
            repairs.item(one, line, by_uid.get(one.uid))
        for source in sources:
            if source.raw_is_lost:
                fault = self._raw_fault(source)
                faults.setdefault(fault.same, fault)
                repairs.copy(source)
                repairs.content(source, source.line)
        for fault in self.threads.of_entries(sources, repairs):
            faults.setdefault(fault.same, fault)
        for source in sources:
            for fault in self.threads.of(source, roots, repairs):
                faults.setdefault(fault.same, fault)
        lost_roots = {one.name for one in faults.values() if one.kind is FaultKind.ROOT}
        for name in lost_roots:  # a root is the item of a vertex
            faults.pop(f"{FaultKind.VERTEX}.{name}", None)
        return faults, repairs, sources

    def _lost(self, uid: int, stored: Sequence[StoredCopy]) -> Iterator[Fault]:
        """The faults of a copy of which neither the store nor the server has the bytes."""
        mine = [one for one in stored if one.uid == uid]
        for one in mine:
            if one.entry is None:
                yield Fault.of(FaultKind.COPY, self.where.folder, uid, one.item[PK], one.item[SK])
                continue
            key = content_key(one.entry)
            if one.line is None:
                yield Fault.of(FaultKind.CONTENT, self.where.folder, uid, *name_of(key))
            else:
                raw = keys.raw(one.entry.key, one.entry.message, one.entry.sha256)
                yield Fault.of(FaultKind.RAW, self.where.folder, uid, *name_of(raw))
        if not mine:
            yield Fault.of(FaultKind.COPY, self.where.folder, uid)

    def _raw_fault(self, source: Source) -> Fault:
        """Bytes that stand in the line are part of it."""
        entry, line = source.entry, source.line
        of_line = line is not None and line.packed is not None
        key = content_key(entry)
        if not of_line:
            key = keys.raw(entry.key, entry.message, entry.sha256)
        kind = FaultKind.CONTENT if of_line else FaultKind.RAW
        return Fault.of(kind, self.where.folder, source.copy.uid, *name_of(key))
