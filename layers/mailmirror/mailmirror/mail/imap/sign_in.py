"""Connecting and signing in to an IMAP server: a failure has its stage and the server's words."""

import imaplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from imapclient.exceptions import IMAPClientError

from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.byte_budget import ByteBudget
from mailmirror.mail.connection import NetworkPolicy, TimeLimit, limited, tls_stage
from mailmirror.mail.imap.client import (
    BoundedClient,
    TooMuch,
    translated,
    translated_protocol,
)
from mailmirror.mail.imap.heard import Heard
from mailmirror.mail.sasl import Login, TokenExchange, TokenLogin, token_refusal

_ID = '("name" "Mailmirror" "vendor" "Mailmirror" "version" "1")'
_OF_THE_PASSWORD = (Code.SIGN_IN_FAILED, Code.APP_PASSWORD_REQUIRED, Code.PASSWORD_EXPIRED)


@contextmanager
def signed_in_client(
    server: Server, login: Login, policy: NetworkPolicy, seconds: float
) -> Iterator[BoundedClient]:
    """Connect, start TLS, sign in and say who we are (RFC 2971); log out at the end.

    Parameters:
        seconds: how long all of it may last, whatever the server does.

    Raises:
        Refused: the stage that failed, by its code, with the server's own words.
    """
    with greeted_client(server, Heard(login.redact), policy, seconds) as (client, limit):
        sign_in(client, server, login, limit)
        yield client


def sign_in(client: BoundedClient, server: Server, login: Login, limit: TimeLimit) -> None:
    """Sign in and say who we are (RFC 2971).

    Raises:
        Refused: why the server refuses.
    """
    named = client.offers("ID")
    if not client.is_signed_in:  # PREAUTH (RFC 9051 7.1.4) counts over TLS only
        with limit.signing_in():
            _sign_in(client, server, login)
    client.forget_capabilities()
    if named or client.offers("ID"):
        _introduce(client)


@contextmanager
def greeted_client(
    server: Server,
    heard: Heard,
    policy: NetworkPolicy,
    seconds: float,
    shared: ByteBudget | None = None,
) -> Iterator[tuple[BoundedClient, TimeLimit]]:
    """Connect and start TLS; log out at the end.

    Parameters:
        seconds: how long all of it may last after the connection, whatever the server does.
        shared: see `BoundedClient`.

    Raises:
        Refused: the stage that failed, by its code, with the server's own words.
    """
    connection = policy.connect(server)
    client: BoundedClient | None = None
    try:
        with limited(seconds, connection) as limit:
            if server.security is Security.TLS:
                connection = policy.secure(connection, server.host)
            client = greeted(connection, server, heard, shared)
            client.ask_capabilities()
            if server.security is Security.STARTTLS:
                start_tls(client, policy, server)
            yield client, limit
            with suppress(imaplib.IMAP4.error, IMAPClientError, OSError, TooMuch):
                client.logout()
    finally:
        if client is not None:
            with suppress(OSError):  # it is shut down already
                client.shutdown()
        connection.close()


def check_imap(server: Server, policy: NetworkPolicy, seconds: float, budget: ByteBudget) -> None:
    """Check that a server greets as IMAP over TLS and takes passwords; no one signs in.

    Raises:
        Refused: the stage that failed, as when signing in.
    """
    heard = Heard()
    with greeted_client(server, heard, policy, seconds, budget) as (client, _), translated(heard):
        plain = client.has_capability("AUTH=PLAIN")
        if not plain and client.has_capability("LOGINDISABLED"):
            raise Refused(Code.SIGN_IN_UNSUPPORTED)


def greeted(
    connection: socket.socket, server: Server, heard: Heard, shared: ByteBudget | None
) -> BoundedClient:
    """Read the greeting; the capabilities are not asked for.

    Raises:
        Refused: there is none, or it refuses all users.
    """
    try:
        return BoundedClient(connection, server, heard, shared)
    except imaplib.IMAP4.error as error:
        raise heard.greeting() from error
    except TimeoutError as error:
        raise Refused(Code.CONNECT_TIMEOUT, "connected, but no greeting") from error
    except (OSError, TooMuch, ValueError) as error:
        raise heard.greeting() from error


def start_tls(client: BoundedClient, policy: NetworkPolicy, server: Server) -> None:
    """Go on over TLS.

    Raises:
        Refused: STARTTLS is not offered or refused, or the certificate does not verify.
    """
    with translated(client.heard):
        offered = client.has_capability("STARTTLS")
    if not offered:
        raise Refused(Code.STARTTLS_MISSING)
    client.heard.begin()
    # tls_stage innermost: an error of certificates is also a ValueError.
    with translated_protocol(client.heard), tls_stage(server.host):
        client.starttls(policy.trust)


def _sign_in(client: BoundedClient, server: Server, login: Login) -> None:
    client.heard.begin()
    with translated(client.heard):
        try:
            if isinstance(login, TokenLogin):
                _present_token(client, server, login)
            else:
                _authenticate(client, login.username, login.password)
        except TimeoutError as error:
            raise Refused(Code.SIGN_IN_UNANSWERED) from error
        except imaplib.IMAP4.error as error:
            is_lost = any(isinstance(e, imaplib.IMAP4.abort) for e in (error, error.__context__))
            unsaid = Code.CONNECTION_LOST if is_lost else Code.PROTOCOL_ERROR
            raise client.heard.sign_in(unsaid) from error


def _authenticate(client: BoundedClient, username: str, password: str) -> None:
    if client.has_capability("AUTH=PLAIN"):
        client.plain_login(username, password)
    elif client.has_capability("LOGINDISABLED"):
        raise Refused(Code.SIGN_IN_UNSUPPORTED)
    elif (username + password).isascii():
        client.login(_quoted(username), password)  # imaplib quotes only the password
    else:
        imap = client._imap
        imap.literal = password.encode()  # quoted strings are ASCII (RFC 3501, 9)
        typ, data = imap._simple_command("LOGIN", _quoted(username).encode())
        if typ != "OK":
            raise imaplib.IMAP4.error(str(data))
        imap.state = "AUTH"


def _present_token(client: BoundedClient, server: Server, login: TokenLogin) -> None:
    refusals: list[Refused] = []
    exchange = TokenExchange.choose(
        login, server, lambda name: bool(client.has_capability(f"AUTH={name}"))
    )

    def respond(challenge: bytes) -> bytes:
        if not challenge:
            return exchange.first
        refusals.append(token_refusal(challenge, login.redact))
        return exchange.last

    try:
        client._imap.authenticate(exchange.mechanism, respond)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        said = client.heard.sign_in(Code.TOKEN_REFUSED)
        if said.code not in (*_OF_THE_PASSWORD, Code.SERVER_ALERT, Code.PROTOCOL_ERROR):
            raise said from error
        told = refusals[0] if refusals else Refused(Code.TOKEN_REFUSED)
        detail = ": ".join(filter(None, (told.detail, said.detail)))
        raise Refused(told.code, detail) from error


def _introduce(client: BoundedClient) -> None:
    """Say which client this is: NetEase and others refuse SELECT to one that does not."""
    try:
        with client.asking():
            client._imap._simple_command("ID", _ID)
    except Refused:
        if not client.alive:
            raise


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
