"""An SMTP server (RFC 5321) that says what a test tells it to, and writes down what it is told.

    script = {"RCPT <kim@x.example>": ["550 5.1.1 no such user"], ".": [HANG_UP]}
    with ScriptedSmtp(script) as server:
        ...
        assert server.messages[0].recipients == ("lee@x.example",)

A script has answers by command: `GREETING`, `EHLO`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `.`
(the end of the message) or any other; `AUTH XOAUTH2` and `RCPT <address>` go before `AUTH` and
`RCPT`. What a script does not name is answered as a server does that takes everything. Replies of
4xx and 5xx have their effect: a sender or recipient refused is not of the envelope.
"""

import json
import select
import socket
import socketserver
import ssl
import tempfile
import threading
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.servers.authority import certify


class Turn(Enum):
    """What a server does in place of an answer."""

    SILENCE = auto()
    """Says nothing more, and keeps the connection until the client ends it."""
    DRIP = auto()
    """Says a byte now and then, and never the end of a line."""
    HANG_UP = auto()
    """Ends the connection."""


SILENCE, DRIP, HANG_UP = Turn.SILENCE, Turn.DRIP, Turn.HANG_UP


@dataclass(frozen=True, slots=True)
class Slowly:
    """A reply that comes byte by byte, and is whole in the end."""

    reply: str
    seconds: float
    """For all of it."""


type Answer = str | Slowly | Turn
"""A string is a reply without its last CRLF; `reply` makes one of several lines."""


@dataclass(frozen=True, slots=True)
class InTurn:
    """Other answers each time that the command comes; the last for ever."""

    times: Sequence[Sequence[Answer]]


type Answers = Sequence[Answer] | InTurn


def reply(code: int, *lines: str) -> str:
    """A reply of several lines, each of which may begin with an enhanced code."""
    *others, last = lines
    return "\r\n".join([*(f"{code}-{line}" for line in others), f"{code} {last}"])


def oauth_refused(
    final: str = "535 5.7.8 Username and Password not accepted", **challenge: str
) -> list[Answer]:
    """How XOAUTH2 and OAUTHBEARER are refused: why, in a challenge, then the client's empty answer.

    Parameters:
        challenge: of the JSON that the challenge is, in place of Google's.
    """
    google = {"status": "400", "schemes": "Bearer", "scope": "https://mail.google.com/"}
    told = json.dumps(challenge or google, separators=(",", ":"))
    return [f"334 {b64encode(told.encode()).decode('ascii')}", final]


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a client said to sign in, decoded."""

    mechanism: str
    responses: tuple[str, ...]
    """In order, with the one that came along with AUTH. NULs and ^As stand where they were."""
    over_tls: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message that came whole."""

    sender: str
    recipients: tuple[str, ...]
    """Those that were not refused."""
    parameters: tuple[str, ...]
    """Of MAIL, as `BODY=8BITMIME`."""
    raw: bytes


KEYWORDS = (
    "PIPELINING",
    "SIZE 20000000",
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER",
)
_DRIP_SECONDS = 0.05
_LINE = 65_536


class _Over(Exception):
    """The conversation is, because the client has gone or the script says so."""


