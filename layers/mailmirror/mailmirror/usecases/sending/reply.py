"""The message that is replied to, and the thread of the reply."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailmirror.domain.identity import Vertex, message_ids, written_ids
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.threads import ThreadId, vertices
from mailmirror.mail.mime.fields import Fields, decode_words, read_fields
from mailmirror.mail.mime.headers import parse_headers
from mailmirror.runtime import Runtime
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.read_message import find_message


@dataclass(frozen=True, slots=True)
class Parent:
    """A message that is replied to. Its ids are as they were written, as a reply must have them."""

    message_id: str
    references: Sequence[str]
    thread: ThreadId


def find_parent(viewer: Viewer, id: str | None, runtime: Runtime) -> Parent | None:
    """Find the message that is replied to; None where there is none, or it has no Message-ID.

    Raises:
        Refused: `message_unknown`; the acting user has no copy of it. `message_lost`; its raw
            bytes, which name the thread, are not stored.
    """
    if id is None:
        return None
    try:
        line, raw = find_message(viewer, id, runtime)
    except Refused as refusal:
        if refusal.code is not Code.NOT_FOUND:
            raise
        raise Refused(Code.MESSAGE_UNKNOWN, "in_reply_to") from refusal
    fields = read_fields(raw)
    own = [*_named(fields, "message-id"), fields.first("message-id").strip().strip("<>")]
    if parse_headers(raw).message_id is None:
        return None
    references = _named(fields, "references") or _named(fields, "in-reply-to")[:1]
    return Parent(own[0], references, line.thread)


def thread_of(viewer: Viewer, own: Vertex, parent: Parent | None, runtime: Runtime) -> ThreadId:
    """The id of the thread of a new message: its parent's, or its own vertex."""
    if parent is None:
        return ThreadId(own)
    named = message_ids(" ".join(f"<{one}>" for one in (*parent.references, parent.message_id)))
    members = vertices(own, named[-1:], named[:-1])
    graph = runtime.threads.graph(viewer.account, members)
    known = next((t for one in members if (t := graph.thread_of(one)) is not None), parent.thread)
    return runtime.roots.read(viewer.account, known).thread


def _named(fields: Fields, name: str) -> list[str]:
    return written_ids(" ".join(map(decode_words, fields.every(name))))
