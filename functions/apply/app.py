"""Apply the CRM's events in their order, one a record, and have threads matched again."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.aws.queues import FeedJob, MatchJob
from mailmirror.domain.mailbox import AccountId
from mailmirror.observing import failures_logged, observed
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.apply_event import apply_event

runtime = Runtime.from_environment()
processor = SqsFifoPartialProcessor(skip_group_on_error=True)
processor.raise_on_entire_batch_failure = False


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    to_match: set[AccountId] = set()

    @failures_logged
    def apply(record: SQSRecord) -> None:
        job = FeedJob.from_json(record.body, record["attributes"])
        if apply_event(job, runtime, runtime.deadline(context)):
            to_match.add(job.account)

    answer = process_partial_response(event, apply, processor, context)
    runtime.thread_queue.send(map(MatchJob, to_match))
    return answer
