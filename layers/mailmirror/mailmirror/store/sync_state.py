"""A mailbox's `state` item: the lease, and how far each folder has been judged.

One sync a mailbox at a time. Each write is conditional on the lease's token and extends the lease,
so that a sync which lost the lease changes nothing here.

Each taking of a lease that expired without a release is counted in `deaths`: its holder was killed,
or too slow. The next write that moves a cursor sets the count to zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailmirror.domain.containment import Caution, Place
from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.ledger_parts import LedgerParts
from mailmirror.domain.mailbox import FolderRole, MailboxKey
from mailmirror.store import keys
from mailmirror.store.table import ConditionFailed, Item, Table, Update

LIFETIME = timedelta(seconds=90)
MAX_RUN = timedelta(minutes=6)
"""After which a function that lost its lease has ended: its time limit, and a margin."""


class LeaseHeld(Exception):
    """Another function syncs this mailbox now."""


class LeaseLost(Exception):
    """This sync was too slow, and another has taken over."""


@dataclass(frozen=True, slots=True)
class Lease:
    key: MailboxKey
    token: int
    """Grows with every holder (attribute `fence`); a write with an older token is refused."""


@dataclass(frozen=True, slots=True)
class SyncState:
    folders: Mapping[str, FolderState] = field(default_factory=dict)
    """By the folder's id."""
    first_sync_done: bool = False
    log_cursor: int = 0
    stale_until: datetime | None = None
    """Until when a sync that lost its lease may still be writing entries."""
    caution: Caution = field(default_factory=Caution)
    deaths: int = 0
    """How many holders of the lease did not release it since a cursor last moved."""
    progressed_at: datetime | None = None
    """When a cursor last moved."""

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
            item = self._take(key, now, "attribute_not_exists(lease_until)", " ADD", {})
        except ConditionFailed:
            # The holder may still run: its writes here are refused, its writes elsewhere are not.
            stale = {":now": keys.time_text(now), ":stale": keys.time_text(now + MAX_RUN)}
            more = ", stale_until = :stale ADD deaths :one,"
            try:
                item = self._take(key, now, "lease_until <= :now", more, stale)
            except ConditionFailed as error:
                raise LeaseHeld(key.mailbox) from error
        lease = Lease(key, int(item["fence"]))
        if int(item["epoch"]) != key.epoch:
            item = self._write(
                lease,
                now,
                "epoch = :epoch, folders = :none, first_sync_done = :false",
                {":epoch": key.epoch, ":none": {}, ":false": False},
                removing=" REMOVE caution, deaths, progressed_at",
            )
        return lease, _state(item)

    def _take(
        self,
        key: MailboxKey,
        now: datetime,
        condition: str,
        more: str,
        values: Mapping[str, str],
    ) -> Item:
        return self._table.update(
            Update(
                keys.state(key),
                "SET lease_until = :until, folders = if_not_exists(folders, :none),"
                f" epoch = if_not_exists(epoch, :epoch){more} fence :one",
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

    def find_folder(self, key: MailboxKey, id: str) -> FolderState | None:
        """Read how far one folder has been judged. One read unit."""
        return self.read(key).folders.get(id)

    def save(
        self, lease: Lease, id: str, folder: FolderState, caution: Caution, now: datetime
    ) -> None:
        """Move a folder's cursors and ledger head. One to two write units.

        Raises:
            LeaseLost: another holds the lease.
        """
        careful = caution != Caution()
        self._write(
            lease,
            now,
            "folders.#folder = :folder, progressed_at = :now"
            + (", caution = :caution" if careful else ""),
            {
                ":folder": _folder_item(folder),
                ":now": keys.time_text(now),
                ":caution": _caution_item(caution) if careful else None,
            },
            {"#folder": id},
            " REMOVE deaths" if careful else " REMOVE deaths, caution",
        )

    def suspect(self, lease: Lease, caution: Caution, now: datetime) -> None:
        """Store which UID is judged alone, before it is. One to two write units.

        Raises:
            LeaseLost: another holds the lease.
        """
        values = {":caution": _caution_item(caution)}
        self._write(lease, now, "caution = :caution", values, removing=" REMOVE deaths")

    def forget(self, lease: Lease, id: str, now: datetime) -> None:
        """Delete a folder that has another name now; its copies are judged again under that."""
        self._write(lease, now, "", {}, {"#folder": id}, " REMOVE folders.#folder")

    def renew(self, lease: Lease, now: datetime) -> None:
        """Extend a lease that is held. One to two write units.

        Raises:
            LeaseLost: it was released, or another holds it.
        """
        self._write(lease, now, "", {}, condition=" AND attribute_exists(lease_until)")

    def start_log(self, lease: Lease, number: int, now: datetime) -> None:
        """Store the line of the change log after which verdicts may have to change."""
        self._write(
            lease, now, "log_cursor = if_not_exists(log_cursor, :number)", {":number": number}
        )

    def release(
        self, lease: Lease, *, first_sync_done: bool, caution: Caution | None = None
    ) -> None:
        """Release the lease, and store whether the first sync is done.

        Parameters:
            caution: what the next sync has to take, where this one failed without progress.

        Raises:
            LeaseLost: another holds the lease.
        """
        values: dict[str, object] = {":done": first_sync_done, ":token": lease.token}
        expression = "SET first_sync_done = :done"
        removing = "lease_until"
        if caution is not None:
            expression += ", caution = :caution"
            removing += ", deaths"
            values[":caution"] = _caution_item(caution)
        try:
            self._table.update(
                Update(
                    keys.state(lease.key),
                    f"{expression} REMOVE {removing}",
                    values,
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
        condition: str = "",
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
                    f"fence = :token{condition}",
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
        "head": folder.ledger.head.encode(),
        "blocks": [folder.ledger.blocks.start, folder.ledger.blocks.stop],
        "compacted": folder.ledger.compacted,
        "judged": folder.judged,
        "present": folder.present,
        "pending": folder.pending,
        "messages": folder.messages,
        **({"retries": folder.retries} if folder.retries else {}),
        **({"retry_at": keys.time_text(folder.retry_at)} if folder.retry_at else {}),
    }


def _caution_item(caution: Caution) -> Item:
    return {
        "batch": caution.batch,
        "remaining": caution.remaining,
        "suspects": [
            [place.folder, place.uidvalidity, place.uid, deaths, place == caution.current]
            for place, deaths in caution.suspects.items()
        ],
    }


def _state(item: Item) -> SyncState:
    return SyncState(
        {id: _folder(folder) for id, folder in item["folders"].items()},
        bool(item.get("first_sync_done")),
        int(item.get("log_cursor", 0)),
        _time(item.get("stale_until")),
        _caution(item["caution"]) if "caution" in item else Caution(),
        int(item.get("deaths", 0)),
        _time(item.get("progressed_at")),
    )


def _caution(item: Item) -> Caution:
    suspects, current = dict[Place, int](), None
    for folder, uidvalidity, uid, deaths, is_current in item["suspects"]:
        place = Place(str(folder), int(uidvalidity), int(uid))
        suspects[place] = int(deaths)
        current = place if is_current else current
    return Caution(int(item["batch"]), int(item["remaining"]), suspects, current)


def _folder(item: Item) -> FolderState:
    numbers = ("uidvalidity", "next", "low", "judged", "present", "pending", "messages")
    first, stop = map(int, item["blocks"])
    return FolderState(
        name=item["name"],
        role=FolderRole(item["role"]),
        ledger=LedgerParts(Ledger.decode(item["head"]), range(first, stop), int(item["compacted"])),
        retries=int(item.get("retries", 0)),
        retry_at=_time(item.get("retry_at")),
        **{number: int(item[number]) for number in numbers},
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
