"""The protocol of associations ends right in every interleaving, and needs its safeguards."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pytest

from tests.models.association import Association, Matches, Safeguard, override, world, wrong
from tests.models.exploration import Function, Lost, explore

NOW = {
    "e0": "d2",
    "eA": "d1",
    "eB": "d3",
    "e1": "d1",
    "e2": "d1",
    "e3": "",
    "ej": "",
    "ek": "",
    "e5a": "d1",
    "e5b": "",
    "e6a": "d1",
    "e6b": "d9",
}
MATCHES: Matches = (NOW, NOW | {"e1": "d2", "eA": "d2", "e3": "d9"})
"""Once the facts have changed, e1 and eA match another deal, and e3 one for the first time.

`e5a` and `e5b` are contents of one message, which name other persons, and so are `e6a` and `e6b`.
"""


class Scenario(NamedTuple):
    """Threads that are settled, by their entries, and functions that work at once.

    When all have ended, the schedule tidies the threads that are due.
    """

    threads: Mapping[str, Sequence[str]]
    functions: Callable[[Association], Sequence[Function]]


def attach(p: Association, thread: str, second: int, deal: str = "x", entry: str = "") -> Function:
    """A person's attach, which no queue repeats."""
    given = override(deal, second, attached=True, entry=entry)
    return Function.of(p.give, thread, given, repeated=False)


def detach(p: Association, thread: str, second: int, deal: str = "x", entry: str = "") -> Function:
    given = override(deal, second, attached=False, entry=entry)
    return Function.of(p.give, thread, given, repeated=False)


W, L, WL = {"W": ["e0"]}, {"L": ["eA"]}, {"W": ["e0"], "L": ["eA"]}
WLK = WL | {"K": ["eB"]}
SCENARIOS: Mapping[str, Scenario] = {
    "two syncs": Scenario(
        W, lambda p: [Function.of(p.sync, "e1", "W"), Function.of(p.sync, "e2", "W")]
    ),
    "two contents, one without a match": Scenario(
        W, lambda p: [Function.of(p.sync, "e5a", "W"), Function.of(p.sync, "e5b", "W")]
    ),
    "two contents of other deals": Scenario(
        {"W": ["ej"]}, lambda p: [Function.of(p.sync, "e6a", "W"), Function.of(p.sync, "e6b", "W")]
    ),
    "sync, facts": Scenario(
        W, lambda p: [Function.of(p.sync, "e1", "W"), Function.of(p.change, 1, ("W",))]
    ),
    "sync without a match, facts": Scenario(
        W, lambda p: [Function.of(p.sync, "e3", "W"), Function.of(p.change, 1, ("W",))]
    ),
    "sync, attach": Scenario(W, lambda p: [Function.of(p.sync, "e1", "W"), attach(p, "W", 1)]),
    "attach, facts": Scenario(W, lambda p: [attach(p, "W", 1), Function.of(p.change, 1, ("W",))]),
    "detach, attach, sync": Scenario(
        W, lambda p: [detach(p, "W", 1), attach(p, "W", 2), Function.of(p.sync, "e1", "W")]
    ),
    "attach, detach, message": Scenario(
        W, lambda p: [attach(p, "W", 1), detach(p, "W", 2), attach(p, "W", 3, entry="e0")]
    ),
    "detach of a message, attach, sync": Scenario(
        W,
        lambda p: [
            detach(p, "W", 1, "d1", entry="e1"),
            attach(p, "W", 2, "d1"),
            Function.of(p.sync, "e1", "W"),
        ],
    ),
    "join, sync": Scenario(
        WL, lambda p: [Function.of(p.join, "ej", "L", "W"), Function.of(p.sync, "e1", "W")]
    ),
    "join, attach": Scenario(
        WL, lambda p: [Function.of(p.join, "ej", "L", "W"), attach(p, "W", 1)]
    ),
    "join, attach, of the winner": Scenario(
        WL, lambda p: [Function.of(p.join, "ej", "L", "W"), attach(p, "L", 1)]
    ),
    "join, detach": Scenario(
        WL, lambda p: [Function.of(p.join, "ej", "L", "W"), detach(p, "W", 1, "d2")]
    ),
    "join, facts": Scenario(
        WL, lambda p: [Function.of(p.join, "ej", "L", "W"), Function.of(p.change, 1, ("L", "W"))]
    ),
    "message, join": Scenario(
        WL, lambda p: [attach(p, "L", 1, entry="eA"), Function.of(p.join, "ej", "L", "W")]
    ),
    "message, copy, facts": Scenario(
        {"W": ["e1"]},
        lambda p: [attach(p, "W", 1, "d1", entry="e1"), Function.of(p.change, 1, ("W",))],
    ),
    "facts, sweep, attach": Scenario(
        L,
        lambda p: [
            Function.of(p.change, 1, ("L",)),
            Function.of(p.tidy, "L", after=(0,)),
            attach(p, "L", 1, "d1"),
        ],
    ),
    "facts, attach": Scenario(
        L, lambda p: [Function.of(p.change, 1, ("L",)), attach(p, "L", 1, "d1")]
    ),
}
ERASING: Mapping[str, Scenario] = {
    "erase, sync": Scenario(
        WL, lambda p: [Function.of(p.erase, "e0", "W"), Function.of(p.sync, "e1", "W")]
    ),
    "erase, attach": Scenario(WL, lambda p: [Function.of(p.erase, "e0", "W"), attach(p, "W", 1)]),
    "erase, of one content of two": Scenario(
        {"W": ["e6a", "e6b"]},
        lambda p: [Function.of(p.erase, "e6b", "W"), Function.of(p.sync, "e1", "W")],
    ),
    "erase, after a message was attached and detached": Scenario(
        W,
        lambda p: [
            attach(p, "W", 1, entry="e0"),
            detach(p, "W", 2, entry="e0")._replace(after=(0,)),
            Function.of(p.erase, "e0", "W", after=(1,)),
        ],
    ),
    "erase, join": Scenario(
        WL, lambda p: [Function.of(p.erase, "e0", "W"), Function.of(p.join, "ej", "L", "W")]
    ),
}
"""Without a crash: an index item of an erased entry that a function puts and dies stays, unseen."""
LONG: Mapping[str, Scenario] = {
    "two joins": Scenario(
        WLK,
        lambda p: [Function.of(p.join, "ej", "L", "W"), Function.of(p.join, "ek", "K", "L")],
    ),
    "sync, facts, attach": Scenario(
        W,
        lambda p: [
            Function.of(p.sync, "e1", "W"),
            Function.of(p.change, 1, ("W",)),
            attach(p, "W", 1),
        ],
    ),
    "three threads, join, attach": Scenario(
        WLK,
        lambda p: [
            Function.of(p.join, "ej", "L", "W"),
            Function.of(p.join, "ek", "K", "L"),
            attach(p, "W", 1),
        ],
    ),
}


