"""Accept events of the CRM, and callbacks of OAuth providers."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.api.routes.outside import ROUTES
from mailmirror.api.routing import answer
from mailmirror.observing import observed
from mailmirror.runtime import Runtime

runtime = Runtime.from_environment()


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(event, lambda path: ROUTES, runtime)
