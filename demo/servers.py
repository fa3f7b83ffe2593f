"""A mail provider on loopback: IMAP and SMTP over TLS, certified by an authority of its own.

Mail lives in memory and ends with the process. The servers share one thread and one event loop,
so that a message accepted by SMTP is in its INBOX when SMTP says 250. One port takes mail from the
provider's own users, by password or by token; another, in the clear, takes it from the world.
"""

import asyncio
import imaplib
import ssl
from argparse import Namespace
from base64 import b64decode
from collections.abc import Awaitable, Callable, Container, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login; its user name is also the address that mail is delivered to."""

    username: str
    password: str


TokenCheck = Callable[[str, str], bool]
"""Whether an access token is one of an address's."""


class TokenConfig(Config):
    """With XOAUTH2 beside PLAIN."""

    @property
    def tls_auth(self) -> SASLAuth:
        return SASLAuth([PlainMechanism(), OAuth2Mechanism()])


class TokenLogin(Login):
    """Lets in whoever has the password, or a token that the provider has given."""

    def __init__(self, config: Config, is_good: TokenCheck) -> None:
        super().__init__(config)
        self._is_good = is_good

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        if not isinstance(credentials, ExternalCredentials):
            return await super().authenticate(credentials)
        address, token = credentials.authzid, ""
        try:
            credentials.verify(None)
        except ExternalVerificationRequired as required:
            token = required.token or ""
        if not await asyncio.to_thread(self._is_good, token, address):
            raise InvalidAuth()
        return Identity(address, self, None, frozenset())


class MailStore:
    """Each login's folders, in memory."""

    def __init__(self, tls: ssl.SSLContext, is_good: TokenCheck) -> None:
        self.config: Final = TokenConfig(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=HOST,
            port=0,
            ssl_context=tls,
            # This is about STARTTLS. Here a connection is TLS from its first byte, and
            # a login is allowed at once.
            tls_enabled=False,
            demo_data=False,
            demo_user="",
            demo_password="",
        )
        self.login: Final = TokenLogin(self.config, is_good)

    async def create(self, credentials: Credentials) -> None:
        hashed = await Passwords(self.config).hash_password(credentials.password)
        identity = self._identity(credentials.username)
        await identity.set(UserMetadata(self.config, credentials.username, password=hashed))
        async with identity.new_session() as session:
            for folder in FOLDERS:
                await session.create_mailbox(folder)

    async def append(
        self, username: str, folder: str, message: bytes, received_at: datetime
    ) -> None:
        async with self._identity(username).new_session() as session:
            await session.append_messages(folder, [AppendMessage(message, received_at)])

    def _identity(self, username: str) -> Identity:
        return Identity(username, self.login, None, frozenset())


class Submission:
    """What the SMTP servers do with logins, recipients and messages.

    They deliver to their own users, and keep what goes out into the world. The servers find
    handlers by name: `handle_` and the command, `auth_` and the mechanism.
    """

    def __init__(
        self,
        logins: Iterable[Credentials],
        deliver: Callable[[str, str, bytes, datetime], Awaitable[None]],
        is_good: TokenCheck,
        saves_to_sent: Container[str],
    ) -> None:
        self._passwords = {login.username: login.password for login in logins}
        self._deliver = deliver
        self._is_good = is_good
        self._saves_to_sent = saves_to_sent
        self.world: Final[list[tuple[str, bytes]]] = []
        """Recipients elsewhere, and what each was sent."""

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        expected = self._passwords.get(data.login.decode())
        return AuthResult(success=expected == data.password.decode(), handled=False)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        said = OAuth2Mechanism().server_attempt([ChallengeResponse(b"", b64decode(args[1]))])[0]
        token = ""
        try:
            said.verify(None)
        except ExternalVerificationRequired as required:
            token = required.token or ""
        good = await asyncio.to_thread(self._is_good, token, said.authzid or "")
        return AuthResult(success=good, handled=False, auth_data=said.authzid)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address.casefold())
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if not isinstance(envelope.content, bytes):
            return "554 5.6.0 No message"
        now = datetime.now(UTC)
        for recipient in envelope.rcpt_tos:
            if recipient in self._passwords:
                await self._deliver(recipient, "INBOX", envelope.content, now)
            else:
                self.world.append((recipient, envelope.content))
        if session.authenticated and (envelope.mail_from or "") in self._saves_to_sent:
            await self._deliver(envelope.mail_from or "", "Sent", envelope.content, now)
        return "250 2.0.0 Delivered"


