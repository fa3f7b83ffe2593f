"""Errors of AWS that last: a share of all calls fails, several in a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.servers.faulty_aws import Call, Fault

TRANSIENT = (
    Fault.ERROR_500,
    Fault.ERROR_503,
    Fault.THROTTLED,
    Fault.CONFLICT,
    Fault.RESET_BEFORE,
    Fault.RESET_AFTER,
    Fault.DELAY,
    Fault.UNPROCESSED,
)


@dataclass(slots=True)
class Bursts:
    """A plan of faults: bursts of 3 to 10 calls, with a pause between them as the share wants."""

    random: Random
    share: float = 0.15
    """Of the calls that fail."""
    kinds: Sequence[Fault] = TRANSIENT
    on: bool = True
    _left: int = field(init=False, default=0)
    """Calls of the present burst."""
    _kind: Fault = field(init=False, default=Fault.ERROR_500)

    def __call__(self, call: Call) -> Fault | None:
        if not self.on:
            return None
        if not self._left and self.random.random() < self.share / (1 - self.share) / 6.5:
            self._left, self._kind = self.random.randint(3, 10), self.random.choice(self.kinds)
        if not self._left:
            return None
        self._left -= 1
        return self._kind
