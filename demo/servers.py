"""A mail provider on loopback: IMAP and SMTP over TLS, certified by an authority of its own.

Mail lives in memory and ends with the process. Both servers share one thread and one
event loop, so that a message accepted by SMTP is in its INBOX when SMTP says 250.
"""

import asyncio
import ssl
from argparse import Namespace
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
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
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import Passwords, UserMetadata

HOST: Final = "127.0.0.1"
FOLDERS: Final = ("Drafts", "Sent", "Trash")
"""Beside INBOX. The server has no SPECIAL-USE: a client knows them by their names."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login; its user name is also the address that mail is delivered to."""

    username: str
    password: str


class MailStore:
    """Each login's folders, in memory."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.config: Final = Config(
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
        self.login: Final = Login(self.config)

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
    """What the SMTP server does with logins, recipients and messages: it delivers to its own.

    The server finds its handlers by name: `handle_` and the command.
    """

    def __init__(
        self,
        logins: Iterable[Credentials],
        deliver: Callable[[str, str, bytes, datetime], Awaitable[None]],
    ) -> None:
        self._passwords = {login.username: login.password for login in logins}
        self._deliver = deliver

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        expected = self._passwords.get(data.login.decode())
        return AuthResult(success=expected == data.password.decode(), handled=False)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.casefold() not in self._passwords:
            return "550 5.1.1 No such mailbox here, and this server relays nothing"
        envelope.rcpt_tos.append(address.casefold())
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if not isinstance(envelope.content, bytes):
            return "554 5.6.0 No message"
        for recipient in envelope.rcpt_tos:
            await self._deliver(recipient, "INBOX", envelope.content, datetime.now(UTC))
        return "250 2.0.0 Delivered"


class MailServers:
    """Both servers and their thread; made by `mail_servers`, which also stops them."""

    def __init__(self, logins: Iterable[Credentials]) -> None:
        authority = trustme.CA(organization_name="Mailmirror demo")
        self.authority_pem: Final = authority.cert_pem.bytes()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(HOST, "localhost").configure_cert(self._tls)
        self._logins = tuple(logins)
        self._store = MailStore(self._tls)
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="mail servers", daemon=True)

    @property
    def imap_port(self) -> int:
        return self._port(0)

    @property
    def smtp_port(self) -> int:
        return self._port(1)

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
        submission = Submission(self._logins, self._store.append)
        smtp = partial(
            SMTP,
            submission,
            hostname="localhost",
            loop=self._loop,
            authenticator=submission.authenticate,
            # As with IMAP: this is about STARTTLS, and the connection is TLS already.
            auth_require_tls=False,
        )
        self._servers = [
            await asyncio.start_server(self._serve_imap, HOST, 0, ssl=self._tls),
            await self._loop.create_server(smtp, HOST, 0, ssl=self._tls),
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
def mail_servers(logins: Iterable[Credentials]) -> Iterator[MailServers]:
    """Both servers, for as long as the block runs."""
    servers = MailServers(logins)
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()