class MailServers:
    """The servers and their thread; made by `mail_servers`, which also stops them."""

    def __init__(
        self,
        authority: trustme.CA,
        logins: Iterable[Credentials],
        is_good: TokenCheck,
        saves_to_sent: Container[str],
    ) -> None:
        self.authority_pem: Final = authority.cert_pem.bytes()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(HOST, "localhost").configure_cert(self._tls)
        self._logins = tuple(logins)
        self._store = MailStore(self._tls, is_good)
        self._submission = Submission(self._logins, self._store.append, is_good, saves_to_sent)
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="mail servers", daemon=True)

    @property
    def imap_port(self) -> int:
        return self._port(0)

    @property
    def smtp_port(self) -> int:
        return self._port(1)

    @property
    def world_port(self) -> int:
        """Takes mail from the world, and SES's into it."""
        return self._port(2)

    def received(self, address: str) -> list[bytes]:
        """What somebody elsewhere was sent."""
        return [raw for recipient, raw in self._submission.world if recipient == address]

    def in_folder(self, username: str, folder: str, subject: str) -> int:
        """How many messages with a subject lie in a user's folder."""
        password = next(one.password for one in self._logins if one.username == username)
        trust = ssl.create_default_context(cadata=self.authority_pem.decode())
        with imaplib.IMAP4_SSL(HOST, self.imap_port, ssl_context=trust) as client:
            client.login(username, password)
            client.select(folder, readonly=True)
            _, found = client.search(None, "SUBJECT", f'"{subject}"')
        return len((found[0] or b"").split())

    def file(self, username: str, folder: str, message: bytes, received_at: datetime) -> None:
        """Put a message in a folder as if it had come at `received_at` (its INTERNALDATE)."""
        self._call(self._store.append(username, folder, message, received_at))

    def start(self) -> None:
        self._thread.start()
        self._call(self._open())

    def stop(self) -> None:
        """Close the ports, end open connections, and the thread."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _port(self, server: int) -> int:
        port: int = self._servers[server].sockets[0].getsockname()[1]
        return port

    async def _open(self) -> None:
        for login in self._logins:
            await self._store.create(login)
        world = partial(SMTP, self._submission, hostname="localhost", loop=self._loop)
        users = partial(
            world,
            authenticator=self._submission.authenticate,
            auth_required=True,
            # As with IMAP: this is about STARTTLS, and the connection is TLS already.
            auth_require_tls=False,
        )
        self._servers = [
            await asyncio.start_server(self._serve_imap, HOST, 0, ssl=self._tls),
            await self._loop.create_server(users, HOST, 0, ssl=self._tls),
            await self._loop.create_server(world, HOST, 0),
        ]

    async def _serve_imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # pymap's own service serves each connection in a task that nothing refers to, so
        # that a client which pauses can lose its connection to the garbage collector. The
        # task that runs this callback is kept by asyncio for as long as the connection is.
        serve = IMAPServer(self._store.login, self._store.config)
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
    logins: Iterable[Credentials],
    is_good: TokenCheck,
    saves_to_sent: Container[str],
) -> Iterator[MailServers]:
    """The servers, for as long as the block runs.

    Parameters:
        is_good: asks who gives tokens.
        saves_to_sent: the users whose sent mail the provider puts into Sent by itself.
    """
    servers = MailServers(authority, logins, is_good, saves_to_sent)
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()
