"""Find the threads of a batch of messages, and join those that they join."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from mailmirror.domain.association import Root
from mailmirror.domain.identity import Vertex
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import Component, ThreadId, join
from mailmirror.store.threads import ThreadGraph
from mailmirror.usecases.threads.thread_writer import ThreadWriter


def join_threads(
    messages: Sequence[Sequence[Vertex]],
    entries: Sequence[Entry],
    graph: ThreadGraph,
    writer: ThreadWriter,
) -> Sequence[Entry]:
    """Join the vertices of messages; return the entries with their threads.

    A new thread is stored with the deals that its messages match: a function that finds the thread
    finds it on them.

    Parameters:
        messages: of each entry the vertices, its own last.
        entries: their `thread` is not set yet.
        graph: with all these vertices.

    Raises:
        NeverJoined: see there.
    """
    threads = join(messages, _Joining(entries, graph, writer))
    return [replace(entry, thread=thread) for entry, thread in zip(entries, threads, strict=True)]


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
