"""What `api` asks of `probe`, which alone may seal credentials and talk to servers on request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mailmirror import shapes
from mailmirror.domain.mailbox import AccountId, MailboxId
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.usecases.audit_mailbox import audit_mailbox
from mailmirror.usecases.connect_mailbox import ConnectRequest, connect_mailbox


class Task(StrEnum):
    CONNECT = "connect"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True, repr=False)
class ProbeJob:
    """One question; never queued, for it may carry a password."""

    task: Task
    account: AccountId
    mailbox: MailboxId | None = None
    request: object = None
    """The body of a request to connect a mailbox."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ProbeJob":
        mailbox = event.get("mailbox")
        return cls(
            Task(event["task"]),
            AccountId(event["account"]),
            MailboxId(mailbox) if mailbox else None,
            event.get("request"),
        )

    def to_event(self) -> dict[str, Any]:
        return {
            "task": self.task.value,
            "account": self.account,
            "mailbox": self.mailbox,
            "request": self.request,
        }


def run_probe(job: ProbeJob, runtime: Runtime) -> Mapping[str, Any]:
    """Answer a question, as JSON.

    Raises:
        Refused: the failing stage's code.
    """
    match job.task:
        case Task.CONNECT:
            request = ConnectRequest.parse(job.request)
            return {"id": connect_mailbox(job.account, request, runtime)}
        case Task.AUDIT:
            mailbox = job.mailbox and runtime.mailboxes.find(job.account, job.mailbox)
            if not mailbox:
                raise Refused(Code.NOT_FOUND)
            return shapes.audit(audit_mailbox(mailbox, runtime), runtime.now())


def ask_probe(job: ProbeJob, runtime: Runtime) -> Mapping[str, Any]:
    """Have the function `probe` answer, within its 25 seconds.

    Raises:
        Refused: what `probe` refused, or `probe_failed`.
    """
    try:
        answer = runtime.lambda_client.invoke(
            FunctionName=runtime.settings.need("probe_function"),
            Payload=json.dumps(job.to_event()).encode(),
        )
        said = json.loads(answer["Payload"].read())
    except (BotoCoreError, ClientError, ValueError) as error:
        raise Refused(Code.PROBE_FAILED) from error
    if "FunctionError" in answer:
        raise Refused(Code.PROBE_FAILED)
    if "refused" in said:
        raise Refused(Code(said["refused"]["code"]), said["refused"]["detail"])
    found: Mapping[str, Any] = said["answer"]
    return found
