"""Overrides, never deleted: what was said of a deal, by whom and when.

What counts of them stands at the root of their thread (`store.roots`).
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.overrides import Override
from mailmirror.domain.stamp import Stamp
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.table import Item, Put, Table

_PAGE = 100
"""Overrides that a request reads: some 10 read units."""


@dataclass(frozen=True, slots=True)
class StoredOverride:
    """An override as it is stored in the partition of its deal."""

    thread: ThreadId
    """The id that its thread had when it was given."""
    override: Override
    position: str
    """Its place among the overrides of its deal, which sorts by its instant."""


class OverrideStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def as_first_given(
        self, account: AccountId, threads: Set[ThreadId], override: Override
    ) -> Override:
        """Return an override with the number at acceptance that it has here already, if it has.

        One read unit. A repeat of an event comes with a new number, and must not count as later
        than what was said after it.

        Parameters:
            threads: the ids of its thread, and of all that the thread has absorbed.
        """
        given = self._table.query(
            keys.deal(account, override.deal),
            keys.event_overrides(override.stamp),
            consistent=True,
        )
        for item in given:
            if item["thread"] in threads and _says_the_same(item, override):
                return replace(override, stamp=Stamp.parse(item["stamp"]))
        return override

    def of_deal(
        self, account: AccountId, deal: DealId, before: str | None = None
    ) -> Iterator[StoredOverride]:
        """Read the overrides of a deal, consistently, the latest first, as they are used.

        A read unit for some ten, a hundred a request.

        Parameters:
            before: a position; only overrides that come after it in this order.
        """
        pk = keys.deal(account, deal)
        last = keys.OVERRIDES + (before if before is not None else "~")
        while True:
            between = (keys.OVERRIDES, last)
            items = list(
                self._table.query(
                    pk, between=between, descending=True, limit=_PAGE, consistent=True
                )
            )
            yield from (_stored(item) for item in items if item[keys.SK] != last)
            if len(items) < _PAGE:
                return
            last = items[-1][keys.SK]

    def of_event(self, account: AccountId, deal: DealId, position: str) -> set[StoredOverride]:
        """Read the overrides that an event, and its repeats, gave on a deal. One read unit.

        Parameters:
            position: of one of them.
        """
        name, _, _ = position.rsplit("#", 2)
        items = self._table.query(
            keys.deal(account, deal), f"{keys.OVERRIDES}{name}#", consistent=True
        )
        return {_stored(item) for item in items}


def _stored(item: Item) -> StoredOverride:
    override = Override(
        Stamp.parse(item["stamp"]),
        DealId(item["deal"]),
        bool(item["attached"]),
        UserId(item["user"]),
        MessageKey(item["message"]) if "message" in item else None,
    )
    position = item[keys.SK].removeprefix(keys.OVERRIDES)
    return StoredOverride(ThreadId(item["thread"]), override, position)


def _says_the_same(item: Item, override: Override) -> bool:
    said = item.get("message"), item["attached"], item["user"]
    return said == (override.message, override.attached, override.user)


def override_item(account: AccountId, thread: ThreadId, override: Override) -> Put:
    """What stores an override in the partition of its deal. Idempotent.

    Parameters:
        thread: the id that its thread has when it is given.
    """
    said = "attached" if override.attached else "detached"
    target = override.message or thread
    return Put(
        {
            **keys.deal_override(account, override.deal, target, override.stamp, said),
            "thread": thread,
            "stamp": str(override.stamp),
            "deal": override.deal,
            "attached": override.attached,
            "user": override.user,
            "message": override.message,
        }
    )
