"""How far a message is that was sent, and taking it back."""

from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.api.outbound import Outbound
from mailmirror.api.routing import ActingUser, AnyRoute, Call, Route
from mailmirror.domain.problems import Code
from mailmirror.usecases.sending.read_outbound import cancel_outbound, read_outbound


def outbound(call: Call) -> Answer:
    """Read an outbound: its state, and each recipient's."""
    found = read_outbound(call.viewer(), call.ids["outbound_id"], call.runtime)
    return Answer(HTTPStatus.OK, Outbound.of(found, call.language))


def cancel(call: Call) -> Answer:
    """Take a message back that no server has taken for anybody."""
    cancelled = cancel_outbound(call.viewer(), call.ids["outbound_id"], call.runtime)
    return Answer(HTTPStatus.OK, Outbound.of(cancelled, call.language))


ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="GET",
        path="/v1/outbound/{outbound_id}",
        handler=outbound,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: Outbound},
    ),
    Route(
        method="DELETE",
        path="/v1/outbound/{outbound_id}",
        handler=cancel,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: Outbound},
        problems=(Code.SENT_ALREADY,),
    ),
)
