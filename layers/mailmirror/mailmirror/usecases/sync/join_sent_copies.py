"""Give a copy in sent mail without a Message-ID the identity of what its recipients received.

Some mail programs leave the Message-ID to the server, which gives it to what is sent and not to
what lies in sent mail. Such a copy is the message of the team that has its From, Date, Subject and
To, where there is exactly one. Whichever comes second, in whichever mailbox, finds the first:

    put the batch's messages and copies ─► read the others ─► join ─► alias ─► mirror again ─► erase

Every step is idempotent, and what says that there is something to do is deleted last.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from mailmirror.domain.identity import MessageKey, SentFields, Vertex
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.sent_copies import WithId, WithoutId
from mailmirror.usecases.sync.read_copy import ReadCopy
from mailmirror.usecases.threads.erase_entries import erase_entries
from mailmirror.usecases.threads.join_threads import join_vertices
from mailmirror.usecases.threads.thread_writer import Contended, ThreadWriter

_ATTEMPTS = 50

Mirror = Callable[[Summary, bytes], None]
"""Mirrors a stored content again, under the identity that it has by now."""


def join_sent_copies(
    mirrored: Iterable[tuple[ReadCopy, Entry]], writer: ThreadWriter, mirror: Mirror
) -> None:
    """Join the copies of a batch, whose entries are stored, with what was mirrored before.

    A message of the team costs a write and a read unit, a hundred of them two requests; what is
    not of the team costs nothing.
    """
    account, store = writer.account, writer.runtime.sent_copies
    sent = [
        (fields, _sent(read, entry)) for read, entry in mirrored if (fields := _open(read, entry))
    ]
    if not sent:
        return
    store.put(account, sent)
    for fields in store.have_copies_without_id(account, {fields for fields, _ in sent}):
        with_id = store.with_id(account, fields)
        if len(with_id) == 1:
            for copy in store.without_id(account, fields):
                if not _is_hidden(copy, writer.runtime):  # it is joined once it is shown again
                    _join(copy, with_id[0], writer, mirror)
                    store.forget(fields, copy)


def _is_hidden(copy: WithoutId, runtime: Runtime) -> bool:
    stored = runtime.contents.versions(copy.key, copy.message, with_hidden=True)
    return any(one.hidden_at for one in stored)


def _open(read: ReadCopy, entry: Entry) -> SentFields | None:
    """The fields of a copy whose identity may be another's, or another copy's."""
    has_id = read.content.headers.message_id is not None
    return read.sent_fields if has_id or entry.message == read.own_key else None


def _sent(read: ReadCopy, entry: Entry) -> WithId | WithoutId:
    if read.content.headers.message_id is None:
        return WithoutId(entry.key, entry.message)
    return WithId(read.evidence.own, entry.message, entry.date or entry.instant)


def _join(copy: WithoutId, other: WithId, writer: ThreadWriter, mirror: Mirror) -> None:
    account, runtime, own = writer.account, writer.runtime, Vertex(copy.message)
    graph = runtime.threads.graph(account, [other.own, own])
    thread = graph.thread_of(own)
    if thread is None or not _is_connected(copy, writer):
        return
    join_vertices([other.own, own], graph, writer)
    graph.name_alias(own, other.alias)
    _take_overrides(thread, copy, other, writer)
    for content in runtime.contents.versions(copy.key, copy.message):
        with suppress(KeyError):  # a crash has erased its bytes, and left its line
            mirror(content, runtime.contents.raw(content))
    _erase(copy.message, thread, copy.key, runtime)
    if not _is_connected(copy, writer):  # its erasure may have passed by what was mirrored here
        _erase(other.message, thread, copy.key, runtime)
    runtime.count("SentCopiesJoined")


def _erase(message: MessageKey, thread: ThreadId, key: MailboxKey, runtime: Runtime) -> None:
    """Delete what a mailbox has of a message, but for its copies."""
    known = runtime.threads.copies(key.account, thread, message, with_hidden=True)
    erase_entries(key.account, [one for one in known if one.key == key], runtime)
    for content in runtime.contents.versions(key, message, with_hidden=True):
        runtime.contents.erase_version(content)
    runtime.contents.erase(key, message)


def _is_connected(copy: WithoutId, writer: ThreadWriter) -> bool:
    mailbox = writer.runtime.mailboxes.find(writer.account, copy.key.mailbox, consistent=True)
    return mailbox is not None and mailbox.key == copy.key


def _take_overrides(thread: ThreadId, copy: WithoutId, other: WithId, writer: ThreadWriter) -> None:
    """Let what persons have said of the copy count for the message."""
    for _ in range(_ATTEMPTS):
        root = after = writer.runtime.roots.read(writer.account, thread)
        for one in root.overrides:
            if one.message == copy.message:
                after = after.overridden(replace(one, message=other.message), writer.run)
        if after == root:
            return
        if writer.write(root, after):
            writer.complete(after.thread, after.pending - root.pending)
            return
    raise Contended(thread)
