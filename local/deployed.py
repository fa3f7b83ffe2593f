"""What a deployed stack keeps, worked on from outside: its table, key and queues."""

from dataclasses import replace
from typing import Any

import boto3

from local import emulator
from local.resources import resources_of
from local.stack import STACK_NAME
from mailmirror.runtime import Runtime, Settings


def runtime_of_stack(session: boto3.Session, stack_name: str, url: str | None = None) -> Runtime:
    """Make the runtime of a stack, on its table, its key and its queues.

    Parameters:
        session: whose credentials and region count.
        stack_name: the CloudFormation stack.
        url: where the emulator is; None for AWS.

    Raises:
        ValueError: it is no stack of Mailmirror's.
    """

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=url)  # type: ignore[call-overload]

    resources = resources_of(client("cloudformation"), stack_name)
    settings = replace(
        Settings.from_environment(),
        table=resources.table,
        key_id=resources.key,
        feed_queue=resources.queues["FeedQueue"],
        sync_queue=resources.queues["SyncQueue"],
        first_sync_queue=resources.queues["FirstSyncQueue"],
        thread_queue=resources.queues["ThreadQueue"],
    )
    return Runtime(settings, client)


def runtime_of_emulator(url: str) -> Runtime:
    """Make the runtime of the stack in an emulator."""
    return runtime_of_stack(emulator.session(), STACK_NAME, url)
