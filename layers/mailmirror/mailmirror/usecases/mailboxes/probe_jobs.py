"""Requests to `probe`, the function that seals credentials and connects to servers on request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mailmirror.domain.mailbox import AccountId, MailboxId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.runtime import Runtime


class Task(StrEnum):
    CONNECT = "connect"
    AUTHORIZE = "authorize"
    CALLBACK = "callback"
    AUDIT = "audit"
    FOLDERS = "folders"
    PREVIEW = "preview"
    DISCOVER = "discover"
    EXPLAIN = "explain"
    SEND_CODE = "send_code"
    CONFIRM_CODE = "confirm_code"
    CANDIDATES = "candidates"
    DOCTOR = "doctor"


@dataclass(frozen=True, slots=True, repr=False)
class ProbeJob:
    """One request; never queued, because it may contain a password."""

    task: Task
    account: AccountId
    """Empty for a callback, whose state names it."""
    mailbox: MailboxId | None = None
    request: object = None
    """The body of a request to connect, preview, examine, discover or authorize a mailbox or to
    prove an address, a callback's query, whose candidates are listed, or which message is
    explained."""
    language: Language = Language.EN
    """Of the texts for people in the answer."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ProbeJob":
        mailbox = event.get("mailbox")
        return cls(
            Task(event["task"]),
            AccountId(event["account"]),
            MailboxId(mailbox) if mailbox else None,
            event.get("request"),
            Language(event.get("language", Language.EN)),
        )

    def to_event(self) -> dict[str, Any]:
        return {
            "task": self.task.value,
            "account": self.account,
            "mailbox": self.mailbox,
            "request": self.request,
            "language": self.language.value,
        }


def ask_probe(job: ProbeJob, runtime: Runtime) -> Mapping[str, Any]:
    """Invoke the function `probe`, which answers within 25 seconds.

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
        refused = said["refused"]
        refusal = Refused(Code(refused["code"]), refused["detail"], **refused["figures"])
        refusal.of_connected_mailbox = job.mailbox is not None
        raise refusal
    found: Mapping[str, Any] = said["answer"]
    return found
