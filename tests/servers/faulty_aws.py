"""A proxy before the emulated AWS that fails as AWS and the network do, as a plan says.

    with FaultyAws(stack.aws_endpoint, plan) as aws:
        client = session.client("dynamodb", endpoint_url=aws.url)

A plan is asked at each call, and names the fault of this call or none. Where a call cannot fail in
that way (a PutItem has no unprocessed items), it fails with a 500.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

DELAY_SECONDS = 0.2


class Fault(StrEnum):
    """How a call fails."""

    ERROR_500 = "500"
    ERROR_503 = "503"
    THROTTLED = "throttled"
    CONFLICT = "transaction conflict"
    RESET_BEFORE = "reset before the call"
    RESET_AFTER = "reset after the call"
    DELAY = "delay"
    UNPROCESSED = "unprocessed items"
    KILL_BEFORE = "killed before the call"
    KILL_AFTER = "killed after the call"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a client."""

    service: str
    operation: str
    """As `PutItem`; S3 has the method, as `PUT`."""
    body: bytes


type Plan = Callable[[Call], Fault | None]

_CONFLICTING = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}
_THROTTLING = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "kms": "ThrottlingException",
    "sqs": "ThrottlingException",
    "s3": "SlowDown",
}
_HOP = {"connection", "content-length", "date", "server", "transfer-encoding", "x-amz-crc32"}


@dataclass(slots=True)
class FaultyAws:
    """The proxy on loopback, for the time of a `with` block."""

    endpoint: str
    """The emulator's URL."""
    plan: Plan
    kill: Callable[[], None] = lambda: None
    """Kills the caller; returns when it has ended."""
    calls: int = field(init=False, default=0)
    made: Counter[Fault] = field(init=False, default_factory=Counter)
    """The faults so far."""
    _server: ThreadingHTTPServer = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        upstream, answer = urlsplit(self.endpoint).netloc, self._answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                self.upstream = http.client.HTTPConnection(upstream)

            def finish(self) -> None:
                self.upstream.close()
                with suppress(OSError):
                    super().finish()

            def handle_any(self) -> None:
                with suppress(ConnectionError, http.client.HTTPException):
                    answer(self)
                    return
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
            setattr(Handler, f"do_{method}", Handler.handle_any)

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that was killed has closed its connection."""
                if not isinstance(sys.exception(), ConnectionError):
                    super().handle_error(request, client_address)

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, client: Any) -> None:
        body = client.rfile.read(int(client.headers.get("Content-Length") or 0))
        call = _call(client.headers, client.command, body)
        with self._lock:
            self.calls += 1
            fault = self.plan(call)
            if fault is Fault.CONFLICT and not _may_conflict(call):
                fault = Fault.ERROR_500
            if fault is Fault.UNPROCESSED and not _divided(call):
                fault = Fault.ERROR_500
            if fault is not None:
                self.made[fault] += 1
        match fault:
            case None:
                _say(client, *_forward(client, body))
            case Fault.DELAY:
                time.sleep(DELAY_SECONDS)
                _say(client, *_forward(client, body))
            case Fault.UNPROCESSED:
                asked, left = _divided(call)
                status, headers, said = _forward(client, json.dumps(asked).encode())
                _say(
                    client, status, headers, _with_left(call, said, left) if status == 200 else said
                )
            case Fault.RESET_AFTER:
                _forward(client, body)
                client.close_connection = True
            case Fault.RESET_BEFORE:
                client.close_connection = True
            case Fault.KILL_BEFORE:
                self.kill()
                client.close_connection = True
            case Fault.KILL_AFTER:
                _forward(client, body)
                self.kill()
                client.close_connection = True
            case _:
                _say(client, *_failure(fault, call))


def _call(headers: Mapping[str, str], method: str, body: bytes) -> Call:
    target = headers.get("X-Amz-Target") or ""
    name = target.partition(".")[2]
    for prefix, service in (
        ("DynamoDB", "dynamodb"),
        ("TrentService", "kms"),
        ("AmazonSQS", "sqs"),
    ):
        if target.startswith(prefix):
            return Call(service, name, body)
    return Call("s3", method, body)


def _may_conflict(call: Call) -> bool:
    return call.operation in _CONFLICTING or call.operation == "TransactWriteItems"


def _forward(client: Any, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
    headers = {name: value for name, value in client.headers.items() if name.lower() not in _HOP}
    headers.pop("Expect", None)
    client.upstream.request(client.command, client.path, body, headers)
    answer = client.upstream.getresponse()
    said = answer.read()
    return answer.status, dict(answer.getheaders()), said


def _say(client: Any, status: int, headers: Mapping[str, str], body: bytes) -> None:
    client.send_response(status)
    for name, value in headers.items():
        if name.lower() not in _HOP:
            client.send_header(name, value)
    length = headers.get("Content-Length", "0") if client.command == "HEAD" else str(len(body))
    client.send_header("Content-Length", length)
    client.end_headers()
    if client.command != "HEAD":
        client.wfile.write(body)


def _failure(fault: Fault, call: Call) -> tuple[int, Mapping[str, str], bytes]:
    code, status = {
        Fault.ERROR_503: ("ServiceUnavailable", 503),
        Fault.THROTTLED: (_THROTTLING[call.service], 503 if call.service == "s3" else 400),
        Fault.CONFLICT: ("TransactionConflictException", 400),
    }.get(fault, ("InternalServerError", 500))
    if call.service == "s3":
        text = f"<Error><Code>{code}</Code><Message>x</Message></Error>"
        return status, {"Content-Type": "application/xml"}, text.encode()
    said: dict[str, Any] = {"__type": f"com.amazonaws.x#{code}", "message": "x"}
    if call.operation == "TransactWriteItems" and fault in (Fault.CONFLICT, Fault.THROTTLED):
        reason = "TransactionConflict" if fault is Fault.CONFLICT else "ThrottlingError"
        items = json.loads(call.body)["TransactItems"]
        said["__type"] = "com.amazonaws.x#TransactionCanceledException"
        said["CancellationReasons"] = [{"Code": reason}, *({"Code": "None"} for _ in items[1:])]
    return status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(said).encode()


def _divided(call: Call) -> Any:
    """A batch's request for its first half, and what is left of it; None where it is no batch."""
    if call.operation not in ("BatchWriteItem", "BatchGetItem", "BatchExecuteStatement"):
        return None
    asked = json.loads(call.body)
    if call.operation == "BatchExecuteStatement":
        half = len(asked["Statements"]) // 2
        left = asked["Statements"][half:]
        return ({**asked, "Statements": asked["Statements"][:half]}, left) if half else None
    ((table, wanted),) = asked["RequestItems"].items()
    items = wanted if isinstance(wanted, list) else wanted["Keys"]
    half = len(items) // 2
    first, rest = items[:half], items[half:]
    if isinstance(wanted, dict):
        first, rest = {**wanted, "Keys": first}, {**wanted, "Keys": rest}
    return ({**asked, "RequestItems": {table: first}}, {table: rest}) if half else None


def _with_left(call: Call, said: bytes, left: Any) -> bytes:
    answer = json.loads(said)
    if call.operation == "BatchExecuteStatement":
        failed = {"Error": {"Code": "ProvisionedThroughputExceeded", "Message": "x"}}
        answer["Responses"] += [failed for _ in left]
    else:
        answer["UnprocessedItems" if "Write" in call.operation else "UnprocessedKeys"] = left
    return json.dumps(answer).encode()
