"""A bound on all that is read from strangers in the course of one request."""

import threading
from dataclasses import dataclass, field

from mailmirror.domain.problems import Code, Refused


@dataclass(slots=True)
class ByteBudget:
    """Counts bytes from any number of threads."""

    limit: int
    spent: int = 0
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    @property
    def left(self) -> int:
        return max(0, self.limit - self.spent)

    def spend(self, size: int) -> None:
        """Count what was read.

        Raises:
            Refused: `protocol_error`, once more was read than is allowed.
        """
        with self._lock:
            self.spent += size
            if self.spent > self.limit:
                raise Refused(Code.PROTOCOL_ERROR, f"more than {self.limit} bytes in all")
