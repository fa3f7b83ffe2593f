"""The roots of threads: each is the item of the vertex that its thread is named after.

Every write is conditional on the version as read (optimistic concurrency).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mailmirror.domain.association import Left, Root, Run, Token
from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.overrides import Override
from mailmirror.domain.stamp import Stamp
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.table import Item, Put, Table, Update

_FIELDS = ("version", "facts", "deals", "overrides", "pending", "left", "redirect", "absorbed")


class RootStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def read_many(self, account: AccountId, threads: Iterable[ThreadId]) -> Mapping[ThreadId, Root]:
        """Read the roots of threads by any of their ids, consistently: one read unit each.

        Redirects are followed, a round trip for all a step; most threads have none.
        """
        asked = set(threads)
        found: dict[ThreadId, Root] = {}
        unread = set(asked)
        while unread:
            wanted = [keys.thread_root(account, id) for id in unread]
            roots = map(read_root, self._table.get_many(wanted, consistent=True))
            read = {id: Root(id) for id in unread} | {root.thread: root for root in roots}
            found |= read
            unread = {root.redirect for root in read.values() if root.redirect} - found.keys()
        return {thread: _end(found, thread) for thread in asked}

    def read(self, account: AccountId, thread: ThreadId) -> Root:
        return self.read_many(account, [thread])[thread]

    def write(
        self, account: AccountId, before: Root, after: Root, with_it: Sequence[Put | Update] = ()
    ) -> None:
        """Store a root as it is after a change. A write unit a KB; double with other items.

        Parameters:
            before: as it was read.
            with_it: what is written in the same transaction.

        Raises:
            ConditionFailed: it has changed since; nothing was written.
        """
        update = _update(account, before, after)
        if with_it:
            self._table.transact([*with_it, update])
        else:
            self._table.update(update)

    def join(
        self,
        account: AccountId,
        winner: tuple[Root, Root],
        loser: tuple[Root, Root],
        with_it: Sequence[Put | Update],
    ) -> None:
        """Store two roots as they are after one has absorbed the other, in one transaction.

        Parameters:
            winner, loser: each before and after.

        Raises:
            ConditionFailed: one of them has changed since; nothing was written.
        """
        updates = [_update(account, *pair) for pair in (winner, loser)]
        self._table.transact([*with_it, *updates])


def root_item(account: AccountId, root: Root) -> Item:
    """The item of a new thread's first vertex."""
    return {**keys.thread_root(account, root.thread), "thread": root.thread, **_fields(root)}


def read_root(item: Item) -> Root:
    return Root(
        thread=ThreadId(item[keys.PK].rpartition("#")[2]),
        version=int(item.get("version", 0)),
        facts=int(item.get("facts", 0)),
        deals=frozenset(map(DealId, item.get("deals", ()))),
        overrides=frozenset(_override(*one) for one in item.get("overrides", ())),
        pending=frozenset(_token(*one) for one in item.get("pending", ())),
        left=frozenset(
            Left(DealId(deal), datetime.fromisoformat(at)) for deal, at in item.get("left", ())
        ),
        redirect=ThreadId(item["redirect"]) if "redirect" in item else None,
        absorbed=frozenset(map(ThreadId, item.get("absorbed", ()))),
    )


def _end(roots: Mapping[ThreadId, Root], thread: ThreadId) -> Root:
    root = roots[thread]
    while root.redirect is not None:
        root = roots[root.redirect]
    return root


def _update(account: AccountId, before: Root, after: Root) -> Update:
    fields = _fields(after)
    condition = "#version = :before" if before.version else "attribute_not_exists(#version)"
    assigned = ", ".join(f"#{name} = :{name}" for name in fields)
    removed = ", ".join(f"#{name}" for name in _FIELDS if name not in fields)
    values: dict[str, object] = {f":{name}": value for name, value in fields.items()}
    if before.version:
        values[":before"] = before.version
    return Update(
        keys.thread_root(account, after.thread),
        f"SET {assigned}" + (f" REMOVE {removed}" if removed else ""),
        values,
        condition,
        {f"#{name}": name for name in _FIELDS},
    )


def _fields(root: Root) -> dict[str, Any]:
    """Only the fields that say something: an empty set is no value."""
    fields: dict[str, Any] = {
        "version": root.version,
        "facts": root.facts or None,
        "deals": set(root.deals) or None,
        "overrides": [
            [str(one.stamp), one.deal, one.attached, one.user, one.message or ""]
            for one in sorted(root.overrides, key=lambda one: (one.stamp, one.deal))
        ]
        or None,
        "pending": [
            [
                token.deal,
                token.run.id,
                keys.time_text(token.run.ends_at),
                keys.time_text(token.run.sweep_at),
            ]
            for token in sorted(root.pending, key=lambda token: (token.deal, token.run.id))
        ]
        or None,
        "left": [
            [one.deal, keys.time_text(one.sweep_at)]
            for one in sorted(root.left, key=lambda one: (one.deal, one.sweep_at))
        ]
        or None,
        "redirect": root.redirect,
        "absorbed": set(root.absorbed) or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _override(stamp: str, deal: str, attached: bool, user: str, message: str) -> Override:
    target = MessageKey(message) if message else None
    return Override(Stamp.parse(stamp), DealId(deal), attached, UserId(user), target)


def _token(deal: str, run: str, ends_at: str, sweep_at: str) -> Token:
    times = datetime.fromisoformat(ends_at), datetime.fromisoformat(sweep_at)
    return Token(DealId(deal), Run(run, *times))
