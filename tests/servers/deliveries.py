"""Where a mail server hands over what it has accepted: LMTP (RFC 2033) into this process."""

import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from types import TracebackType
from typing import Self

MESSAGE_LIMIT = 200_000_000
_LINE = 65_536


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it was handed over, to all its recipients at once."""

    sender: str
    """The envelope's; empty for a report."""
    recipients: tuple[str, ...]
    """The envelope's, as often as it names them."""
    raw: bytes

    def header(self, name: str) -> str | None:
        """The value of a field, unfolded, or None."""
        value = self.parsed.get(name)
        return None if value is None else " ".join(str(value).split())

    @property
    def message_id(self) -> str | None:
        return self.header("Message-ID")

    @property
    def parsed(self) -> Message:
        return message_from_bytes(self.raw)


class LateDelivery(AssertionError):
    """What was waited for has not come."""


@dataclass(slots=True)
class Deliveries:
    """An LMTP server on loopback, for the time of a `with` block."""

    deliver: Callable[[str, str, bytes], None]
    """Is given sender, recipient and message, for each recipient that is not refused."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Replies by recipient, as `550 5.1.1 no such user`, once the message has come."""

    host: str = field(init=False, default="127.0.0.1")
    port: int = field(init=False)

    _made: list[Delivery] = field(init=False, default_factory=list)
    _changed: threading.Condition = field(init=False, default_factory=threading.Condition)
    _server: socketserver.ThreadingTCPServer = field(init=False)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        made = self

        class Conversation(socketserver.StreamRequestHandler):
            rbufsize = _LINE
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with suppress(ConnectionError):
                    made._converse(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            # A client that keeps its connection must not keep the end of the block.
            block_on_close = False

        self._server = Server((self.host, 0), Conversation)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def made(self) -> list[Delivery]:
        """All that were made so far, in order."""
        with self._changed:
            return list(self._made)

    def until(self, enough: Callable[[list[Delivery]], bool], seconds: float) -> list[Delivery]:
        """Wait for deliveries that are enough, and return all.

        Raises:
            LateDelivery: they are not, after these seconds.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while not enough(self._made):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise LateDelivery(f"{len(self._made)} deliveries after {seconds} s")
                self._changed.wait(left)
            return list(self._made)

    def _converse(self, client: socketserver.StreamRequestHandler) -> None:
        def say(*lines: str) -> None:
            client.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

        sender, recipients = "", list[str]()
        say("220 localhost LMTP")
        while line := client.rfile.readline(_LINE):
            words = line.decode("utf-8", "replace").strip()
            match words.partition(" ")[0].upper():
                case "LHLO":
                    say("250-localhost", "250-PIPELINING", "250-8BITMIME", "250-SMTPUTF8")
                    say("250-ENHANCEDSTATUSCODES", f"250 SIZE {MESSAGE_LIMIT}")
                case "MAIL":
                    sender, recipients = _path(words), []
                    say("250 2.1.0 OK")
                case "RCPT":
                    recipients.append(_path(words))
                    say("250 2.1.5 OK")
                case "DATA":
                    say("354 go on")
                    message = _message(client)
                    say(*self._take(Delivery(sender, tuple(recipients), message)))
                case "QUIT":
                    say("221 2.0.0 bye")
                    return
                case _:
                    say("250 2.0.0 OK")

    def _take(self, delivery: Delivery) -> list[str]:
        """The replies, one a recipient."""
        replies = []
        for recipient in delivery.recipients:
            reply = self.refused.get(recipient.casefold(), "250 2.0.0 delivered")
            if reply.startswith("2"):
                self.deliver(delivery.sender, recipient, delivery.raw)
            replies.append(reply)
        with self._changed:
            self._made.append(delivery)
            self._changed.notify_all()
        return replies


def _path(command: str) -> str:
    """What stands between `<` and `>`."""
    return command.partition("<")[2].rpartition(">")[0]


def _message(client: socketserver.StreamRequestHandler) -> bytes:
    """The lines until the lone dot, without the dots that were put before theirs."""
    lines = []
    while (line := client.rfile.readline()) != b".\r\n":
        if not line:
            raise ConnectionError("the message has no end")
        lines.append(line.removeprefix(b"."))
    return b"".join(lines)
