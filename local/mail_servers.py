"""A mail provider on loopback: IMAP and SMTP over TLS, certified by an authority of its own.

Mail lives in memory and ends with the process. The servers share one event loop, so that a message
accepted by SMTP is in its INBOX when SMTP says 250. One port takes mail from the provider's own
users, by password or by token; another, in the clear, takes it from the world.
"""

import asyncio
import imaplib
import logging
import ssl
import warnings
from argparse import Namespace
from base64 import b64decode
from collections.abc import Callable, Container, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import Any, Final

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.dict import Config, Identity, Login
from pymap.exceptions import InvalidAuth
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import Passwords, UserMetadata
from pysasl import SASLAuth
from pysasl.creds.external import ExternalCredentials, ExternalVerificationRequired
from pysasl.creds.server import ServerCredentials
from pysasl.mechanism import ChallengeResponse
from pysasl.mechanism.oauth import OAuth2Mechanism
from pysasl.mechanism.plain import PlainMechanism

HOST: Final = "127.0.0.1"
FOLDERS: Final = ("Drafts", "Sent", "Trash")
"""Beside INBOX. The server has no SPECIAL-USE: a client knows them by their names."""

TokenCheck = Callable[[str, str], bool]
"""Whether an access token is one of an address's."""


class TokenConfig(Config):
    tls_auth = SASLAuth([PlainMechanism(), OAuth2Mechanism()])


class TokenLogin(Login):
    """Lets in whoever has the password, or a token that the provider has given."""

    is_good: TokenCheck

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        if not isinstance(credentials, ExternalCredentials):
            return await super().authenticate(credentials)
        address = credentials.authzid
        if not await asyncio.to_thread(self.is_good, _token(credentials), address):
            raise InvalidAuth()
        return Identity(address, self, None, frozenset())


def _token(credentials: Any) -> str:
    try:
        credentials.verify(None)
    except ExternalVerificationRequired as required:
        return required.token or ""
    return ""


