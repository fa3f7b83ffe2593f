"""Whatever a web server answers is a file of bounded size, or refused by name."""

import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.findings import Outcome
from mailmirror.domain.mailbox import Server
from mailmirror.domain.problems import Code
from mailmirror.mail.byte_budget import ByteBudget
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.mail.web_file import NotFetched, WebFiles

MAX_BYTES = 1_000
BUDGET_BYTES = 20_000
TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class Answering(NetworkPolicy):
    """Leads to no network: what is connected to has said all that it will, and hung up."""

    answer: bytes = b""
    heard: list[bytes] = field(default_factory=list)

    def reach(self, server: Server) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.sendall(self.answer)
        theirs.shutdown(socket.SHUT_WR)
        self.heard.append(server.host.encode())
        self._held.append(theirs)
        return ours

    _held: list[socket.socket] = field(default_factory=list)

    def request(self) -> bytes:
        """What came over the last connection."""
        return self._held[-1].recv(4_096)

    def close(self) -> None:
        for one in self._held:
            one.close()


def got(answer: bytes, url: str = "http://us.example/config.xml") -> bytes | Outcome | Code:
    """The file, or why there is none."""
    policy = Answering(TRUST, answer=answer)
    web = WebFiles(policy, ByteBudget(BUDGET_BYTES), time.monotonic() + 5, MAX_BYTES)
    try:
        return web.get(url)
    except NotFetched as error:
        return error.result
    finally:
        policy.close()


@pytest.mark.parametrize("host", ["us.example", "[2001:db8::1]", "[::abcd]"])
def test_the_host_is_named_as_the_url_has_it(host: str) -> None:
    policy = Answering(TRUST, answer=b"HTTP/1.1 200 OK\r\n\r\n<clientConfig/>")
    web = WebFiles(policy, ByteBudget(BUDGET_BYTES), time.monotonic() + 5, MAX_BYTES)
    assert web.get(f"http://{host}/mail/config.xml?a=b") == b"<clientConfig/>"
    lines = policy.request().decode().split("\r\n")
    assert lines[:2] == ["GET /mail/config.xml?a=b HTTP/1.1", f"Host: {host}"]
    assert policy.heard == [host.strip("[]").encode()]
    policy.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", Code.PROTOCOL_ERROR),
        (b"+OK POP3 ready\r\n", Code.PROTOCOL_ERROR),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", Code.PROTOCOL_ERROR),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", Code.PROTOCOL_ERROR),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 9_000, b"x" * (MAX_BYTES + 1)),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", Code.PROTOCOL_ERROR),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 30_000 + b"\r\n\r\n", Code.PROTOCOL_ERROR),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000, Code.PROTOCOL_ERROR),
        (b"HTTP/1.1 302 Found\r\nLocation: ftp://us.example/\r\n\r\n", Outcome.REDIRECT_REFUSED),
        (b"HTTP/1.1 302 Found\r\n\r\n", Outcome.REDIRECT_REFUSED),
        (b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n", Outcome.REDIRECT_REFUSED),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", Outcome.NOTHING),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Outcome.UNANSWERED),
        (b"HTTP/1.1 503 Busy\r\n\r\n", Outcome.UNANSWERED),
    ],
)
def test_an_answer_is_a_file_or_refused_by_name(
    answer: bytes, expected: bytes | Outcome | Code
) -> None:
    assert got(answer) == expected


def pieces(texts: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.one_of(st.sampled_from(texts), st.binary(max_size=20))).map(b"".join)


HEADERS = (
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 301 x\r\n", b"HTTP/1.0 -1 x\r\n", b"\r\n", b":\r\n"),
    *(b"Location: //\r\n", b"Location: http://[\r\n", b"Location: https://us.example/\xff\r\n"),
    *(b"Content-Length: -5\r\n", b"Content-Length: 99999999999999999999\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\n", b"0\r\n"),
)


@given(pieces(HEADERS))
def test_any_bytes_are_a_file_or_refused_by_name(answer: bytes) -> None:
    found = got(answer[:BUDGET_BYTES])
    assert isinstance(found, Outcome | Code) or len(found) <= MAX_BYTES + 1
