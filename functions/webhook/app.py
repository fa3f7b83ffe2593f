"""Take in the CRM's events: `POST /webhooks/crm/{account_id}`."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.http import Answer, answered, raw_body
from mailmirror.runtime import Runtime, observed
from mailmirror.usecases.accept_events import accept_events

runtime = Runtime.from_environment()


@observed
@event_source(data_class=APIGatewayProxyEvent)
@answered
def handler(event: APIGatewayProxyEvent, context: LambdaContext) -> dict[str, Any]:
    accepted = accept_events(
        event.path_parameters.get("account_id", ""),
        raw_body(event),
        event.headers.get("X-Mailmirror-Signature", ""),
        runtime,
    )
    answer = {"accepted": accepted.accepted, "refused": accepted.refused}
    return Answer(HTTPStatus.ACCEPTED, answer).to_gateway()
