"""A mailbox's `state` item: the lease, and what its folders amount to. Under 1 KB, always.

One sync a mailbox at a time. Each write is conditional on the lease's token and extends the lease,
so that a sync which lost the lease changes nothing here. The folders themselves are in `folders`.

Each taking of a lease that expired without a release is counted in `deaths`: its holder was killed,
or too slow. The next sync that moves a cursor sets the count to zero.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from struct import Struct

from mailmirror.domain.containment import Caution, Place
from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.passes import Basis, PassState, Target
from mailmirror.domain.totals import Totals
from mailmirror.store import keys
from mailmirror.store.table import ConditionFailed, Item, Table, Update

LIFETIME = timedelta(seconds=90)
MAX_RUN = timedelta(minutes=6)
"""After which a function that lost its lease has ended: its time limit, and a margin."""

_CAUTION = Struct(">HH")
"""How many UIDs the next batches may have, and how many UIDs are left of the batch that died."""
_SUSPECT = Struct(">6sQQB?")
"""Folder, UIDVALIDITY, UID, deaths, and whether it is judged now."""

_BASIS = Struct(">QHIBII")
"""Line of the log, first day of the window since 1970, limit of recipients, version of reading
headers (seven bits) after whether deletions are followed, a checksum of `folders`, and the version
of what the owner has blocked."""
_FIRST_DAY = date(1970, 1, 1)
_PASSES = Struct(">BIQQQQQQ")
"""What there is, the number of the last pass, the line that was searched up to, and five times, in
microseconds since 1970."""
_COPY = Struct(">6sQQ")
"""Folder, UIDVALIDITY and UID."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    totals: Totals = field(default_factory=Totals)
    """Over the folders that the last sync has found."""
    first_sync_done: bool = False
    passes: PassState = field(default_factory=PassState)
    audit_at: datetime | None = None
    """When the next slice of the deep audit is due; None before one was planned."""
    audit_asked_at: datetime | None = None
    """When a person asked for the last deep audit that has begun because of that."""
    audit_caution: Caution = field(default_factory=Caution)
    """What the batches of a deep audit take."""
    auditing: bool = False
    """Whether the holder before had begun a batch of a deep audit, and did not end in order."""
    stale_until: datetime | None = None
    """Until when a sync that lost its lease may still be writing entries."""
    caution: Caution = field(default_factory=Caution)
    deaths: int = 0
    """How many holders of the lease did not release it since a cursor last moved."""
    progressed_at: datetime | None = None
    """When a cursor last moved."""

    @property
    def deaths_at_mail(self) -> int:
        """The deaths but for one that came within a batch of a deep audit."""
        return max(0, self.deaths - self.auditing)

    @property
    def complete(self) -> bool:
        """Whether every folder's history has been looked at, under its present UIDVALIDITY."""
        return self.first_sync_done and self.totals.complete

    @property
    def progress(self) -> int:
        """How much of the mailbox has been judged, in percent."""
        return 100 if self.complete else self.totals.percent