@dataclass(slots=True)
class ScriptedSmtp:
    """A server on loopback, for the time of a `with` block."""

    script: Mapping[str, Answers] = field(default_factory=dict)
    keywords: Sequence[str] = KEYWORDS
    """What EHLO is answered over TLS."""
    keywords_in_clear: Sequence[str] = ("PIPELINING", "STARTTLS")
    """What EHLO is answered before."""
    tls: bool = True
    """From the first byte; otherwise after STARTTLS."""
    greylist: int = 0
    """How often a pair of sender and recipient is told 451 4.7.1 before it is taken."""
    issuer: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""

    host: str = field(init=False, default="127.0.0.1")
    port: int = field(init=False)
    authority: Path = field(init=False)
    """The certificate (PEM) of the authority that the server is certified by."""
    commands: list[str] = field(init=False, default_factory=list)
    """All command lines of all connections, as they came, without what AUTH asks for."""
    writes: list[list[str]] = field(init=False, default_factory=list)
    """The same, by the write in which they came. Over TLS that is the client's: one is one record;
    in the clear the network may join what was written apart."""
    sign_ins: list[SignIn] = field(init=False, default_factory=list)
    messages: list[Message] = field(init=False, default_factory=list)
    """All that came whole, whatever was answered."""
    accepted: list[Message] = field(init=False, default_factory=list)
    """Those to which 250 was said."""

    _folder: tempfile.TemporaryDirectory[str] = field(init=False)
    _identity: ssl.SSLContext = field(init=False)
    _server: socketserver.ThreadingTCPServer = field(init=False)
    _thread: threading.Thread = field(init=False)
    _connections: list[socket.socket] = field(init=False, default_factory=list)
    _said: Counter[str] = field(init=False, default_factory=Counter)
    """How often each entry of the script was answered from."""
    _tried: Counter[tuple[str, str]] = field(init=False, default_factory=Counter)
    """How often each sender and recipient came."""
    _ended: threading.Event = field(init=False, default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="scripted-")
        certified = certify(Path(self._folder.name), self.issuer)
        self.authority = certified.authority
        self._identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._identity.load_cert_chain(certified.chain, certified.key)
        server = self

        class Conversation(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError, _Over):
                    server._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = False

        self._server = Server((self.host, 0), Conversation)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        # What waits in recv is woken by a shutdown, and not by a close.
        for each in self._connections:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._folder.cleanup()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.append(connection)
        client = self._secured(connection) if self.tls else connection
        try:
            self._say(client, self._answers("GREETING", default=["220 mx.x.example ESMTP"]))
            while (after := _Conversation(self, client, self.writes).run()) is not None:
                client = after
        finally:
            client.close()

    def _secured(self, connection: socket.socket) -> ssl.SSLSocket:
        # The handshake waits for the client, and must be woken by the end of the block.
        secured = self._identity.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        self._connections.append(secured)
        secured.do_handshake()
        return secured

    def _answers(self, *names: str, default: Sequence[Answer]) -> Sequence[Answer]:
        """What the script has for the first of the names that it has."""
        for name in names:
            if name in self.script:
                answers = self.script[name]
                if not isinstance(answers, InTurn):
                    return answers
                self._said[name] += 1
                return answers.times[min(self._said[name], len(answers.times)) - 1]
        return default

    def _say(self, client: socket.socket, answers: Iterable[Answer]) -> str:
        """Say them, and return the code of the last.

        Raises:
            _Over: one of them is to end the conversation.
        """
        code = ""
        for answer in answers:
            code = _code(answer)
            match answer:
                case str():
                    client.sendall(f"{answer}\r\n".encode())
                case Slowly(text, seconds):
                    told = f"{text}\r\n".encode()
                    for byte in told:
                        self._ended.wait(seconds / len(told))
                        client.sendall(bytes([byte]))
                case Turn.SILENCE:
                    while client.recv(_LINE):
                        pass
                    raise _Over
                case Turn.DRIP:
                    while not select.select([client], [], [], _DRIP_SECONDS)[0]:
                        client.sendall(b"2")
                    raise _Over
                case Turn.HANG_UP:
                    raise _Over
        return code


