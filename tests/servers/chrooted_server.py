"""What the servers in chroots have in common: how they start and end."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import trustme

from tests.servers.authority import Certified, certify
from tests.servers.chrooted import Chrooted
from tests.servers.ports import free_ports

_ATTEMPTS = 5


@dataclass(slots=True)
class ChrootedServer(ABC):
    """`with Cyrus({"rep@us.example": "secret"}) as server:` runs a server within the block."""

    package: ClassVar[str]
    """A key of `chroots.PACKAGES`."""
    mounts: ClassVar[Mapping[str, str]] = {}
    """Names of folders in the server's own folder, by the path at which the server has them."""

    users: Mapping[str, str]
    """Passwords by sign-in name."""
    issuer: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""

    host: str = field(init=False, default="127.0.0.1")
    authority: Path = field(init=False)
    """The certificate (PEM) of the authority that the server is certified by."""

    _chrooted: Chrooted = field(init=False)

    def __enter__(self) -> Self:
        """Start the server, and return when it answers.

        Raises:
            ChrootMissing: it is not installed.
            RuntimeError: it does not start; its log is the error's text.
        """
        self._chrooted = Chrooted(self.package)
        try:
            certified = certify(self._chrooted.folder, self.issuer)
            self.authority = certified.authority
            self._configure(certified)
            if not any(self._start() for _ in range(_ATTEMPTS)):
                raise RuntimeError(self._chrooted.log())
        except BaseException:
            self._chrooted.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._chrooted.close()

    @abstractmethod
    def _configure(self, certified: Certified) -> None:
        """Write what does not depend on the ports: users, mailboxes, certificates."""

    @abstractmethod
    def _command(self, starttls_port: int, tls_port: int) -> Sequence[str]:
        """Write what depends on the ports, and return the command that starts the server."""

    def _start(self) -> bool:
        """Start the server on ports free a moment ago; False if it found them taken."""
        ports = free_ports(2)
        return self._chrooted.start(self._command(*ports), ports, self.mounts)
