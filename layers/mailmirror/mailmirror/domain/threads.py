"""Threads: connected components of the graph of Message-IDs.

The vertices are Message-IDs, the edges a message's In-Reply-To and References. Threads only grow.
Each vertex points at a thread for ever; where a message joins two threads, the lesser id stays
and the other redirects to it for ever. So every write is idempotent, and the members
of a thread do not depend on the order in which mailboxes write them.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NewType, Protocol

from mailmirror.domain.identity import Vertex, vertex
from mailmirror.domain.limits import MAX_END_REFERENCES

ThreadId = NewType("ThreadId", str)
"""The first vertex of the thread that was stored."""

_ATTEMPTS = 100


def vertices(own: Vertex, in_reply_to: Sequence[str], references: Sequence[str]) -> list[Vertex]:
    """Return the vertices that a message joins, the eldest first and its own last."""
    if len(references) > 2 * MAX_END_REFERENCES:
        references = [*references[:MAX_END_REFERENCES], *references[-MAX_END_REFERENCES:]]
    named = [*references, *in_reply_to[:MAX_END_REFERENCES]]
    return [*dict.fromkeys(v for v in map(vertex, named) if v != own), own]


@dataclass(frozen=True, slots=True)
class Component:
    """Vertices that messages of one batch join into one thread."""

    messages: tuple[int, ...]
    """Which of the batch."""
    new: tuple[Vertex, ...]
    """The vertices that point at no thread yet, in the order of their messages."""
    threads: frozenset[ThreadId]
    """What the others point at; several are to be joined."""

    @property
    def name(self) -> ThreadId:
        """The thread that the new vertices are to point at."""
        return min(self.threads) if self.threads else ThreadId(self.new[0])


def components(
    messages: Sequence[Sequence[Vertex]], known: Mapping[Vertex, ThreadId]
) -> Sequence[Component]:
    """Join the vertices of a batch of messages.

    Parameters:
        messages: of each its vertices, as `vertices` returns them.
        known: what the vertices that are stored point at.
    """
    parent: dict[str, str] = {}

    def find(node: str) -> str:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for members in messages:
        # Two messages that point at one thread are joined by it, too.
        for node in (*members, *(f"thread {known[v]}" for v in members if v in known)):
            parent[find(node)] = find(members[0])
    groups: dict[str, list[int]] = {}
    for number, members in enumerate(messages):
        groups.setdefault(find(members[0]), []).append(number)
    return [_component(messages, numbers, known) for numbers in groups.values()]


def _component(
    messages: Sequence[Sequence[Vertex]], numbers: Sequence[int], known: Mapping[Vertex, ThreadId]
) -> Component:
    members = dict.fromkeys(vertex for number in numbers for vertex in messages[number])
    return Component(
        messages=tuple(numbers),
        new=tuple(vertex for vertex in members if vertex not in known),
        threads=frozenset(known[vertex] for vertex in members if vertex in known),
    )


class NeverJoined(Exception):
    """The threads of a message could not be joined; try the message again."""


class TooManyAbsorbed(Exception):
    """A thread has absorbed as many threads as it may."""


class Graph(Protocol):
    """The stored vertices and redirects. Every call is idempotent."""

    def known(self, vertices: Set[Vertex]) -> Mapping[Vertex, ThreadId]:
        """What the vertices point at that are stored."""

    def begin(self, parts: Sequence[Component]) -> Mapping[Vertex, ThreadId]:
        """Store new threads, each as the vertex that it is named after, which points at it.

        Returns:
            Those of these vertices that were stored before, and what they point at.
        """

    def claim(self, pointers: Mapping[Vertex, ThreadId]) -> Mapping[Vertex, ThreadId]:
        """Store vertices that point at threads.

        Returns:
            Those that were stored before, and what they point at.
        """

    def roots(self, threads: Set[ThreadId]) -> Mapping[ThreadId, ThreadId]:
        """Follow the redirects of threads to their ends."""

    def absorb(self, winner: ThreadId, loser: ThreadId) -> None:
        """Make `loser` redirect to `winner`, unless either of them redirects already.

        Raises:
            TooManyAbsorbed: `winner` would have too many threads.
        """


def join(messages: Sequence[Sequence[Vertex]], graph: Graph) -> Sequence[ThreadId]:
    """Join the vertices of each message into one thread.

    Threads beyond the number that one thread may absorb stay apart.

    Parameters:
        messages: of each its vertices, as `vertices` returns them, its own last.

    Returns:
        Of each message what its own vertex points at. It never changes; the thread's root is the
        id of the thread that it was joined with.

    Raises:
        NeverJoined: other writers changed the threads at each of 100 attempts.
    """
    points = dict(graph.known({vertex for members in messages for vertex in members}))
    parts = components(messages, points)
    begun = [part for part in parts if part.new and not part.threads]
    before = graph.begin(begun) if begun else {}
    points |= {Vertex(part.name): part.name for part in begun} | dict(before)
    claims = {
        vertex: points.get(part.new[0], part.name)
        for part in parts
        for vertex in part.new
        if vertex not in points
    }
    others = graph.claim(claims) if claims else {}
    points |= claims | dict(others)
    for part in parts:
        touched = {points[vertex] for number in part.messages for vertex in messages[number]}
        if len(touched) > 1:
            _absorb(touched, graph)
    return [points[members[-1]] for members in messages]


def _absorb(threads: Set[ThreadId], graph: Graph) -> None:
    for _ in range(_ATTEMPTS):
        winner, *losers = sorted(set(graph.roots(threads).values()))
        if not losers:
            return
        for loser in losers:
            try:
                graph.absorb(winner, loser)
            except TooManyAbsorbed:
                return
    raise NeverJoined(min(threads))
