"""The rounds of deep audits: of each mailbox the one under way, or the last, and the one before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailmirror.domain.deep_audit import Fault, FaultKind, Found, Round
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.store import keys
from mailmirror.store.sync_state import Lease
from mailmirror.store.table import Item, Table, Update

_NUMBERS = ("uids", "repaired", "lost", "returned", "disputed", "left_out")


@dataclass(frozen=True, slots=True)
class Rounds:
    """What is stored of a mailbox's deep audits."""

    present: Round | None = None
    """The round that is under way, or the last one."""
    last: Round | None = None
    """The one before it."""


class AuditRounds:
    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, key: MailboxKey) -> Rounds:
        """Read a mailbox's rounds; none of an earlier epoch. One or two read units."""
        item = self._table.get(keys.audit_round(key), consistent=True)
        if item is None or int(item["epoch"]) != key.epoch:
            return Rounds()
        last = item.get("last")
        return Rounds(_round(item["present"]), _round(last) if last else None)

    def save(self, lease: Lease, rounds: Rounds) -> None:
        """Store a mailbox's rounds. One write unit a KB, four at the most.

        Only the holder of the lease audits; one that has lost it may write as well as its
        successor, since a round only counts.
        """
        present, last = rounds.present, rounds.last
        values = {
            ":epoch": lease.key.epoch,
            ":present": _item(present) if present else None,
            ":last": _item(last) if last else None,
        }
        given = {name: value for name, value in values.items() if value is not None}
        assigned = ", ".join(f"#{name[1:]} = {name}" for name in given)
        removed = " REMOVE #last" if last is None else ""
        names = {f"#{name}": name for name in ("epoch", "present", "last")}
        key = keys.audit_round(lease.key)
        self._table.update(Update(key, f"SET {assigned}{removed}", given, names=names))


def _item(one: Round) -> Item:
    found = one.found
    item: dict[str, Any] = {
        "number": one.number,
        "begun_at": keys.time_text(one.begun_at),
        "faults": {kind.value: count for kind, count in found.faults.items()},
        "listed": [[x.kind.value, x.name, x.folder, x.uid] for x in one.listed],
        "mended": list(one.repaired),
        "before": list(one.before),
        **{name: getattr(found, name) for name in _NUMBERS},
    }
    for name, at in (("asked_at", one.asked_at), ("finished_at", one.finished_at)):
        if at is not None:
            item[name] = keys.time_text(at)
    return item


def _round(item: Item) -> Round:
    kinds = {kind.value for kind in FaultKind}
    return Round(
        number=int(item["number"]),
        begun_at=datetime.fromisoformat(item["begun_at"]),
        asked_at=_time(item.get("asked_at")),
        finished_at=_time(item.get("finished_at")),
        found=Found(
            faults={
                FaultKind(kind): int(count)
                for kind, count in item["faults"].items()
                if kind in kinds
            },
            **{name: int(item.get(name, 0)) for name in _NUMBERS},
        ),
        listed=tuple(
            Fault(FaultKind(kind), name, folder, int(uid))
            for kind, name, folder, uid in item["listed"]
            if kind in kinds
        ),
        repaired=tuple(item["mended"]),
        before=tuple(item["before"]),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
