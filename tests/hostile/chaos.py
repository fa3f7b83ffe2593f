"""Histories with faults beside the same histories without: at the end both show the same."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from tests.hostile.comparison import Picture, differences, picture
from tests.hostile.steps import CONTACTS, History, Step, perform
from tests.hostile.world import USERS, NeverSettled, World, world
from tests.servers.bare_aws import BareAws, bare_aws
from tests.servers.dovecot import Dovecot, Folder

STEPS = 60
"""Of one history."""
_LOGINS = 2_000
_FOLDERS = (Folder("Sent", "\\Sent"), Folder("Archive", "\\Archive"))


@dataclass(slots=True)
class Tally:
    """What was done, by kind."""

    histories: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    lies: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    different: list[int] = field(default_factory=list)
    """The seeds of histories with differences."""

    def __str__(self) -> str:
        counts = {"steps": self.steps, "faults of AWS": self.faults, "lies": self.lies}
        lines = [f"{self.histories} histories; different: {self.different or 'none'}"]
        for name, counter in {**counts, "ends": self.ends}.items():
            lines.append(f"{name}: " + ", ".join(f"{k} {n}" for k, n in sorted(counter.items())))
        return "\n".join(lines)


@dataclass(slots=True)
class Chaos:
    bare: BareAws
    dovecot: Dovecot
    tally: Tally = field(default_factory=Tally)
    _next_login: int = 0

    def history(self, seed: int, count: int = STEPS) -> Sequence[str]:
        """Do one history with and without faults; return the differences."""
        steps = History(Random(seed)).steps(count)
        with (
            world(self.bare, self.dovecot, self._logins(), None) as clean,
            world(self.bare, self.dovecot, self._logins(), seed) as faulty,
        ):
            try:
                found = differences(self._outcome(steps, clean), self._outcome(steps, faulty))
            except NeverSettled as error:
                found = [f"never settled: {error}, at {faulty.now}"]
            self._count(steps, faulty)
        if found:
            self.tally.different.append(seed)
            print(f"seed {seed}, {count} steps: without faults / with faults")
            print("\n".join([*map(str, steps), *found]), flush=True)
        return found

    def _outcome(self, steps: Sequence[Step], place: World) -> Picture:
        """Do a history to a world, let everything settle without faults, and look at it."""
        _begin(place)
        answers = [perform(step, place) for step in steps]
        place.honest = True
        for days in range(1, 4):
            place.at(steps[-1].at + timedelta(days=20 + 2 * days))
            place.dirty.update(USERS)
            for user in USERS:
                place.settle(user)
            place.schedule()
        return {"answers": dict(enumerate(answers)), **picture(place)}

    def _logins(self) -> dict[str, str]:
        self._next_login += 1
        return {user: f"{user}-{self._next_login}" for user in USERS}

    def _count(self, steps: Sequence[Step], faulty: World) -> None:
        self.tally.histories += 1
        self.tally.steps.update(step.kind for step in steps)
        if faulty.aws and faulty.lies:
            self.tally.faults.update(map(str, faulty.aws.made.elements()))
            self.tally.lies.update(map(str, faulty.lies.made.elements()))
        self.tally.ends += faulty.ends


def _begin(begun: World) -> None:
    for user, email in USERS.items():
        begun.tell("user.upserted", id=user, name=user, emails=[email])
    for contact in ("kim", "lee"):
        begun.tell("contact.upserted", id=contact, name=contact, emails=[CONTACTS[contact]])
    begun.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    for user in USERS:
        begun.connect(user)


@contextmanager
def chaos() -> Iterator[Chaos]:
    """The servers that histories need."""
    names = [f"{user}-{number}" for user in USERS for number in range(1, _LOGINS)]
    with bare_aws() as bare, Dovecot(dict.fromkeys(names, "secret"), _FOLDERS) as dovecot:
        yield Chaos(bare, dovecot)


def run(seed: int, minutes: float, count: int = STEPS) -> Tally:
    """Do one history after the other, from this seed on, until the time is over."""
    end = time.monotonic() + 60 * minutes
    with chaos() as made:
        for one in itertools.count(seed):
            made.history(one, count)
            if time.monotonic() > end:
                break
        return made.tally
