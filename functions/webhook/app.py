"""Take in what the outside tells: the CRM's events, and browsers that come back from a provider."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.api.answers import Answer, answered, raw_body
from mailmirror.runtime import Runtime, observed
from mailmirror.usecases.crm_feed.accept_events import accept_events
from mailmirror.usecases.mailboxes.complete_sign_in import take_callback

runtime = Runtime.from_environment()


def events(event: APIGatewayProxyEvent) -> Answer:
    accepted = accept_events(
        event.path_parameters.get("account_id", ""),
        raw_body(event),
        event.headers.get("X-Mailmirror-Signature", ""),
        runtime,
    )
    answer = {"accepted": accepted.accepted, "refused": accepted.refused}
    return Answer(HTTPStatus.ACCEPTED, answer)


def callback(event: APIGatewayProxyEvent) -> Answer:
    back = take_callback(
        event.path_parameters.get("provider", ""), event.query_string_parameters, runtime
    )
    if back.url:
        return Answer(HTTPStatus.SEE_OTHER, headers={"Location": back.url})
    return Answer(HTTPStatus.OK, {"status": "connected", "mailbox_id": back.mailbox})


@observed
@event_source(data_class=APIGatewayProxyEvent)
@answered
def handler(event: APIGatewayProxyEvent, context: LambdaContext) -> dict[str, Any]:
    is_callback = event.resource == "/oauth/{provider}/callback"
    return (callback(event) if is_callback else events(event)).to_gateway()
