"""The queues and their jobs, as JSON without secrets."""

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mailmirror.domain.identity import MessageKey
from mailmirror.domain.left_out import LeftOut
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey
from mailmirror.domain.threads import ThreadId

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_MAX_BATCH_JOBS = 10
_ATTEMPTS = 3
_MAX_BATCH_BYTES = 250_000
_NOT_FOR_SQS = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""Characters that JSON may hold, and SQS refuses."""


class NotQueued(Exception):
    """SQS did not take a message; repeat the whole step."""


@dataclass(frozen=True, slots=True)
class SyncJob:
    """Sync one mailbox."""

    account: AccountId
    mailbox: MailboxId
    asked_at: datetime | None = None
    """When a person asked for it: pending messages are tried again that were not since."""

    @classmethod
    def from_json(cls, body: str) -> "SyncJob":
        fields = json.loads(body)
        asked = fields.get("asked_at")
        asked_at = datetime.fromisoformat(asked) if asked else None
        return cls(AccountId(fields["account"]), MailboxId(fields["mailbox"]), asked_at)

    def to_json(self) -> str:
        fields = {"account": self.account, "mailbox": self.mailbox}
        asked = {"asked_at": self.asked_at.isoformat()} if self.asked_at else {}
        return json.dumps(fields | asked)


@dataclass(frozen=True, slots=True)
class PollJob:
    """Ask the servers of some mailboxes whether there is news."""

    mailboxes: Sequence[MailboxKey]
    at: datetime
    """When the schedule found them due."""

    @classmethod
    def from_json(cls, body: str) -> "PollJob":
        fields = json.loads(body)
        mailboxes = [MailboxKey(AccountId(a), MailboxId(m)) for a, m in fields["mailboxes"]]
        return cls(mailboxes, datetime.fromisoformat(fields["at"]))

    def to_json(self) -> str:
        pairs = [[key.account, key.mailbox] for key in self.mailboxes]
        return json.dumps({"mailboxes": pairs, "at": self.at.isoformat()})


@dataclass(frozen=True, slots=True)
class FeedJob:
    """Apply one event of the CRM's."""

    account: AccountId
    event: Any
    """As parsed from JSON, not validated."""
    refusal: tuple[str, str] | None = None
    """Code and detail, where the webhook has refused the event; `event` is its label then."""
    left_out: tuple[LeftOut, ...] = ()
    """What `event` lacks of what was sent."""
    accepted: int = 0
    """The event's number at acceptance: SQS gives it to a message of a FIFO queue, growing within
    its group, the account. 0 until it comes back from the queue."""
    accepted_at: datetime | None = None
    """When SQS took it; None until it comes back from the queue."""
    attempt: int = 1
    """How often the queue has brought it, this time included."""

    @classmethod
    def from_json(
        cls, body: str, attributes: Mapping[str, str] = MappingProxyType({})
    ) -> "FeedJob":
        """Read a message of the queue.

        Parameters:
            attributes: what SQS says of the message, by the names of ReceiveMessage.
        """
        fields = json.loads(body)
        refusal = fields.get("refusal")
        sent = attributes.get("SentTimestamp")
        return cls(
            account=AccountId(fields["account"]),
            event=fields["event"],
            refusal=(refusal[0], refusal[1]) if refusal else None,
            left_out=tuple(map(LeftOut.from_json, fields.get("left_out", ()))),
            accepted=int(attributes.get("SequenceNumber", 0)),
            accepted_at=datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None,
            attempt=int(attributes.get("ApproximateReceiveCount", 1)),
        )

    def to_json(self) -> str:
        fields: dict[str, Any] = {"account": self.account, "event": self.event}
        if self.refusal:
            fields["refusal"] = self.refusal
        if self.left_out:
            fields["left_out"] = [one.to_json() for one in self.left_out]
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        return _NOT_FOR_SQS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