def states(scenario: Scenario, *without: Safeguard, crashes: int = 1) -> int:
    protocol = Association(MATCHES, frozenset(without))
    functions = list(scenario.functions(protocol))
    for thread in sorted(scenario.threads):
        before = tuple(range(len(functions)))
        functions.append(Function.of(protocol.tidy, thread, after=before))
    start = world(functions, scenario.threads, MATCHES, crashes)
    return explore(start, wrong(MATCHES))


LOST_IN: Mapping[Safeguard, str] = {
    Safeguard.TOKENS: "two syncs",
    Safeguard.VERSION: "attach, facts",
    Safeguard.LOSER_VERSION: "join, attach",
    Safeguard.FACTS_AT_ROOT: "sync, facts",
    Safeguard.REFILE_AGAIN: "sync without a match, facts",
    Safeguard.JOIN_PENDING: "join, attach",
    Safeguard.ATTACH_AT_ONCE: "message, join",
    Safeguard.DUE: "attach, facts",
    Safeguard.ERASED_SINCE: "erase, attach",
    Safeguard.SWEEP_AGE: "facts, sweep, attach",
}
"""A scenario that ends wrong where the safeguard is left out."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_card_of_a_deal_ends_right(name: str) -> None:
    print(f"{name}: {states(SCENARIOS[name])} states")


@pytest.mark.parametrize("name", ERASING)
def test_so_it_does_while_a_mailbox_is_erased(name: str) -> None:
    print(f"{name}: {states(ERASING[name], crashes=0)} states")


@pytest.mark.parametrize("safeguard", Safeguard)
def test_each_safeguard_is_needed(safeguard: Safeguard) -> None:
    name = LOST_IN[safeguard]
    crashes = 0 if name in ERASING else 1
    states({**SCENARIOS, **ERASING}[name], crashes=crashes)
    with pytest.raises(Lost) as lost:
        states({**SCENARIOS, **ERASING}[name], safeguard, crashes=crashes)
    print(f"without {safeguard.name} ({safeguard.value}): {lost.value.args[0]}")


@pytest.mark.long
@pytest.mark.parametrize("name", LONG)
def test_so_it_does_with_more_functions_at_once(name: str) -> None:
    """Three threads without a crash: 790,000 states; with one there are some millions."""
    crashes = 0 if name.startswith("three threads") else 1
    print(f"{name}: {states(LONG[name], crashes=crashes)} states")


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "join, facts"])
def test_so_it_does_after_two_crashes(name: str) -> None:
    print(f"{name}: {states(SCENARIOS[name], crashes=2)} states")
