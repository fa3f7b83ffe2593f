"""The people of an office as events have stored them, to be stored again for another account.

Two requests in place of two dozen: most tests of an office begin with them.
"""

import json
from dataclasses import dataclass
from typing import Any, Self

from mailmirror.aws.queues import MatchJob
from mailmirror.domain.mailbox import AccountId
from mailmirror.runtime import Runtime
from mailmirror.store import keys

TIMES = ("at", "as_of", "applied_until")


@dataclass(frozen=True, slots=True)
class StoredPeople:
    account: AccountId
    items: str
    """JSON of the items that the events have written, in DynamoDB's own form."""
    events: int
    """How many there were; each has queued a job."""

    @classmethod
    def of(cls, account: AccountId, events: int, runtime: Runtime) -> Self:
        """Read what so many events have stored, in a table without another account."""
        found = runtime._client("dynamodb").scan(TableName=runtime.settings.table)["Items"]
        made_before = keys.account(account)["pk"]
        return cls(
            account, json.dumps([one for one in found if one["pk"]["S"] != made_before]), events
        )

    def store(self, account: AccountId, runtime: Runtime) -> None:
        """Store the same for another account, as of now, and queue the same jobs."""
        now = {"S": keys.time_text(runtime.now())}
        items = json.loads(self.items.replace(self.account, account))
        requests = [{"PutRequest": {"Item": one | _times(one, now)}} for one in items]
        answer = runtime._client("dynamodb").batch_write_item(
            RequestItems={runtime.settings.table: requests}
        )
        assert not answer["UnprocessedItems"]
        runtime.thread_queue.send([MatchJob(account)] * self.events)


def _times(item: dict[str, Any], now: dict[str, str]) -> dict[str, Any]:
    """The attributes that say when an item was written."""
    return {name: now for name in TIMES if name in item}
