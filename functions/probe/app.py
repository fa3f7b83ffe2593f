"""All live work on request: connecting a mailbox, signing in, auditing; asked by functions."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.api import shapes
from mailmirror.domain.mailbox import MailboxStatus
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime, observed
from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest, connect_mailbox
from mailmirror.usecases.mailboxes.probe_jobs import ProbeJob, Task
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox

runtime = Runtime.from_environment()


def connect(job: ProbeJob) -> dict[str, Any]:
    return {"id": connect_mailbox(job.account, ConnectRequest.parse(job.request), runtime)}


def authorize(job: ProbeJob) -> dict[str, Any]:
    from mailmirror.usecases.mailboxes.oauth_sign_in import AuthorizeRequest, begin_sign_in

    return {"url": begin_sign_in(job.account, AuthorizeRequest.parse(job.request), runtime)}


def callback(job: ProbeJob) -> dict[str, Any]:
    from mailmirror.usecases.mailboxes.oauth_sign_in import CallbackRequest, finish_sign_in

    return shapes.outcome(finish_sign_in(CallbackRequest.parse(job.request), runtime))


def audit(job: ProbeJob) -> dict[str, Any]:
    mailbox = job.mailbox and runtime.mailboxes.find(job.account, job.mailbox, consistent=True)
    if not mailbox:
        raise Refused(Code.NOT_FOUND)
    if mailbox.status is not MailboxStatus.CONNECTED:
        raise Refused(Code.MAILBOX_DISCONNECTED)
    return shapes.audit(audit_mailbox(mailbox, runtime), runtime.now())


def send_code(job: ProbeJob) -> dict[str, Any]:
    from mailmirror.usecases.mailboxes import prove_address

    request = prove_address.AddressRequest.parse(job.request, confirms=False)
    return shapes.proving(prove_address.send_code(job.account, request, runtime))


def confirm_code(job: ProbeJob) -> dict[str, Any]:
    from mailmirror.usecases.mailboxes import prove_address

    request = prove_address.AddressRequest.parse(job.request, confirms=True)
    return shapes.proving(prove_address.confirm_code(job.account, request, runtime))


TASKS = {
    Task.CONNECT: connect,
    Task.AUTHORIZE: authorize,
    Task.CALLBACK: callback,
    Task.AUDIT: audit,
    Task.SEND_CODE: send_code,
    Task.CONFIRM_CODE: confirm_code,
}


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    job = ProbeJob.from_event(event)
    try:
        return {"answer": TASKS[job.task](job)}
    except Refused as refusal:
        return {"refused": {"code": refusal.code.value, "detail": refusal.detail}}
