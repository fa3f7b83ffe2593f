"""The emulated AWS without a deployed stack: a bucket and a key, and tables made when needed."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local import emulator

BUCKET = "bare"
_CONFIG = Config(user_agent="tests")
"""Botocore's own user agent is composed anew for each request: a tenth of its time."""


@dataclass(frozen=True, slots=True)
class BareAws:
    url: str
    key: str
    """The KMS key's id."""
    _session: boto3.Session = field(default_factory=emulator.session)
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """The one client of a service: what it has resolved and connected serves all tests."""
        if service not in self._clients:
            self._clients[service] = self._session.client(  # type: ignore[call-overload]
                service, endpoint_url=self.url, config=_CONFIG
            )
        return self._clients[service]


@contextmanager
def bare_aws() -> Iterator[BareAws]:
    with tempfile.TemporaryDirectory(prefix="bare-aws-") as folder:
        running = emulator.Emulator.start(Path(folder) / "aws", Path(folder) / "log")
        try:
            running.wait_until_ready()
            client: Callable[[str], Any] = BareAws(running.url, "").client
            client("s3").create_bucket(Bucket=BUCKET)
            yield BareAws(running.url, client("kms").create_key()["KeyMetadata"]["KeyId"])
        finally:
            running.stop()
