"""Containers reach the emulator's port through one of their own network's."""

import socket
import threading
from collections.abc import Iterator

import pytest

from local.forwarder import forwarded

LOOPBACK = "127.0.0.1"
OTHER = "127.0.0.2"
"""An address of this machine as a container network's gateway is one, which needs no network."""
LARGE = b"x" * 3_000_000


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says again what it heard, once it has heard all."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                with connection:
                    connection.sendall(_all(connection))

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def _send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def test_bytes_go_both_ways_and_each_side_may_end_first(echo: int) -> None:
    with forwarded(OTHER, echo) as port:
        for _ in range(3):
            with socket.create_connection((OTHER, port), timeout=10) as client:
                sender = threading.Thread(target=_send, args=(client, LARGE))
                sender.start()
                assert _all(client) == LARGE
                sender.join()


def test_a_connection_that_nobody_takes_ends() -> None:
    with socket.create_server((LOOPBACK, 0)) as closed:
        nobody = closed.getsockname()[1]
    with (
        forwarded(OTHER, nobody) as port,
        socket.create_connection((OTHER, port), timeout=10) as client,
    ):
        assert _all(client) == b""


def test_nobody_is_forwarded_any_more_when_it_has_ended(echo: int) -> None:
    with forwarded(OTHER, echo) as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((OTHER, port), timeout=10)


def test_other_addresses_of_this_machine_do_not_listen(echo: int) -> None:
    with forwarded(OTHER, echo) as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, port), timeout=10)
