"""Mirror a batch of copies: content, threads, cards and deals, in this order.

Every write is idempotent. The ledger and the cursor move after all of them, so a
crash anywhere repeats the batch and changes nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime

from botocore.exceptions import ClientError

from mailmirror.domain.address import Address
from mailmirror.domain.aliases import is_of_alias
from mailmirror.domain.identity import (
    instant,
)
from mailmirror.domain.mailbox import FolderRole, MailboxKey
from mailmirror.domain.message import Entry, ListedAttachment
from mailmirror.domain.participants import all_fit, indexed
from mailmirror.domain.threads import ThreadId
from mailmirror.domain.verdict import Rules
from mailmirror.domain.versions import Received, text_lines
from mailmirror.mail.imap.fetched import COPY_WARNINGS, TOO_LARGE, FetchedCopy
from mailmirror.mail.mime.headers import MessageHeaders
from mailmirror.observing import log_failure
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.threads import ThreadGraph, entry_name
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.join_sent_copies import join_sent_copies
from mailmirror.usecases.sync.keep_versions import Arrival, keep_versions, take_off_displaced
from mailmirror.usecases.sync.read_copy import ReadCopy, read_copy
from mailmirror.usecases.threads.associate_threads import associate_threads
from mailmirror.usecases.threads.join_threads import join_threads
from mailmirror.usecases.threads.thread_writer import ThreadWriter


@dataclass(frozen=True, slots=True)
class FolderKey:
    """Where copies lie."""

    mailbox: MailboxKey
    folder: str
    uidvalidity: int
    role: FolderRole = FolderRole.INBOX
    """Strangers can write to every folder but sent mail."""


def mirror_each(
    where: FolderKey, copies: Sequence[FetchedCopy], view: CrmView, runtime: Runtime
) -> Mapping[int, FetchedCopy]:
    """Mirror copies of one folder; return those that are mirrored, as they are.

    Where a batch fails because of its contents, each copy is mirrored alone; one that fails again
    is mirrored by its headers, and one that fails even so stays pending.
    """
    try:
        _mirror(where, copies, view, runtime)
        return {copy.uid: copy for copy in copies}
    except Exception as error:
        if not is_about_the_mail(error):
            raise
        log_failure(error)
    tried = (_mirrored_alone(where, copy, view, runtime) for copy in copies)
    return {copy.uid: copy for copy in tried if copy is not None}


def _mirrored_alone(
    where: FolderKey, copy: FetchedCopy, view: CrmView, runtime: Runtime
) -> FetchedCopy | None:
    for tried in (copy, copy.without_body()):
        try:
            _mirror(where, [tried], view, runtime)
            return tried
        except Exception as error:
            if not is_about_the_mail(error):
                raise
            log_failure(error)
    return None


def is_about_the_mail(error: Exception) -> bool:
    """Whether an error comes from a message's contents, and not from AWS or a lost lease."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] == "ValidationException"
    return isinstance(
        error,
        ValueError | LookupError | TypeError | ArithmeticError | RecursionError | MemoryError,
    )


def _mirror(
    where: FolderKey,
    copies: Sequence[FetchedCopy],
    view: CrmView,
    runtime: Runtime,
    hidden_at: datetime | None = None,
) -> None:
    """Mirror a batch. What each message costs stands in docs/data-model.md."""
    read = [read_copy(copy, where.role.with_labels(copy.role), view, runtime) for copy in copies]
    if not read:
        return
    view.refresh()
    writer = ThreadWriter.of(where.mailbox.account, view, runtime)
    graph = runtime.threads.graph(where.mailbox.account, {v for one in read for v in one.vertices})
    known = {one.copy.uid for one in read if graph.thread_of(one.evidence.own) is not None}
    placed = _placed(where.mailbox, read, graph, writer)
    pairs = list(zip(read, placed, strict=True))
    stored = runtime.threads.first_of(entry for one, entry in pairs if one.copy.uid in known)
    kept = keep_versions(
        [
            Arrival(
                summary_of(where, one, entry),
                one.copy.raw,
                text_lines(one.content.text),
                entry,
                one.content.headers.recipients,
                may_be_stored=entry.message != one.own_key or entry_name(entry) in stored,
                hidden_at=hidden_at,
            )
            for one, entry in pairs
        ],
        runtime,
    )
    on_cards = _on_cards([*kept.entries, *kept.further], view)
    runtime.contents.put_copies(kept.copies)
    # From here on an erasure finds by the copies what is written.
    for key, address in {(one.key, address) for one, some in on_cards for address in some}:
        view.name_on_card(key, address)
    with_them = [
        *runtime.timelines.items_of_cards(on_cards),
        *runtime.threads.items(kept.entries, stored),
        *runtime.sent_copies.marks(
            where.mailbox.account, {entry.message for one, entry in pairs if one.was_sent}
        ),
    ]
    runtime.contents.put(kept.contents, with_them)
    runtime.contents.put_lines(kept.lines)
    entries = set(kept.entries)
    associate_threads([one for one in placed if one in entries], writer)
    take_off_displaced(kept.displaced, runtime)
    join_sent_copies(
        pairs, writer, lambda one, raw: mirror_stored(one, raw, one.received, view, runtime)
    )
    runtime.count("CopiesMirrored", len(read))


