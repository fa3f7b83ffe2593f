"""Find the mailboxes, messages and threads that are due, once a minute."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.observing import observed
from mailmirror.runtime import Runtime
from mailmirror.usecases.sync.dispatch_due import dispatch_polls, dispatch_sends, dispatch_threads

runtime = Runtime.from_environment()


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    return {
        "due": dispatch_polls(runtime),
        "to_send": dispatch_sends(runtime),
        "to_refile": dispatch_threads(runtime),
    }
