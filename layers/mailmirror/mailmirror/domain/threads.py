"""Threads: connected components of the graph of Message-IDs.

The vertices are Message-IDs, the edges a message's In-Reply-To and References. Threads only grow.
Each vertex points at a thread for ever; where a message joins two threads, the lesser id stays
and the other redirects to it for ever. So every write is idempotent, and the members
of a thread do not depend on the order in which mailboxes write them.
"""

from collections.abc import Iterable, Sequence
from typing import NewType, Protocol

from mailmirror.domain.identity import Vertex, vertex

ThreadId = NewType("ThreadId", str)
"""The first vertex of the thread that was stored."""

_ATTEMPTS = 100
_NAMED_ENDS = 20
"""Of a longer References the first and the last twenty count: the root and the near ancestors."""


def vertices(own: Vertex, in_reply_to: Sequence[str], references: Sequence[str]) -> list[Vertex]:
    """Return the vertices that a message joins, the eldest first and its own last."""
    if len(references) > 2 * _NAMED_ENDS:
        references = [*references[:_NAMED_ENDS], *references[-_NAMED_ENDS:]]
    named = [*references, *in_reply_to[:_NAMED_ENDS]]
    return [*dict.fromkeys(v for v in map(vertex, named) if v != own), own]


class NeverJoined(Exception):
    """The threads of a message could not be joined; try the message again."""


class Graph(Protocol):
    """The stored vertices and redirects. Every call is idempotent."""

    def thread_of(self, vertex: Vertex) -> ThreadId | None:
        """The thread that a vertex points at, if it points at one."""

    def claim(self, vertex: Vertex, thread: ThreadId) -> ThreadId:
        """Point a vertex at a thread unless it points at one; return which it points at."""

    def root(self, thread: ThreadId) -> ThreadId:
        """Follow the redirects of a thread to their end."""

    def absorb(self, winner: ThreadId, loser: ThreadId) -> None:
        """Make `loser` redirect to `winner`, unless either of them redirects already."""


def join(members: Sequence[Vertex], graph: Graph) -> ThreadId:
    """Join the vertices of one message into one thread.

    Parameters:
        members: as `vertices` returns them, the message's own last.

    Returns:
        The thread that the message's own vertex points at. It never changes; `graph.root` is the
        id of the thread that it was joined with.

    Raises:
        NeverJoined: other writers changed the threads at each of 100 attempts.
    """
    known = _first(graph.thread_of(member) for member in members)
    name = known if known is not None else ThreadId(members[0])
    pointed = [graph.claim(member, name) for member in members]
    threads = set(pointed)
    for _ in range(_ATTEMPTS):
        winner, *losers = sorted({graph.root(thread) for thread in threads})
        if not losers:
            return pointed[-1]
        for loser in losers:
            graph.absorb(winner, loser)
    raise NeverJoined(pointed[-1])


def _first(threads: Iterable[ThreadId | None]) -> ThreadId | None:
    return next((thread for thread in threads if thread is not None), None)