def mirror_stored(
    content: Summary,
    raw: bytes,
    at: Received,
    view: CrmView,
    runtime: Runtime,
    hidden_at: datetime | None = None,
) -> None:
    """Mirror what is stored of a copy, under the identity that it has by now.

    Parameters:
        at: when and where the copy was received.
        hidden_at: what the copy's item keeps of its content's time, until all is written.
    """
    where = FolderKey(content.key, at.folder, at.uidvalidity, at.role)
    warnings = tuple(one for one in content.warnings if one in COPY_WARNINGS)
    header = raw.partition(b"\r\n\r\n")[0]
    copy = FetchedCopy(at.uid, at.at, header, raw, warnings)
    _mirror(where, [copy], view, runtime, hidden_at)


def _on_cards(entries: Sequence[Entry], view: CrmView) -> Sequence[tuple[Entry, Set[Address]]]:
    """Messages with their participants that are not of the team."""
    view.look_up(entries)
    return [(one, one.participants - view.team) for one in entries]


def _placed(
    key: MailboxKey, read: list[ReadCopy], graph: ThreadGraph, writer: ThreadWriter
) -> Sequence[Entry]:
    """Find each message's thread."""
    entries = [entry_of(key, one, graph, writer.view) for one in read]
    writer.view.look_up(entries)
    return join_threads([one.vertices for one in read], entries, graph, writer)


def entry_of(key: MailboxKey, one: ReadCopy, graph: ThreadGraph, view: CrmView) -> Entry:
    """The entry of a message whose thread is still to be found."""
    message, date = one.message, one.date
    if (known := graph.alias(one.evidence.own)) and is_of_alias(one.evidence, known):
        message, date = known.message, known.date
    return Entry(
        key=key,
        message=message,
        sha256=hashlib.sha256(one.copy.raw).hexdigest(),
        thread=ThreadId(""),
        instant=instant(date, one.copy.received_at),
        date=date,
        participants=_participants_of(one.content.headers, view),
    )


def _participants_of(headers: MessageHeaders, view: CrmView) -> Set[Address]:
    """Those that belong to a person, and so many others that they fit into an item.

    Persons are looked up where not all fit, up to the limit under which the verdict was given.
    """
    participants = list(dict.fromkeys(one.address for one in headers.all_participants))
    if all_fit(participants):
        return frozenset(participants)
    limit = Rules(date.min, view.account.max_recipients).max_participants
    return indexed(participants, view.people(participants[:limit]).customers)


def summary_of(where: FolderKey, read: ReadCopy, entry: Entry) -> Summary:
    """What a list shows of a copy, without what it has in common with other copies."""
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
        instant=entry.instant,
        received=Received(
            read.copy.received_at,
            where.role.with_labels(read.copy.role),
            where.folder,
            where.uidvalidity,
            read.copy.uid,
        ),
        lines=len(text_lines(content.text)),
    )


def _attachments(read: ReadCopy) -> Sequence[ListedAttachment]:
    if TOO_LARGE in read.copy.warnings:
        return ()
    return [one.listed for one in read.content.attachments]
