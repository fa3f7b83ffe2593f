"""Copies of contents that the mailbox has: a message was moved, or its folder got new UIDs.

A copy whose whole header block, `Received` fields included, and whose size are those of a stored
content is that content, so that its body is not fetched again.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from mailmirror.domain.identity import Vertex, message_key, vertex
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.mail.imap.fetched import (
    COPY_WARNINGS,
    RECEIVED_DATE_UNKNOWN,
    FetchedCopy,
    FetchedHeader,
)
from mailmirror.mail.mime.headers import MessageHeaders, parse_headers
from mailmirror.runtime import Runtime
from mailmirror.store.threads import ThreadGraph
from mailmirror.usecases.sync.mail_server import MailServer

_OF_PARTS = COPY_WARNINGS - {RECEIVED_DATE_UNKNOWN}
"""The warnings of a content that is not the whole message."""


def known_copies(
    key: MailboxKey, wanted: Mapping[int, FetchedHeader], server: MailServer, runtime: Runtime
) -> Mapping[int, FetchedCopy]:
    """Return those of these copies whose bytes are stored.

    A read unit each; where the Message-ID is known, a query, the stored bytes, and with all others
    of the batch one round trip to the server.
    """
    headers = {uid: parse_headers(one.header) for uid, one in wanted.items()}
    named = {uid: vertex(one.message_id) for uid, one in headers.items() if one.message_id}
    graph = runtime.threads.graph(key.account, named.values())
    stored: dict[int, list[bytes]] = {}
    for uid, own in named.items():
        if graph.thread_of(own) is not None:
            contents = _stored(key, own, headers[uid], graph, runtime)
            stored[uid] = [raw for raw in contents if len(raw) == wanted[uid].size]
    sizes = {uid: wanted[uid].size for uid, some in stored.items() if some}
    if not sizes:
        return {}
    return {
        uid: FetchedCopy.of(uid, wanted[uid], raw)
        for uid, block in server.header_blocks(sizes).items()
        for raw in stored.get(uid, ())
        if raw.startswith(block.rstrip(b"\r\n") + b"\r\n\r\n")
    }


def _stored(
    key: MailboxKey, own: Vertex, headers: MessageHeaders, graph: ThreadGraph, runtime: Runtime
) -> Iterator[bytes]:
    """The bytes of every whole content that the mailbox has of a message."""
    alias = graph.alias(own)
    own_key = message_key(headers.message_id, headers.date)
    for message in dict.fromkeys([own_key, *([alias.message] if alias else [])]):
        for content in runtime.contents.versions(key, message, with_hidden=True):
            if _OF_PARTS.isdisjoint(content.warnings):
                with suppress(KeyError):  # a crash has left its line alone
                    yield runtime.contents.raw(content)
