"""Messages being sent: each written on the condition that it is as it was read."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey, UserId
from mailmirror.domain.outbound import Attempt, Outbound, Recipient, RecipientState, Transport
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.table import ConditionFailed, Item, Put, Table, Update

_ATTEMPTS = 20
_REQUEST_LIFETIME = timedelta(days=2)
_COUNT_LIFETIME = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that carries an Idempotency-Key."""

    user: UserId
    key: str
    """A digest of the key."""
    body: str
    """A digest of what was asked."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What an earlier request under the same key asked, and what came of it."""

    body: str
    mailbox: MailboxKey
    id: MessageKey


@dataclass(frozen=True, slots=True)
class Limit:
    """How many messages a mailbox may send in a period."""

    period: str
    """As `day#2026-03-01` or `minute#2026-03-01T09:30`."""
    most: int


@dataclass(frozen=True, slots=True)
class OutboundRef:
    mailbox: MailboxKey
    id: MessageKey


@dataclass(frozen=True, slots=True)
class Stored:
    outbound: Outbound
    version: int


class OutboundStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def create(
        self,
        outbound: Outbound,
        request: Request | None,
        limits: Sequence[Limit],
        due_at: datetime,
        now: datetime,
    ) -> None:
        """Accept a message with its due entry, its counts and its request, or nothing of it.

        Raises:
            ConditionFailed: a limit is reached, or the request's key is taken.
        """
        counts = [
            Update(
                keys.sent_in(outbound.mailbox, limit.period),
                "SET #expires = :expires ADD #count :one",
                {
                    ":one": 1,
                    ":most": limit.most,
                    ":expires": int((now + _COUNT_LIFETIME).timestamp()),
                },
                "attribute_not_exists(#count) OR #count < :most",
                {"#count": "count", "#expires": keys.EXPIRES},
            )
            for limit in limits
        ]
        writes: list[Put | Update] = [
            Put(_item(Stored(outbound, 1)), "attribute_not_exists(pk)"),
            Put(
                {
                    **keys.due_outbound(outbound.mailbox, outbound.id),
                    "due_at": keys.time_text(due_at),
                }
            ),
            *counts,
        ]
        if request:
            item = {
                **keys.request(outbound.account, request.user, request.key),
                "body": request.body,
                "mailbox": outbound.mailbox.mailbox,
                "epoch": outbound.mailbox.epoch,
                "outbound": outbound.id,
                keys.EXPIRES: int((now + _REQUEST_LIFETIME).timestamp()),
            }
            writes.append(Put(item, "attribute_not_exists(pk)"))
        self._table.transact(writes)

    def answered(self, account: AccountId, user: UserId, key: str) -> Answered | None:
        """What came of the request under a key. One read unit."""
        item = self._table.get(keys.request(account, user, key), consistent=True)
        if item is None:
            return None
        mailbox = MailboxKey(account, MailboxId(item["mailbox"]), int(item["epoch"]))
        return Answered(item["body"], mailbox, MessageKey(item["outbound"]))

    def sent_in(self, mailbox: MailboxKey, period: str) -> int:
        """How many messages a mailbox has sent in a period."""
        item = self._table.get(keys.sent_in(mailbox, period), consistent=True)
        return int(item["count"]) if item else 0

    def find(self, mailbox: MailboxKey, id: MessageKey) -> Stored | None:
        """Read one, consistently. One read unit a 4 KB."""
        item = self._table.get(keys.outbound(mailbox, id), consistent=True)
        return _stored(item) if item else None

    def find_many(
        self, wanted: Iterable[tuple[MailboxKey, MessageKey]]
    ) -> Mapping[MessageKey, Outbound]:
        """Read those that there are: half a read unit each."""
        items = self._table.get_many(keys.outbound(*one) for one in wanted)
        found = (_stored(item).outbound for item in items)
        return {outbound.id: outbound for outbound in found}

    def change(self, stored: Stored, change: Callable[[Outbound], Outbound]) -> Stored:
        """Write what a change makes of it, made again where somebody else came first.

        Raises:
            ConditionFailed: others came first again and again, or it is gone.
            Whatever `change` raises.
        """
        for _ in range(_ATTEMPTS):
            changed = change(stored.outbound)
            if changed == stored.outbound:
                return stored
            after = Stored(changed, stored.version + 1)
            try:
                self._table.put(
                    Put(_item(after), "version = :version", {":version": stored.version})
                )
                return after
            except ConditionFailed:
                found = self.find(changed.mailbox, changed.id)
                if found is None:
                    break
                stored = found
        raise ConditionFailed(stored.outbound.id)

    def erase(self, mailbox: MailboxKey, now: datetime) -> bool:
        """Delete what a mailbox has sent, in its epoch, but for what is being sent.

        Returns:
            Whether all of it is deleted.
        """
        found = [_stored(item).outbound for item in self._table.query(keys.outbounds(mailbox))]
        ended = [one for one in found if one.attempt is None or one.attempt.until <= now]
        self._table.write(deletes=[keys.outbound(mailbox, one.id) for one in ended])
        return len(ended) == len(found)

    def due(self, shard: int, now: datetime) -> list[OutboundRef]:
        """Those of a shard that are due."""
        items = self._table.query(keys.due_outbounds(shard))
        return [_ref(item[keys.SK]) for item in items if item["due_at"] <= keys.time_text(now)]

    def schedule(self, mailbox: MailboxKey, id: MessageKey, due_at: datetime | None) -> None:
        """Set when its next job comes; None where nothing is left to do. One write unit."""
        key = keys.due_outbound(mailbox, id)
        if due_at is None:
            self._table.delete(key)
        else:
            self._table.put(Put({**key, "due_at": keys.time_text(due_at)}))


def _ref(name: str) -> OutboundRef:
    account, mailbox, id = name.split("#")
    mailbox, _, epoch = mailbox.partition(".")
    return OutboundRef(
        MailboxKey(AccountId(account), MailboxId(mailbox), int(epoch)), MessageKey(id)
    )


def _item(stored: Stored) -> Item:
    outbound = stored.outbound
    return {
        **keys.outbound(outbound.mailbox, outbound.id),
        "version": stored.version,
        "state": outbound.state.value,
        "outbound": json.dumps(asdict(outbound), default=str, ensure_ascii=False),
    }


def _stored(item: Item) -> Stored:
    fields = json.loads(item["outbound"])
    attempt, next_at = fields["attempt"], fields["next_attempt_at"]
    fields |= {
        "account": AccountId(fields["account"]),
        "id": MessageKey(fields["id"]),
        "mailbox": MailboxKey(**fields["mailbox"]),
        "user": UserId(fields["user"]),
        "transport": Transport(fields["transport"]),
        "recipients": tuple(_recipient(one) for one in fields["recipients"]),
        "thread": ThreadId(fields["thread"]),
        "vertex": Vertex(fields["vertex"]),
        "date": datetime.fromisoformat(fields["date"]),
        "bcc": tuple(fields["bcc"]),
        "next_attempt_at": datetime.fromisoformat(next_at) if next_at else None,
        "attempt": _attempt(**attempt) if attempt else None,
    }
    return Stored(Outbound(**fields), int(item["version"]))


def _attempt(token: str, until: str) -> Attempt:
    return Attempt(token, datetime.fromisoformat(until))


def _recipient(fields: Mapping[str, str]) -> Recipient:
    code = fields["code"]
    return Recipient(
        fields["address"],
        RecipientState(fields["state"]),
        DeliveryCode(code) if code else None,
        fields["reply"],
    )
