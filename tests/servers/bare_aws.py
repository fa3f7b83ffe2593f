"""The emulated AWS without a deployed stack: a bucket and a key, and tables made when needed."""

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local import emulator
from tests.servers.plain_http import PlainHttp

BUCKET = "bare"
_CONFIG = Config(user_agent="tests")
"""Botocore's own user agent is composed anew for each request: a tenth of its time."""

_JSON_SERVICES = ("dynamodb", "kms", "sqs")
"""Whose requests and answers are small, and never streamed."""
_ACCOUNT = "000000000000"
"""The emulator's account."""


@dataclass(frozen=True, slots=True)
class BareAws:
    url: str
    key: str
    """The KMS key's id."""
    _session: boto3.Session = field(default_factory=emulator.session)
    _clients: dict[str, Any] = field(default_factory=dict)
    _unmade_queues: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str) -> Any:
        """The one client of a service: what it has resolved and connected serves all tests."""
        if service not in self._clients:
            self._clients[service] = self._session.client(  # type: ignore[call-overload]
                service, endpoint_url=self.url, config=_CONFIG
            )
            events = self._clients[service].meta.events
            if service in _JSON_SERVICES:
                events.register(f"before-send.{service}", PlainHttp(self.url))
            if service == "sqs":
                events.register("provide-client-params.sqs", self._make_queue)
        return self._clients[service]

    def queue_when_used(self, name: str) -> str:
        """The URL of a new queue, which `client("sqs")` makes before its first request to it.

        A test uses one or two of its queues: to make and delete all takes ten requests.
        """
        url = f"{self.url}/{_ACCOUNT}/{name}"
        self._unmade_queues.add(url)
        return url

    def _make_queue(self, params: Mapping[str, Any], **_: Any) -> None:
        url = params.get("QueueUrl")
        if url not in self._unmade_queues:
            return
        with self._lock:
            if url in self._unmade_queues:
                made = self.client("sqs").create_queue(QueueName=url.rpartition("/")[2])
                assert made["QueueUrl"] == url
                self._unmade_queues.remove(url)


@contextmanager
def bare_aws() -> Iterator[BareAws]:
    with tempfile.TemporaryDirectory(prefix="bare-aws-") as folder:
        # Its one caller is the root, whom IAM allows all; tests/stack proves the policies.
        running = emulator.Emulator.start(
            Path(folder) / "aws", Path(folder) / "log", evaluates_iam=False
        )
        try:
            running.wait_until_ready()
            client: Callable[[str], Any] = BareAws(running.url, "").client
            client("s3").create_bucket(Bucket=BUCKET)
            yield BareAws(running.url, client("kms").create_key()["KeyMetadata"]["KeyId"])
        finally:
            running.stop()
