"""A FIFO queue of the CRM's events, from which a test takes what the function `apply` would get."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mailmirror.aws.queues import FeedJob


@dataclass
class EventsQueue:
    sqs: Any
    url: str
    _taken: list[str] = field(default_factory=list)

    def take(self, limit: int = 10) -> list[FeedJob]:
        """Receive the next events, and delete those that were received before."""
        for handle in self._taken:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=handle)
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=limit, AttributeNames=["All"]
        )
        received = answer.get("Messages", ())
        self._taken = [one["ReceiptHandle"] for one in received]
        return [FeedJob.from_json(one["Body"], one["Attributes"]) for one in received]

    def jobs(self) -> Iterator[FeedJob]:
        """Receive all events in their order."""
        while jobs := self.take():
            yield from jobs
