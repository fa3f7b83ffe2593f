"""An IMAP client that bounds what a server may send, and turns every failure into a code.

IMAPClient speaks the protocol, on a socket that was checked and opened before.
"""

import imaplib
import logging
import socket
from collections.abc import Buffer, Iterator, Sequence
from contextlib import contextmanager

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from mailmirror.domain.imap_answers import visible
from mailmirror.domain.limits import MAX_ANSWER_BYTES, MAX_ANSWER_LINES, MAX_MESSAGE_LINES
from mailmirror.domain.mailbox import Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.byte_budget import ByteBudget
from mailmirror.mail.imap.heard import Heard, completed

logging.getLogger("imapclient").setLevel(logging.WARNING)  # its debug lines quote mail


_ASSUMED = ("IMAP4REV1",)
"""Capabilities until the server is asked for them: imaplib goes on with no server without."""
_VERSIONS = {"IMAP4", "IMAP4REV1", "IMAP4REV2"}
"""IMAP4rev2 has all that is used here (RFC 9051, appendix E)."""


class TooMuch(Exception):
    """The server sends more than was asked for."""


class _Imap4(imaplib.IMAP4):
    """imaplib on a socket that is open already, with a bound on what the server may send."""

    def __init__(
        self,
        connection: socket.socket,
        server: Server,
        heard: Heard,
        shared: ByteBudget | None,
    ) -> None:
        self._connection = connection
        self._heard = heard
        self._shared = shared
        self.budget = MAX_ANSWER_BYTES if shared is None else shared.left
        self.lines = MAX_ANSWER_LINES
        self._held: bytearray | None = None
        super().__init__(server.host, server.port)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        return self._connection

    def send(self, data: Buffer) -> None:
        """Send, or hold the data back; see `sent_together`."""
        if self._held is None:
            super().send(data)
        else:
            self._held += data

    @contextmanager
    def sent_together(self) -> Iterator[None]:
        """Send the commands that are given within at once.

        A server that goes away at the first of them is then heard before sending fails.
        """
        self._held = bytearray()
        try:
            yield
        finally:
            held, self._held = bytes(self._held), None
        super().send(held)

    def read(self, size: int) -> bytes:
        self._spend(size)
        data = super().read(size)
        if len(data) < size:
            raise self.abort("a literal ended before its announced size")
        return data

    def readline(self) -> bytes:
        # imaplib's own bound of a million bytes is less than a SEARCH of a large folder answers.
        line: bytes = self.file.readline(self.budget + 1)  # type: ignore[assignment]
        self.lines -= 1
        self._spend(len(line))
        self._heard.line(line)
        return completed(line)

    def _get_capabilities(self) -> None:
        """Leave the capabilities to `ask_capabilities`.

        imaplib asks for them as part of the greeting and of STARTTLS, so that a server that fails
        to answer would seem not to greet, or to speak no TLS. What it said before is forgotten.
        """
        self.capabilities = _ASSUMED
        self.untagged_responses.pop("CAPABILITY", None)

    def ask_capabilities(self) -> None:
        """Ask for capabilities."""
        super()._get_capabilities()  # type: ignore[misc]  # not in typeshed

    def _spend(self, size: int) -> None:
        if self._shared is not None:
            self._shared.spend(size)
        self.budget -= size
        if self.budget < 0 or self.lines < 0:
            raise TooMuch


