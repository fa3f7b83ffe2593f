"""A signed-in session with a submission server (RFC 6409), and what it offers.

smtplib speaks the protocol. This layer opens checked sockets for it, bounds what a server may say,
and turns every failure into a code with a remedy. `submission` sends messages over it.
"""

import hmac
import re
import smtplib
import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from mailmirror.domain.auth_replies import auth_refusal
from mailmirror.domain.limits import MAX_REPLY_LINE_BYTES, MAX_REPLY_LINES
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.replies import Reply
from mailmirror.mail.byte_budget import ByteBudget
from mailmirror.mail.connection import NetworkPolicy, TimeLimit, limited, tls_stage
from mailmirror.mail.sasl import Login, PasswordLogin, TokenExchange, TokenLogin, token_refusal

_BY_PASSWORD = {"PLAIN", "LOGIN", "CRAM-MD5"}
_COMMAND_UNKNOWN = (500, 502)
"""RFC 5321 4.2.4: the server does not know EHLO."""


class Smtp(smtplib.SMTP):
    """smtplib on a socket that is open already."""

    def __init__(
        self, connection: socket.socket, host: str, shared: ByteBudget | None = None
    ) -> None:
        self._connection = connection
        self._shared = shared
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
        for _ in range(MAX_REPLY_LINES):
            line = self.file.readline(MAX_REPLY_LINE_BYTES + 1)
            if self._shared is not None:
                self._shared.spend(len(line))
            # A line that breaks off is no reply, whatever code it begins with.
            if len(line) <= MAX_REPLY_LINE_BYTES and not line.endswith(b"\n"):
                self.close()
                raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
            code = line[:3]
            if len(line) > MAX_REPLY_LINE_BYTES or not re.fullmatch(rb"\d{3}", code):
                break
            texts.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(code), b"\n".join(texts)
        self.close()
        raise smtplib.SMTPResponseException(500, b"no SMTP reply: " + line[:MAX_REPLY_LINE_BYTES])


class SubmissionSession:
    """A session that may send. Use `sign_in`."""

    def __init__(self, client: Smtp, redact: Callable[[str], str] = str) -> None:
        self._client = client
        self.redact = redact
        """Hides the secret of the sign-in in a reply's text."""

    @classmethod
    @contextmanager
    def sign_in(
        cls, server: Server, login: Login, policy: NetworkPolicy, seconds: float
    ) -> Iterator["SubmissionSession"]:
        """Connect, start TLS and sign in; quit at the end.

        Parameters:
            seconds: how long the session may last, whatever the server does.

        Raises:
            Refused: the stage that failed, by its code; `connect_timeout` after so many seconds.
        """
        connection = policy.connect(server)
        client = Smtp(connection, server.host)
        try:
            with limited(seconds, connection) as limit:
                with translated(login.redact, limit):
                    _open(client, connection, server, policy)
                    with limit.signing_in():
                        authenticate(client, server, login)
                yield cls(client, login.redact)
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


def check_smtp(server: Server, policy: NetworkPolicy, seconds: float, budget: ByteBudget) -> None:
    """Check that a server greets as SMTP over TLS and takes passwords; no one signs in.

    Parameters:
        seconds: how long all of it may last after the connection, whatever the server does.
        budget: what this and other conversations may read together.

    Raises:
        Refused: the stage that failed, as when signing in.
    """
    connection = policy.connect(server)
    client = Smtp(connection, server.host, budget)
    try:
        with limited(seconds, connection) as limit:
            with translated(str, limit):
                _open(client, connection, server, policy)
            if not _mechanisms(client) & _BY_PASSWORD:
                raise Refused(Code.SIGN_IN_UNSUPPORTED)
            with suppress(smtplib.SMTPException, OSError, ValueError):
                client.quit()
    finally:
        client.close()
        connection.close()


def _open(client: Smtp, connection: socket.socket, server: Server, policy: NetworkPolicy) -> None:
    if server.security is Security.TLS:
        client.use(policy.secure(connection, server.host))
    read_greeting(client, server)
    greet(client)
    if server.security is Security.STARTTLS:
        start_tls(client, server, policy)
        greet(client)


def read_greeting(client: Smtp, server: Server) -> Reply:
    """Read the server's greeting.

    Raises:
        Refused: there is none, or it refuses all clients.
    """
    try:
        code, said = client.connect(server.host, server.port)
    except smtplib.SMTPServerDisconnected as error:
        raise Refused(Code.PROTOCOL_ERROR, "no SMTP greeting") from error
    if code != 220:
        raise _unwilling(code, said, "no SMTP greeting")
    return _reply(code, said)


def start_tls(client: Smtp, server: Server, policy: NetworkPolicy) -> None:
    """Go on over TLS; `greet` again then.

    Raises:
        Refused: STARTTLS is not offered or refused, or the certificate does not verify.
    """
    if not client.has_extn("starttls"):
        raise Refused(Code.STARTTLS_MISSING)
    try:
        with tls_stage(server.host):
            client.starttls(context=policy.trust)
    except Refused as refusal:
        if isinstance(refused := refusal.__cause__, smtplib.SMTPResponseException):
            raise _unwilling(
                refused.smtp_code, refused.smtp_error, server.host, Code.TLS_FAILED
            ) from refusal
        raise


