"""The bytes of copies, stored or fetched again, and what follows from them.

stored copies ─┬─ whole: read anew from the stored bytes
               └─ not: fetched from the server again, if it has them
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mailmirror.domain.identity import Vertex, instant
from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.message import Entry
from mailmirror.domain.participants import all_fit
from mailmirror.domain.threads import ThreadId
from mailmirror.mail.imap.fetched import (
    COPY_WARNINGS,
    RECEIVED_DATE_UNKNOWN,
    FetchedCopy,
    FetchedHeader,
)
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.contents import MAX_LINE_RAW_BYTES
from mailmirror.store.packed import pack
from mailmirror.store.stored_items import name_of
from mailmirror.store.threads import ThreadGraph
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.mail_server import MailServer
from mailmirror.usecases.sync.mirror_copies import FolderKey, entry_of, summary_of
from mailmirror.usecases.sync.read_copy import ReadCopy, read_copy
from mailmirror.usecases.sync.stored_copies import (
    StoredCopies,
    StoredCopy,
    content_key,
    is_of_copy,
)


@dataclass(frozen=True, slots=True)
class Source:
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
class CopySources:
    """Reads the bytes of copies of one folder."""

    where: FolderKey
    view: CrmView
    runtime: Runtime
    server: MailServer
    stored: StoredCopies

    def read(
        self,
        group: Sequence[int],
        headers: Mapping[int, FetchedHeader],
        stored: Sequence[StoredCopy],
        known: Mapping[int, FetchedCopy],
    ) -> tuple[Sequence[Source], Sequence[StoredCopy]]:
        """The bytes of copies, fetched where they are not stored; and what is a further version.

        A copy of which no bytes are left is missing in both.
        """
        of_uid: dict[int, list[StoredCopy]] = {uid: [] for uid in group}
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
        copies: list[tuple[FetchedCopy, StoredCopy | None]] = [
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

    def _held_against_store(self, fetched: Sequence[Source]) -> Iterator[Source]:
        """What is stored of contents that had to be fetched."""
        entries = {name_of(content_key(one.entry)): one.entry for one in fetched}
        items = self.runtime.stored_items.read(map(content_key, entries.values()))
        lines = {name: self.stored.line(items[name]) for name in entries if name in items}
        raws = self.stored.raws(entries, lines)
        for one in fetched:
            name = name_of(content_key(one.entry))
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

    def _fetched(self, one: StoredCopy, header: FetchedHeader | None) -> FetchedCopy:
        """A stored copy, as if it had been fetched."""
        assert one.raw is not None
        assert one.entry is not None
        line, entry = one.line, one.entry
        warnings = tuple(w for w in (line.warnings if line else ()) if w in COPY_WARNINGS)
        received_at = header.received_at if header else one.received_at or entry.instant
        told = header is not None and RECEIVED_DATE_UNKNOWN not in warnings
        if line and not told and is_of_copy(line, self.where, one.uid):
            received_at = line.received.at
        block = one.raw.partition(b"\r\n\r\n")[0]
        role = header.role if header else None
        return FetchedCopy(one.uid, received_at, block, one.raw, warnings, role)

    def _source(self, read: ReadCopy, one: StoredCopy | None, graph: ThreadGraph) -> Source:
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
        return Source(
            read.copy, read, entry, summary_of(self.where, read, entry), line, pointers, agreed
        )
