"""All live work on request: connecting a mailbox, and auditing one. Called by `api` alone."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror import shapes
from mailmirror.domain.mailbox import MailboxStatus
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime, observed
from mailmirror.usecases.audit_mailbox import audit_mailbox
from mailmirror.usecases.connect_mailbox import ConnectRequest, connect_mailbox
from mailmirror.usecases.probe_jobs import ProbeJob, Task

runtime = Runtime.from_environment()


def connect(job: ProbeJob) -> dict[str, Any]:
    return {"id": connect_mailbox(job.account, ConnectRequest.parse(job.request), runtime)}


def audit(job: ProbeJob) -> dict[str, Any]:
    mailbox = job.mailbox and runtime.mailboxes.find(job.account, job.mailbox, consistent=True)
    if not mailbox:
        raise Refused(Code.NOT_FOUND)
    if mailbox.status is not MailboxStatus.CONNECTED:
        raise Refused(Code.MAILBOX_DISCONNECTED)
    return shapes.audit(audit_mailbox(mailbox, runtime), runtime.now())


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    job = ProbeJob.from_event(event)
    try:
        return {"answer": connect(job) if job.task is Task.CONNECT else audit(job)}
    except Refused as refusal:
        return {"refused": {"code": refusal.code.value, "detail": refusal.detail}}
