"""The folders of a mailbox, an item each: how far they have been judged, and their ledger's head.

An item is written on two conditions: that it is as it was read (`version`), and that no later
holder of the mailbox's lease has written it (`fence`). So a sync that has lost the lease can write
a folder only as long as its successor has not: what it writes is then a true account of what it has
judged, for the entries of its copies were written before, and every writer writes the same. The
successor, whose next write fails by the version, reads the item again and goes on from there.

Before a holder writes a block of the ledger, its fence must stand in the item: a block under the
same number that an earlier holder has written can then no longer be listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.contained import FolderFailure
from mailmirror.domain.counted_copies import Uncounted
from mailmirror.domain.folder import FolderState, Passed
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.ledger_parts import LedgerParts
from mailmirror.domain.mailbox import FolderRole, MailboxKey
from mailmirror.domain.problems import Code
from mailmirror.store import keys
from mailmirror.store.sync_state import Lease, LeaseLost
from mailmirror.store.table import ConditionFailed, Item, Put, Table, Update

_UNCHANGED = "version = :version AND fence <= :token"


class FolderChanged(Exception):
    """A sync that has lost the lease has written the folder since it was read."""


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """A folder as its item has it."""

    state: FolderState
    version: int
    fence: int
    """The token of the holder of the lease that wrote it last."""


class FolderStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def read_all(self, key: MailboxKey) -> Mapping[str, StoredFolder]:
        """Read a mailbox's folders by their ids: one query, a quarter read unit a KB."""
        items = self._table.query(keys.folders(key), keys.FOLDERS, consistent=True)
        return {keys.folder_id(item): _folder(item) for item in items}

    def find(self, key: MailboxKey, id: str) -> StoredFolder | None:
        """Read one folder, consistently. One read unit."""
        item = self._table.get(keys.folder(key, id), consistent=True)
        return _folder(item) if item else None

    def save(
        self, lease: Lease, id: str, state: FolderState, stored: StoredFolder | None
    ) -> StoredFolder:
        """Write a folder. One write unit, two where its name is very long.

        Parameters:
            stored: the folder as it was read; None where it had no item.

        Raises:
            LeaseLost: a later holder of the lease has written it.
            FolderChanged: an earlier one has.
        """
        written = StoredFolder(state, stored.version + 1 if stored else 1, lease.token)
        item = {**keys.folder(lease.key, id), **_item(written)}
        put = Put(item, "attribute_not_exists(pk)")
        if stored is not None:
            put = Put(item, _UNCHANGED, {":version": stored.version, ":token": lease.token})
        try:
            self._table.put(put)
        except ConditionFailed as error:
            found = self.find(lease.key, id)
            if found == written:
                return written  # by this very request, whose first answer was lost
            if found is not None and found.fence > lease.token:
                raise LeaseLost(lease.key.mailbox) from error
            raise FolderChanged(id) from error
        return written

    def claim(self, lease: Lease, id: str) -> StoredFolder | None:
        """Read a folder, and keep earlier holders of the lease from writing it. One write unit.

        Returns:
            None where there is no such folder any more.

        Raises:
            LeaseLost: a later holder of the lease has written it.
        """
        try:
            item = self._table.update(
                Update(
                    keys.folder(lease.key, id),
                    "SET fence = :token ADD version :one",
                    {":token": lease.token, ":one": 1},
                    "fence <= :token",
                )
            )
        except ConditionFailed as error:
            if self.find(lease.key, id) is None:
                return None
            raise LeaseLost(lease.key.mailbox) from error
        return _folder(item)

    def forget(self, lease: Lease, id: str, stored: StoredFolder) -> None:
        """Delete a folder, unless it was written since it was read."""
        self._table.delete(keys.folder(lease.key, id), version=stored.version)

    def erase(self, key: MailboxKey) -> None:
        """Delete every folder of a mailbox in its epoch."""
        items = self._table.query(keys.folders(key), keys.FOLDERS)
        self._table.write(
            deletes=[{keys.PK: item[keys.PK], keys.SK: item[keys.SK]} for item in items]
        )


def _item(folder: StoredFolder) -> Item:
    state = folder.state
    return {
        "name": state.name,
        "role": state.role.value,
        "uidvalidity": state.uidvalidity,
        "next": state.next,
        "low": state.low,
        "head": state.ledger.head.encode(),
        "blocks": [state.ledger.blocks.start, state.ledger.blocks.stop],
        "compacted": state.ledger.compacted,
        "judged": state.judged,
        "present": state.present,
        "pending": state.pending,
        **({"over_limit": state.over_limit} if state.over_limit else {}),
        "messages": state.messages,
        "uidnext": state.uidnext,
        **({"retries": state.retries} if state.retries else {}),
        **({"retry_at": keys.time_text(state.retry_at)} if state.retry_at else {}),
        **_failure_item(state.failure),
        **({"passed": [state.passed.number, state.passed.low]} if state.passed else {}),
        **({"stale": True} if state.stale else {}),
        **({"audited": [state.audited.number, state.audited.low]} if state.audited else {}),
        **({"uncounted": state.uncounted.value} if state.uncounted else {}),
        **({} if state.read else {"left_out": True}),
        "version": folder.version,
        "fence": folder.fence,
    }


def _failure_item(failure: FolderFailure | None) -> Item:
    if failure is None:
        return {}
    return {"failure": [failure.code.value, failure.detail, keys.time_text(failure.since)]}


def _failure(item: Item) -> FolderFailure | None:
    if "failure" not in item:
        return None
    code, detail, since = item["failure"]
    return FolderFailure(Code(code), detail, datetime.fromisoformat(since))


def _folder(item: Item) -> StoredFolder:
    cursors = ("uidvalidity", "uidnext", "next", "low")
    counts = ("messages", "judged", "present", "pending")
    first, stop = map(int, item["blocks"])
    state = FolderState(
        name=item["name"],
        role=FolderRole(item["role"]),
        ledger=LedgerParts(Ledger.decode(item["head"]), range(first, stop), int(item["compacted"])),
        over_limit=int(item.get("over_limit", 0)),
        retries=int(item.get("retries", 0)),
        retry_at=datetime.fromisoformat(item["retry_at"]) if "retry_at" in item else None,
        failure=_failure(item),
        passed=Passed(*map(int, item["passed"])) if "passed" in item else None,
        stale=bool(item.get("stale")),
        audited=Passed(*map(int, item["audited"])) if "audited" in item else None,
        uncounted=Uncounted(item["uncounted"]) if "uncounted" in item else None,
        read="left_out" not in item,
        **{number: int(item[number]) for number in (*cursors, *counts)},
    )
    return StoredFolder(state, int(item["version"]), int(item["fence"]))