@dataclass(slots=True)
class _Conversation:
    """What is said on one connection until its end, or until STARTTLS."""

    server: ScriptedSmtp
    client: socket.socket
    writes: list[list[str]]

    sender: str = ""
    parameters: tuple[str, ...] = ()
    recipients: list[str] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    """What BDAT has brought so far."""
    heard: bytearray = field(default_factory=bytearray)
    write: list[str] | None = None
    """The commands of the write that is being read; None before its first."""

    def run(self) -> ssl.SSLSocket | None:
        """Answer until the end, or return the connection on which it goes on.

        Raises:
            _Over: the client has gone, or a script has ended it.
        """
        while True:
            line = self._line().decode("utf-8", "replace").rstrip("\r\n")
            self.server.commands.append(line)
            if self.write is None:
                self.write = []
                self.writes.append(self.write)
            self.write.append(line)
            name, _, rest = line.partition(" ")
            match name.upper():
                case "EHLO":
                    self._say("EHLO", default=reply(250, "mx.x.example", *self._keywords()))
                case "HELO":
                    self._say("HELO", default="250 mx.x.example")
                case "STARTTLS":
                    if self._say("STARTTLS", default="220 2.0.0 go ahead") == "220":
                        return self.server._secured(self.client)
                case "AUTH":
                    self._sign_in(rest)
                case "MAIL":
                    self._reset()
                    if self._say("MAIL", default="250 2.1.0 OK") == "250":
                        self.sender, self.parameters = _path(rest)
                case "RCPT":
                    self._take_recipient(_path(rest)[0])
                case "DATA":
                    default = "354 go on" if self.recipients else "554 5.5.1 no valid recipients"
                    if self._say("DATA", default=default) == "354":
                        self._take_message(self._dotted())
                case "BDAT":
                    self._take_chunk(rest)
                case "RSET":
                    self._reset()
                    self._say("RSET", default="250 2.0.0 OK")
                case "QUIT":
                    self._say("QUIT", default="221 2.0.0 bye")
                    return None
                case "NOOP":
                    self._say("NOOP", default="250 2.0.0 OK")
                case other:
                    self._say(other, default="500 5.5.2 what?")

    def _say(self, *names: str, default: str) -> str:
        return self.server._say(self.client, self.server._answers(*names, default=[default]))

    def _keywords(self) -> Sequence[str]:
        over_tls = isinstance(self.client, ssl.SSLSocket)
        return self.server.keywords if over_tls else self.server.keywords_in_clear

    def _sign_in(self, rest: str) -> None:
        """AUTH (RFC 4954): what the mechanism asks for, and then what the script says."""
        mechanism, *initial = rest.split()
        mechanism = mechanism.upper()
        responses = [_decoded(each) for each in initial]
        for prompt in ["Username:", "Password:"] if mechanism == "LOGIN" else [""]:
            if initial:
                initial = []
                continue
            self.server._say(self.client, [f"334 {b64encode(prompt.encode()).decode('ascii')}"])
            responses.append(self._response())
        answers = self.server._answers(f"AUTH {mechanism}", "AUTH", default=["235 2.7.0 signed in"])
        for place, answer in enumerate(answers, 1):
            # Whatever becomes of it, the test shall find what was said.
            if place == len(answers):
                over_tls = isinstance(self.client, ssl.SSLSocket)
                self.server.sign_ins.append(SignIn(mechanism, tuple(responses), over_tls))
            if self.server._say(self.client, [answer]) == "334":
                responses.append(self._response())

    def _response(self) -> str:
        return _decoded(self._line().decode("ascii", "replace").strip())

    def _take_recipient(self, recipient: str) -> None:
        pair = (self.sender.casefold(), recipient.casefold())
        self.server._tried[pair] += 1
        if self.server._tried[pair] <= self.server.greylist:
            self.server._say(self.client, ["451 4.7.1 greylisted, come again later"])
        elif self._say(f"RCPT <{recipient}>", "RCPT", default="250 2.1.5 OK")[:2] == "25":
            self.recipients.append(recipient)

    def _take_chunk(self, rest: str) -> None:
        """BDAT (RFC 3030)."""
        size, *last = rest.split()
        self.body += self._octets(int(size))
        if last:
            self._take_message(bytes(self.body))
        else:
            self._say("BDAT", default="250 2.0.0 OK")

    def _take_message(self, raw: bytes) -> None:
        message = Message(self.sender, tuple(self.recipients), self.parameters, raw)
        self._reset()
        self.server.messages.append(message)
        for answer in self.server._answers(".", default=["250 2.0.0 taken"]):
            # Before it is said: the test goes on as soon as its client has heard it.
            if _code(answer) == "250":
                self.server.accepted.append(message)
            self.server._say(self.client, [answer])

    def _reset(self) -> None:
        self.sender, self.parameters, self.recipients = "", (), []
        self.body = bytearray()

    def _dotted(self) -> bytes:
        """The lines until the lone dot, without the dots that were put before theirs."""
        lines = []
        while (line := self._line()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _line(self) -> bytes:
        while (end := self.heard.find(b"\n") + 1) == 0:
            self._hear()
        return self._cut(end)

    def _octets(self, count: int) -> bytes:
        while len(self.heard) < count:
            self._hear()
        return self._cut(count)

    def _cut(self, count: int) -> bytes:
        cut = bytes(self.heard[:count])
        del self.heard[:count]
        return cut

    def _hear(self) -> None:
        more = self.client.recv(_LINE)
        if not more:
            raise _Over
        self.heard += more
        self.write = None


def _code(answer: Answer) -> str:
    match answer:
        case str(text) | Slowly(text, _):
            return text[:3]
        case Turn():
            return ""


def _path(rest: str) -> tuple[str, tuple[str, ...]]:
    """The address of MAIL or RCPT, and the parameters behind it."""
    path, _, parameters = rest.partition("<")[2].rpartition(">")
    return path, tuple(parameters.split())


def _decoded(response: str) -> str:
    return b64decode(response).decode("utf-8", "replace")
