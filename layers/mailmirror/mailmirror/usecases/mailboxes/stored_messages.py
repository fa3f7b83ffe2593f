"""Find what is stored of a message without its mailbox's server: by Message-ID, or by its sender.

Message-ID ─► vertex ─► the entries of its thread that have this Message-ID and their own Date
sender     ─► the newest of the sender's timeline in the user's mailboxes
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import islice

from mailmirror.domain.address import Address
from mailmirror.domain.identity import MessageKey, message_key, vertex
from mailmirror.domain.limits import (
    MAX_EXPLAINED_MESSAGES,
    MAX_SOUGHT_ENTRIES,
    MAX_SOUGHT_HEADERS,
)
from mailmirror.domain.mail_search import Sought
from mailmirror.domain.mailbox import MailboxStatus
from mailmirror.domain.message import Entry
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.content_lines import Summary
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.still_matched import is_of_a_person

_END_OF_TIME = "~"
"""Sorts after every instant."""


@dataclass(frozen=True, slots=True)
class StoredMatches:
    """What is stored that matches."""

    own: Sequence[MessageKey] = ()
    """Messages of the viewer's mailboxes, hidden ones included."""
    with_colleague: bool = False
    """Whether a mailbox of another user shows one, and the viewer's have none."""
    colleagues_participants: Set[Address] = frozenset()
    """Of what a colleague's mailbox has."""


def stored_matches(viewer: Viewer, sought: Sought, runtime: Runtime) -> StoredMatches:
    """Find stored messages.

    Of other users' mailboxes the result says only whether one shows the message that has an exact
    Message-ID.
    """
    if sought.message_id is not None:
        return _by_message_id(viewer, sought.message_id, runtime)
    if sought.sender is not None:
        return StoredMatches(own=_by_sender(viewer, sought, runtime))
    return StoredMatches()


def _by_message_id(viewer: Viewer, message_id: str, runtime: Runtime) -> StoredMatches:
    """Two read units, and one for a dozen entries of the thread."""
    own = vertex(message_id)
    graph = runtime.threads.graph(viewer.account, [own])
    thread, alias = graph.thread_of(own), graph.alias(own)
    if thread is None:
        return StoredMatches()
    threads = runtime.roots.read(viewer.account, thread).threads if alias else {thread}
    read = (
        one for id in sorted(threads) for one in runtime.threads.with_hidden(viewer.account, id)
    )
    found = [
        (entry, hidden)
        for entry, hidden in islice(read, MAX_SOUGHT_ENTRIES)
        if entry.message == message_key(message_id, entry.date)
        or (alias is not None and entry.message == alias.message)
    ]
    mine = dict.fromkeys(entry.message for entry, _ in found if entry.key in viewer.keys)
    if mine:
        return StoredMatches(own=list(mine))
    shown = [entry for entry, hidden in found if not hidden]
    others = _of_colleagues(viewer, shown, runtime)
    if not others or not is_of_a_person(viewer.account, others, runtime):
        return StoredMatches()
    return StoredMatches(
        with_colleague=True,
        colleagues_participants=frozenset(x for one in others for x in one.participants),
    )


def _of_colleagues(viewer: Viewer, entries: Sequence[Entry], runtime: Runtime) -> Sequence[Entry]:
    """Those of other users' mailboxes that are not being erased."""
    asked = [one.key for one in entries if one.key not in viewer.keys]
    if not asked:
        return []
    mailboxes = runtime.mailboxes.find_many(asked)
    kept = {
        one.key
        for one in mailboxes
        if one.status is not MailboxStatus.ERASING and one.owner != viewer.user
    }
    return [one for one in entries if one.key in kept]


def _by_sender(viewer: Viewer, sought: Sought, runtime: Runtime) -> Sequence[MessageKey]:
    """The newest messages of a sender that match: a read unit each, of those that are looked at."""
    assert sought.sender is not None
    partitions = {key: [keys.card_timeline(key, sought.sender)] for key in viewer.keys}
    hits = runtime.timelines.card(partitions, _END_OF_TIME, MAX_SOUGHT_HEADERS)
    lines = runtime.contents.read_many(
        (key, hit.message, sha256)
        for hit in hits
        for key, some in hit.contents.items()
        for sha256 in some
        if sha256 != FURTHER
    )
    matching = {one.message for one in lines.values() if _is_sought(sought, one)}
    found = dict.fromkeys(hit.message for hit in hits if hit.message in matching)
    return list(found)[:MAX_EXPLAINED_MESSAGES]


def _is_sought(sought: Sought, line: Summary) -> bool:
    senders = {one.address for one in line.from_}
    return sought.is_received_in_time(line.received.at) and sought.is_found(
        line.message_id, senders, line.subject, line.date
    )