class BoundedClient(IMAPClient):  # type: ignore[misc]
    """IMAPClient on a socket that is open already.

    Parameters:
        shared: what several conversations may read together, beside the bounds of each.
    """

    alive: bool
    """Whether the answer to the last command was read to its end, so that another may be sent."""

    def __init__(
        self,
        connection: socket.socket,
        server: Server,
        heard: Heard,
        shared: ByteBudget | None = None,
    ) -> None:
        self._connection = connection
        self._server = server
        self._shared = shared
        self.heard = heard
        self.alive = True
        super().__init__(server.host, server.port, use_uid=True, ssl=False, timeout=None)
        self.normalise_times = False
        # One name that cannot be decoded would hide all other folders.
        self.folder_encode = False

    def _create_IMAP4(self) -> _Imap4:
        return _Imap4(self._connection, self._server, self.heard, self._shared)

    @staticmethod
    def quoted(name: bytes) -> bytes:
        """A folder's name as a command has it."""
        return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'

    def _normalise_folder(self, folder_name: str | bytes) -> str | bytes:
        """Quote a name. IMAPClient takes bytes for ASCII; some servers have names in UTF-8."""
        if isinstance(folder_name, bytes):
            return self.quoted(folder_name)
        return str(super()._normalise_folder(folder_name))

    @property
    def is_signed_in(self) -> bool:
        """Whether the server has accepted a sign-in, or greets with PREAUTH."""
        return bool(self._imap.state == "AUTH")

    def ask_capabilities(self) -> Sequence[str]:
        """Ask what the server offers before the sign-in.

        Raises:
            Refused: it says that it serves no one at present, hangs up, or is no IMAP server.
        """
        self.forget_capabilities()
        with translated(self.heard):
            try:
                self._imap.ask_capabilities()
            except TimeoutError as error:
                raise Refused(Code.CONNECT_TIMEOUT, "connected, but no answer") from error
            except imaplib.IMAP4.abort as error:
                raise self.heard.before_sign_in(Code.CONNECTION_LOST) from error
            except imaplib.IMAP4.error as error:
                raise self.heard.before_sign_in(Code.PROTOCOL_ERROR) from error
        offered: Sequence[str] = self._imap.capabilities
        if _VERSIONS.isdisjoint(offered):
            raise Refused(Code.PROTOCOL_ERROR, f"no version of IMAP4: {visible(' '.join(offered))}")
        return offered

    def forget_capabilities(self) -> None:
        """Have the capabilities told or asked again: they may change with the sign-in."""
        self._cached_capabilities = None

    def offers(self, capability: str) -> bool:
        """Tell whether the server has this capability; it has none where it refuses to say.

        Raises:
            Refused: the connection is lost.
        """
        try:
            with self.asking():
                return bool(self.has_capability(capability))
        except Refused:
            if not self.alive:
                raise
            return False

    @contextmanager
    def asking(self, budget: int = 0, messages: int = 0) -> Iterator[None]:
        """Bound the answers to what is asked within, and turn failures into codes.

        Parameters:
            budget: how many bytes are asked for, beside some lines.
            messages: of how many messages.

        Raises:
            Refused: `connection_lost`, `server_unavailable` or `protocol_error`.
        """
        self._imap.budget = budget + MAX_ANSWER_BYTES
        self._imap.lines = MAX_ANSWER_LINES + MAX_MESSAGE_LINES * messages
        self.alive = False
        self.heard.begin()
        with translated(self.heard):
            try:
                yield
                self.alive = True
            except imaplib.IMAP4.abort:
                raise
            except (imaplib.IMAP4.error, IMAPClientError):
                self.alive = True  # a tagged NO or BAD: the next command may be answered
                raise


@contextmanager
def translated(heard: Heard) -> Iterator[None]:
    """Turn the libraries' errors into codes; their texts can quote mail and are not kept."""
    try:
        with translated_protocol(heard):
            yield
    except (OSError, EOFError) as error:
        raise Refused(Code.CONNECTION_LOST) from error


@contextmanager
def translated_protocol(heard: Heard) -> Iterator[None]:
    """Turn errors of the protocol into codes, and leave those of the connection."""
    try:
        yield
    except imaplib.IMAP4.abort as error:
        raise heard.command(Code.CONNECTION_LOST) from error
    except TooMuch as error:
        raise Refused(Code.PROTOCOL_ERROR, "the server sends more than was asked for") from error
    except (imaplib.IMAP4.error, IMAPClientError) as error:
        raise heard.command(Code.PROTOCOL_ERROR) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(Code.PROTOCOL_ERROR, "the server's answer cannot be read") from error
