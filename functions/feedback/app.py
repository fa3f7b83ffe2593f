"""Take what SES says, by SNS, of the messages that it was given."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.domain.problems import Refused
from mailmirror.runtime import Runtime, logger, observed
from mailmirror.usecases.take_notification import take_notification

runtime = Runtime.from_environment()


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    refused = 0
    for record in event["Records"]:
        try:
            take_notification(runtime.notifications.message(record["Sns"]), runtime)
        except Refused as refusal:  # a forged one is not worth another attempt
            logger.warning("refused", code=refusal.code, detail=refusal.detail)
            runtime.count(f"Refused_{refusal.code}")
            refused += 1
    return {"taken": len(event["Records"]) - refused, "refused": refused}
