"""Send the messages that the send queue names, one a record."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.aws.queues import SendJob
from mailmirror.observing import failures_logged, observed
from mailmirror.runtime import Runtime
from mailmirror.usecases.sending.send_message import send_message

runtime = Runtime.from_environment()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@failures_logged
def send(record: SQSRecord) -> None:
    send_message(SendJob.from_json(record.body), runtime)


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, send, processor, context)
