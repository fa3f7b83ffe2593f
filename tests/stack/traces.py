"""All that a deployed stack keeps and says, for proofs that something is not among it."""

from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
from backports import zstd

from local.stack import STACK_NAME, Stack
from tests.stack import logs

_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Traces:
    """The emulator's table, bucket, queues and logs, read from below.

    Parameters:
        aws: makes clients, as `tests.conftest` does.
    """

    stack: Stack
    aws: Any

    def all(self) -> Iterator[tuple[str, bytes]]:
        """Where, and what; compressed mail unpacked."""
        yield from self.items()
        yield from self.objects()
        yield from self.queued()
        yield from self.logs()

    def items(self, containing: str = "") -> Iterator[tuple[str, bytes]]:
        """Every item of the table whose key contains a text."""
        pages = self.aws("dynamodb").get_paginator("scan").paginate(TableName=self.stack.table)
        for page in pages:
            for item in page["Items"]:
                at = f"{item['pk']['S']} {item['sk']['S']}"
                if containing in at:
                    yield f"item {at}", at.encode() + b"\n" + b"\n".join(_leaves(item))

    def objects(self, containing: str = "") -> Iterator[tuple[str, bytes]]:
        """Every object of the bucket whose key contains a text."""
        s3 = self.aws("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.bucket)
        for page in pages:
            for entry in page.get("Contents", ()):
                key = entry["Key"]
                if containing in key:
                    data = s3.get_object(Bucket=self.stack.bucket, Key=key)["Body"].read()
                    yield f"object {key}", key.encode() + b"\n" + _unpacked(data)

    def queued(self) -> Iterator[tuple[str, bytes]]:
        """Every message that waits in a queue or is being handled, dead letters among them."""
        answer = requests.get(f"{self.stack.aws_endpoint}/_ministack/sqs/messages", timeout=20)
        for regions in answer.json()["messages"].values():
            for queues in regions.values():
                for url, messages in queues.items():
                    for message in messages:
                        yield f"queue {url}", message["Body"].encode()

    def logs(self) -> Iterator[tuple[str, bytes]]:
        """Every line that a function has logged."""
        for group, line in logs.lines(self.aws, STACK_NAME):
            yield f"log {group}", line.encode()

    def of(
        self, markers: Collection[str], among: Iterable[tuple[str, bytes]] | None = None
    ) -> list[str]:
        """Where any of these texts stands, in whatever form; empty where none does."""
        forms = {form for marker in markers for form in _forms(marker)}
        return sorted(
            f"{form!r} in {where}"
            for where, data in (self.all() if among is None else among)
            for lowered in [data.lower()]
            for form in forms
            if form in lowered
        )


def _forms(marker: str) -> set[bytes]:
    """A text as it could be written, in lower case: also within a longer base64 text."""
    plain = marker.encode()
    forms = {plain, plain.hex().encode(), quote(marker, safe="").encode(), plain[::-1]}
    for lead in range(3):
        # The characters at either end also depend on the neighbours, and are left out.
        shifted = b64encode(bytes(lead) + plain)
        whole = shifted[4 if lead else 0 : (lead + len(plain)) // 3 * 4]
        forms |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    return {form.lower() for form in forms}


def _leaves(value: Any) -> Iterator[bytes]:
    """The texts and bytes of an item as DynamoDB's JSON has it."""
    if isinstance(value, bytes):
        yield _unpacked(value)
    elif isinstance(value, str):
        yield value.encode()
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield str(name).encode()
            yield from _leaves(member)
    elif isinstance(value, list | set | tuple):
        for member in value:
            yield from _leaves(member)


def _unpacked(data: bytes) -> bytes:
    return zstd.decompress(data) if data.startswith(_ZSTD) else data
