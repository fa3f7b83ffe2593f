"""Mirror a batch of copies: content, threads, cards and deals, in the order that survives a crash.

Every write is one that may be repeated. The ledger and the cursor move after all of them, so a
crash anywhere repeats the batch and changes nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.identity import (
    Identifying,
    MessageKey,
    Vertex,
    instant,
    message_key,
    vertex,
)
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.threads import join, vertices
from mailmirror.mail.content import Content, parse_message
from mailmirror.mail.headers import Mailbox as HeaderMailbox
from mailmirror.mail.headers import UnreadableHeaders
from mailmirror.runtime import Runtime
from mailmirror.store.contents import AttachmentLine, Copy, Participant, Summary
from mailmirror.store.filed import Filed
from mailmirror.usecases.crm import CrmView
from mailmirror.usecases.file_threads import file_threads

TOO_LARGE = "too_large"
"""The warning on a message that was mirrored without its attachments."""


@dataclass(frozen=True, slots=True)
class FetchedCopy:
    """A copy whose verdict is `mirrored`, with its bytes."""

    uid: int
    received_at: datetime
    header: bytes
    """What the header pass fetched."""
    raw: bytes
    cut: bool
    """Whether `raw` is only the beginning of a message over the size limit."""


@dataclass(frozen=True, slots=True)
class FolderKey:
    """Where copies lie."""

    mailbox: MailboxKey
    folder: str
    uidvalidity: int


@dataclass(frozen=True, slots=True)
class _Read:
    copy: FetchedCopy
    raw: bytes
    content: Content
    message: MessageKey
    vertices: list[Vertex]


def mirror_copies(
    where: FolderKey, copies: Iterable[FetchedCopy], view: CrmView, runtime: Runtime
) -> None:
    """Mirror copies of one folder. What each costs stands in docs/data-model.md."""
    read = [_read(copy) for copy in copies]
    if not read:
        return
    filed = _file(where.mailbox, read, runtime)
    runtime.contents.put(
        ((_summary(one, filed[one.copy.uid]), one.raw) for one in read),
        (Copy(where.folder, where.uidvalidity, uid, one) for uid, one in filed.items()),
    )
    runtime.timelines.file_on_cards((one, one.participants - view.team) for one in filed.values())
    file_threads(where.mailbox.account, list(filed.values()), view, runtime)
    runtime.count("CopiesMirrored", len(read))


def _read(copy: FetchedCopy) -> _Read:
    raw = copy.raw
    try:
        content = parse_message(raw)
    except UnreadableHeaders:  # the server gives other bytes than in the header pass
        raw = copy.header.rstrip() + b"\r\n\r\n"
        content = parse_message(raw)
    headers = content.headers
    key = message_key(_identifying(content))
    own = vertex(headers.message_id) if headers.message_id else Vertex(key)
    return _Read(copy, raw, content, key, vertices(own, headers.in_reply_to, headers.references))


def _identifying(content: Content) -> Identifying:
    headers = content.headers
    return Identifying(
        message_id=headers.message_id,
        date=headers.date,
        sender=",".join(one.address for one in headers.from_),
        subject=headers.subject,
        recipients=",".join(one.address for one in headers.to),
        text=content.text,
    )


def _file(key: MailboxKey, read: list[_Read], runtime: Runtime) -> Mapping[int, Filed]:
    """Find each message's thread."""
    graph = runtime.threads.graph(key.account, {v for one in read for v in one.vertices})
    return {
        one.copy.uid: Filed(
            key=key,
            message=one.message,
            sha256=hashlib.sha256(one.raw).hexdigest(),
            thread=join(one.vertices, graph).filed,
            instant=instant(one.content.headers.date, one.copy.received_at),
            date=one.content.headers.date,
            participants=one.content.headers.participants,
        )
        for one in read
    }


def _summary(read: _Read, filed: Filed) -> Summary:
    headers, content = read.content.headers, read.content
    return Summary(
        key=filed.key,
        message=filed.message,
        sha256=filed.sha256,
        thread=filed.thread,
        message_id=headers.message_id,
        subject=headers.subject[:1000],
        from_=_participants(headers.from_),
        to=_participants(headers.to),
        cc=_participants(headers.cc),
        date=filed.date,
        snippet=content.snippet,
        attachments=_attachments(read),
        warnings=[*content.warnings, TOO_LARGE] if read.copy.cut else content.warnings,
    )


def _participants(mailboxes: Iterable[HeaderMailbox]) -> list[Participant]:
    return [Participant(one.name[:200], one.address) for one in mailboxes]


def _attachments(read: _Read) -> list[AttachmentLine]:
    if read.copy.cut:
        return []
    attachments = read.content.attachments
    return [AttachmentLine(one.name, one.content_type, one.size) for one in attachments]
