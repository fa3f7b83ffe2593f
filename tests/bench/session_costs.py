"""What each step of a session costs: round trips, bytes and seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from mailmirror.mail.imap.session import ImapSession
from tests.servers.slow_link import SlowLink

_STEPS = (
    *("choices", "statuses", "examine", "listed", "dates", "headers", "header_starts"),
    *("header_blocks", "bodies", "piece"),
)
"""The methods of a session that wait for the server, none of which calls another."""


@dataclass(slots=True)
class Cost:
    calls: int = 0
    """Each of one command or, where many ranges are asked for, of several."""
    round_trips: int = 0
    sent: int = 0
    received: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class SessionCosts:
    """What the sessions over a link have cost, by step."""

    link: SlowLink
    steps: dict[str, Cost] = field(default_factory=dict)
    """`listed` is the first list of UIDs of a folder, `listed again` every further one."""
    _folder: str = ""
    _listed: set[str] = field(default_factory=set)

    def note(self, step: str, call: Callable[[], Any]) -> Any:
        """Make a call, and add what it costs."""
        link, begun = self.link, time.perf_counter()
        before = link.round_trips, link.sent.bytes, link.received.bytes
        try:
            return call()
        finally:
            cost = self.steps.setdefault(self._named(step), Cost())
            cost.calls += 1
            cost.round_trips += link.round_trips - before[0]
            cost.sent += link.sent.bytes - before[1]
            cost.received += link.received.bytes - before[2]
            cost.seconds += time.perf_counter() - begun

    def opened(self, folder: str) -> None:
        self._folder = folder

    def _named(self, step: str) -> str:
        if step != "listed":
            return step
        again = self._folder in self._listed
        self._listed.add(self._folder)
        return "listed again" if again else step


@contextmanager
def session_costs(link: SlowLink) -> Iterator[SessionCosts]:
    """Count what sessions cost within the block."""
    costs = SessionCosts(link)
    kept = {name: getattr(ImapSession, name) for name in _STEPS}
    for name, method in kept.items():
        setattr(ImapSession, name, _counted(costs, name, method))
    try:
        yield costs
    finally:
        for name, method in kept.items():
            setattr(ImapSession, name, method)


def _counted(costs: SessionCosts, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def counted(session: ImapSession, *given: Any, **named: Any) -> Any:
        if name == "examine":
            costs.opened(given[0].name)
        if name == "listed" and not given[0]:  # nothing is asked
            return method(session, *given, **named)
        return costs.note(name, lambda: method(session, *given, **named))

    return counted
