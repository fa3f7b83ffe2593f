"""A TLS listener on loopback with a thread a connection, for scripted servers."""

import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.servers.authority import LOCAL_NAMES, certify


@dataclass(slots=True)
class Listener:
    """Accepts connections until it is closed; `serve` gets each, before TLS."""

    serve: Callable[[socket.socket], None]
    issuer: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""
    names: Sequence[str] = LOCAL_NAMES
    """What its certificate is for."""
    port: int = field(init=False)
    authority: Path = field(init=False)
    """The certificate (PEM) of the authority."""
    trust: ssl.SSLContext = field(init=False)
    accepted: int = field(init=False, default=0)
    _folder: Path = field(init=False)
    _socket: socket.socket = field(init=False)
    _sockets: list[socket.socket] = field(init=False, default_factory=list)
    _threads: list[threading.Thread] = field(init=False, default_factory=list)

    def open(self, host: str = "127.0.0.1") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="listener-"))
        certified = certify(self._folder, self.issuer, self.names)
        self.authority = certified.authority
        self.trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.trust.load_cert_chain(certified.chain, certified.key)
        self._socket = socket.create_server((host, 0))
        self.port = self._socket.getsockname()[1]
        self.begin(self._accept)

    def close(self) -> None:
        for each in (self._socket, *self._sockets):
            hang_up(each)
        for thread in self._threads:
            thread.join()
        shutil.rmtree(self._folder)

    def begin[**P](self, target: Callable[P, None], *arguments: P.args, **named: P.kwargs) -> None:
        """Run something in a thread that `close` waits for."""
        thread = threading.Thread(target=target, args=arguments, kwargs=named, daemon=True)
        self._threads.append(thread)
        thread.start()

    def keep[S: socket.socket](self, connection: S) -> S:
        """Have `close` end a connection. What is sent through it waits for no acknowledgement.

        Else Nagle's algorithm holds each second write back until the peer's delayed ACK: 40 ms.
        """
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets.append(connection)
        return connection

    def secured(self, connection: socket.socket) -> ssl.SSLSocket:
        """Start TLS; the handshake waits for the client, and is ended by `close`."""
        secured = self.trust.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        self.keep(secured).do_handshake()
        return secured

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.accepted += 1
            self.begin(self.serve, self.keep(connection))


def hang_up(connection: socket.socket) -> None:
    """End a connection. Threads that wait in accept or recv are woken by a shutdown only."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
