"""Threads are the connected components of the graph of Message-IDs, whoever joins them and when."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, cycle, islice, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.identity import Vertex, vertex
from mailmirror.domain.threads import Component, ThreadId, TooManyAbsorbed, join, vertices

Message = Sequence[Vertex]

messages = st.lists(st.sampled_from("abcdefgh").map(Vertex), min_size=1, max_size=4, unique=True)
mail = st.lists(messages, max_size=8)
turns = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 12), st.booleans()))
"""Which mailbox goes on, by how many operations, and whether it crashes then."""


@dataclass
class Table:
    """What all mailboxes share. Each of its methods is one write or read, as in DynamoDB."""

    threads: dict[Vertex, ThreadId] = field(default_factory=dict)
    redirects: dict[ThreadId, ThreadId] = field(default_factory=dict)

    def put(self, vertex: Vertex, thread: ThreadId) -> tuple[bool, ThreadId]:
        new = vertex not in self.threads
        return new, self.threads.setdefault(vertex, thread)

    def redirect(self, loser: ThreadId, winner: ThreadId) -> None:
        self.redirects.setdefault(loser, winner)

    def root(self, thread: ThreadId) -> ThreadId:
        seen = {thread}
        while (target := self.redirects.get(thread)) is not None:
            assert target not in seen, "redirects form a cycle"
            seen.add(target)
            thread = target
        return thread

    def components(self) -> set[frozenset[Vertex]]:
        by_root: dict[ThreadId, set[Vertex]] = {}
        for member, thread in self.threads.items():
            by_root.setdefault(self.root(thread), set()).add(member)
        return {frozenset(members) for members in by_root.values()}


class Graph:
    """The graph as a mailbox sees it: each operation goes to the table one by one."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def operate[T](self, operation: Callable[[], T]) -> T:
        return operation()

    def known(self, vertices: Set[Vertex]) -> Mapping[Vertex, ThreadId]:
        table = self._table.threads
        return self.operate(lambda: {one: table[one] for one in vertices if one in table})

    def begin(self, parts: Sequence[Component]) -> Mapping[Vertex, ThreadId]:
        return self.claim({Vertex(part.name): part.name for part in parts})

    def claim(self, pointers: Mapping[Vertex, ThreadId]) -> Mapping[Vertex, ThreadId]:
        """Not atomic: one vertex after the other."""
        before = {}
        for one, thread in pointers.items():
            new, points_at = self.operate(partial(self._table.put, one, thread))
            if not new:
                before[one] = points_at
        return before

    def roots(self, threads: Set[ThreadId]) -> Mapping[ThreadId, ThreadId]:
        return {thread: self.root(thread) for thread in sorted(threads)}

    def root(self, thread: ThreadId) -> ThreadId:
        while (target := self._redirect_of(thread)) is not None:
            thread = target
        return thread

    def absorb(self, winner: ThreadId, loser: ThreadId) -> None:
        """Not atomic: between the two the winner may come to redirect."""
        if self._redirect_of(winner) is None:
            self.operate(lambda: self._table.redirect(loser, winner))

    def _redirect_of(self, thread: ThreadId) -> ThreadId | None:
        return self.operate(lambda: self._table.redirects.get(thread))


class Halted(Exception):
    """The one operation that was to be done is done."""


class Mailbox(Graph):
    """A mailbox that joins its messages one operation of the table at a time.

    `join` depends on nothing but what the graph answers. So it is halted by an exception, and
    resumed by running it again on the answers that it has had.
    """

    def __init__(self, table: Table, messages: Iterable[Message]) -> None:
        super().__init__(table)
        self._left = list(messages)
        self._answers: list[object] = []
        self._replay: Iterator[object] = iter(())
        self._halted = False

    @property
    def done(self) -> bool:
        return not self._left

    def go_on(self, operations: int) -> None:
        for _ in range(operations):
            if not self.done:
                self._step()

    def _step(self) -> None:
        self._replay, self._halted = iter(list(self._answers)), False
        try:
            join([self._left[0]], self)
        except Halted:
            return
        self._left.pop(0)
        self._answers.clear()

    def crash(self) -> None:
        """Forget what was under way: it will be repeated."""
        self._answers.clear()

    def operate[T](self, operation: Callable[[], T]) -> T:
        for answer in self._replay:
            return answer  # type: ignore[return-value]
        if self._halted:
            raise Halted
        self._halted = True
        answer = operation()
        self._answers.append(answer)
        return answer


def finish(mailboxes: Sequence[Mailbox]) -> None:
    """Let all go on in turns until they are done."""
    for mailbox in islice(cycle(mailboxes), 10_000):
        mailbox.go_on(1)
        if all(one.done for one in mailboxes):
            return
    raise AssertionError("the mailboxes keep each other from finishing")


def components(messages: Iterable[Message]) -> set[frozenset[Vertex]]:
    """The components by plain sets."""
    found: set[frozenset[Vertex]] = set()
    for message in messages:
        touched = {one for one in found if one & set(message)}
        found = (found - touched) | {frozenset(message).union(*touched)}
    return found


def joined(messages: Iterable[Message]) -> tuple[Table, list[ThreadId]]:
    table = Table()
    return table, [join([message], Graph(table))[0] for message in messages]


def root(table: Table, thread: ThreadId) -> ThreadId:
    return Graph(table).root(thread)


