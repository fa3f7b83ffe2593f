"""Apply notifications of SES, which come by SNS, one a record."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.observing import failures_logged, observed
from mailmirror.runtime import Runtime
from mailmirror.usecases.sending.apply_notification import apply_notification

runtime = Runtime.from_environment()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@failures_logged
def take(record: SQSRecord) -> None:
    apply_notification(json.loads(record.body), runtime)


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, take, processor, context)
