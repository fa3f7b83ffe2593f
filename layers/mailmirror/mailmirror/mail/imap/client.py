"""An IMAP client that is connected, secured and signed in, and bounds what a server may send.

IMAPClient speaks the protocol, on a socket that was checked and opened before. Every failure is a
code with a remedy.
"""

import imaplib
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from mailmirror.domain.limits import MAX_ANSWER_BYTES, MAX_ANSWER_LINES, MAX_MESSAGE_LINES
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import NetworkPolicy, limited, tls_stage
from mailmirror.mail.sasl import Login, TokenExchange, TokenLogin, token_refusal

logging.getLogger("imapclient").setLevel(logging.WARNING)  # its debug lines quote mail


class _TooMuch(Exception):
    """The server sends more than was asked for."""


class _Imap4(imaplib.IMAP4):
    """imaplib on a socket that is open already, with a bound on what the server may send."""

    def __init__(self, connection: socket.socket, server: Server) -> None:
        self._connection = connection
        self.budget = MAX_ANSWER_BYTES
        self.lines = MAX_ANSWER_LINES
        super().__init__(server.host, server.port)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        return self._connection

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
        return line

    def _spend(self, size: int) -> None:
        self.budget -= size
        if self.budget < 0 or self.lines < 0:
            raise _TooMuch


class BoundedClient(IMAPClient):  # type: ignore[misc]
    """IMAPClient on a socket that is open already."""

    alive: bool
    """Whether the answer to the last command was read to its end, so that another may be sent."""

    def __init__(self, connection: socket.socket, server: Server) -> None:
        self._connection = connection
        self._server = server
        self.alive = True
        super().__init__(server.host, server.port, use_uid=True, ssl=False, timeout=None)
        self.normalise_times = False
        # One name that cannot be decoded would hide all other folders.
        self.folder_encode = False

    def _create_IMAP4(self) -> _Imap4:
        return _Imap4(self._connection, self._server)

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
        with _translated():
            try:
                yield
                self.alive = True
            except imaplib.IMAP4.abort:
                raise
            except (imaplib.IMAP4.error, IMAPClientError):
                self.alive = True  # a tagged NO or BAD: the next command may be answered
                raise


@contextmanager
def signed_in_client(
    server: Server, login: Login, policy: NetworkPolicy, seconds: float
) -> Iterator[BoundedClient]:
    """Connect, start TLS and sign in; log out at the end.

    Parameters:
        seconds: how long all of it may last, whatever the server does.

    Raises:
        Refused: the stage that failed, by its code.
    """
    connection = policy.connect(server)
    client: BoundedClient | None = None
    try:
        with limited(seconds, connection):
            if server.security is Security.TLS:
                connection = policy.secure(connection, server.host)
            client = _greeted(connection, server)
            if server.security is Security.STARTTLS:
                _start_tls(client, policy, server)
            if isinstance(login, TokenLogin):
                _present_token(client, server, login)
            else:
                _authenticate(client, login.username, login.password)
            yield client
            with suppress(imaplib.IMAP4.error, IMAPClientError, OSError, _TooMuch):
                client.logout()
    finally:
        if client is not None:
            with suppress(OSError):  # it is shut down already
                client.shutdown()
        connection.close()


def _greeted(connection: socket.socket, server: Server) -> BoundedClient:
    try:
        return BoundedClient(connection, server)
    except imaplib.IMAP4.error as error:
        raise Refused(Code.PROTOCOL_ERROR, "no IMAP greeting") from error
    except TimeoutError as error:
        raise Refused(Code.CONNECT_TIMEOUT, "no greeting") from error
    except (OSError, _TooMuch, ValueError) as error:
        raise Refused(Code.PROTOCOL_ERROR, "no IMAP greeting") from error


def _start_tls(client: BoundedClient, policy: NetworkPolicy, server: Server) -> None:
    with _translated():
        offered = client.has_capability("STARTTLS")
    if not offered:
        raise Refused(Code.STARTTLS_MISSING)
    # tls_stage innermost: an error of certificates is also a ValueError.
    with _translated_protocol(), tls_stage(server.host):
        client.starttls(policy.trust)


def _authenticate(client: BoundedClient, username: str, password: str) -> None:
    with _translated():
        try:
            if client.has_capability("AUTH=PLAIN"):
                client.plain_login(username, password)
            elif client.has_capability("LOGINDISABLED"):
                raise Refused(Code.SIGN_IN_UNSUPPORTED)
            else:
                client.login(_quoted(username), password)  # imaplib quotes only the password
        except LoginError as error:
            if isinstance(error.__context__, imaplib.IMAP4.abort):  # says nothing of the password
                raise Refused(Code.CONNECTION_LOST) from error
            raise Refused(_sign_in_code(str(error))) from error


def _present_token(client: BoundedClient, server: Server, login: TokenLogin) -> None:
    refusals: list[Refused] = []
    with _translated():
        exchange = TokenExchange.choose(
            login, server, lambda name: bool(client.has_capability(f"AUTH={name}"))
        )

        def respond(challenge: bytes) -> bytes:
            if not challenge:
                return exchange.first
            refusals.append(token_refusal(challenge))
            return exchange.last

        try:
            client._imap.authenticate(exchange.mechanism, respond)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            if _sign_in_code(str(error)) is Code.SERVER_UNAVAILABLE:
                raise Refused(Code.SERVER_UNAVAILABLE) from error
            raise (refusals[0] if refusals else Refused(Code.TOKEN_REFUSED)) from error


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _sign_in_code(answer: str) -> Code:
    """RFC 5530: [UNAVAILABLE] is about the server, not about the password."""
    busy = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "Too many simultaneous connections")
    return Code.SERVER_UNAVAILABLE if any(word in answer for word in busy) else Code.SIGN_IN_FAILED


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the libraries' errors into codes; their texts can quote mail and are not kept."""
    try:
        with _translated_protocol():
            yield
    except (OSError, EOFError) as error:
        raise Refused(Code.CONNECTION_LOST) from error


@contextmanager
def _translated_protocol() -> Iterator[None]:
    try:
        yield
    except imaplib.IMAP4.abort as error:
        raise Refused(Code.CONNECTION_LOST) from error
    except LoginError:
        raise
    except _TooMuch as error:
        raise Refused(Code.PROTOCOL_ERROR, "the server sends more than was asked for") from error
    except (imaplib.IMAP4.error, IMAPClientError) as error:
        busy = _sign_in_code(str(error)) is Code.SERVER_UNAVAILABLE
        raise Refused(Code.SERVER_UNAVAILABLE if busy else Code.PROTOCOL_ERROR) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(Code.PROTOCOL_ERROR, "the server's answer cannot be read") from error
