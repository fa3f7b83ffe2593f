"""A port through which containers reach the emulator, which listens on loopback alone."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

_CHUNK = 64 * 1024


@contextmanager
def forwarded(address: str, port: int) -> Iterator[int]:
    """Yield a free port of `address` whose connections are forwarded to `port` of loopback.

    Raises:
        OSError: the address is none of this machine's.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="forwarder", daemon=True)
    thread.start()

    def call[T](work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    forwarder = _Forwarder(port)
    try:
        server = call(asyncio.start_server(forwarder.serve, address, 0))
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            loop.call_soon_threadsafe(server.close)
            call(forwarder.end())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Forwarder:
    def __init__(self, port: int) -> None:
        self._port = port
        # The event loop itself refers to a task that waits only weakly.
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until both sides have ended, or one is lost."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            answers, onward = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_carry(reader, onward))
                    both.create_task(_carry(answers, writer))
            finally:
                onward.close()
        except* OSError:
            pass  # the one side sees of the other's loss what it would see without us
        finally:
            writer.close()
            self._connections.discard(task)

    async def end(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()
