"""A table and queues of a test's own, on an emulator, with the use cases over them."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from mailmirror.runtime import Runtime, Settings

_KEYS = [("pk", "HASH"), ("sk", "RANGE")]


@contextmanager
def own_table(
    aws: Callable[[str], Any],
    bucket: str,
    key_id: str,
    new_queue: Callable[[str], str] | None = None,
) -> Iterator[Runtime]:
    """The use cases in this process, where no deployed function works on what they keep.

    Parameters:
        new_queue: makes a queue and returns its URL; the queue may stay. Without it, the queues
            are made here and deleted in the end.
    """
    name = f"test-{secrets.token_hex(4)}"
    dynamodb, sqs = aws("dynamodb"), aws("sqs")
    make = new_queue or (lambda queue: str(sqs.create_queue(QueueName=queue)["QueueUrl"]))
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in _KEYS],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in _KEYS],
    )
    queues = {
        queue: make(f"{name}-{queue}")
        for queue in ("poll_queue", "sync_queue", "first_sync_queue", "send_queue", "thread_queue")
    }
    settings = replace(
        Settings.from_environment(), table=name, bucket=bucket, key_id=key_id, **queues
    )
    try:
        yield Runtime(settings, client=aws)
    finally:
        dynamodb.delete_table(TableName=name)
        for url in queues.values() if new_queue is None else ():
            sqs.delete_queue(QueueUrl=url)
