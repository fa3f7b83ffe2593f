"""A proxy before a real IMAP server that changes what the server says, as broken servers do.

    with Meddling(dovecot, hang_up_at("BODY[]", 3)) as server:
        ...

It ends the client's TLS and opens its own to the server. Answers pass line by line; a literal
passes with the line that announces it.
"""

import re
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import trustme

from mailmirror.domain.uids import UidSet
from tests.servers.authority import certify
from tests.servers.dovecot import Dovecot


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

    server: Dovecot
    meddle: Meddle
    issuer: trustme.CA | None = None
    commands: list[bytes] = field(init=False, default_factory=list)
    """The commands of all connections."""
    connections: int = field(init=False, default=0)
    imaps_port: int = field(init=False)
    authority: Path = field(init=False)
    _folder: Path = field(init=False)
    _trust: ssl.SSLContext = field(init=False)
    _listener: socket.socket = field(init=False)
    _sockets: list[socket.socket] = field(init=False, default_factory=list)
    _threads: list[threading.Thread] = field(init=False, default_factory=list)

    @property
    def users(self) -> "dict[str, str]":
        return dict(self.server.users)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="meddling-"))
        certified = certify(self._folder, self.issuer)
        self.authority = certified.authority
        self._trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._trust.load_cert_chain(certified.chain, certified.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.imaps_port = self._listener.getsockname()[1]
        self._begin(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in (self._listener, *self._sockets):
            _close(each)
        for thread in self._threads:
            thread.join()
        shutil.rmtree(self._folder)

    def _begin[**P](self, target: Callable[P, None], *arguments: P.args, **named: P.kwargs) -> None:
        thread = threading.Thread(target=target, args=arguments, kwargs=named, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._begin(self._serve, client)

    def _serve(self, plain: socket.socket) -> None:
        self._sockets.append(plain)
        with suppress(OSError):
            trust = ssl.create_default_context(cafile=self.server.authority)
            upstream = trust.wrap_socket(
                socket.create_connection(("127.0.0.1", self.server.imaps_port)),
                server_hostname="localhost",
            )
            self._sockets.append(upstream)
            client = self._trust.wrap_socket(plain, server_side=True)
            self._sockets.append(client)
            last = [b""]
            self._begin(self._pass_commands, client, upstream, last)
            self._pass_answers(client, upstream, last)
            _close(client)
            _close(upstream)

    def _pass_commands(
        self, client: socket.socket, upstream: socket.socket, last: list[bytes]
    ) -> None:
        with suppress(OSError), client.makefile("rb") as lines:
            while line := lines.readline():
                last[0] = line.partition(b" ")[2]
                self.commands.append(last[0])
                upstream.sendall(line)
        _close(upstream)

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


def _close(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


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
        return self.uid in UidSet.parse(words[2].decode())

    def _told(self, answer: bytes) -> bool:
        return re.match(rb"\* [0-9]+ FETCH \((?:.* )?UID %d[ )]" % self.uid, answer) is not None
