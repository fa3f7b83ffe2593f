"""A mailbox's `state` item: the lease, and how far each folder has been judged.

One sync a mailbox at a time. Each write is conditional on the lease's token and extends the lease,
so that a sync which lost it, however long it slept, changes nothing here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import FolderRole, MailboxKey
from mailmirror.store import keys
from mailmirror.store.table import ConditionFailed, Item, Table, Update

LIFETIME = timedelta(seconds=90)
HEARTBEAT = timedelta(seconds=30)
LONGEST_RUN = timedelta(minutes=6)
"""After which a function that lost its lease has ended for certain: its timeout, and some."""
HEAD_BYTES = 640
"""Two folders' heads keep the item below 2 KB: DynamoDB bills the whole of it at each update."""


class LeaseHeld(Exception):
    """Another function syncs this mailbox now."""


class LeaseLost(Exception):
    """This sync was too slow, and another has taken over."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """How far a folder has been judged: all UIDs in [low, next) but the pending ones."""

    name: str
    role: FolderRole
    uidvalidity: int
    next: int
    """The least UID not yet looked at on the side of new mail."""
    low: int
    """The least UID looked at on the side of old mail; 1 once history is complete."""
    head: Ledger = field(default_factory=Ledger)
    """The newest part of the ledger."""
    blocks: int = 0
    """How many sealed blocks hold the rest."""
    judged: int = 0
    present: int = 0
    pending: int = 0
    messages: int = 0
    """What EXAMINE last said."""

    @property
    def complete(self) -> bool:
        return self.low <= 1


@dataclass(frozen=True, slots=True)
class Lease:
    key: MailboxKey
    token: int
    """Grows with every holder; a write that carries an older token is refused."""
    until: datetime


@dataclass(frozen=True, slots=True)
class SyncState:
    folders: Mapping[str, FolderState] = field(default_factory=dict)
    """By the folder's id."""
    first_sync_done: bool = False
    log_cursor: int = 0
    stale_until: datetime | None = None
    """Until when a sync that lost its lease may still be writing entries."""

    @property
    def complete(self) -> bool:
        """Whether every folder's history has been looked at, under its present UIDVALIDITY."""
        return self.first_sync_done and all(folder.complete for folder in self.folders.values())

    @property
    def progress(self) -> int:
        """How much of the mailbox has been judged, in percent."""
        messages = sum(folder.messages for folder in self.folders.values())
        judged = sum(min(folder.judged, folder.messages) for folder in self.folders.values())
        return 100 if self.complete else 100 * judged // messages if messages else 0


