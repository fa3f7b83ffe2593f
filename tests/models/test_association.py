"""The protocol of associations ends right in every interleaving, and needs its safeguards."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pytest

from tests.models.association import Association, Matches, Safeguard, world, wrong
from tests.models.exploration import Function, Lost, explore

NOW = {"e0": "d2", "eA": "d1", "eB": "d3", "e1": "d1", "e2": "d1", "e3": "", "ej": "", "ek": ""}
MATCHES: Matches = (NOW, NOW | {"e1": "d2", "eA": "d2", "e3": "d9"})
"""Once the facts have changed, e1 and eA match another deal, and e3 one for the first time."""


class Scenario(NamedTuple):
    """Threads that are settled, by their entries, and functions that work at once."""

    threads: Mapping[str, Sequence[str]]
    functions: Callable[[Association], Sequence[Function]]


def attach(protocol: Association, thread: str, deal: str, place: int) -> list[Function]:
    """An attach, which no queue repeats, and the job that it has queued; `place` is its own."""
    return [
        Function.of(protocol.attach, thread, deal, repeated=False),
        Function.of(protocol.completion, thread, after=place),
    ]


W, L, WL = {"W": ["e0"]}, {"L": ["eA"]}, {"W": ["e0"], "L": ["eA"]}
SCENARIOS: Mapping[str, Scenario] = {
    "two syncs": Scenario(
        W, lambda p: [Function.of(p.sync, "e1", "W"), Function.of(p.sync, "e2", "W")]
    ),
    "sync, facts": Scenario(
        W, lambda p: [Function.of(p.sync, "e1", "W"), Function.of(p.change, 1, ("W",))]
    ),
    "sync without a match, facts": Scenario(
        W, lambda p: [Function.of(p.sync, "e3", "W"), Function.of(p.change, 1, ("W",))]
    ),
    "sync, attach": Scenario(
        W, lambda p: [Function.of(p.sync, "e1", "W"), *attach(p, "W", "x", 1)]
    ),
    "attach, facts": Scenario(
        W, lambda p: [*attach(p, "W", "x", 0), Function.of(p.change, 1, ("W",))]
    ),
    "detach, attach, sync": Scenario(
        W,
        lambda p: [
            Function.of(p.detach, "W", "x"),
            *attach(p, "W", "x", 1),
            Function.of(p.sync, "e1", "W"),
        ],
    ),
    "join, sync": Scenario(
        WL, lambda p: [Function.of(p.join, "ej", "L", "W"), Function.of(p.sync, "e1", "W")]
    ),
    "join, attach": Scenario(
        WL, lambda p: [Function.of(p.join, "ej", "L", "W"), *attach(p, "W", "x", 1)]
    ),
    "join, facts": Scenario(
        WL, lambda p: [Function.of(p.join, "ej", "L", "W"), Function.of(p.change, 1, ("L", "W"))]
    ),
    "two joins": Scenario(
        WL | {"K": ["eB"]},
        lambda p: [Function.of(p.join, "ej", "L", "W"), Function.of(p.join, "ek", "K", "L")],
    ),
    "message, join": Scenario(
        WL,
        lambda p: [
            Function.of(p.attach_message, "eA", "L", "x", repeated=False),
            Function.of(p.join, "ej", "L", "W"),
        ],
    ),
    "message, facts, sweep": Scenario(
        W,
        lambda p: [
            Function.of(p.attach_message, "e0", "W", "x", repeated=False),
            Function.of(p.change, 1, ("W",)),
            Function.of(p.sweep, "x", "e0", "W"),
        ],
    ),
    "sweep, facts, attach": Scenario(
        L,
        lambda p: [
            Function.of(p.change, 1, ("L",)),
            Function.of(p.sweep, "d1", "eA", "L"),
            *attach(p, "L", "d1", 2),
        ],
    ),
}
LONG: Mapping[str, Scenario] = {
    "sync, facts, attach": Scenario(
        W,
        lambda p: [
            Function.of(p.sync, "e1", "W"),
            Function.of(p.change, 1, ("W",)),
            *attach(p, "W", "x", 2),
        ],
    ),
    "sweep, facts, sync": Scenario(
        L,
        lambda p: [
            Function.of(p.change, 1, ("L",)),
            Function.of(p.sweep, "d1", "eA", "L"),
            Function.of(p.sync, "e1", "L"),
        ],
    ),
}


def states(scenario: Scenario, *without: Safeguard, crashes: int = 1) -> int:
    protocol = Association(MATCHES, frozenset(without))
    start = world(scenario.functions(protocol), scenario.threads, MATCHES, crashes)
    return explore(start, wrong(MATCHES))


LOST_IN: Mapping[Safeguard, str] = {
    Safeguard.TOKENS: "two syncs",
    Safeguard.FACTS_AT_ROOT: "sync, facts",
    Safeguard.REFILE_VERSION: "attach, facts",
    Safeguard.REFILE_AGAIN: "sync without a match, facts",
    Safeguard.JOIN_VERSIONS: "join, attach",
    Safeguard.JOIN_PENDING: "join, sync",
    Safeguard.ATTACH_AT_ONCE: "sync, attach",
    Safeguard.COMPLETION: "sync, attach",
    Safeguard.SWEEP_AGE: "message, facts, sweep",
    Safeguard.SWEEP_CONDITION: "sweep, facts, attach",
}
"""A scenario that ends wrong where the safeguard is left out."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_entry_ends_on_every_deal_of_its_thread(name: str) -> None:
    print(f"{name}: {states(SCENARIOS[name])} states")


@pytest.mark.parametrize("safeguard", Safeguard)
def test_each_safeguard_is_needed(safeguard: Safeguard) -> None:
    with pytest.raises(Lost) as lost:
        states(SCENARIOS[LOST_IN[safeguard]], safeguard)
    print(f"without {safeguard.name} ({safeguard.value}): {lost.value.args[0]}")


@pytest.mark.long
@pytest.mark.parametrize("name", LONG)
def test_so_it_does_with_more_functions_at_once(name: str) -> None:
    print(f"{name}: {states(LONG[name])} states")


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_so_it_does_after_two_crashes(name: str) -> None:
    print(f"{name}: {states(SCENARIOS[name], crashes=2)} states")
