"""Find the threads of a batch of messages, and join those that they join."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from mailmirror.domain.association import Root
from mailmirror.domain.identity import Vertex
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import Component, ThreadId, join
from mailmirror.store.threads import ThreadGraph
from mailmirror.usecases.threads.thread_writer import ThreadWriter


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry of which the thread is known."""

    entry: Entry
    alone: tuple[ThreadId, int] | None
    """The root, and its version, at which no other copy of the message can have been put; None
    where there may be one."""


def join_threads(
    messages: Sequence[Sequence[Vertex]],
    entries: Sequence[Entry],
    graph: ThreadGraph,
    writer: ThreadWriter,
) -> Sequence[Placed]:
    """Join the vertices of messages.

    A new thread is stored with the deals that its messages match: a function that finds the thread
    finds it on them.

    Parameters:
        messages: of each entry the vertices, its own last.
        entries: their `thread` is not set yet.
        graph: with all these vertices.

    Raises:
        NeverJoined: see there.
    """
    joined = join(messages, _Joining(entries, graph, writer))
    placed = []
    for members, entry, thread in zip(messages, entries, joined.threads, strict=True):
        root = graph.root_as_read(thread) if members[-1] in joined.created else None
        alone = (thread, root.version) if root and not root.redirect else None
        placed.append(Placed(replace(entry, thread=thread), alone))
    return placed


def join_vertices(members: Sequence[Vertex], graph: ThreadGraph, writer: ThreadWriter) -> None:
    """Join vertices of which no message has come yet into one thread."""
    join([members], _Joining([], graph, writer))


@dataclass(frozen=True, slots=True)
class _Joining:
    """`domain.threads.Graph` over the table."""

    entries: Sequence[Entry]
    graph: ThreadGraph
    writer: ThreadWriter

    def known(self, vertices: Set[Vertex]) -> Mapping[Vertex, ThreadId]:
        return self.graph.known(vertices)

    def begin(self, parts: Sequence[Component]) -> Mapping[Vertex, ThreadId]:
        return self.graph.begin(map(self._root_of, parts))

    def _root_of(self, part: Component) -> Root:
        entries = [self.entries[number] for number in part.messages if self.entries]
        matched = self.writer.matched(entries)
        return Root(part.name, version=1, facts=self.writer.view.facts, deals=matched)

    def claim(self, pointers: Mapping[Vertex, ThreadId]) -> Mapping[Vertex, ThreadId]:
        return self.graph.claim(pointers)

    def roots(self, threads: Set[ThreadId]) -> Mapping[ThreadId, ThreadId]:
        found = self.writer.runtime.roots.read_many(self.writer.account, threads)
        return {thread: root.thread for thread, root in found.items()}

    def absorb(self, winner: ThreadId, loser: ThreadId) -> None:
        self.writer.join(winner, loser)