def v(text: str) -> list[Vertex]:
    return [Vertex(letter) for letter in text]


def test_a_reply_stands_in_the_thread_of_what_it_answers() -> None:
    table, (first, reply) = joined([v("a"), v("ab")])
    assert root(table, first) == root(table, reply)


def test_strangers_stand_apart() -> None:
    table, (one, other) = joined([v("a"), v("b")])
    assert root(table, one) != root(table, other)


def test_an_id_that_is_only_named_joins_those_who_name_it() -> None:
    table, (one, other) = joined([v("xa"), v("xb")])
    assert root(table, one) == root(table, other)


def test_a_thread_keeps_the_id_it_began_with() -> None:
    table, threads = joined([v("b"), v("bc"), v("ab")])
    assert {root(table, one) for one in threads} == {"b"}


def test_where_a_message_joins_two_threads_the_lesser_id_stays_and_the_other_redirects() -> None:
    table, (_, _, bridge) = joined([v("b"), v("a"), v("bac")])
    assert root(table, bridge) == "a"
    assert table.redirects == {"b": "a"}


@pytest.mark.exceeds("MAX_ABSORBED_THREADS")
def test_threads_beyond_the_bound_of_one_thread_stay_apart() -> None:
    class Full(Graph):
        def absorb(self, winner: ThreadId, loser: ThreadId) -> None:
            raise TooManyAbsorbed(winner)

    table, _ = joined([v("a"), v("b")])
    assert join([v("bac")], Full(table)) == ["a"]
    assert table.redirects == {}


def test_the_thread_that_a_message_is_entered_in_never_changes() -> None:
    table, (_, before, bridge, after) = joined([v("a"), v("b"), v("ab"), v("b")])
    assert before == bridge == after == "b"
    assert root(table, before) == "a"


@given(mail.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some + some[:3]))))
def test_neither_order_nor_repeats_change_a_threads_members(
    told: tuple[list[Message], list[Message]],
) -> None:
    once, again = told
    assert joined(once)[0].components() == joined(again)[0].components() == components(once)


@given(mail, mail)
def test_a_batch_makes_the_threads_that_its_messages_make_one_by_one(
    before: list[Message], batch: list[Message]
) -> None:
    table, _ = joined(before)
    result = join(batch, Graph(table))
    assert table.components() == components([*before, *batch])
    assert [table.threads[message[-1]] for message in batch] == result


@given(st.lists(mail, min_size=1, max_size=2), turns)
def test_mailboxes_that_join_the_same_messages_at_once_make_the_same_threads(
    each: list[list[Message]], schedule: list[tuple[int, int, bool]]
) -> None:
    """Whichever goes on, and crashes: then it repeats its message from the start."""
    table = Table()
    mailboxes = [Mailbox(table, messages) for messages in each]
    # Some of the same mail again, so that all have something to race for.
    mailboxes.append(Mailbox(table, [message for messages in each for message in messages[::-1]]))
    for index, operations, crashes in schedule:
        mailbox = mailboxes[index % len(mailboxes)]
        mailbox.go_on(operations)
        if crashes:
            mailbox.crash()
    finish(mailboxes)
    assert table.components() == components(chain.from_iterable(each))
    for loser, winner in table.redirects.items():
        assert winner < loser
    for component in table.components():
        names = {table.threads[member] for member in component}
        assert {table.root(name) for name in names} == {min(names)}


@pytest.mark.parametrize("pause", range(16))
@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize(("slow", "fast"), list(permutations(["ab", "bc", "ac"], 2)))
def test_a_mailbox_may_overtake_another_at_any_point(
    slow: str, fast: str, crashes: bool, pause: int
) -> None:
    """Both join two of three threads that were apart, so that one is absorbed meanwhile."""
    table, _ = joined([v("a"), v("b"), v("c")])
    halted = Mailbox(table, [v(slow)])
    halted.go_on(pause)
    if crashes:
        halted.crash()
    finish([Mailbox(table, [v(fast)])])
    finish([halted])
    assert table.components() == {frozenset("abc")}
    assert {table.root(ThreadId(name)) for name in "abc"} == {"a"}


def test_of_a_message_the_references_come_first_and_its_own_id_last() -> None:
    own = vertex("own@x")
    found = vertices(own, in_reply_to=["b@x", "c@x"], references=["a@x", "b@x"])
    assert found == [*map(vertex, ["a@x", "b@x", "c@x"]), own]


def test_a_message_that_names_itself_has_one_vertex() -> None:
    assert vertices(vertex("own@x"), ["own@x"], ["own@x", "own@x"]) == [vertex("own@x")]


@pytest.mark.exceeds("MAX_END_REFERENCES")
def test_of_long_references_the_first_and_the_last_twenty_count() -> None:
    ids = [f"{number}@x" for number in range(50)]
    own = vertex("own@x")
    assert vertices(own, [], ids) == [*map(vertex, ids[:20] + ids[-20:]), own]
    assert vertices(own, [], ids[:40]) == [*map(vertex, ids[:40]), own]


@pytest.mark.exceeds("MAX_END_REFERENCES")
def test_a_flood_of_in_reply_to_is_cut_too() -> None:
    assert len(vertices(vertex("own@x"), [f"{number}@x" for number in range(1000)], [])) == 21
