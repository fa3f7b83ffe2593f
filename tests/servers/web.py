"""Web servers on loopback, one with TLS and one without, that answer what a test tells them to.

with Web({"https://autoconfig.us.example/mail/config-v1.1.xml": b"<clientConfig/>"}) as web:
    ...
    assert web.requests == ["https://autoconfig.us.example/mail/config-v1.1.xml?emailaddress=…"]
"""

import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.servers.authority import LOCAL_NAMES, certify


@dataclass(frozen=True, slots=True)
class Redirect:
    to: str
    status: int = 302


@dataclass(frozen=True, slots=True)
class Status:
    """An answer without a body."""

    status: int


@dataclass(frozen=True, slots=True)
class Pieces:
    """A body that comes in pieces, and no length before it."""

    make: Callable[[threading.Event], Iterator[bytes]]
    """Is given what is set once the server ends."""


def drip(ended: threading.Event) -> Iterator[bytes]:
    """A byte now and then, for ever."""
    while not ended.wait(0.05):
        yield b"<"


def hundred_megabytes(ended: threading.Event) -> Iterator[bytes]:
    yield b"<clientConfig>"
    for _ in range(100):
        yield b" " * (1 << 20)


type Page = bytes | Redirect | Status | Pieces


@dataclass(slots=True)
class Web:
    pages: dict[str, Page]
    """By URL without its query. What is not there is answered with 404."""
    issuer: trustme.CA | None = None
    names: Sequence[str] = LOCAL_NAMES
    """What the certificate is for."""
    requests: list[str] = field(init=False, default_factory=list)
    headers: list[Mapping[str, str]] = field(init=False, default_factory=list)
    sent: int = field(init=False, default=0)
    """Octets of bodies that were handed to the system."""
    http_port: int = field(init=False)
    https_port: int = field(init=False)
    authority: Path = field(init=False)
    _ended: threading.Event = field(init=False, default_factory=threading.Event)
    _folder: tempfile.TemporaryDirectory[str] = field(init=False)
    _servers: list[ThreadingHTTPServer] = field(init=False, default_factory=list)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="web-")
        certified = certify(Path(self._folder.name), self.issuer, self.names)
        self.authority = certified.authority
        trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trust.load_cert_chain(certified.chain, certified.key)
        self.http_port = self._open("http", None)
        self.https_port = self._open("https", trust)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        for one in self._servers:
            one.shutdown()
            one.server_close()
        self._folder.cleanup()

    def _open(self, scheme: str, trust: ssl.SSLContext | None) -> int:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with suppress(OSError):  # the client has gone
                    web.answer(self, scheme)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        server = Server(("127.0.0.1", 0), Handler)
        if trust is not None:
            server.socket = trust.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return int(server.server_address[1])

    def answer(self, request: BaseHTTPRequestHandler, scheme: str) -> None:
        url = f"{scheme}://{request.headers['Host']}{request.path}"
        self.requests.append(url)
        self.headers.append(dict(request.headers))
        page = self.pages.get(url.partition("?")[0], Status(404))
        if isinstance(page, Redirect):
            request.send_response(page.status)
            request.send_header("Location", page.to)
            request.end_headers()
        elif isinstance(page, Status):
            request.send_response(page.status)
            request.end_headers()
        else:
            request.send_response(200)
            request.end_headers()
            for piece in [page] if isinstance(page, bytes) else page.make(self._ended):
                request.wfile.write(piece)
                self.sent += len(piece)
