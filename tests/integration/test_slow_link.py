"""The link that benchmarks put before a server passes what it gets, and counts it."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest

from tests.servers.listener import Listener
from tests.servers.slow_link import CHUNK_BYTES, MAX_CHUNKS, Direction, Rate, SlowLink

LETTER = bytes(range(256)) * 4_000


@dataclass(slots=True)
class Echo:
    """A server that answers with what it gets, and hangs up after `bye`."""

    users: Mapping[str, str] = field(default_factory=dict)
    listener: Listener = field(init=False)

    @property
    def imaps_port(self) -> int:
        return self.listener.port

    @property
    def authority(self) -> Path:
        return self.listener.authority

    def serve(self, connection: socket.socket) -> None:
        with connection:
            data = b"-"
            while data and data != b"bye":
                data = connection.recv(1 << 16)
                connection.sendall(data)


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    server.listener = Listener(server.serve)
    server.listener.open()
    yield server
    server.listener.close()


def connected(link: SlowLink) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.imaps_port), timeout=20)


def received(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(1 << 16)):
        data += more
    return data


@pytest.mark.parametrize("rate", [Rate(), Rate(0.001, 10e6)], ids=["at once", "slowly"])
def test_bytes_pass_in_both_directions_as_they_are(echo: Echo, rate: Rate) -> None:
    with SlowLink(echo, rate) as link, connected(link) as client:
        sender = Thread(target=client.sendall, args=(LETTER,))
        sender.start()
        assert received(client, len(LETTER)) == LETTER
        sender.join()
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        assert (link.sent.bytes, link.received.bytes) == (len(LETTER), len(LETTER))


def test_a_round_trip_is_counted_where_a_client_has_waited(echo: Echo) -> None:
    with SlowLink(echo) as link:
        for _ in range(2):
            with connected(link) as client:
                for word in (b"hello", b"hello again"):
                    client.sendall(word)
                    assert received(client, len(word)) == word
        assert link.connections == 2
        assert link.round_trips == 2 * 3  # to connect, and a word each


def test_bytes_leave_one_behind_the_other_and_are_under_way_together() -> None:
    direction = Direction(Rate(delay_seconds=10, bytes_per_second=100))
    assert [direction.arrival(0, 200), direction.arrival(1, 100)] == [12, 13]
    assert direction.arrival(50, 100) == 61
    assert direction.bytes == 400


def test_a_sender_waits_where_much_is_under_way(echo: Echo) -> None:
    with SlowLink(echo, Rate(bytes_per_second=1)) as link, connected(link) as client:
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.sendall(LETTER * 20)
        assert link.sent.bytes <= CHUNK_BYTES * (MAX_CHUNKS + 2)


def test_where_the_server_hangs_up_the_client_is_hung_up(echo: Echo) -> None:
    with SlowLink(echo) as link, connected(link) as client:
        client.sendall(b"bye")
        assert received(client, 4) == b"bye"
