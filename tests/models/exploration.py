"""Explore every interleaving of some functions, with crashes, by replaying their programs.

A program is a generator that yields operations on the shared state. Each operation is atomic, as
one request to DynamoDB is. The state of a function is its program with its arguments, and the
results of its operations so far: to take a step, the program is run again with these results. A
program that returns a `Program` goes on as that, without its earlier results.
"""

from collections.abc import Callable, Generator, Hashable, Iterator
from typing import Any, NamedTuple

type Run = tuple[int, int]
"""A function, by its place in the world, and how often it was started before."""


class Program(NamedTuple):
    """What a function does from here on; its code gets the run and the arguments."""

    code: Callable[..., "Steps"]
    arguments: tuple[Hashable, ...]


type Operation = Callable[["Any"], tuple[Any, Hashable]]
"""Returns the shared state after the operation, and the operation's result."""

type Steps = Generator[Operation, Any, Program | None]


class Function(NamedTuple):
    """One function that works on one job."""

    job: Program
    program: Program | None
    """None where the function has ended."""
    results: tuple[Hashable, ...] = ()
    starts: int = 0
    repeated: bool = True
    """Whether a queue starts the job again after a crash."""
    after: tuple[int, ...] = ()
    """The functions that must have ended before, by their places."""

    @classmethod
    def of(
        cls,
        code: Callable[..., Steps],
        *arguments: Hashable,
        repeated: bool = True,
        after: tuple[int, ...] = (),
    ) -> "Function":
        job = Program(code, arguments)
        return cls(job, job, repeated=repeated, after=after)


class World(NamedTuple):
    shared: Any
    """Has a field `ended`: the runs that have ended or crashed."""
    functions: tuple[Function, ...]
    crashes: int
    """How many may still happen."""

    @property
    def is_quiet(self) -> bool:
        return all(function.program is None for function in self.functions)


class Lost(Exception):
    """A state in which the protocol has lost something; with what, and the state."""


def explore(start: World, wrong: Callable[[World], str | None]) -> int:
    """Visit every state that can be reached; return how many there are.

    Raises:
        Lost: `wrong` says what is wrong with a state.
    """
    seen, todo = {start}, [start]
    while todo:
        world = todo.pop()
        if why := wrong(world):
            raise Lost(why, world)
        for after in _next(world):
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return len(seen)


def _next(world: World) -> Iterator[World]:
    for place, function in enumerate(world.functions):
        if function.program is None or not _may_start(world, function):
            continue
        shared, after = _step(world.shared, place, function)
        if after.program is None:
            shared = shared._replace(ended=shared.ended | {(place, function.starts)})
        yield World(shared, _with(world.functions, place, after), world.crashes)
        if world.crashes and (function.results or function.program != function.job):
            shared = world.shared
            shared = shared._replace(ended=shared.ended | {(place, function.starts)})
            again = function.job if function.repeated else None
            dead = function._replace(program=again, results=(), starts=function.starts + 1)
            yield World(shared, _with(world.functions, place, dead), world.crashes - 1)


def _may_start(world: World, function: Function) -> bool:
    return all(world.functions[place].program is None for place in function.after)


def _step(shared: Any, place: int, function: Function) -> tuple[Any, Function]:
    assert function.program is not None
    steps = function.program.code((place, function.starts), *function.program.arguments)
    try:
        operation = next(steps)
        for result in function.results:
            operation = steps.send(result)
        shared, result = operation(shared)
        steps.send(result)
    except StopIteration as ended:
        return shared, function._replace(program=ended.value, results=())
    return shared, function._replace(results=(*function.results, result))


def _with(functions: tuple[Function, ...], place: int, function: Function) -> tuple[Function, ...]:
    return (*functions[:place], function, *functions[place + 1 :])
