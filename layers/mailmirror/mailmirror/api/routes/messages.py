"""Reading a message and its attachments; sending one."""

from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.api.messages import Message, VersionQuery
from mailmirror.api.outbound import ComposeBody, Outbound
from mailmirror.api.routing import ActingUser, AnyRoute, Call, NoBody, Route
from mailmirror.domain.limits import MAX_INDEX_DIGITS
from mailmirror.domain.problems import Code, Refused
from mailmirror.usecases.cards.read_message import attachment_link, read_message
from mailmirror.usecases.sending.accept_message import accept_message


def message(call: Call[NoBody, VersionQuery]) -> Answer:
    """Read a message of which the acting user has a copy."""
    id, version = call.ids["message_id"], call.query.version
    found = read_message(call.viewer(), id, call.runtime, version)
    return Answer(HTTPStatus.OK, Message.whole(found, call.language))


def attachment(call: Call[NoBody, VersionQuery]) -> Answer:
    """Go to a link to an attachment's bytes, which lives five minutes."""
    n = call.ids["n"]
    if not (n.isascii() and n.isdecimal() and len(n) <= MAX_INDEX_DIGITS):
        raise Refused(Code.NOT_FOUND)
    id, version = call.ids["message_id"], call.query.version
    link = attachment_link(call.viewer(), id, int(n), call.runtime, version)
    return Answer(HTTPStatus.SEE_OTHER, headers={"Location": link})


def send(call: Call[ComposeBody]) -> Answer:
    """Accept a message to be sent."""
    composition, key = call.body.composition(), call.header("Idempotency-Key")
    accepted = accept_message(call.viewer(), composition, key, call.runtime)
    return Answer(HTTPStatus.ACCEPTED, Outbound.of(accepted, call.language))


ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="GET",
        path="/v1/messages/{message_id}",
        handler=message,
        query=VersionQuery,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: Message},
        problems=(Code.MESSAGE_LOST,),
    ),
    Route(
        method="GET",
        path="/v1/messages/{message_id}/attachments/{n}",
        handler=attachment,
        query=VersionQuery,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.SEE_OTHER: None},
        problems=(Code.MESSAGE_LOST,),
    ),
    Route(
        method="POST",
        path="/v1/messages",
        handler=send,
        body=ComposeBody,
        acting_user=ActingUser.REQUIRED,
        headers={
            "Idempotency-Key": "1 to 200 visible characters: a repeat with the same key and"
            " message sends nothing twice",
        },
        answers={HTTPStatus.ACCEPTED: Outbound},
        problems=(
            Code.INVALID_EMAIL,
            Code.NO_RECIPIENT,
            Code.TOO_MANY_RECIPIENTS,
            Code.FROM_NOT_YOURS,
            Code.ADDRESS_UNPROVEN,
            Code.TRANSPORT_UNAVAILABLE,
            Code.MESSAGE_UNKNOWN,
            Code.MESSAGE_LOST,
            Code.MESSAGE_TOO_LARGE,
            Code.UPLOAD_UNKNOWN,
            Code.SENDING_OFF,
            Code.DAILY_LIMIT_REACHED,
            Code.RATE_LIMIT_REACHED,
            Code.IDEMPOTENCY_CONFLICT,
            Code.MAILBOX_BUSY,
        ),
    ),
)