def greet(client: Smtp) -> None:
    """Say EHLO, and HELO to a server that does not know it.

    smtplib says HELO after any refusal; a server that is busy may answer that, and then seems to
    offer neither TLS nor a sign-in (RFC 5321 3.2, 4.2.1).

    Raises:
        Refused: `server_unavailable` for now, else `protocol_error`.
    """
    code, said = client.ehlo()
    if code in _COMMAND_UNKNOWN:
        code, said = client.helo()
    if not 200 <= code < 300:
        raise _unwilling(code, said, "no SMTP dialogue")


def _unwilling(
    code: int, said: bytes | str, what: str, for_good: Code = Code.PROTOCOL_ERROR
) -> Refused:
    """Return the refusal that a reply means which came before the sign-in (RFC 5321 4.2.1)."""
    reply = _reply(code, said)
    if reply.for_now:
        return Refused(Code.SERVER_UNAVAILABLE, str(reply))
    return Refused(for_good, f"{what}: {reply}")


def _reply(code: int, said: bytes | str) -> Reply:
    return Reply.parse(code, said if isinstance(said, str) else said.decode("utf-8", "replace"))


@contextmanager
def translated(redact: Callable[[str], str], limit: TimeLimit) -> Iterator[None]:
    """Turn errors of the protocol and the connection into codes.

    Raises:
        Refused: in place of these errors.
    """
    try:
        yield
    except smtplib.SMTPServerDisconnected as error:
        raise Refused(Code.CONNECTION_LOST) from error
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error if isinstance(error.smtp_error, bytes) else b""
        reply = _reply(error.smtp_code, redact(said.decode("utf-8", "replace")))
        raise Refused(Code.PROTOCOL_ERROR, reply.text or "no SMTP dialogue") from error
    except (smtplib.SMTPException, ValueError) as error:
        raise Refused(Code.PROTOCOL_ERROR, "no SMTP dialogue") from error
    except TimeoutError as error:
        raise Refused(limit.code, "no answer") from error
    except OSError as error:
        raise Refused(Code.CONNECTION_LOST) from error


def authenticate(client: Smtp, server: Server, login: Login) -> None:
    """Try one mechanism, PLAIN where there is a choice: each that fails counts as an attempt."""
    offered = _mechanisms(client)
    if isinstance(login, TokenLogin):
        _present_token(client, server, login, offered)
    else:
        _enter_password(client, login, offered)


def _mechanisms(client: Smtp) -> set[str]:
    """The SASL mechanisms that the server offers."""
    return set(client.esmtp_features.get("auth", "").upper().split())


def _enter_password(client: Smtp, login: PasswordLogin, offered: set[str]) -> None:
    # smtplib's own are in ASCII, and it tries the next where one has failed. RFC 4616 has UTF-8.
    user, password = login.username.encode(), login.password.encode()
    if "PLAIN" in offered:
        code, answer = client.docmd("AUTH", f"PLAIN {_encoded(b'\0' + user + b'\0' + password)}")
    elif "LOGIN" in offered:
        code, answer = client.docmd("AUTH", "LOGIN")
        for secret in (user, password):
            if code != 334:
                break
            code, answer = client.docmd(_encoded(secret))
    elif "CRAM-MD5" in offered:
        code, answer = client.docmd("AUTH", "CRAM-MD5")
        if code == 334:
            digest = hmac.new(password, _decoded(answer), "md5").hexdigest()
            code, answer = client.docmd(_encoded(user + b" " + digest.encode()))
    else:
        raise Refused(Code.SIGN_IN_UNSUPPORTED)
    if code != 235:
        raise auth_refusal(_reply(code, answer), _redacted(login, code, answer))


def _present_token(client: Smtp, server: Server, login: TokenLogin, offered: set[str]) -> None:
    exchange = TokenExchange.choose(login, server, offered.__contains__)
    code, answer = client.docmd("AUTH", f"{exchange.mechanism} {_encoded(exchange.first)}")
    if code == 235:
        return
    told = Refused(Code.TOKEN_REFUSED)
    if code == 334:
        told = token_refusal(_decoded(answer), login.redact)
        code, answer = client.docmd(_encoded(exchange.last))
    refused = auth_refusal(_reply(code, answer), _redacted(login, code, answer))
    if refused.code in (Code.SERVER_UNAVAILABLE, Code.SMTP_AUTH_DISABLED, Code.USER_DISABLED):
        raise refused
    raise Refused(told.code, ": ".join(filter(None, (told.detail, refused.detail))))


def _redacted(login: Login, code: int, answer: bytes) -> Reply:
    return _reply(code, login.redact(answer.decode("utf-8", "replace")))


def _encoded(secret: bytes) -> str:
    return b64encode(secret).decode("ascii")


def _decoded(challenge: bytes) -> bytes:
    try:
        return b64decode(challenge)
    except ValueError:
        return b""
