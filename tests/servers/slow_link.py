"""A TCP proxy on loopback with a link's delay and rate, which counts bytes and round trips.

    with SlowLink(dovecot, Rate(0.02, 10e6 / 8)) as server:
        ...

Bytes pass as they are, TLS included. Each direction has the rate, which all connections share, and
the delay; bytes that wait for their delay hold back none behind them. There is no slow start of
TCP, and no loss.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Protocol, Self

CHUNK_BYTES = 4_096
MAX_CHUNKS = 64
"""Of a connection, under way in one direction: 256 KB, in five times what 10 Mbit/s and 40 ms take.
Its sender waits where there are more."""


class Proxied(Protocol):
    """The server behind the link."""

    @property
    def imaps_port(self) -> int: ...

    @property
    def authority(self) -> Path: ...

    @property
    def users(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Rate:
    """How far and how slow one direction is."""

    delay_seconds: float = 0.0
    bytes_per_second: float = inf


@dataclass(slots=True)
class Direction:
    """One direction of all connections."""

    rate: Rate
    bytes: int = 0
    """How many have been sent in it."""
    _free_at: float = 0.0
    """When the last of them has left."""

    def arrival(self, now: float, size: int) -> float:
        """When so many bytes arrive that are sent now: they leave behind those sent before."""
        self.bytes += size
        self._free_at = max(now, self._free_at) + size / self.rate.bytes_per_second
        return self._free_at + self.rate.delay_seconds


@dataclass(slots=True)
class SlowLink:
    """The link to a server, for the time of a `with` block."""

    server: Proxied
    rate: Rate = Rate()
    """Of each direction."""

    sent: Direction = field(init=False)
    """From the clients to the server."""
    received: Direction = field(init=False)
    connections: int = field(init=False, default=0)
    round_trips: int = field(init=False, default=0)
    """How often a client has waited: to connect, and before it sent something after an answer, or
    as the first."""
    _port: int = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _thread: Thread = field(init=False)
    _listening: asyncio.Server = field(init=False)

    @property
    def imaps_port(self) -> int:
        return self._port

    @property
    def authority(self) -> Path:
        return self.server.authority

    @property
    def users(self) -> Mapping[str, str]:
        return self.server.users

    def __enter__(self) -> Self:
        self.sent, self.received = Direction(self.rate), Direction(self.rate)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._wait_for(self._open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wait_for(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait_for(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        self._listening = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, limit=CHUNK_BYTES
        )
        self._port = self._listening.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._listening.close()
        self._listening.abort_clients()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for one in connections:
            one.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connected(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        self.round_trips += 1
        await asyncio.sleep(2 * self.rate.delay_seconds)  # the client's kernel has not waited
        from_server, to_server = await asyncio.open_connection(
            "127.0.0.1", self.server.imaps_port, limit=CHUNK_BYTES
        )
        turns = _Turns(self)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(turns.passed(from_client, to_server, self.sent))
                both.create_task(turns.passed(from_server, to_client, self.received))
        except* OSError:
            pass  # one end has gone, and the other is hung up
        finally:
            to_server.transport.abort()
            to_client.transport.abort()


@dataclass(slots=True)
class _Turns:
    """One connection: whose turn it is, and the bytes that pass."""

    link: SlowLink
    _client_spoke: bool = False

    async def passed(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, direction: Direction
    ) -> None:
        """Pass the bytes of one direction on until they end."""
        clock = asyncio.get_running_loop().time
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MAX_CHUNKS)
        async with asyncio.TaskGroup() as both:
            both.create_task(_delivered(under_way, target))
            data = b"-"
            while data:
                data = await source.read(CHUNK_BYTES)
                if data:
                    self._note(by_client=direction is self.link.sent)
                await under_way.put((direction.arrival(clock(), len(data)), data))

    def _note(self, *, by_client: bool) -> None:
        if by_client and not self._client_spoke:
            self.link.round_trips += 1
        self._client_spoke = by_client


async def _delivered(
    under_way: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter
) -> None:
    """Write bytes when they arrive; an empty chunk is the end."""
    clock = asyncio.get_running_loop().time
    while True:
        arrives_at, data = await under_way.get()
        await asyncio.sleep(max(0.0, arrives_at - clock()))
        if not data:
            target.write_eof()
            return
        target.write(data)
        await target.drain()
