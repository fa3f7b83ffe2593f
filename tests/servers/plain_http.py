"""HTTP/1.1 to the emulator by as little code as it needs.

Botocore's session is made for every server there is, and takes about half of a request's CPU time.
"""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

_IDLE_SECONDS = 30
"""A connection that was idle for longer is not used again: the emulator closes it after 75."""
_TIMEOUT_SECONDS = 60
"""As botocore's default."""
_CHUNK_BYTES = 1 << 16


class _Body:
    """A response's body, as `AWSResponse` reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


class PlainHttp:
    """Sends requests whose body is bytes, and reads each answer whole; any number of threads may.

    It is a handler of botocore's event `before-send`, which takes the place of its own session.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._address = (parts.hostname, parts.port)
        self._idle: list[tuple[float, socket.socket]] = []

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent = _written(request)
        connection = self._connection()
        try:
            connection.sendall(sent)
            status, headers, body = _answer(connection)
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except OSError as error:
            connection.close()
            raise ConnectionClosedError(endpoint_url=request.url, error=error) from error
        except BaseException:
            connection.close()
            raise
        if headers.get("connection", "").lower() == "close":
            connection.close()
        else:
            self._idle.append((time.monotonic(), connection))
        return AWSResponse(request.url, status, headers, _Body(body))

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop()[1].close()

    def _connection(self) -> socket.socket:
        with suppress(IndexError):
            while True:
                used_at, connection = self._idle.pop()
                if time.monotonic() - used_at < _IDLE_SECONDS:
                    return connection
                connection.close()
        connection = socket.create_connection(self._address, _TIMEOUT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _written(request: AWSPreparedRequest) -> bytes:
    """A request's octets."""
    url = urlsplit(request.url)
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {url.netloc}"]
    # Botocore's stubs say more of both than its JSON protocols send.
    headers: Iterable[tuple[str, Any]] = request.headers.items()
    for name, value in headers:
        lines.append(f"{name}: {value.decode() if isinstance(value, bytes) else value}")
    body: Any = request.body or b""
    return "\r\n".join([*lines, "\r\n"]).encode() + (
        body.encode() if isinstance(body, str) else bytes(body)
    )


def _answer(connection: socket.socket) -> tuple[int, HTTPHeaders, bytes]:
    """Status, header fields and body.

    Raises:
        OSError: the connection ended before the answer did, or its length is not said.
    """
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    status_line, *lines = received[:end].decode("latin-1").split("\r\n")
    headers = HTTPHeaders()
    for line in lines:
        name, _, value = line.partition(":")
        headers[name] = value.strip()
    if "content-length" not in headers:
        raise OSError("the answer does not say its length")
    length = end + 4 + int(headers["content-length"])
    while len(received) < length:
        received += _more(connection)
    return int(status_line.split(" ", 2)[1]), headers, bytes(received[end + 4 : length])


def _more(connection: socket.socket) -> bytes:
    chunk = connection.recv(_CHUNK_BYTES)
    if not chunk:
        raise ConnectionResetError("the connection ended before the answer did")
    return chunk
