"""Overrides, never deleted: what was said of a deal, by whom and when.

What counts of them stands at the root of their thread (`store.roots`).
"""

from collections.abc import Set
from dataclasses import replace

from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.overrides import Override
from mailmirror.domain.stamp import Stamp
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.table import Item, Put, Table


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
