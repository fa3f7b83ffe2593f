"""Find the mailboxes and the messages that are due, once a minute."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.runtime import Runtime, observed
from mailmirror.usecases.sync.dispatch_due import dispatch_polls, dispatch_sends

runtime = Runtime.from_environment()


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    return {"due": dispatch_polls(runtime), "to_send": dispatch_sends(runtime)}