class SyncStates:
    def __init__(self, table: Table) -> None:
        self._table = table

    def take(self, key: MailboxKey, now: datetime) -> tuple[Lease, SyncState]:
        """Take the lease of a mailbox, and read its state. One write unit.

        A state of an earlier epoch is forgotten: its mail is erased.

        Raises:
            LeaseHeld: it is held, and has not expired.
        """
        holder = {":holder": secrets.token_hex(4)}
        try:
            item = self._take(key, now, "attribute_not_exists(lease_until)", " ADD", holder)
        except ConditionFailed:
            # The holder may still run: its writes here are refused, its writes elsewhere are not.
            stale = {":now": keys.time_text(now), ":stale": keys.time_text(now + MAX_RUN)}
            more = ", stale_until = :stale ADD deaths :one,"
            try:
                item = self._take(key, now, "lease_until <= :now", more, holder | stale)
            except ConditionFailed as error:
                raise LeaseHeld(key.mailbox) from error
        lease = Lease(key, int(item["fence"]))
        if int(item["epoch"]) != key.epoch:
            item = self._write(
                lease,
                now,
                "epoch = :epoch, first_sync_done = :false",
                {":epoch": key.epoch, ":false": False},
                removing=" REMOVE totals, caution, deaths, progressed_at, passes,"
                " audit_at, audit_asked_at, audit_caution, auditing",
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
                "SET lease_until = :until, holder = :holder,"
                f" epoch = if_not_exists(epoch, :epoch){more} fence :one",
                {
                    ":until": keys.time_text(now + LIFETIME),
                    ":epoch": key.epoch,
                    ":one": 1,
                    **values,
                },
                # Where an answer was lost, the request that is repeated finds its own lease.
                f"{condition} OR holder = :holder",
            )
        )

    def read(self, key: MailboxKey) -> SyncState:
        """Read a state without taking the lease. One read unit."""
        item = self._table.get(keys.state(key), consistent=True)
        same_epoch = item is not None and int(item["epoch"]) == key.epoch
        return _state(item) if item is not None and same_epoch else SyncState()

    def has_ended(self, key: MailboxKey) -> bool:
        """Whether the last sync has released the lease: none runs, or has died. One read unit."""
        item = self._table.get(keys.state(key), consistent=True)
        return item is None or "lease_until" not in item

    def progressed(self, lease: Lease, totals: Totals, caution: Caution, now: datetime) -> None:
        """Store that a cursor has moved, and what the folders amount to now. One write unit.

        Raises:
            LeaseLost: another holds the lease.
        """
        careful = caution != Caution()
        values: dict[str, object] = {":totals": _totals_item(totals), ":now": keys.time_text(now)}
        if careful:
            values[":caution"] = _caution_bytes(caution)
        self._write(
            lease,
            now,
            "totals = :totals, progressed_at = :now" + (", caution = :caution" if careful else ""),
            values,
            removing=" REMOVE deaths" if careful else " REMOVE deaths, caution",
        )

    def suspect(self, lease: Lease, caution: Caution, now: datetime) -> None:
        """Store which UID is judged alone, before it is. One write unit.

        Raises:
            LeaseLost: another holds the lease.
        """
        values = {":caution": _caution_bytes(caution)}
        self._write(lease, now, "caution = :caution", values, removing=" REMOVE deaths")

    def renew(self, lease: Lease, now: datetime) -> None:
        """Extend a lease that is held. One write unit.

        Raises:
            LeaseLost: it was released, or another holds it.
        """
        self._write(lease, now, "", {}, condition=" AND attribute_exists(lease_until)")

    def passing(self, lease: Lease, passes: PassState, now: datetime) -> None:
        """Store how far passes have come before anything follows from it. One write unit."""
        self._write(lease, now, "passes = :passes", {":passes": _passes_bytes(passes)})

    def audit_begun(self, lease: Lease, asked_at: datetime, now: datetime) -> None:
        """Store that the audit has begun that a person asked for. One write unit.

        It is due until its end, so that the sync after one that died goes on with it.
        """
        values = {":asked": _time_bytes(asked_at), ":now": _time_bytes(now)}
        self._write(lease, now, "audit_asked_at = :asked, audit_at = :now", values)

    def auditing(self, lease: Lease, caution: Caution, now: datetime, *, begun: bool) -> None:
        """Store what the next batch of a deep audit takes. One write unit.

        Parameters:
            begun: whether that batch begins now, so that a death is one within it.
        """
        assignments, values = "audit_caution = :caution", {":caution": _caution_bytes(caution)}
        if begun:
            more: dict[str, object] = {":true": True}
            self._write(lease, now, f"{assignments}, auditing = :true", values | more)
        else:
            self._write(lease, now, assignments, values, removing=" REMOVE auditing")

    def release(
        self,
        lease: Lease,
        *,
        first_sync_done: bool,
        caution: Caution | None = None,
        totals: Totals | None = None,
        progressed_at: datetime | None = None,
        passes: PassState | None = None,
        audit_at: datetime | None = None,
        audit_caution: Caution | None = None,
    ) -> None:
        """Release the lease, and store whether the first sync is done. One write unit.

        Parameters:
            caution: what the next sync has to take, where this one failed without progress.
            totals: what the folders amount to, where the sync has come to read them.
            progressed_at: when a cursor last moved, where one has.
            passes: how far passes have come, where the sync has come to look at them.
            audit_at: when the next slice of the deep audit is due, where that has changed.
            audit_caution: what its next batch takes, where that has changed.

        Raises:
            LeaseLost: another holds the lease.
        """
        values: dict[str, object] = {":first_sync_done": first_sync_done}
        removing = "lease_until, auditing"
        if caution is not None:
            values[":caution"] = _caution_bytes(caution)
            removing += ", deaths"
        if totals is not None:
            values[":totals"] = _totals_item(totals)
        if progressed_at is not None:
            values[":progressed_at"] = keys.time_text(progressed_at)
        if passes is not None:
            values[":passes"] = _passes_bytes(passes)
        if audit_at is not None:
            values[":audit_at"] = _time_bytes(audit_at)
        if audit_caution == Caution():
            removing += ", audit_caution"
        elif audit_caution is not None:
            values[":audit_caution"] = _caution_bytes(audit_caution)
        assignments = ", ".join(f"{name[1:]} = {name}" for name in values)
        try:
            self._table.update(
                Update(
                    keys.state(lease.key),
                    f"SET {assignments} REMOVE {removing}",
                    {**values, ":token": lease.token},
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
                )
            )
        except ConditionFailed as error:
            raise LeaseLost(lease.key.mailbox) from error


