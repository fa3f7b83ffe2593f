"""Put the threads that the thread queue names on their deals, one a record."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.aws.queues import ThreadJob
from mailmirror.runtime import Runtime, failures_logged, observed
from mailmirror.usecases.threads.tidy_thread import tidy_thread

runtime = Runtime.from_environment()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@failures_logged
def refile(record: SQSRecord) -> None:
    tidy_thread(ThreadJob.from_json(record.body), runtime)


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, refile, processor, context)
