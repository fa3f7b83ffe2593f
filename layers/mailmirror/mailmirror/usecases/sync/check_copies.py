"""Check that what mirrored copies need is stored, and put it again where it is not.

    copies' items ─► lines ─► raw bytes ─┬─ whole: read anew from the stored bytes
                                         └─ not: fetched from the server again, if it has them
        ─► everything that these bytes lead to ─► read at once, compared ─► faults
        ─► repaired by the ordinary, idempotent path ─► compared once more

What is stored beyond that is left alone: nothing is hidden or erased here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations, islice

from mailmirror.domain import batches
from mailmirror.domain.association import Root
from mailmirror.domain.containment import Place
from mailmirror.domain.deals import DealId
from mailmirror.domain.deep_audit import Fault, FaultKind
from mailmirror.domain.identity import Vertex, instant
from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.message import Entry
from mailmirror.domain.overrides import Override, latest
from mailmirror.domain.participants import all_fit
from mailmirror.domain.threads import ThreadId
from mailmirror.domain.verdict import Verdict
from mailmirror.mail.imap.fetched import (
    COPY_WARNINGS,
    RECEIVED_DATE_UNKNOWN,
    FetchedCopy,
    FetchedHeader,
)
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.content_lines import Summary, line_item, read_line
from mailmirror.store.contents import MAX_LINE_RAW_BYTES
from mailmirror.store.entries import entry_item, read_entry
from mailmirror.store.keys import PK, SK, Key
from mailmirror.store.overrides import StoredOverride
from mailmirror.store.packed import pack, unpack
from mailmirror.store.stored_items import ItemName, name_of
from mailmirror.store.table import Item
from mailmirror.store.threads import ThreadGraph
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.mail_server import MailServer, fetched_bytes
from mailmirror.usecases.sync.mirror_copies import (
    FolderKey,
    entry_of,
    is_about_the_mail,
    mirror_each,
    summary_of,
)
from mailmirror.usecases.sync.read_copy import ReadCopy, read_copy
from mailmirror.usecases.threads.thread_writer import ThreadWriter

_REMOVED_GROUP = 5
"""Copies whose size is not known: each may have 25 MB."""
_READERS = 8
_MAX_REPAIRS = 3
"""Attempts: what a lost root has said is known only once the root is there again."""
_MAX_OVERRIDES = 1_000
"""Of a deal, the latest, that are held against the roots of its threads."""
_ENTRY = ("mailbox", "epoch", "message", "sha256", "thread", "instant", "date", "participants")
_LINE = (
    "mailbox",
    "message",
    "sha256",
    "thread",
    "message_id",
    "subject",
    "from",
    "to",
    "cc",
    "date",
    "snippet",
    "attachments",
    "warnings",
    "lines",
)
"""What of a line follows from the bytes alone."""
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What reading an item raises that is not what it should be."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A copy as it is stored, as far as it can be read."""

    uid: int
    item: Item
    entry: Entry | None
    line: Summary | None = None
    raw: bytes | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether its content is hidden: because the server has it no more, whatever its verdict.

        Mirroring it again would show it.
        """
        return "hidden_at" in self.item

    @property
    def is_whole(self) -> bool:
        return self.entry is not None and self.line is not None and self.raw is not None


@dataclass(frozen=True, slots=True)
class _Source:
    """The bytes of a copy, and what follows from them."""

    copy: FetchedCopy
    read: ReadCopy
    entry: Entry
    summary: Summary
    line: Summary | None
    """As stored, where it can be read."""
    pointers: Mapping[Vertex, ThreadId]
    """What its Message-IDs point at."""
    belongs_to: ThreadId | None
    """Which thread its stored items name, where they agree."""
    raw_is_lost: bool = False
    """Whether its bytes had to be fetched, and are not stored where they should be."""


@dataclass(frozen=True, slots=True)
class _Needed:
    """One item that a copy needs."""

    kind: FaultKind
    key: Key
    uid: int
    is_right: Callable[[Item | None], bool]


@dataclass(slots=True)
class Findings:
    """What was found of some copies."""

    faults: dict[str, Fault] = field(default_factory=dict)
    """By `Fault.same`."""
    disputed: set[int] = field(default_factory=set)
    """UIDs that are mirrored, and which no rule mirrors now."""
    not_repaired: set[Fault] = field(default_factory=set)

    def add(self, fault: Fault) -> None:
        self.faults.setdefault(fault.same, fault)


@dataclass(slots=True)
class _Repairs:
    """What is to be put again."""

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


@dataclass(slots=True)
class CheckCopies:
    """Checks copies of one folder."""

    where: FolderKey
    view: CrmView
    runtime: Runtime
    server: MailServer
    check_time: Callable[[], None]
    """Raises OutOfTime once the deadline has come."""
    _overrides: dict[DealId, Sequence[StoredOverride]] = field(default_factory=dict)

    def with_copies(self, uids: Iterable[int]) -> Set[int]:
        """Which of these UIDs have an item as a copy. A read unit for a dozen."""
        wanted = set(uids)
        return {uid for uid, _ in self._items(wanted)} if wanted else set()

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
            self._repair(repairs)
            self.view.forget()
            found, repairs, _ = self._compared(group, headers, known)
        for fault in found.values():
            findings.add(fault)
            findings.not_repaired.add(findings.faults[fault.same])

    # What is stored, and what should be

    def _compared(
        self,
        group: Sequence[int],
        headers: Mapping[int, FetchedHeader],
        known: Mapping[int, FetchedCopy],
    ) -> tuple[dict[str, Fault], _Repairs, Sequence[_Source]]:
        """Compare what copies need with what is stored.

        Parameters:
            known: bytes that were read before, by UID.
        """
        stored = self._stored(group)
        hidden = {one.uid for one in stored if one.is_hidden}
        stored = [one for one in stored if one.uid not in hidden]
        group = [uid for uid in group if uid not in hidden]
        sources, further = self._sources(group, headers, stored, known)
        repairs, faults = _Repairs(), dict[str, Fault]()
        lost = set(group) - {one.copy.uid for one in sources} - {one.uid for one in further}
        for uid in lost:
            for fault in self._lost(uid, stored):
                faults.setdefault(fault.same, fault)
        needed = [one for source in sources for one in self._needed(source)]
        needed += [one for copy in further for one in self._needed_of_further(copy)]
        roots = self._roots(sources)
        for source in sources:
            needed += self._needed_on_deals(source, roots)
        items = self.runtime.stored_items.read(one.key for one in needed)
        by_uid = {source.copy.uid: source for source in sources}
        for one in needed:
            item = items.get(name_of(one.key))
            if one.is_right(item):
                continue
            fault = Fault.of(one.kind, self.where.folder, one.uid, *name_of(one.key))
            faults.setdefault(fault.same, fault)
            self._plan(one, item, by_uid.get(one.uid), repairs)
        for source in sources:
            if source.raw_is_lost:
                fault = self._raw_fault(source)
                faults.setdefault(fault.same, fault)
                self._again(source, repairs)
                self._content_again(source, source.line, repairs)
        for fault in self._entry_faults(sources, repairs):
            faults.setdefault(fault.same, fault)
        for source in sources:
            for fault in self._thread_faults(source, roots, repairs):
                faults.setdefault(fault.same, fault)
        lost_roots = {one.name for one in faults.values() if one.kind is FaultKind.ROOT}
        for name in lost_roots:  # a root is the item of a vertex
            faults.pop(f"{FaultKind.VERTEX}.{name}", None)
        return faults, repairs, sources

    def _items(self, uids: Set[int]) -> Iterator[tuple[int, Item]]:
        where = self.where
        for item in self.runtime.stored_items.copies(
            where.mailbox, where.folder, where.uidvalidity, min(uids), max(uids)
        ):
            uid = keys.copy_place(item).uid
            if uid in uids:
                yield uid, item

    def _stored(self, group: Sequence[int]) -> Sequence[_Stored]:
        """Read the copies of UIDs with their lines and bytes, as far as they can be read."""
        copies = [_Stored(uid, item, self._entry(item)) for uid, item in self._items(set(group))]
        named = [one for one in copies if one.entry and one.entry.sha256 != FURTHER]
        lines = self.runtime.stored_items.read(self._content_key(one.entry) for one in named)
        read = {
            name: self._line(lines[name])
            for one in named
            if (name := name_of(self._content_key(one.entry))) in lines
        }
        kept = {
            name_of(self._content_key(one.entry)): one.entry
            for one in named
            if one.entry is not None
        }
        raws = self._raws(kept, read)
        result = []
        for one in copies:
            if one.entry is None:
                result.append(one)
                continue
            at = name_of(self._content_key(one.entry))
            result.append(replace(one, line=read.get(at), raw=raws.get(at)))
        return result

    def _raws(
        self, entries: Mapping[ItemName, Entry], lines: Mapping[ItemName, Summary | None]
    ) -> Mapping[ItemName, bytes | None]:
        """The raw bytes of contents, from their lines, their items or the bucket."""
        packed: dict[ItemName, bytes] = {
            name: line.packed for name, line in lines.items() if line and line.packed is not None
        }
        rest = {name: entry for name, entry in entries.items() if name not in packed}
        asked = {
            name: keys.raw(one.key, one.message, one.sha256)
            for name, one in rest.items()
            if (line := lines.get(name)) is None or not line.in_object
        }
        items = self.runtime.stored_items.read(asked.values())
        for name, key in asked.items():
            if isinstance(value := items.get(name_of(key), {}).get("raw"), bytes):
                packed[name] = value
        found: dict[ItemName, bytes | None] = {
            name: _unpacked(value, entries[name].sha256) for name, value in packed.items()
        }
        objects = [(name, one) for name, one in rest.items() if name not in packed]
        with ThreadPoolExecutor(_READERS) as readers:
            found |= dict(readers.map(self._object, objects))
        return found

    def _object(self, one: tuple[ItemName, Entry]) -> tuple[ItemName, bytes | None]:
        name, entry = one
        try:
            raw = self.runtime.stored_items.object(entry.key, entry.message, entry.sha256)
        except KeyError:
            return name, None
        return name, raw

    def _entry(self, item: Item) -> Entry | None:
        try:
            entry = read_entry(self.where.mailbox.account, item)
        except _UNREADABLE:
            return None
        named = item[SK].rpartition("#")[2] == entry.sha256 and entry.key == self.where.mailbox
        return entry if named else None

    def _line(self, item: Item) -> Summary | None:
        try:
            return read_line(self.where.mailbox, item)
        except _UNREADABLE:
            return None

    def _content_key(self, entry: Entry | None) -> Key:
        if entry is None:
            raise ValueError("no entry")
        return keys.content(entry.key, entry.message, entry.sha256)

    def _sources(
        self,
        group: Sequence[int],
        headers: Mapping[int, FetchedHeader],
        stored: Sequence[_Stored],
        known: Mapping[int, FetchedCopy],
    ) -> tuple[Sequence[_Source], Sequence[_Stored]]:
        """The bytes of copies, fetched where they are not stored; and what is a further version.

        A copy of which no bytes are left is missing in both.
        """
        of_uid: dict[int, list[_Stored]] = {uid: [] for uid in group}
        for one in stored:
            of_uid[one.uid].append(one)
        further = [one for one in stored if one.entry and one.entry.sha256 == FURTHER]
        are_further = {one.uid for one in further}
        whole = [one for one in stored if one.is_whole and one.uid not in are_further]
        broken = {
            uid
            for uid, some in of_uid.items()
            if uid not in are_further and (not some or not all(one.is_whole for one in some))
        }
        copies: list[tuple[FetchedCopy, _Stored | None]] = [
            (self._fetched(one, headers.get(one.uid)), one) for one in whole
        ]
        wanted = {uid: headers[uid] for uid in sorted(broken) if uid in headers}
        got = {uid: known[uid] for uid in wanted if uid in known}
        left = {uid: one for uid, one in wanted.items() if uid not in got}
        if left:
            got |= self.server.copies(left).found
        have = {one.uid for one in whole}
        for uid, copy in got.items():
            copies.append((copy, None))
            have.add(uid)
        for one in stored:  # the server has them no more: what is stored is read as it is
            if one.uid not in have and one.raw is not None and one.entry is not None:
                copies.append((self._fetched(one, headers.get(one.uid)), one))
        reads = [
            (read_copy(copy, self._role(copy), self.view, self.runtime), one)
            for copy, one in copies
        ]
        account = self.where.mailbox.account
        vertices = {vertex for read, _ in reads for vertex in read.vertices}
        graph = self.runtime.threads.graph(account, vertices)
        sources = [self._source(read, one, graph) for read, one in reads]
        fetched = [one for one, (_, kept) in zip(sources, reads, strict=True) if kept is None]
        stored_as = [one for one, (_, kept) in zip(sources, reads, strict=True) if kept is not None]
        return [*stored_as, *self._held_against_store(fetched)], further

    def _held_against_store(self, fetched: Sequence[_Source]) -> Iterator[_Source]:
        """What is stored of contents that had to be fetched."""
        entries = {name_of(self._content_key(one.entry)): one.entry for one in fetched}
        items = self.runtime.stored_items.read(map(self._content_key, entries.values()))
        lines = {name: self._line(items[name]) for name in entries if name in items}
        raws = self._raws(entries, lines)
        for one in fetched:
            name = name_of(self._content_key(one.entry))
            line = lines.get(name)
            thread = one.entry.thread or (line.thread if line else ThreadId(""))
            packed = len(pack(one.copy.raw))
            in_line = packed <= MAX_LINE_RAW_BYTES if line is None else line.packed is not None
            yield replace(
                one,
                entry=replace(one.entry, thread=thread),
                summary=replace(one.summary, thread=thread),
                line=line,
                belongs_to=line.thread if line else None,
                raw_is_lost=raws[name] is None and not (line is None and in_line),
            )

    def _role(self, copy: FetchedCopy) -> FolderRole:
        return self.where.role.with_labels(copy.role)

    def _fetched(self, one: _Stored, header: FetchedHeader | None) -> FetchedCopy:
        """A stored copy, as if it had been fetched."""
        assert one.raw is not None
        assert one.entry is not None
        line, entry = one.line, one.entry
        warnings = tuple(w for w in (line.warnings if line else ()) if w in COPY_WARNINGS)
        received_at = header.received_at if header else _received_at(one.item) or entry.instant
        told = header is not None and RECEIVED_DATE_UNKNOWN not in warnings
        if line and not told and self._is_place(line, one.uid):
            received_at = line.received.at
        block = one.raw.partition(b"\r\n\r\n")[0]
        role = header.role if header else None
        return FetchedCopy(one.uid, received_at, block, one.raw, warnings, role)

    def _is_place(self, line: Summary, uid: int) -> bool:
        at, where = line.received, self.where
        return (at.folder, at.uidvalidity, at.uid) == (where.folder, where.uidvalidity, uid)

    def _source(self, read: ReadCopy, one: _Stored | None, graph: ThreadGraph) -> _Source:
        key = self.where.mailbox
        entry = entry_of(key, read, graph, self.view)
        if one and one.entry and one.entry.message != entry.message:
            # It was mirrored before its alias was known: its identity is the stored one.
            date = one.line.date if one.line else one.entry.date
            at = instant(date, read.copy.received_at)
            entry = replace(entry, message=one.entry.message, date=date, instant=at)
        participants = [one.address for one in read.content.headers.all_participants]
        if one and one.entry and not all_fit(participants):
            # Which of them are kept depends on who was known then.
            entry = replace(entry, participants=one.entry.participants & set(participants))
        stored = {one.entry.thread} if one and one.entry else set()
        stored |= {one.line.thread} if one and one.line else set()
        agreed = next(iter(stored)) if len(stored) == 1 else None
        thread = agreed or graph.thread_of(read.evidence.own) or ThreadId("")
        entry = replace(entry, thread=thread)
        pointers = graph.known(set(read.vertices))
        line = one.line if one else None
        return _Source(
            read.copy, read, entry, summary_of(self.where, read, entry), line, pointers, agreed
        )

    def _lost(self, uid: int, stored: Sequence[_Stored]) -> Iterator[Fault]:
        """The faults of a copy of which neither the store nor the server has the bytes."""
        mine = [one for one in stored if one.uid == uid]
        for one in mine:
            if one.entry is None:
                yield Fault.of(FaultKind.COPY, self.where.folder, uid, *name_of(_key(one.item)))
                continue
            key = self._content_key(one.entry)
            if one.line is None:
                yield Fault.of(FaultKind.CONTENT, self.where.folder, uid, *name_of(key))
            else:
                raw = keys.raw(one.entry.key, one.entry.message, one.entry.sha256)
                yield Fault.of(FaultKind.RAW, self.where.folder, uid, *name_of(raw))
        if not mine:
            yield Fault.of(FaultKind.COPY, self.where.folder, uid)

    # What a copy needs

    def _needed(self, source: _Source) -> Iterator[_Needed]:
        """What a copy needs by itself."""
        entry, uid, where = source.entry, source.copy.uid, self.where
        key = keys.copy(where.mailbox, Place(where.folder, where.uidvalidity, uid), entry.sha256)
        wanted = entry_item(key, entry) | {"recipients": source.read.content.headers.recipients}
        yield _Needed(FaultKind.COPY, key, uid, _as(wanted, (*_ENTRY, "recipients")))
        content = keys.content(entry.key, entry.message, entry.sha256)
        yield _Needed(
            FaultKind.CONTENT, content, uid, lambda item: self._line_is_right(source, item)
        )
        for address in entry.participants - self.view.team:
            at = {PK: keys.card_timeline(entry.key, address), SK: keys.entry_position(entry)}
            yield _Needed(FaultKind.TIMELINE, at, uid, _is_there)
            at = keys.address(entry.key.account, address)
            yield _Needed(FaultKind.ADDRESS, at, uid, self._names_mailbox)
        for vertex in source.read.vertices:
            at = keys.vertex(entry.key.account, vertex)
            if ThreadId(vertex) != entry.thread:  # that one is the root
                yield _Needed(FaultKind.VERTEX, at, uid, _has_thread)
        if source.read.was_sent:
            yield _Needed(
                FaultKind.SENT_MARK,
                keys.sent_mark(entry.key.account, entry.message),
                uid,
                _is_there,
            )

    def _needed_of_further(self, copy: _Stored) -> Iterator[_Needed]:
        entry = copy.entry
        assert entry is not None
        for address in entry.participants - self.view.team:
            at = {PK: keys.card_timeline(entry.key, address), SK: keys.entry_position(entry)}
            yield _Needed(FaultKind.TIMELINE, at, copy.uid, _is_there)
            at = keys.address(entry.key.account, address)
            yield _Needed(FaultKind.ADDRESS, at, copy.uid, self._names_mailbox)

    def _needed_on_deals(
        self, source: _Source, roots: Mapping[ThreadId, Root]
    ) -> Iterator[_Needed]:
        """What a copy needs on the deals of its thread, but for those that are being indexed."""
        entry, uid = source.entry, source.copy.uid
        if (root := roots.get(entry.thread)) is None:
            return
        for deal in root.deals_of(entry.message) - {token.deal for token in root.pending}:
            at = {PK: keys.deal_timeline(entry.key, deal), SK: keys.entry_position(entry)}
            yield _Needed(FaultKind.DEAL_ENTRY, at, uid, _as({"thread": entry.thread}, ("thread",)))
            at = keys.deal_mailboxes(entry.key.account, deal)
            yield _Needed(FaultKind.DEAL, at, uid, self._names_mailbox)

    def _names_mailbox(self, item: Item | None) -> bool:
        name = keys.mailbox_name(self.where.mailbox)
        return item is not None and name in item.get("mailboxes", ())

    def _line_is_right(self, source: _Source, item: Item | None) -> bool:
        line = self._line(item) if item else None
        if line is None or item is None:
            return False
        own, at = source.summary, line.received
        wanted = line_item(replace(own, in_object=line.in_object), in_object=line.in_object)
        if not _as(wanted, _LINE)(item) or at > own.received or line.instant > own.instant:
            return False
        return not self._is_place(line, source.copy.uid) or at.at == own.received.at

    def _raw_fault(self, source: _Source) -> Fault:
        """Bytes that stand in the line are part of it."""
        entry, line = source.entry, source.line
        of_line = line is not None and line.packed is not None
        key = self._content_key(entry)
        if not of_line:
            key = keys.raw(entry.key, entry.message, entry.sha256)
        kind = FaultKind.CONTENT if of_line else FaultKind.RAW
        return Fault.of(kind, self.where.folder, source.copy.uid, *name_of(key))

    def _entry_faults(self, sources: Sequence[_Source], repairs: _Repairs) -> Iterator[Fault]:
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
            is_right = _as(entry_item(at, entry), _ENTRY)
            if is_right(first) or is_right(own):
                continue
            yield Fault.of(
                FaultKind.ENTRY, self.where.folder, source.copy.uid, *name_of(at), entry.sha256
            )
            self._again(source, repairs)
            if own is not None:
                repairs.items[name_of(beside)] = entry_item(beside, entry)
            elif first is not None and not self._is_of_another(first, entry):
                repairs.items[name_of(at)] = entry_item(at, entry)

    def _is_of_another(self, first: Item, entry: Entry) -> bool:
        """Whether the first entry of a message is one of another content that is stored."""
        try:
            other = read_entry(entry.key.account, first)
        except _UNREADABLE:
            return False
        if (other.message, other.key, other.thread) != (entry.message, entry.key, entry.thread):
            return False
        if other.sha256 == entry.sha256:
            return False
        return bool(self.runtime.stored_items.read([self._content_key(other)]))

    # Threads

    def _roots(self, sources: Sequence[_Source]) -> Mapping[ThreadId, Root]:
        threads = {thread for one in sources for thread in one.pointers.values()}
        threads |= {one.entry.thread for one in sources if one.entry.thread}
        return self.runtime.roots.read_many(self.where.mailbox.account, threads)

    def _thread_faults(
        self, source: _Source, roots: Mapping[ThreadId, Root], repairs: _Repairs
    ) -> Iterator[Fault]:
        """What the roots of a copy's Message-IDs do not say."""
        entry, own = source.entry, source.read.evidence.own
        account = entry.key.account

        def fault(kind: FaultKind, *key: object) -> Fault:
            return Fault.of(kind, self.where.folder, source.copy.uid, *key)

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
                self._again(source, repairs)
            if thread not in root.threads:
                yield fault(FaultKind.ROOT, *name_of(keys.thread_root(account, root.thread)))
                repairs.absorbed.add((root.thread, thread))
        ends = {roots[thread].thread: roots[thread] for thread in threads if thread in roots}
        apart = [ends[id] for id in sorted(ends) if ends[id].version]
        for winner, loser in combinations(apart, 2):
            joined = loser.thread in winner.absorbed or winner.thread in loser.absorbed
            if joined:
                self._again(source, repairs)
            if joined or winner.may_absorb(loser):  # else they stay apart
                yield fault(FaultKind.ROOT, *name_of(keys.thread_root(account, loser.thread)))
        if entry.thread not in roots:
            return
        root = roots[entry.thread]
        participants = entry.participants
        writer = self._writer()
        lacks = root.wanted(writer.matched([entry])) - root.deals
        if lacks and root.version and not self.view.changed_after(root.facts, participants):
            yield fault(FaultKind.ROOT, *name_of(keys.thread_root(account, root.thread)))
            repairs.refiled.add(root.thread)
        if missing := self._missing_overrides(root, entry):
            yield fault(FaultKind.ROOT, *name_of(keys.thread_root(account, root.thread)))
            repairs.overrides.setdefault(root.thread, set()).update(missing)

    def _evident(self, source: _Source) -> Set[ThreadId]:
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
            read = self.runtime.overrides.of_deal(self.where.mailbox.account, deal)
            self._overrides[deal] = list(islice(read, _MAX_OVERRIDES))
        return self._overrides[deal]

    # Repair

    def _plan(
        self, needed: _Needed, item: Item | None, source: _Source | None, repairs: _Repairs
    ) -> None:
        """Note what puts an item again."""
        if source is None:  # a further version
            if needed.kind is FaultKind.TIMELINE:
                repairs.items[name_of(needed.key)] = dict(needed.key)
            return
        self._again(source, repairs)
        match needed.kind:
            case FaultKind.CONTENT:
                self._content_again(source, self._line(item) if item else None, repairs)
            case FaultKind.DEAL:
                repairs.deals.add(DealId(needed.key[PK].split("#", 2)[2]))
            case _:
                pass

    def _again(self, source: _Source, repairs: _Repairs) -> None:
        repairs.copies[source.copy.uid, source.entry.sha256] = source.copy

    def _content_again(self, source: _Source, line: Summary | None, repairs: _Repairs) -> None:
        """Put a line as it should be, with what can be kept of the stored one."""
        summary = source.summary
        if line is not None:
            kept = replace(summary, extends=line.extends, others=line.others)
            other = line.received < summary.received and not self._is_place(line, source.copy.uid)
            summary = kept.with_copy(line) if other else kept
        repairs.contents[name_of(keys.content(summary.key, summary.message, summary.sha256))] = (
            summary,
            source.copy.raw,
        )

    def _repair(self, repairs: _Repairs) -> None:
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
        copies = list(repairs.copies.values())
        by_uid: dict[int, list[FetchedCopy]] = {}
        for copy in copies:
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


def _unpacked(packed: bytes, sha256: str) -> bytes | None:
    try:
        return unpack(packed, sha256)
    except KeyError:
        return None


def _received_at(item: Item) -> datetime | None:
    """When a stored copy was received; None where its item does not say so."""
    try:
        return datetime.fromisoformat(item["received_at"])
    except _UNREADABLE:
        return None


def _key(item: Item) -> Key:
    return {PK: item[PK], SK: item[SK]}


def _is_there(item: Item | None) -> bool:
    return item is not None


def _has_thread(item: Item | None) -> bool:
    return item is not None and isinstance(item.get("thread"), str)


def _as(wanted: Item, names: Iterable[str]) -> Callable[[Item | None], bool]:
    """Whether an item has these attributes as they should be; an empty one may be missing."""

    def is_right(item: Item | None) -> bool:
        return item is not None and all(item.get(one) == wanted.get(one) for one in names)

    return is_right
