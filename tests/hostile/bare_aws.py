"""The emulated AWS without a deployed stack: a bucket and a key, and tables made when needed."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import emulator

BUCKET = "hostile"


@dataclass(frozen=True, slots=True)
class BareAws:
    url: str
    key: str
    """The KMS key's id."""

    def client(self, service: str) -> Any:
        return emulator.session().client(service, endpoint_url=self.url)  # type: ignore[call-overload]


@contextmanager
def bare_aws() -> Iterator[BareAws]:
    with tempfile.TemporaryDirectory(prefix="hostile-aws-") as folder:
        running = emulator.Emulator.start(Path(folder) / "aws", Path(folder) / "log")
        try:
            running.wait_until_ready()
            client: Callable[[str], Any] = BareAws(running.url, "").client
            client("s3").create_bucket(Bucket=BUCKET)
            yield BareAws(running.url, client("kms").create_key()["KeyMetadata"]["KeyId"])
        finally:
            running.stop()
