"""A mail server that lies, by a seed: what the proxy before Dovecot makes of its answers."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from tests.servers.meddling import End, Said


class Lie(StrEnum):
    HANG_UP = "hang-up"
    CUT_OFF = "hang-up within an answer"
    BYE = "BYE"
    SIZE = "wrong RFC822.SIZE"
    MESSAGES = "wrong number of messages"
    UIDNEXT = "wrong UIDNEXT"
    LEFT_OUT = "answer left out"
    SERVERBUG = "NO [SERVERBUG]"
    UNAVAILABLE = "NO [UNAVAILABLE]"


_SHARE = 0.8
"""Of the functions' runs in which the server lies."""
_MAX_ANSWERS_BEFORE = {Lie.MESSAGES: 2, Lie.UIDNEXT: 2, Lie.SIZE: 4, Lie.LEFT_OUT: 4}
"""How often the lie could be told before it is, at the most; else 12."""
_NUMBERS = {
    Lie.SIZE: re.compile(rb"(RFC822\.SIZE )([0-9]+)"),
    Lie.MESSAGES: re.compile(rb"(\* (?=[0-9]+ EXISTS)|MESSAGES )([0-9]+)"),
    Lie.UIDNEXT: re.compile(rb"(UIDNEXT )([0-9]+)"),
}


@dataclass(slots=True)
class Lies:
    """One lie at most a run of a function: where it can be told for the nth time, or always.

    A lie that could not be told in one run is chosen for the next, so that all kinds occur.
    """

    random: Random
    made: Counter[Lie] = field(default_factory=Counter)
    _lie: Lie | None = None
    _untold: Lie | None = None
    _before: int = 0
    _always: bool = False

    def begin(self) -> None:
        """A function begins to run."""
        lies = self.random.random() < _SHARE
        chosen = (self._untold or self.random.choice(list(Lie))) if lies else None
        self._untold = chosen or self._untold
        most = _MAX_ANSWERS_BEFORE.get(chosen, 12) if chosen else 0
        self._lie, self._before = chosen, self.random.randint(0, most)
        self._always = self.random.random() < 0.2

    def end(self) -> None:
        """From here on the server says the truth."""
        self._lie = None

    def __call__(self, said: Said) -> bytes | End:
        if self._lie is None:
            return said.answer
        told = self._told(self._lie, said)
        if told is None:
            return said.answer
        self._before -= 1
        if self._before >= 0:
            return said.answer
        self.made[self._lie] += 1
        self._untold = None
        if not self._always:
            self._lie = None
        return told()

    def _told(self, lie: Lie, said: Said) -> Callable[[], bytes | End] | None:
        """What is sent instead of this answer; None where the lie does not apply to it."""
        tagged = not said.answer.startswith((b"*", b"+"))
        match lie:
            case Lie.HANG_UP | Lie.CUT_OFF:
                return lambda: End.CUT_OFF if lie is Lie.CUT_OFF else End.HANG_UP
            case Lie.BYE if said.answer.startswith(b"* "):
                return lambda: b"* BYE shutting down\r\n"
            case Lie.LEFT_OUT if b" FETCH " in said.answer[:30]:
                return lambda: b""
            case Lie.SERVERBUG | Lie.UNAVAILABLE if tagged and b" OK" in said.answer[:20]:
                code = b"SERVERBUG" if lie is Lie.SERVERBUG else b"UNAVAILABLE"
                tag = said.answer.partition(b" ")[0]
                return lambda: tag + b" NO [" + code + b"] not now\r\n"
            case Lie.SIZE | Lie.MESSAGES | Lie.UIDNEXT if _NUMBERS[lie].search(said.answer[:400]):
                return lambda: _NUMBERS[lie].sub(self._wrong, said.answer, count=1)
        return None

    def _wrong(self, number: re.Match[bytes]) -> bytes:
        true = int(number[2])
        wrong = self.random.choice([0, 1, true + 1, true + 7, 3 * true])
        return number[1] + str(wrong).encode()