class SyncStates:
    def __init__(self, table: Table) -> None:
        self._table = table

    def take(self, key: MailboxKey, now: datetime) -> tuple[Lease, SyncState]:
        """Take the lease of a mailbox, and read its state. One to two write units.

        A state of an earlier epoch is forgotten: its mail is erased.

        Raises:
            LeaseHeld: it is held, and has not expired.
        """
        try:
            item = self._take(key, now, "attribute_not_exists(lease_until)", "", {})
        except ConditionFailed:
            # Its holder may only be slow: it writes nothing here any more, but perhaps elsewhere.
            stale = {":now": keys.time_text(now), ":stale": keys.time_text(now + LONGEST_RUN)}
            try:
                item = self._take(key, now, "lease_until <= :now", ", stale_until = :stale", stale)
            except ConditionFailed as error:
                raise LeaseHeld(key.mailbox) from error
        lease = Lease(key, int(item["fence"]), now + LIFETIME)
        if int(item["epoch"]) != key.epoch:
            item = self._write(
                lease,
                now,
                "epoch = :epoch, folders = :none, first_sync_done = :false",
                {":epoch": key.epoch, ":none": {}, ":false": False},
            )
        return lease, _state(item)

    def _take(
        self, key: MailboxKey, now: datetime, condition: str, more: str, values: Mapping[str, str]
    ) -> Item:
        return self._table.update(
            Update(
                keys.state(key),
                "SET lease_until = :until, folders = if_not_exists(folders, :none),"
                f" epoch = if_not_exists(epoch, :epoch){more} ADD fence :one",
                {
                    ":until": keys.time_text(now + LIFETIME),
                    ":none": {},
                    ":epoch": key.epoch,
                    ":one": 1,
                    **values,
                },
                condition,
            )
        )

    def read(self, key: MailboxKey) -> SyncState:
        """Read a state without taking the lease. One read unit."""
        item = self._table.get(keys.state(key), consistent=True)
        same_epoch = item is not None and int(item["epoch"]) == key.epoch
        return _state(item) if item is not None and same_epoch else SyncState()

    def save(self, lease: Lease, id: str, folder: FolderState, now: datetime) -> Lease:
        """Move a folder's cursors and ledger head. One to two write units.

        Raises:
            LeaseLost: another holds the lease.
        """
        self._write(
            lease,
            now,
            "folders.#folder = :folder",
            {":folder": _folder_item(folder)},
            {"#folder": id},
        )
        return Lease(lease.key, lease.token, now + LIFETIME)

    def forget(self, lease: Lease, id: str, now: datetime) -> None:
        """Drop a folder that has another name now; its copies are judged again under that."""
        self._write(lease, now, "", {}, {"#folder": id}, " REMOVE folders.#folder")

    def heartbeat(self, lease: Lease, now: datetime) -> Lease:
        """Extend a lease that has not been written under for a while."""
        if lease.until - now > LIFETIME - HEARTBEAT:
            return lease
        self._write(lease, now, "", {})
        return Lease(lease.key, lease.token, now + LIFETIME)

    def start_log(self, lease: Lease, number: int, now: datetime) -> None:
        """Note the line of the account's log from which on old verdicts may have to change."""
        self._write(
            lease, now, "log_cursor = if_not_exists(log_cursor, :number)", {":number": number}
        )

    def release(self, lease: Lease, *, first_sync_done: bool) -> None:
        """The last write: say whether the first sync is done, and free the lease.

        Raises:
            LeaseLost: another holds the lease.
        """
        try:
            self._table.update(
                Update(
                    keys.state(lease.key),
                    "SET first_sync_done = :done REMOVE lease_until",
                    {":done": first_sync_done, ":token": lease.token},
                    "fence = :token",
                )
            )
        except ConditionFailed as error:
            raise LeaseLost(lease.key.mailbox) from error

    def _write(
        self,
        lease: Lease,
        now: datetime,
        assignments: str,
        values: Mapping[str, object],
        names: Mapping[str, str] | None = None,
        removing: str = "",
    ) -> Item:
        more = f", {assignments}" if assignments else ""
        expression = f"SET lease_until = :until{more}{removing}"
        until = keys.time_text(now + LIFETIME)
        try:
            return self._table.update(
                Update(
                    keys.state(lease.key),
                    expression,
                    {**values, ":until": until, ":token": lease.token},
                    "fence = :token",
                    names,
                )
            )
        except ConditionFailed as error:
            raise LeaseLost(lease.key.mailbox) from error


def _folder_item(folder: FolderState) -> Item:
    return {
        "name": folder.name,
        "role": folder.role.value,
        "uidvalidity": folder.uidvalidity,
        "next": folder.next,
        "low": folder.low,
        "head": folder.head.encode(),
        "blocks": folder.blocks,
        "judged": folder.judged,
        "present": folder.present,
        "pending": folder.pending,
        "messages": folder.messages,
    }


def _state(item: Item) -> SyncState:
    stale_until = item.get("stale_until")
    return SyncState(
        {id: _folder(folder) for id, folder in item["folders"].items()},
        bool(item.get("first_sync_done")),
        int(item.get("log_cursor", 0)),
        datetime.fromisoformat(stale_until) if stale_until else None,
    )


def _folder(item: Item) -> FolderState:
    numbers = ("uidvalidity", "next", "low", "blocks", "judged", "present", "pending", "messages")
    return FolderState(
        name=item["name"],
        role=FolderRole(item["role"]),
        head=Ledger.decode(item["head"]),
        **{number: int(item[number]) for number in numbers},
    )
