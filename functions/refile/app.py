"""Put threads on their deals: one that is due, or all that a change of the CRM's concerns."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.aws.queues import MatchJob, ThreadJob, thread_job
from mailmirror.observing import failures_logged, observed
from mailmirror.runtime import Runtime
from mailmirror.usecases.threads.match_again import match_again
from mailmirror.usecases.threads.tidy_thread import tidy_thread

runtime = Runtime.from_environment()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@failures_logged
def refile(record: SQSRecord, lambda_context: LambdaContext) -> None:
    match thread_job(record.body):
        case ThreadJob() as job:
            tidy_thread(job, runtime)
        case MatchJob() as job:
            match_again(job, runtime, runtime.deadline(lambda_context))


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, refile, processor, context)
