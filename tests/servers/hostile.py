"""An IMAP server that says what a test tells it to, and goes quiet or away when told to.

    announced = b"* 1 FETCH (UID 7 BODY[] {10000000000}\\r\\n"
    with Hostile({"UID FETCH": [announced, SILENCE]}) as server:
        ...

An answer is bytes, in which `<tag>` stands for the command's tag. What a script does not name is
answered with OK and nothing else.
"""

import re
import select
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.servers.authority import LOCAL_NAMES
from tests.servers.listener import Listener


class Turn(Enum):
    """What a server does in place of an answer."""

    SILENCE = auto()
    """Says nothing more, and keeps the connection until the client ends it."""
    DRIP = auto()
    """Says a byte now and then, and never the end of a line."""
    HANG_UP = auto()
    """Ends the connection."""
    START_TLS = auto()
    """Goes on over TLS."""


SILENCE, DRIP, HANG_UP, START_TLS = Turn.SILENCE, Turn.DRIP, Turn.HANG_UP, Turn.START_TLS

type Answer = bytes | Turn

IMAP_GREETING = b"* OK [CAPABILITY IMAP4rev1] ready\r\n"
POP3_GREETING = b"+OK POP3 ready <1896.697170952@x.example>\r\n"
SMTP_GREETING = b"220 mx.x.example ESMTP\r\n"

_DONE = b"<tag> OK done\r\n"
_SCRIPT: Mapping[str, Iterable[Answer]] = {
    "CAPABILITY": [b"* CAPABILITY IMAP4rev1\r\n", _DONE],
    "LIST": [b'* LIST (\\HasNoChildren) "/" INBOX\r\n', _DONE],
    "EXAMINE": [
        b"* 3 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 1] x\r\n",
        b"* OK [UIDNEXT 4] x\r\n<tag> OK [READ-ONLY] done\r\n",
    ],
    "STATUS": [b"* STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 1)\r\n", _DONE],
    "LOGOUT": [b"* BYE\r\n", _DONE, HANG_UP],
}
_DRIP_SECONDS = 0.05
_LITERAL = re.compile(rb"\{([0-9]{1,9})(\+?)\}\r\n\Z")


@dataclass(slots=True)
class Hostile:
    """A server on loopback, for the time of a `with` block."""

    script: Mapping[str, Iterable[Answer]] = field(default_factory=dict)
    """Answers by command, of which `UID FETCH` and its like are one."""
    greeting: Answer = IMAP_GREETING
    tls: bool = True
    issuer: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""
    names: Sequence[str] = LOCAL_NAMES
    """What its certificate is for."""
    identity: ssl.SSLContext | None = None
    """Another certificate, or other TLS, than that of the issuer; see `certificates`."""

    host: str = field(init=False, default="127.0.0.1")
    received: list[bytes] = field(init=False, default_factory=list)
    """The commands of all connections, as they came."""
    _listener: Listener = field(init=False)

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def authority(self) -> Path:
        """The certificate (PEM) of the authority that the server is certified by."""
        return self._listener.authority

    def __enter__(self) -> Self:
        self._listener = Listener(self._serve, self.issuer, self.names)
        self._listener.open(self.host)
        if self.identity is not None:
            self._listener.trust = self.identity
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.tls:
                connection = self._listener.secured(connection)
            self._converse(connection)
        except OSError:
            # The client, or the test, has gone.
            return
        finally:
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        if self._say(connection, self.greeting):
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        while line := lines.readline(65_536):
            self.received.append(line)
            tag, _, rest = line.partition(b" ")
            while literal := _LITERAL.search(line):
                if not literal[2]:
                    connection.sendall(b"+ go on\r\n")
                lines.read(int(literal[1]))
                line = lines.readline(65_536)
            for answer in self._answers(rest):
                if answer is START_TLS:
                    with self._listener.secured(connection) as secured:
                        self._answer(secured)
                    return
                told = answer.replace(b"<tag>", tag) if isinstance(answer, bytes) else answer
                if not self._say(connection, told):
                    return

    def _answers(self, command: bytes) -> Iterable[Answer]:
        words = command.decode("ascii", "replace").upper().split()
        name = " ".join(words[: 2 if words[:1] == ["UID"] else 1])
        return self.script.get(name, _SCRIPT.get(name, [_DONE]))

    def _say(self, connection: socket.socket, answer: Answer) -> bool:
        """Say it, and tell whether the conversation goes on."""
        if isinstance(answer, bytes):
            connection.sendall(answer)
            return True
        while answer is Turn.SILENCE and connection.recv(65_536):
            pass
        while answer is Turn.DRIP and not select.select([connection], [], [], _DRIP_SECONDS)[0]:
            connection.sendall(b"*")
        return False
