"""Trying a submission server (RFC 6409): TLS, and sign-in by password."""

import smtplib
import socket
from base64 import b64encode

from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import Reach, limited, tls_stage


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


def try_sign_in(server: Server, username: str, password: str, reach: Reach, seconds: float) -> None:
    """Connect, start TLS and sign in, and quit without sending anything.

    Raises:
        Refused: the stage that failed, by its code; `connect_timeout` after so many seconds.
    """
    connection = reach.connect(server)
    client = _Smtp(connection, server.host)
    try:
        with limited(seconds, connection):
            _try(client, connection, server, username, password, reach)
    finally:
        client.close()
        connection.close()


def _try(
    client: _Smtp,
    connection: socket.socket,
    server: Server,
    username: str,
    password: str,
    reach: Reach,
) -> None:
    try:
        if server.security is Security.TLS:
            connection = reach.secure(connection, server.host)
            client.use(connection)
        code, _ = client.connect(server.host, server.port)
        if code != 220:
            raise Refused(Code.PROTOCOL_ERROR, "no SMTP greeting")
        client.ehlo_or_helo_if_needed()
        if server.security is Security.STARTTLS:
            if not client.has_extn("starttls"):
                raise Refused(Code.STARTTLS_MISSING)
            with tls_stage(server.host):
                client.starttls(context=reach.trust)
        _authenticate(client, username, password)
        client.quit()
    except smtplib.SMTPAuthenticationError as error:
        busy = error.smtp_code < 500
        raise Refused(Code.SERVER_UNAVAILABLE if busy else Code.SIGN_IN_FAILED) from error
    except (smtplib.SMTPException, ValueError) as error:
        raise Refused(Code.PROTOCOL_ERROR, "no SMTP dialogue") from error
    except TimeoutError as error:
        raise Refused(Code.CONNECT_TIMEOUT, "no greeting") from error
    except OSError as error:
        raise Refused(Code.CONNECTION_LOST) from error


def _authenticate(client: _Smtp, username: str, password: str) -> None:
    """Try one mechanism, PLAIN where there is a choice: each that fails counts as an attempt."""
    client.ehlo_or_helo_if_needed()
    offered = set(client.esmtp_features.get("auth", "").upper().split())
    if offered.isdisjoint(("PLAIN", "LOGIN", "CRAM-MD5")):
        raise Refused(Code.SIGN_IN_UNSUPPORTED)
    if "PLAIN" not in offered:
        client.login(username, password)
        return
    # RFC 4616 has UTF-8, smtplib's own only ASCII.
    secrets = b64encode(f"\0{username}\0{password}".encode()).decode("ascii")
    code, answer = client.docmd("AUTH", f"PLAIN {secrets}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, answer)
