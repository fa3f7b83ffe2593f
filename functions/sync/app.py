"""Sync the mailboxes that the sync queues name, one a record."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.aws.queues import SyncJob
from mailmirror.observing import failures_logged, observed
from mailmirror.runtime import Runtime
from mailmirror.usecases.sync.sync_mailbox import sync_mailbox

runtime = Runtime.from_environment()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@failures_logged
def sync(record: SQSRecord, lambda_context: LambdaContext) -> None:
    sync_mailbox(SyncJob.from_json(record.body), runtime, until=runtime.deadline(lambda_context))


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, sync, processor, context)
