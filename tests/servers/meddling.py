"""A proxy before a real IMAP server that changes what the server says, as broken servers do.

    with Meddling(dovecot, hang_up_at("BODY[]", 3)) as server:
        ...

It ends the client's TLS and opens its own to the server. Answers pass line by line; a literal
passes with the line that announces it.
"""

import re
import socket
import ssl
from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import trustme

from mailmirror.domain.uids import UidSet
from tests.servers.listener import Listener, hang_up
from tests.servers.mailbox_server import MailboxServer


class End(Enum):
    """What the proxy does in place of passing an answer on."""

    HANG_UP = auto()
    """Ends the connection."""
    CUT_OFF = auto()
    """Passes half of the answer on, and ends the connection."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the server's, with its literals."""

    command: bytes
    """The client's last command, without its tag."""
    answer: bytes


type Meddle = Callable[[Said], bytes | End]
"""What is passed on in place of an answer."""

_LITERAL = re.compile(rb"\{([0-9]{1,9})\}\r\n\Z")


@dataclass(slots=True)
class Meddling:
    """The proxy on loopback, for the time of a `with` block."""

    server: MailboxServer
    meddle: Meddle
    issuer: trustme.CA | None = None
    commands: list[bytes] = field(init=False, default_factory=list)
    """The commands of all connections."""
    _listener: Listener = field(init=False)

    @property
    def imaps_port(self) -> int:
        return self._listener.port

    @property
    def authority(self) -> Path:
        return self._listener.authority

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._listener.accepted

    @property
    def users(self) -> "dict[str, str]":
        return dict(self.server.users)

    def __enter__(self) -> Self:
        self._listener = Listener(self._serve, self.issuer)
        self._listener.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError):
            trust = ssl.create_default_context(cafile=self.server.authority)
            upstream = self._listener.keep(
                trust.wrap_socket(
                    socket.create_connection(("127.0.0.1", self.server.imaps_port)),
                    server_hostname="localhost",
                )
            )
            client = self._listener.secured(plain)
            last = [b""]
            self._listener.begin(self._pass_commands, client, upstream, last)
            self._pass_answers(client, upstream, last)
            hang_up(client)
            hang_up(upstream)

    def _pass_commands(
        self, client: socket.socket, upstream: socket.socket, last: list[bytes]
    ) -> None:
        with suppress(OSError), client.makefile("rb") as lines:
            while line := lines.readline():
                last[0] = line.partition(b" ")[2]
                self.commands.append(last[0])
                upstream.sendall(line)
        hang_up(upstream)

    def _pass_answers(
        self, client: socket.socket, upstream: socket.socket, last: list[bytes]
    ) -> None:
        with upstream.makefile("rb") as lines:
            while answer := _answer(lines):
                passed = self.meddle(Said(last[0], answer))
                match passed:
                    case End.HANG_UP:
                        return
                    case End.CUT_OFF:
                        client.sendall(answer[: len(answer) // 2])
                        return
                    case bytes():
                        client.sendall(passed)


def _answer(lines: BinaryIO) -> bytes:
    answer = line = lines.readline()
    while literal := _LITERAL.search(line):
        answer += lines.read(int(literal[1]))
        line = lines.readline()
        answer += line
    return answer


def unchanged(said: Said) -> bytes:
    """Pass everything on as it is."""
    return said.answer


def at_message(item: str, uid: int, end: End) -> Meddle:
    """End the connection at one message, where a command asks for `item`."""
    told = re.compile(rb"\* [0-9]+ FETCH \((?:.* )?UID %d[ )]" % uid)

    def meddle(said: Said) -> bytes | End:
        here = item.encode() in said.command and told.match(said.answer)
        return end if here else said.answer

    return meddle


@dataclass(slots=True)
class Refusing:
    """Answer NO to a FETCH of `item` that has a UID in it, at that message or before any."""

    item: str
    uid: int
    text: bytes = b"[SERVERBUG] Internal error occurred."
    at_once: bool = False
    also: Set[int] = frozenset()
    """Further UIDs, where it answers at once."""
    _refused: bytes | None = field(init=False, default=None)
    """The command whose answers are passed over until its tagged one."""

    def __call__(self, said: Said) -> bytes:
        tagged = not said.answer.startswith(b"*")
        if self._asked(said.command) and (self.at_once or self._told(said.answer)):
            self._refused = said.command
        if self._refused != said.command:
            return said.answer
        if not tagged:
            return b""
        self._refused = None
        return said.answer.partition(b" ")[0] + b" NO " + self.text + b"\r\n"

    def _asked(self, command: bytes) -> bool:
        words = command.split(b" ", 3)
        if words[:2] != [b"UID", b"FETCH"] or self.item.encode() not in words[3]:
            return False
        return any(uid in self.also | {self.uid} for uid in UidSet.parse(words[2].decode()))

    def _told(self, answer: bytes) -> bool:
        return re.match(rb"\* [0-9]+ FETCH \((?:.* )?UID %d[ )]" % self.uid, answer) is not None
