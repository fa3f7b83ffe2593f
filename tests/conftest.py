"""What tests share: one local stack a session, and runtimes on tables of their own."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from local import emulator
from local.down import down
from local.resources import Resources, resources_of
from local.stack import STACK_NAME, Home, Options, Stack
from local.up import up
from mailmirror.mail.connection import Reach
from mailmirror.runtime import Runtime, Settings

os.environ.update(
    {"POWERTOOLS_METRICS_NAMESPACE": "Mailmirror", "POWERTOOLS_TRACE_DISABLED": "true"}
)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The private authority that certifies the tests' mail servers, and that the stack trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def stack_home() -> Home:
    return Home(Path(__file__).parent.parent / ".local" / "test")


@pytest.fixture(scope="session")
def stack(
    authority: trustme.CA, stack_home: Home, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The deployed template on an emulator of its own, which may reach the loopback."""
    pem = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    try:
        yield up(stack_home, Options(pem, "127.0.0.0/8,::1/128"))
    finally:
        down(stack_home)


@pytest.fixture(scope="session")
def aws(stack: Stack) -> Any:
    """Makes clients of the emulated AWS, as its root."""
    session = emulator.session()

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=stack.aws_endpoint)  # type: ignore[call-overload]

    return client


@pytest.fixture(scope="session")
def resources(aws: Any) -> Resources:
    return resources_of(aws("cloudformation"), STACK_NAME)


@pytest.fixture
def runtime(
    aws: Any, stack: Stack, resources: Resources, authority: trustme.CA
) -> Iterator[Runtime]:
    """The use cases in this process, on a table and queues that no deployed function works on."""
    name = f"test-{secrets.token_hex(4)}"
    dynamodb, sqs = aws("dynamodb"), aws("sqs")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    queues = {
        queue: sqs.create_queue(QueueName=f"{name}-{queue}")["QueueUrl"]
        for queue in ("poll_queue", "sync_queue", "first_sync_queue")
    }
    settings = replace(
        Settings.from_environment(), table=name, bucket=stack.bucket, key_id=resources.key, **queues
    )
    made = Runtime(settings, client=aws)
    made.reach = Reach.make("127.0.0.0/8,::1/128", authority.cert_pem.bytes().decode())
    yield made
    dynamodb.delete_table(TableName=name)
    for url in queues.values():
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)
