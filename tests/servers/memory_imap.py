"""A small IMAP server with its mail in memory, of one user, for tests of what a provider does.

    with MemoryImap({"rep@us.example": "secret"}) as server:
        server.append("INBOX", raw)

It answers what the sync asks: LOGIN, AUTHENTICATE PLAIN, CAPABILITY, ID, NAMESPACE, LIST, STATUS,
EXAMINE, UID FETCH, UID SEARCH SINCE, APPEND and LOGOUT. Pipelined commands are answered in order,
unless `arranged` arranges them in another way.
"""

import re
import select
import socket
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme
from imapclient import imap_utf7
from imapclient.datetime_util import parse_to_datetime

from tests.servers.listener import Listener
from tests.servers.memory_fetch import fetched, numbers
from tests.servers.memory_mail import Letter, MemoryFolder, by_name

_LITERAL = re.compile(rb"\{([0-9]{1,9})(\+?)\}\r\n\Z")
_TOKEN = re.compile(
    rb'"((?:\\.|[^"\\])*)"|(BODY(?:\.PEEK)?\[[^\]]*\](?:<[0-9.]+>)?|[()]|[^\s()"]+)', re.IGNORECASE
)
_ESCAPED = re.compile(rb"\\(.)")


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it came, with what it names."""

    tag: bytes
    name: str
    """In capitals; `UID FETCH` is one."""
    arguments: Sequence[bytes]
    literal: bytes = b""

    @property
    def folder(self) -> str:
        """The folder that STATUS, EXAMINE or APPEND names; empty of other commands."""
        if self.name not in ("STATUS", "EXAMINE", "APPEND"):
            return ""
        return str(imap_utf7.decode(self.arguments[0]))


@dataclass(slots=True)
class Session:
    """What a connection has come to."""

    signed_in: bool = False
    folder: MemoryFolder | None = None


@dataclass(slots=True)
class MemoryImap:
    """A server on loopback, for the time of a `with` block."""

    users: Mapping[str, str]
    """One user's password by sign-in name."""
    issuer: trustme.CA | None = None
    folders: dict[str, MemoryFolder] = field(default_factory=lambda: by_name([_inbox()]))
    before: Callable[[Command], None] = lambda command: None
    """Called before each command is answered."""
    answers: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By command and folder, what is answered in place of the truth; `<tag>` stands for the tag."""
    statuses: dict[str, bytes] = field(default_factory=dict)
    """By folder, the untagged STATUS line; empty where LIST tells none."""
    namespace: bytes = b'(("" "/")) NIL NIL'
    left_out_of_list: tuple[str, ...] = ()
    """Prefixes of folders that LIST names only where a pattern begins with them."""
    arranged: Callable[[list[bytes]], Sequence[bytes]] = list
    """Arranges the answers to the commands of one round trip."""
    hangs_up_after: set[tuple[str, str]] = field(default_factory=set)
    """Commands and folders after whose answer it ends the connection."""
    gathers_seconds: float = 0.0
    """How long it waits for further commands of a round trip before it answers."""

    host: str = field(init=False, default="127.0.0.1")
    commands: list[str] = field(init=False, default_factory=list)
    """Each with its arguments, as they came, but passwords."""
    round_trips: int = field(init=False, default=0)
    """How often a client has waited for an answer, where the server gathers commands."""
    _listener: Listener = field(init=False)

    @property
    def imaps_port(self) -> int:
        return self._listener.port

    @property
    def authority(self) -> Path:
        """The certificate (PEM) of the authority that the server is certified by."""
        return self._listener.authority

    @property
    def sign_ins(self) -> int:
        """How many connections there were."""
        return self._listener.accepted

    def __enter__(self) -> Self:
        self._listener = Listener(self._serve, self.issuer)
        self._listener.open(self.host)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    # Its mail

    def create(self, *names: str, attributes: tuple[str, ...] = ("\\HasNoChildren",)) -> None:
        for name in names:
            self.folders[name] = MemoryFolder(name, attributes)

    def append(self, folder: str, raw: bytes, *, flags: Sequence[str] = ()) -> Letter:
        """Put a message into a folder."""
        letter = Letter(raw, flags=set(flags))
        self.folders[folder].add(letter)
        return letter

    def append_all(self, folder: str, raws: Sequence[bytes]) -> None:
        for raw in raws:
            self.append(folder, raw)

    # What it says, which providers say otherwise

    def capabilities(self, *, signed_in: bool) -> str:
        return "IMAP4rev1 LITERAL+ NAMESPACE ID" if signed_in else "IMAP4rev1 AUTH=PLAIN"

    def listed(self) -> Sequence[MemoryFolder]:
        """The folders that LIST names."""
        return list(self.folders.values())

    def wire(self, name: str) -> bytes:
        """A folder's name as LIST writes it."""
        escaped = bytes(imap_utf7.encode(name)).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return b'"' + escaped + b'"'

    def shown(self, folder: MemoryFolder) -> Mapping[int, Letter]:
        """The copies that clients see of a folder."""
        return dict(folder.copies)

    def labels(self, folder: MemoryFolder, letter: Letter) -> bytes:
        """X-GM-LABELS."""
        raise NotImplementedError

    # Commands

    def _capability(self, command: Command, session: Session) -> bytes:
        offered = self.capabilities(signed_in=session.signed_in)
        return b"* CAPABILITY " + offered.encode() + b"\r\n" + _ok(command)

    def _login(self, command: Command, session: Session) -> bytes:
        user, password = (one.decode() for one in command.arguments[:2])
        return self._signed_in(command, session, user, password)

    def _authenticate(self, command: Command, session: Session) -> bytes:
        _, user, password = b64decode(command.literal).decode().split("\0")
        return self._signed_in(command, session, user, password)

    def _signed_in(self, command: Command, session: Session, user: str, password: str) -> bytes:
        session.signed_in = self.users.get(user) == password
        if not session.signed_in:
            return command.tag + b" NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"
        return _ok(command)

    def _id(self, command: Command, session: Session) -> bytes:
        return b'* ID ("name" "memory")\r\n' + _ok(command)

    def _namespace(self, command: Command, session: Session) -> bytes:
        return b"* NAMESPACE " + self.namespace + b"\r\n" + _ok(command)

    def _list(self, command: Command, session: Session) -> bytes:
        words = [one.upper() for one in command.arguments]
        offered = self.capabilities(signed_in=True)
        if b"RETURN" in words and "LIST-EXTENDED" not in offered:
            return command.tag + b" BAD Could not parse command\r\n"
        prefix = command.arguments[1].decode().removesuffix("*")
        listed = [
            one
            for one in self.listed()
            if one.name.startswith(prefix)
            and (prefix or not one.name.startswith(self.left_out_of_list))
        ]
        lines = [
            b'* LIST (%s) "/" %s\r\n' % (" ".join(one.attributes).encode(), self.wire(one.name))
            for one in listed
        ]
        if b"STATUS" in words:
            told = (self._status_line(one) for one in listed if one.selectable)
            lines += [line for line in told if line]
        return b"".join(lines) + _ok(command)

    def _status(self, command: Command, session: Session) -> bytes:
        folder = self.folders.get(command.folder)
        if folder is None or not folder.selectable:
            return command.tag + b" NO [NONEXISTENT] Unknown Mailbox (Failure)\r\n"
        return self._status_line(folder) + _ok(command)

    def _status_line(self, folder: MemoryFolder) -> bytes:
        if folder.name in self.statuses:
            return self.statuses[folder.name]
        told = (len(self.shown(folder)), folder.uidnext, folder.uidvalidity)
        items = b"(MESSAGES %d UIDNEXT %d UIDVALIDITY %d)" % told
        return b"* STATUS " + self.wire(folder.name) + b" " + items + b"\r\n"

    def _examine(self, command: Command, session: Session) -> bytes:
        folder = self.folders.get(command.folder)
        session.folder = folder if folder and folder.selectable else None
        if session.folder is None:
            return command.tag + b" NO [NONEXISTENT] Unknown Mailbox (Failure)\r\n"
        told = (
            len(self.shown(session.folder)),
            session.folder.uidvalidity,
            session.folder.uidnext,
        )
        return (
            b"* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)\r\n* 0 RECENT\r\n"
            b"* %d EXISTS\r\n* OK [UIDVALIDITY %d]\r\n* OK [UIDNEXT %d]\r\n"
            % told
            + command.tag
            + b" OK [READ-ONLY] selected. (Success)\r\n"
        )

    def _uid_fetch(self, command: Command, session: Session) -> bytes:
        if session.folder is None:
            return command.tag + b" BAD no folder\r\n"
        folder, asked = session.folder, [one.decode() for one in command.arguments[1:]]
        wanted = numbers(command.arguments[0].decode(), folder.uidnext - 1)
        lines = [
            b"* %d FETCH (%s)\r\n"
            % (number, fetched(uid, letter, asked, lambda one: self.labels(folder, one)))
            for number, (uid, letter) in enumerate(self.shown(folder).items(), start=1)
            if uid in wanted
        ]
        return b"".join(lines) + _ok(command)

    def _uid_search(self, command: Command, session: Session) -> bytes:
        if session.folder is None:
            return command.tag + b" BAD no folder\r\n"
        if command.arguments[0].upper() != b"SINCE":
            return command.tag + b" BAD Could not parse command\r\n"
        since = parse_to_datetime(command.arguments[1] + b" 00:00:00 +0000", normalise=False).date()
        shown = self.shown(session.folder).items()
        found = [str(uid) for uid, one in shown if one.received_at.date() >= since]
        return b"* SEARCH " + " ".join(found).encode() + b"\r\n" + _ok(command)

    def _append(self, command: Command, session: Session) -> bytes:
        folder = self.folders.get(command.folder)
        if folder is None:
            return command.tag + b" NO [TRYCREATE] Folder doesn't exist. (Failure)\r\n"
        self.append(folder.name, command.literal)
        return _ok(command)

    def _logout(self, command: Command, session: Session) -> bytes:
        return b"* BYE LOGOUT Requested\r\n" + _ok(command)

    # The connection

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection = self._listener.secured(connection)
            greeting = f"* OK [CAPABILITY {self.capabilities(signed_in=False)}] ready\r\n"
            connection.sendall(greeting.encode())
            self._converse(connection)
        except OSError:  # the client, or the test, has gone
            return
        finally:
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        session = Session()
        for some in self._batches(connection):
            self.round_trips += 1
            answers = [self._answer(command, session) for command in some]
            for answer in self.arranged(answers):
                connection.sendall(answer)
            if any(self._ends(one) for one in some):
                return

    def _ends(self, command: Command) -> bool:
        return command.name == "LOGOUT" or (command.name, command.folder) in self.hangs_up_after

    def _answer(self, command: Command, session: Session) -> bytes:
        words = b" ".join(command.arguments).decode("utf-8", "replace")
        shown = "" if command.name in ("LOGIN", "AUTHENTICATE") else f" {words}"
        self.commands.append(f"{command.name}{shown}")
        self.before(command)
        told = self.answers.get((command.name, command.folder))
        if told is not None:
            return told.replace(b"<tag>", command.tag)
        known: Mapping[str, Callable[[Command, Session], bytes]] = {
            "CAPABILITY": self._capability,
            "LOGIN": self._login,
            "AUTHENTICATE": self._authenticate,
            "ID": self._id,
            "NAMESPACE": self._namespace,
            "LIST": self._list,
            "STATUS": self._status,
            "EXAMINE": self._examine,
            "UID FETCH": self._uid_fetch,
            "UID SEARCH": self._uid_search,
            "APPEND": self._append,
            "LOGOUT": self._logout,
        }
        if command.name not in known:
            return command.tag + b" BAD Unknown command\r\n"
        return known[command.name](command, session)

    def _batches(self, connection: socket.socket) -> Iterator[list[Command]]:
        """Commands, those together that came in one round trip."""
        came = _Input(connection)
        while (command := came.command()) is not None:
            some = [command]
            until = time.monotonic() + self.gathers_seconds
            while self.gathers_seconds and came.more_before(until):
                if (command := came.command()) is None:
                    break
                some.append(command)
                until = time.monotonic() + self.gathers_seconds
            yield some


