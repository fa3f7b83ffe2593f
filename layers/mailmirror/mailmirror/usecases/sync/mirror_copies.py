"""Mirror a batch of copies: content, threads, cards and deals, in this order.

Every write is idempotent. The ledger and the cursor move after all of them, so a
crash anywhere repeats the batch and changes nothing.
"""

import hashlib
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from mailmirror.domain.address import Address
from mailmirror.domain.identity import (
    MessageKey,
    Vertex,
    instant,
    message_key,
    vertex,
)
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.message import Entry, ListedAttachment
from mailmirror.domain.message_token import MessageToken
from mailmirror.domain.threads import ThreadId, vertices
from mailmirror.mail.imap.fetched import TOO_LARGE, FetchedCopy
from mailmirror.mail.mime.content import Content, parse_message
from mailmirror.mail.mime.headers import MessageHeaders, UnreadableHeaders
from mailmirror.runtime import Runtime, log_failure
from mailmirror.store.contents import Copy, Summary
from mailmirror.store.threads import Alias, ThreadGraph
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.threads.associate_threads import associate_threads
from mailmirror.usecases.threads.join_threads import Placed, join_threads
from mailmirror.usecases.threads.thread_writer import ThreadWriter

MAX_FIELD_PARTICIPANTS = 200
"""Participants of one address field whose timelines a message is indexed on."""


@dataclass(frozen=True, slots=True)
class FolderKey:
    """Where copies lie."""

    mailbox: MailboxKey
    folder: str
    uidvalidity: int


@dataclass(frozen=True, slots=True)
class _Read:
    copy: FetchedCopy
    content: Content
    message: MessageKey
    vertices: list[Vertex]
    """Its own last."""
    date: datetime | None
    """The Date that the message was given here, where a transport has replaced it."""
    alias: Alias | None
    """Set where a transport has replaced the Message-ID that the message was given here."""


def mirror_each(
    where: FolderKey, copies: Sequence[FetchedCopy], view: CrmView, runtime: Runtime
) -> Set[int]:
    """Mirror copies of one folder, and return the UIDs of those that are mirrored.

    Where a batch fails because of its contents, each copy is mirrored alone; one that fails again
    is mirrored by its headers, and one that fails even so stays pending.
    """
    try:
        _mirror(where, copies, view, runtime)
        return {copy.uid for copy in copies}
    except Exception as error:
        if not _is_about_the_mail(error):
            raise
        log_failure(error)
    return {copy.uid for copy in copies if _mirrored_alone(where, copy, view, runtime)}


def _mirrored_alone(where: FolderKey, copy: FetchedCopy, view: CrmView, runtime: Runtime) -> bool:
    for tried in (copy, copy.without_body()):
        try:
            _mirror(where, [tried], view, runtime)
            return True
        except Exception as error:
            if not _is_about_the_mail(error):
                raise
            log_failure(error)
    return False


