"""Overrides, never deleted: by deal for its card, and by thread for its association."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import Stamp
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.overrides import Override
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.keys import Key
from mailmirror.store.table import Item, Put, Table


@dataclass(frozen=True, slots=True)
class PlacedOverride:
    """An override, and the id of its thread when it was made."""

    thread: ThreadId
    override: Override


class OverrideStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, account: AccountId, placed: PlacedOverride) -> None:
        """Store an override in both places, in one transaction. Four write units; idempotent."""
        override, thread = placed.override, placed.thread
        said = "attached" if override.attached else "detached"
        by_deal = keys.deal_override(
            account, override.deal, override.message or thread, override.stamp, said
        )
        by_thread = keys.thread_override(
            account, thread, override.deal, override.message, override.stamp, said
        )
        self._table.transact([Put(_item(by_deal, placed)), Put(_item(by_thread, placed))])

    def of_deal(self, account: AccountId, deal: DealId) -> Sequence[PlacedOverride]:
        """Read every override on a deal, consistently. One read unit for some twenty."""
        items = self._table.query(keys.deal(account, deal), keys.OVERRIDES, consistent=True)
        return [read_override(item) for item in items]


def read_override(item: Item) -> PlacedOverride:
    message = item.get("message")
    override = Override(
        stamp=Stamp.parse(item["stamp"]),
        deal=DealId(item["deal"]),
        attached=bool(item["attached"]),
        user=UserId(item["user"]),
        message=MessageKey(message) if message else None,
    )
    return PlacedOverride(ThreadId(item["thread"]), override)


def _item(key: Key, placed: PlacedOverride) -> Item:
    override = placed.override
    return {
        **key,
        "thread": placed.thread,
        "stamp": str(override.stamp),
        "deal": override.deal,
        "attached": override.attached,
        "user": override.user,
        "message": override.message,
    }
