"""Ask the mail servers of due mailboxes whether there is news, one job a record."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.aws.queues import PollJob
from mailmirror.observing import failures_logged, observed
from mailmirror.runtime import Runtime
from mailmirror.usecases.sync.poll_mailboxes import poll_mailboxes

runtime = Runtime.from_environment()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@failures_logged
def poll(record: SQSRecord) -> None:
    received = int(record.attributes.approximate_receive_count)
    poll_mailboxes(PollJob.from_json(record.body), runtime, received)


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, poll, processor, context)