def _is_about_the_mail(error: Exception) -> bool:
    """Whether an error comes from a message's contents, and not from AWS or a lost lease."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] == "ValidationException"
    return isinstance(
        error,
        ValueError | LookupError | TypeError | ArithmeticError | RecursionError | MemoryError,
    )


def _mirror(
    where: FolderKey, copies: Sequence[FetchedCopy], view: CrmView, runtime: Runtime
) -> None:
    """Mirror a batch. What each message costs stands in docs/data-model.md."""
    read = [_read(copy, view, runtime) for copy in copies]
    if not read:
        return
    view.refresh()
    writer = ThreadWriter.of(where.mailbox.account, view, runtime)
    placed = _placed(where.mailbox, read, writer)
    entries = {one.copy.uid: each.entry for one, each in zip(read, placed, strict=True)}
    runtime.contents.put(
        ((_summary(one, entries[one.copy.uid]), one.copy.raw) for one in read),
        (Copy(where.folder, where.uidvalidity, uid, one) for uid, one in entries.items()),
    )
    _put_on_cards(entries.values(), view, runtime)
    runtime.threads.add(entries.values())
    associate_threads(placed, writer)
    runtime.count("CopiesMirrored", len(read))


def _put_on_cards(entries: Collection[Entry], view: CrmView, runtime: Runtime) -> None:
    """Index messages on the cards of their participants that are not of the team."""
    view.look_up(entries)
    by_entry = [(one, one.participants - view.team) for one in entries]
    for key, address in {(one.key, address) for one, some in by_entry for address in some}:
        view.name_on_card(key, address)
    runtime.timelines.index_on_cards(by_entry)


def _read(copy: FetchedCopy, view: CrmView, runtime: Runtime) -> _Read:
    try:
        content = parse_message(copy.raw)
    except UnreadableHeaders:  # the server gives other bytes than in the header pass
        copy = copy.without_body()
        content = parse_message(copy.raw)
    headers = content.headers
    key = _message_key(content)
    own = vertex(headers.message_id) if headers.message_id else Vertex(key)
    members = vertices(own, headers.in_reply_to, headers.references)
    # A recipient can copy a token to other mail, and some programs do: it counts on our mail only.
    ours = any(one.address in view.team for one in headers.from_)
    signed = (ours and headers.token) and MessageToken.read(
        headers.token, runtime.vault.signature_key(view.account, runtime.now())
    )
    if not signed:
        return _Read(copy, content, key, members, headers.date, None)
    if own == signed.vertex:
        return _Read(copy, content, signed.message, members, signed.date, None)
    alias = Alias(signed.message, signed.date)
    return _Read(copy, content, signed.message, [signed.vertex, *members], signed.date, alias)


def _message_key(content: Content) -> MessageKey:
    headers = content.headers
    return message_key(
        headers.message_id,
        headers.date,
        sender=",".join(one.address for one in headers.from_),
        subject=headers.subject,
        recipients=",".join(one.address for one in headers.to),
        text=content.text,
    )


def _placed(key: MailboxKey, read: list[_Read], writer: ThreadWriter) -> Sequence[Placed]:
    """Find each message's thread."""
    graph = writer.runtime.threads.graph(key.account, {v for one in read for v in one.vertices})
    entries = [_entry(key, one, graph) for one in read]
    writer.view.look_up(entries)
    placed = join_threads([one.vertices for one in read], entries, graph, writer)
    for one in read:
        if one.alias:
            graph.name_alias(one.vertices[-1], one.alias)
    return placed


def _entry(key: MailboxKey, one: _Read, graph: ThreadGraph) -> Entry:
    """The entry of a message whose thread is still to be found."""
    message, date = one.message, one.date
    if not one.alias and (known := graph.alias(one.vertices[-1])):
        message, date = known.message, known.date
    return Entry(
        key=key,
        message=message,
        sha256=hashlib.sha256(one.copy.raw).hexdigest(),
        thread=ThreadId(""),
        instant=instant(date, one.copy.received_at),
        date=date,
        participants=_participants_of(one.content.headers),
    )


def _participants_of(headers: MessageHeaders) -> Set[Address]:
    """At most 1,200 addresses, so that they fit into an item."""
    fields = (headers.from_, headers.sender, headers.reply_to, headers.to, headers.cc, headers.bcc)
    return frozenset(one.address for field in fields for one in field[:MAX_FIELD_PARTICIPANTS])


def _summary(read: _Read, entry: Entry) -> Summary:
    headers, content = read.content.headers, read.content
    return Summary(
        key=entry.key,
        message=entry.message,
        sha256=entry.sha256,
        thread=entry.thread,
        message_id=headers.message_id,
        subject=headers.subject,
        from_=headers.from_,
        to=headers.to,
        cc=headers.cc,
        date=entry.date,
        snippet=content.snippet,
        attachments=_attachments(read),
        warnings=[*content.warnings, *read.copy.warnings],
    )


def _attachments(read: _Read) -> Sequence[ListedAttachment]:
    if TOO_LARGE in read.copy.warnings:
        return ()
    return [one.listed for one in read.content.attachments]
