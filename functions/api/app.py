"""The API: bearer keys, JSON, one route a use case."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.api.routes import routes_of
from mailmirror.api.routing import answer
from mailmirror.observing import observed
from mailmirror.runtime import Runtime

runtime = Runtime.from_environment()


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return answer(event, routes_of, runtime)
