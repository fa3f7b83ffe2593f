"""Proving that an address is a user's."""

from http import HTTPStatus

from mailmirror.api.addresses import AddressBody, ConfirmBody, ProvenAddress
from mailmirror.api.answers import Answer
from mailmirror.api.decoding import typed
from mailmirror.api.routing import AnyRoute, Call, Route
from mailmirror.domain.problems import Code
from mailmirror.usecases.mailboxes.probe_jobs import ProbeJob, Task, ask_probe


def send_code(call: Call[AddressBody]) -> Answer:
    """Send a code to an address, unless it is proven already."""
    proven = _ask(Task.SEND_CODE, call)
    return Answer(HTTPStatus.OK if proven.proof else HTTPStatus.ACCEPTED, proven)


def confirm(call: Call[ConfirmBody]) -> Answer:
    """Prove an address with the code that was sent to it."""
    return Answer(HTTPStatus.OK, _ask(Task.CONFIRM_CODE, call))


def _ask(task: Task, call: Call[AddressBody] | Call[ConfirmBody]) -> ProvenAddress:
    request = call.raw | {"user_id": call.ids["user_id"]}
    return typed(
        ask_probe(ProbeJob(task, call.account, request=request), call.runtime), ProvenAddress
    )


_ADDRESS = (
    Code.INVALID_EMAIL,
    Code.USER_UNKNOWN,
    Code.ADDRESS_OF_ANOTHER_USER,
    Code.ADDRESS_OF_PERSON,
    Code.PROBE_FAILED,
)

ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="POST",
        path="/v1/users/{user_id}/addresses",
        handler=send_code,
        body=AddressBody,
        answers={HTTPStatus.OK: ProvenAddress, HTTPStatus.ACCEPTED: ProvenAddress},
        problems=(
            *_ADDRESS,
            Code.PROOF_SENDER_MISSING,
            Code.PROOF_CODE_NOT_SENT,
            Code.PROOF_CODE_LIMIT,
        ),
    ),
    Route(
        method="POST",
        path="/v1/users/{user_id}/addresses/confirm",
        handler=confirm,
        body=ConfirmBody,
        answers={HTTPStatus.OK: ProvenAddress},
        problems=(
            *_ADDRESS,
            Code.PROOF_CODE_WRONG,
            Code.PROOF_CODE_EXPIRED,
            Code.MAILBOX_BUSY,
        ),
    ),
)