def _totals_item(totals: Totals) -> Item:
    return {**asdict(totals), "limits": sorted(totals.limits)}


def _totals(item: Item) -> Totals:
    numbers = ("folders", "complete_folders", "messages", "judged", "pending", "failing", "stale")
    return Totals(
        has_sent=bool(item["has_sent"]),
        limits=frozenset(map(Limit, item.get("limits", ()))),
        **{number: int(item.get(number, 0)) for number in numbers},
    )


def _passes_bytes(passes: PassState) -> bytes:
    """Some 20 bytes a basis, as for the caution."""
    target = passes.target
    at = passes.indexed
    indexed = _COPY.pack(bytes.fromhex(at.folder), at.uidvalidity, at.uid) if at else b""
    flags = bool(passes.basis) | bool(target) << 1 | bool(target and target.everything) << 2
    flags |= bool(indexed) << 3 | passes.hides << 4
    times = (
        *(passes.looked_at, passes.ended_at, passes.next_at),
        *(passes.everything_at, passes.mirrored_at),
    )
    bases = [*passes.bases, *([target.basis] if target else [])]
    return (
        _PASSES.pack(flags, passes.number, passes.hinted_line, *map(_microseconds, times))
        + indexed
        + b"".join(
            _BASIS.pack(
                one.line,
                (one.history_since - _FIRST_DAY).days,
                one.max_recipients,
                one.follows << 7 | one.headers,
                one.folders,
                one.blocks,
            )
            for one in bases
        )
    )


def _passes(stored: bytes) -> PassState:
    flags, number, hinted_line, *times = _PASSES.unpack_from(stored)
    rest, indexed = stored[_PASSES.size :], None
    if flags & 8:
        folder, uidvalidity, uid = _COPY.unpack_from(rest)
        rest, indexed = rest[_COPY.size :], Place(folder.hex(), uidvalidity, uid)
    bases = [
        Basis(
            *(line, _FIRST_DAY + timedelta(days=day), most, bits & 127, folders),
            follows=bool(bits >> 7),
            blocks=blocks,
        )
        for line, day, most, bits, folders, blocks in _BASIS.iter_unpack(rest)
    ]
    basis = bases.pop(0) if flags & 1 else None
    target = Target(bases.pop(), bool(flags & 4)) if flags & 2 else None
    looked_at, ended_at, next_at, everything_at, mirrored_at = map(_time_of, times)
    return PassState(
        basis,
        tuple(bases),
        target,
        number,
        hinted_line,
        looked_at,
        ended_at,
        next_at,
        everything_at,
        indexed,
        hides=bool(flags & 16),
        mirrored_at=mirrored_at,
    )


def _microseconds(time: datetime | None) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1) if time else 0


def _time_of(microseconds: int) -> datetime | None:
    return _EPOCH + timedelta(microseconds=microseconds) if microseconds else None


def _time_bytes(time: datetime) -> bytes:
    """Seven bytes; as text a time takes 27."""
    return _microseconds(time).to_bytes(7)


def _time_of_bytes(stored: bytes | None) -> datetime | None:
    return _time_of(int.from_bytes(stored)) if stored else None


def _caution_bytes(caution: Caution) -> bytes:
    """Some 25 bytes a suspect: as a list they would make the item larger than 1 KB."""
    return _CAUTION.pack(caution.batch, caution.remaining) + b"".join(
        _SUSPECT.pack(
            bytes.fromhex(place.folder),
            place.uidvalidity,
            place.uid,
            min(deaths, 255),
            place == caution.current,
        )
        for place, deaths in caution.suspects.items()
    )


def _caution(stored: bytes) -> Caution:
    batch, remaining = _CAUTION.unpack_from(stored)
    suspects, current = dict[Place, int](), None
    for folder, uidvalidity, uid, deaths, is_current in _SUSPECT.iter_unpack(
        stored[_CAUTION.size :]
    ):
        place = Place(folder.hex(), uidvalidity, uid)
        suspects[place] = deaths
        current = place if is_current else current
    return Caution(batch, remaining, suspects, current)


def _state(item: Item) -> SyncState:
    return SyncState(
        totals=_totals(item["totals"]) if "totals" in item else Totals(),
        first_sync_done=bool(item.get("first_sync_done")),
        passes=_passes(item["passes"]) if "passes" in item else PassState(),
        audit_at=_time_of_bytes(item.get("audit_at")),
        audit_asked_at=_time_of_bytes(item.get("audit_asked_at")),
        audit_caution=_caution(item["audit_caution"]) if "audit_caution" in item else Caution(),
        auditing=bool(item.get("auditing")),
        stale_until=_time(item.get("stale_until")),
        caution=_caution(item["caution"]) if "caution" in item else Caution(),
        deaths=int(item.get("deaths", 0)),
        progressed_at=_time(item.get("progressed_at")),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