@dataclass(frozen=True, slots=True)
class SendJob:
    """Send one message, or go on with it."""

    mailbox: MailboxKey
    id: MessageKey

    @classmethod
    def from_json(cls, body: str) -> "SendJob":
        fields = json.loads(body)
        mailbox = MailboxKey(
            AccountId(fields["account"]), MailboxId(fields["mailbox"]), int(fields["epoch"])
        )
        return cls(mailbox, MessageKey(fields["id"]))

    def to_json(self) -> str:
        key = self.mailbox
        fields = {"account": key.account, "mailbox": key.mailbox, "epoch": key.epoch}
        return json.dumps({**fields, "id": self.id})


@dataclass(frozen=True, slots=True)
class ThreadJob:
    """Tidy one thread."""

    account: AccountId
    thread: ThreadId
    reasons: tuple[str, ...]
    """What it is due for, as its schedule items name it."""

    @classmethod
    def from_json(cls, body: str) -> "ThreadJob":
        fields = json.loads(body)
        account, thread = AccountId(fields["account"]), ThreadId(fields["thread"])
        return cls(account, thread, tuple(fields["reasons"]))

    def to_json(self) -> str:
        fields = {"account": self.account, "thread": self.thread}
        return json.dumps({**fields, "reasons": self.reasons})


@dataclass(frozen=True, slots=True)
class MatchJob:
    """Match an account's threads again, after changes of its people and deals."""

    account: AccountId

    def to_json(self) -> str:
        return json.dumps({"account": self.account})


def thread_job(body: str) -> ThreadJob | MatchJob:
    """Read a job of the thread queue."""
    fields = json.loads(body)
    return ThreadJob.from_json(body) if "thread" in fields else MatchJob(fields["account"])


class Queue:
    """A standard queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, jobs: Iterable[SyncJob | PollJob | SendJob | ThreadJob | MatchJob]) -> None:
        """Queue jobs, ten a request.

        Raises:
            NotQueued: some were not taken.
        """
        for batch in batched(jobs, _MAX_BATCH_JOBS, strict=False):
            _send(self._client, self._url, [{"MessageBody": job.to_json()} for job in batch])


class FeedQueue:
    """The FIFO queue of the feed: an account's events in their order.

    An event that the CRM sends again is queued again, also within the five minutes in which SQS
    drops what has the id of an earlier message: it may have been refused, and succeed now.
    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, jobs: Iterable[FeedJob]) -> int:
        """Queue events in their order.

        Returns:
            The number of the last one; 0 where there are none.

        Raises:
            NotQueued: some were not taken. Those that were are applied once more when all are sent
                again, which changes nothing.
        """
        call = uuid.uuid4().hex
        batch: list[dict[str, Any]] = []
        size, last = 0, 0
        for number, job in enumerate(jobs):
            body = job.to_json()
            if batch and (
                len(batch) == _MAX_BATCH_JOBS or size + len(body.encode()) > _MAX_BATCH_BYTES
            ):
                last = _send(self._client, self._url, batch)
                batch, size = [], 0
            batch.append(
                {
                    "MessageBody": body,
                    "MessageGroupId": job.account,
                    "MessageDeduplicationId": f"{call}-{number}",
                }
            )
            size += len(body.encode())
        return _send(self._client, self._url, batch) if batch else last


def _send(client: "SQSClient", url: str, messages: Sequence[dict[str, Any]]) -> int:
    """Send at most ten messages; return the greatest number that SQS gave one, 0 without any."""
    entries: list[Any] = [{"Id": str(n), **message} for n, message in enumerate(messages)]
    last = 0
    for _ in range(_ATTEMPTS):
        answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        numbers = [int(one.get("SequenceNumber", 0)) for one in answer.get("Successful", ())]
        last = max([last, *numbers])
        failed = {one["Id"] for one in answer.get("Failed", ())}
        if not failed:
            return last
        entries = [entry for entry in entries if entry["Id"] in failed]
    raise NotQueued(len(entries))