class MailServers:
    """The servers; made by `mail_servers`, which also stops them.

    aiosmtpd finds handlers by name: `handle_` and the command, `auth_` and the mechanism.
    """

    def __init__(
        self,
        authority: trustme.CA,
        passwords: Mapping[str, str],
        is_good: TokenCheck,
        saves_to_sent: Container[str],
        ports: tuple[int, int, int],
    ) -> None:
        self.authority_pem: Final = authority.cert_pem.bytes()
        self._passwords, self._is_good, self._ports = passwords, is_good, ports
        self._saves_to_sent = saves_to_sent
        self._world: list[tuple[str, bytes]] = []
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(HOST, "localhost").configure_cert(self._tls)
        # `tls_enabled` is about STARTTLS. Here a connection is TLS from its first byte.
        self._config = TokenConfig(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=HOST,
            port=0,
            ssl_context=self._tls,
            tls_enabled=False,
            demo_data=False,
            demo_user="",
            demo_password="",
        )
        self._login = TokenLogin(self._config)
        self._login.is_good = is_good
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="mail servers", daemon=True)

    def received(self, address: str, subject: str) -> list[bytes]:
        """What somebody elsewhere was sent under a subject."""
        header = f"Subject: {subject}".encode()
        return [raw for recipient, raw in self._world if recipient == address and header in raw]

    def in_folder(self, username: str, folder: str, subject: str = "") -> int:
        """How many messages with a subject, by default any, lie in a user's folder."""
        trust = ssl.create_default_context(cadata=self.authority_pem.decode())
        with imaplib.IMAP4_SSL(HOST, self.imap_port, ssl_context=trust) as client:
            client.login(username, self._passwords[username])
            client.select(folder, readonly=True)
            _, found = client.search(None, *(("SUBJECT", f'"{subject}"') if subject else ("ALL",)))
        return len((found[0] or b"").split())

    def file(self, username: str, folder: str, message: bytes, received_at: datetime) -> None:
        """Put a message in a folder as if it had come at `received_at` (its INTERNALDATE)."""
        self._call(self._append(username, folder, message, received_at))

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        expected = self._passwords.get(data.login.decode())
        return AuthResult(success=expected == data.password.decode(), handled=False)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        said = OAuth2Mechanism().server_attempt([ChallengeResponse(b"", b64decode(args[1]))])[0]
        good = await asyncio.to_thread(self._is_good, _token(said), said.authzid or "")
        return AuthResult(success=good, handled=False, auth_data=said.authzid)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Deliver to the own users, and keep what goes out into the world."""
        assert isinstance(envelope.content, bytes)
        now, sender = datetime.now(UTC), envelope.mail_from or ""
        for recipient in map(str.casefold, envelope.rcpt_tos):
            if recipient in self._passwords:
                await self._append(recipient, "INBOX", envelope.content, now)
            else:
                self._world.append((recipient, envelope.content))
        if session.authenticated and sender in self._saves_to_sent:
            await self._append(sender, "Sent", envelope.content, now)
        return "250 2.0.0 Delivered"

    def start(self) -> None:
        self._thread.start()
        self._call(self._open())
        self.imap_port, self.smtp_port, self.world_port = (
            server.sockets[0].getsockname()[1] for server in self._servers
        )

    def stop(self) -> None:
        """Close the ports, end open connections, and the thread."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _identity(self, username: str) -> Identity:
        return Identity(username, self._login, None, frozenset())

    async def _append(self, username: str, folder: str, message: bytes, at: datetime) -> None:
        async with self._identity(username).new_session() as session:
            await session.append_messages(folder, [AppendMessage(message, at)])

    async def _open(self) -> None:
        for username, password in self._passwords.items():
            hashed = await Passwords(self._config).hash_password(password)
            identity = self._identity(username)
            await identity.set(UserMetadata(self._config, username, password=hashed))
            async with identity.new_session() as session:
                for folder in FOLDERS:
                    await session.create_mailbox(folder)
        world = partial(SMTP, self, hostname="localhost", loop=self._loop)
        # As with IMAP: `auth_require_tls` is about STARTTLS, and the connection is TLS already.
        sign_in = {"auth_required": True, "auth_require_tls": False}
        users = partial(world, authenticator=self.authenticate, **sign_in)
        imap, smtp, outside = self._ports
        self._servers: list[asyncio.Server] = [
            await asyncio.start_server(self._serve_imap, HOST, imap, ssl=self._tls),
            await self._loop.create_server(users, HOST, smtp, ssl=self._tls),
            await self._loop.create_server(world, HOST, outside),
        ]

    async def _serve_imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # pymap's own service serves each connection in a task that nothing refers to, so
        # that a client which pauses can lose its connection to the garbage collector. The
        # task that runs this callback is kept by asyncio for as long as the connection is.
        serve = IMAPServer(self._login, self._config)
        await serve(reader, writer, SocketInfoLocal(writer))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
            server.close_clients()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


@contextmanager
def mail_servers(
    authority: trustme.CA,
    passwords: Mapping[str, str],
    is_good: TokenCheck = lambda token, address: False,
    saves_to_sent: Container[str] = (),
    ports: tuple[int, int, int] = (0, 0, 0),
) -> Iterator[MailServers]:
    """The servers, for as long as the block runs.

    Parameters:
        passwords: by user name, which is also the address that mail is delivered to.
        is_good: asks who gives tokens.
        saves_to_sent: the users whose sent mail the provider puts into Sent by itself.
        ports: of IMAP, of SMTP for users, and of SMTP for the world; 0 takes a free one.
    """
    # aiosmtpd warns of an attribute of its own at each sign-in, and of sign-ins without
    # STARTTLS, where the connection is TLS from its first byte.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
    servers = MailServers(authority, passwords, is_good, saves_to_sent, ports)
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()
