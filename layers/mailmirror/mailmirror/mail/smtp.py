"""A signed-in session with a submission server (RFC 6409), and what it offers.

smtplib speaks the protocol. This layer opens checked sockets for it, bounds what a server may say,
and turns every failure into a code with a remedy. What is sent over it, `submission` knows.
"""

import re
import smtplib
import socket
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import Reach, limited, tls_stage
from mailmirror.mail.sasl import Login, PasswordLogin, TokenExchange, TokenLogin, token_refusal

_LONGEST_LINE = 8_192
_MOST_LINES = 200
_SMTP_AUTH_OFF = (b"SmtpClientAuthentication is disabled", b"5.7.139", b"SMTP AUTH is disabled")
"""What Microsoft says where an administrator has switched SMTP AUTH off."""
_WRONG_PASSWORD = b"credentials were incorrect"
"""What it says with the same 5.7.139 to a wrong password."""


class _Smtp(smtplib.SMTP):
    """smtplib on a socket that is open already."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._connection = connection
        super().__init__(local_hostname="mailmirror")
        self._host = host  # STARTTLS verifies the certificate against it

    def use(self, connection: socket.socket) -> None:
        """Speak over this connection from now on."""
        self._connection = connection

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._connection

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply (RFC 5321 4.2.1), of at most 200 lines: smtplib takes any number.

        Raises:
            smtplib.SMTPServerDisconnected: the server has hung up.
            smtplib.SMTPResponseException: it is no reply.
        """
        if self.file is None:
            if self.sock is None:
                raise smtplib.SMTPServerDisconnected("not connected")
            self.file = self.sock.makefile("rb")
        texts: list[bytes] = []
        for _ in range(_MOST_LINES):
            line = self.file.readline(_LONGEST_LINE + 1)
            # A line that breaks off is no reply, whatever code it begins with.
            if len(line) <= _LONGEST_LINE and not line.endswith(b"\n"):
                self.close()
                raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
            code = line[:3]
            if len(line) > _LONGEST_LINE or not re.fullmatch(rb"\d{3}", code):
                break
            texts.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(code), b"\n".join(texts)
        self.close()
        raise smtplib.SMTPResponseException(500, b"no SMTP reply")


class SubmissionSession:
    """A session that may send. Use `sign_in`."""

    def __init__(self, client: _Smtp) -> None:
        self._client = client

    @classmethod
    @contextmanager
    def sign_in(
        cls, server: Server, login: Login, reach: Reach, seconds: float
    ) -> Iterator["SubmissionSession"]:
        """Connect, start TLS and sign in; quit at the end.

        Parameters:
            seconds: how long the session may last, whatever the server does.

        Raises:
            Refused: the stage that failed, by its code; `connect_timeout` after so many seconds.
        """
        connection = reach.connect(server)
        client = _Smtp(connection, server.host)
        try:
            with limited(seconds, connection):
                with _translated():
                    _open(client, connection, server, reach)
                    _authenticate(client, server, login)
                yield cls(client)
                with suppress(smtplib.SMTPException, OSError, ValueError):
                    client.quit()
        finally:
            client.close()
            connection.close()

    def offers(self, keyword: str) -> bool:
        """Tell whether the server has said this keyword in its answer to EHLO."""
        return self._client.has_extn(keyword)

    @property
    def size_limit(self) -> int | None:
        """The longest message that it takes (RFC 1870), where it says so."""
        text = self._client.esmtp_features.get("size", "")
        return int(text) or None if text.isdecimal() and len(text) < 16 else None

    def ask(self, commands: Sequence[str]) -> list[tuple[int, bytes]]:
        """Send commands and return a reply to each: together where the server pipelines (RFC 2920).

        Raises:
            OSError, smtplib.SMTPException: the server has hung up, or speaks no SMTP.
        """
        together = self.offers("pipelining")
        groups = [commands] if together else [[one] for one in commands]
        replies: list[tuple[int, bytes]] = []
        for group in groups:
            self.write("".join(f"{command}\r\n" for command in group).encode("utf-8"))
            replies += [self._client.getreply() for _ in group]
        return replies

    def write(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises:
            OSError: the server has hung up.
        """
        self._client.send(data)

    def reply(self) -> tuple[int, bytes]:
        """Read a reply."""
        return self._client.getreply()


def _open(client: _Smtp, connection: socket.socket, server: Server, reach: Reach) -> None:
    if server.security is Security.TLS:
        client.use(reach.secure(connection, server.host))
    code, _ = client.connect(server.host, server.port)
    if code != 220:
        raise Refused(Code.PROTOCOL_ERROR, "no SMTP greeting")
    client.ehlo_or_helo_if_needed()
    if server.security is Security.STARTTLS:
        if not client.has_extn("starttls"):
            raise Refused(Code.STARTTLS_MISSING)
        with tls_stage(server.host):
            client.starttls(context=reach.trust)
        client.ehlo_or_helo_if_needed()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        if error.smtp_code < 500:
            raise Refused(Code.SERVER_UNAVAILABLE) from error
        said = error.smtp_error if isinstance(error.smtp_error, bytes) else b""
        raise Refused(Code.SMTP_AUTH_DISABLED if _is_shut(said) else Code.SIGN_IN_FAILED) from error
    except (smtplib.SMTPException, ValueError) as error:
        raise Refused(Code.PROTOCOL_ERROR, "no SMTP dialogue") from error
    except TimeoutError as error:
        raise Refused(Code.CONNECT_TIMEOUT, "no greeting") from error
    except OSError as error:
        raise Refused(Code.CONNECTION_LOST) from error


def _authenticate(client: _Smtp, server: Server, login: Login) -> None:
    """Try one mechanism, PLAIN where there is a choice: each that fails counts as an attempt."""
    client.ehlo_or_helo_if_needed()
    offered = set(client.esmtp_features.get("auth", "").upper().split())
    if isinstance(login, TokenLogin):
        _present_token(client, server, login, offered)
    else:
        _enter_password(client, login, offered)


def _enter_password(client: _Smtp, login: PasswordLogin, offered: set[str]) -> None:
    if offered.isdisjoint(("PLAIN", "LOGIN", "CRAM-MD5")):
        raise Refused(Code.SIGN_IN_UNSUPPORTED)
    if "PLAIN" not in offered:
        client.login(login.username, login.password)
        return
    # RFC 4616 has UTF-8, smtplib's own only ASCII.
    secrets = b64encode(f"\0{login.username}\0{login.password}".encode()).decode("ascii")
    code, answer = client.docmd("AUTH", f"PLAIN {secrets}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _present_token(client: _Smtp, server: Server, login: TokenLogin, offered: set[str]) -> None:
    exchange = TokenExchange.choose(login, server, offered.__contains__)
    first = b64encode(exchange.first).decode("ascii")
    code, answer = client.docmd("AUTH", f"{exchange.mechanism} {first}")
    if code == 235:
        return
    refusal = Refused(Code.TOKEN_REFUSED)
    if code == 334:
        refusal = token_refusal(_decoded(answer))
        code, answer = client.docmd(b64encode(exchange.last).decode("ascii"))
    if code < 500 or _is_shut(answer):
        raise smtplib.SMTPAuthenticationError(code, answer)
    raise refusal


def _is_shut(answer: bytes) -> bool:
    return _WRONG_PASSWORD not in answer and any(mark in answer for mark in _SMTP_AUTH_OFF)


def _decoded(challenge: bytes) -> bytes:
    try:
        return b64decode(challenge)
    except ValueError:
        return b""
