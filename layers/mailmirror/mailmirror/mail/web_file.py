"""Getting a small file from a web server that strangers name.

`http.client` speaks HTTP on a socket that was checked and opened before, as smtplib and imaplib do
here: so each address that is connected to obeys the network policy, also behind a redirect, and a
certificate is verified as a mail server's is. No cookie, password or proxy is ever used.
"""

import io
import socket
import time
from collections.abc import Buffer, Callable
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urljoin, urlsplit

from mailmirror.domain.findings import Outcome
from mailmirror.domain.imap_answers import visible
from mailmirror.domain.limits import MAX_REDIRECTS
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.byte_budget import ByteBudget
from mailmirror.mail.connection import NetworkPolicy, limited

_PORTS = {"https": 443, "http": 80}
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {
    "Accept": "text/xml, application/xml",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "Mailmirror",
}
_PIECE_BYTES = 16 << 10
_UNANSWERED = (Code.CONNECT_TIMEOUT, Code.CONNECT_REFUSED, Code.CONNECTION_LOST)


class NotFetched(Exception):
    """There is no file; `result` says why."""

    def __init__(self, result: Outcome | Code, detail: str = "") -> None:
        super().__init__(result.value)
        self.result = result
        self.detail = visible(detail)


@dataclass(frozen=True, slots=True)
class WebFiles:
    """Gets files for one request."""

    policy: NetworkPolicy
    budget: ByteBudget
    until: float
    """Of `time.monotonic`."""
    max_bytes: int
    """Of one file; a longer one is cut behind the first byte that is too many."""

    def get(self, url: str) -> bytes:
        """Get a file; redirects are followed.

        Raises:
            NotFetched: there is none, or a host that may not be asked.
        """
        for _ in range(MAX_REDIRECTS + 1):
            found = self._once(_checked(urlsplit(url)))
            if isinstance(found, bytes):
                return found
            url = _redirected(url, found)
        raise NotFetched(Outcome.REDIRECT_REFUSED, "too many")

    def _once(self, url: SplitResult) -> bytes | str:
        """The file, or where a redirect leads."""
        host = url.hostname or ""
        server = Server(host, _PORTS[url.scheme], Security.TLS)
        try:
            connection = replace(self.policy, connect_seconds=self._left()).reach(server)
            try:
                with limited(self._left(), connection):
                    if url.scheme == "https":
                        connection = self.policy.secure(connection, host)
                    return self._asked(connection, url)
            finally:
                connection.close()
        except Refused as refusal:
            raise self._not_fetched(refusal) from refusal

    def _left(self) -> float:
        """How many seconds there are.

        Raises:
            NotFetched: none.
        """
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise NotFetched(Outcome.UNANSWERED, "the time is up")
        return seconds

    def _asked(self, connection: socket.socket, url: SplitResult) -> bytes | str:
        # With a port, for else a part of an IPv6 address would be taken for one.
        http = HTTPConnection(url.hostname or "", _PORTS["http"])
        http.sock = _Counted(connection, self.budget.spend)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        try:
            http.request("GET", target, headers=_HEADERS)
            answer = http.getresponse()
            if answer.status in _REDIRECTS:
                return answer.headers.get("Location", "")
            if answer.status != 200:
                nothing = 400 <= answer.status < 500
                outcome = Outcome.NOTHING if nothing else Outcome.UNANSWERED
                raise NotFetched(outcome, f"HTTP {answer.status}")
            return self._body(answer)
        except HTTPException as error:
            raise Refused(Code.PROTOCOL_ERROR, "no HTTP answer") from error
        except (OSError, ValueError) as error:
            raise Refused(Code.CONNECTION_LOST) from error

    def _body(self, answer: HTTPResponse) -> bytes:
        read = bytearray()
        while len(read) <= self.max_bytes:
            piece = answer.read(min(_PIECE_BYTES, self.max_bytes + 1 - len(read)))
            if not piece:
                if time.monotonic() >= self.until:  # the connection was ended with our time
                    raise Refused(Code.CONNECT_TIMEOUT, "the file does not end")
                break
            read += piece
        return bytes(read)

    def _not_fetched(self, refusal: Refused) -> NotFetched:
        if refusal.code is Code.HOST_UNKNOWN:
            return NotFetched(Outcome.NOTHING)
        if refusal.code in _UNANSWERED:
            return NotFetched(Outcome.UNANSWERED, refusal.detail)
        return NotFetched(refusal.code, refusal.detail)


class _Counted:
    """A socket of which all that is read is counted."""

    def __init__(self, connection: socket.socket, spend: Callable[[int], None]) -> None:
        self._connection = connection
        self._spend = spend
        self.sendall = connection.sendall

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_CountedReader(self._connection, self._spend), _PIECE_BYTES)

    def close(self) -> None:
        """Nothing: who opened the connection closes it."""


class _CountedReader(io.RawIOBase):
    def __init__(self, connection: socket.socket, spend: Callable[[int], None]) -> None:
        super().__init__()
        self._connection = connection
        self._spend = spend

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        size = self._connection.recv_into(buffer)
        self._spend(size)
        return size


def _checked(url: SplitResult) -> SplitResult:
    """Raises:
    NotFetched: the URL leads to another service than the web's, or names a user.
    """
    try:
        port = url.port
    except ValueError as error:
        raise NotFetched(Outcome.REDIRECT_REFUSED, "its port is none") from error
    if url.scheme not in _PORTS or not url.hostname or "@" in url.netloc:
        raise NotFetched(Outcome.REDIRECT_REFUSED, f"to {url.scheme}")
    if port not in (None, _PORTS[url.scheme]):
        raise NotFetched(Outcome.REDIRECT_REFUSED, f"to port {port}")
    return url


def _redirected(url: str, location: str) -> str:
    """Where a redirect leads; never from HTTPS to plain HTTP.

    Raises:
        NotFetched: it leads nowhere.
    """
    try:
        target = urlsplit(urljoin(url, location.strip()))
    except ValueError as error:
        raise NotFetched(Outcome.REDIRECT_REFUSED, "to no URL") from error
    text = target._replace(fragment="").geturl()
    if not location.strip() or not (text.isascii() and text.isprintable() and " " not in text):
        raise NotFetched(Outcome.REDIRECT_REFUSED, "to no URL")
    if url.startswith("https:") and target.scheme != "https":
        raise NotFetched(Outcome.REDIRECT_REFUSED, "from HTTPS to plain HTTP")
    return text