@dataclass(slots=True)
class _Input:
    """What a client sends."""

    connection: socket.socket
    _read: bytes = b""

    def command(self) -> Command | None:
        line, literal = self._line(), b""
        while line and (announced := _LITERAL.search(line)):
            if not announced[2]:
                self.connection.sendall(b"+ go on\r\n")
            literal = self._bytes(int(announced[1]))
            line = line[: announced.start()] + b'""' + (self._line() or b"")
        if not line:
            return None
        tag, _, rest = line.strip().partition(b" ")
        tokens = [
            _ESCAPED.sub(rb"\1", one[1]) if one[2] is None else one[2]
            for one in _TOKEN.finditer(rest)
        ]
        words = 2 if tokens[0].upper() == b"UID" else 1
        name = b" ".join(tokens[:words]).decode().upper()
        if name == "AUTHENTICATE":
            self.connection.sendall(b"+ \r\n")
            literal = (self._line() or b"").strip()
        return Command(tag, name, tokens[words:], literal)

    def more_before(self, until: float) -> bool:
        """Whether a further command comes before a moment."""
        while b"\n" not in self._read:
            seconds = max(0.0, until - time.monotonic())
            pending = getattr(self.connection, "pending", lambda: 0)()
            if not pending and not select.select([self.connection], [], [], seconds)[0]:
                return False
            if not (data := self.connection.recv(65_536)):
                return False
            self._read += data
        return True

    def _line(self) -> bytes | None:
        while b"\n" not in self._read:
            if not (data := self.connection.recv(65_536)):
                return None
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        return line + b"\n"

    def _bytes(self, size: int) -> bytes:
        while len(self._read) < size and (data := self.connection.recv(65_536)):
            self._read += data
        found, self._read = self._read[:size], self._read[size:]
        return found


def _ok(command: Command) -> bytes:
    return command.tag + b" OK Success\r\n"


def _inbox() -> MemoryFolder:
    return MemoryFolder("INBOX")
