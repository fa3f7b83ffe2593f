"""The blocks of folders' ledgers (see `domain.ledger_parts`).

A block is written before the folder's item that lists it. A compaction writes blocks under new
numbers, then the folder's item swaps its list in one conditional write; the blocks that it no
longer lists are deleted by the next compaction, so that a reader seldom misses one. A reader that
does reads the folder's item again.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.ledger_parts import NewParts
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.store import keys
from mailmirror.store.folders import FolderStore
from mailmirror.store.sync_state import Lease, LeaseLost
from mailmirror.store.table import ConditionFailed, Item, Put, Table

_ATTEMPTS = 5
_NO_LEDGER = (ValueError, LookupError, TypeError, AttributeError)
"""What reading a block raises that is no ledger."""


class BlockMissing(Exception):
    """A block that the folder's item listed is not there, or is no ledger.

    The list has been swapped since; or, to the holder of the lease, the block is lost.
    """


class LedgerStore:
    def __init__(self, table: Table, folders: FolderStore) -> None:
        self._table = table
        self._folders = folders

    def read(self, key: MailboxKey, id: str, folder: FolderState) -> Ledger:
        """Read the whole ledger of a folder: a quarter read unit a KB, consistently.

        Raises:
            BlockMissing: the folder has to be read again.
        """
        blocks = folder.ledger.blocks
        if not blocks:
            return folder.ledger.head
        first, last = (
            keys.ledger_block(key, id, folder.uidvalidity, number)[keys.SK]
            for number in (blocks[0], blocks[-1])
        )
        found = self._table.query(keys.folders(key), between=(first, last), consistent=True)
        return _ledger(list(found), folder)

    def readable(
        self, key: MailboxKey, id: str, folder: FolderState
    ) -> tuple[Ledger, Sequence[int]]:
        """Read what can be read of a folder's ledger, as the holder of the lease.

        Returns:
            The ledger, and the numbers of the blocks that are listed, and missing or no ledger.
        """
        found: dict[int, Ledger] = {}
        for item in self._table.query(keys.folders(key), keys.ledger_blocks(id), consistent=True):
            uidvalidity, number = keys.ledger_block_of(item)
            if uidvalidity == folder.uidvalidity and number in folder.ledger.blocks:
                with suppress(*_NO_LEDGER):
                    found[number] = Ledger.decode(item["ledger"])
        parts = [found[number] for number in folder.ledger.blocks if number in found]
        lost = [number for number in folder.ledger.blocks if number not in found]
        return Ledger.of_parts([*parts, folder.ledger.head]), lost

    def read_current(
        self, key: MailboxKey, id: str, folder: FolderState
    ) -> tuple[FolderState, Ledger] | None:
        """Read the ledger of a folder without the lease.

        Returns:
            The ledger, and the folder that it belongs to: read again where a block was missing.
            None where the folder is no longer there.

        Raises:
            BlockMissing: at each of several attempts.
        """
        for _ in range(_ATTEMPTS):
            try:
                return folder, self.read(key, id, folder)
            except BlockMissing:
                again = self._folders.find(key, id)
                if again is None:
                    return None
                folder = again.state
        raise BlockMissing(id)

    def fold(self, key: MailboxKey, id: str, folder: FolderState, change: Ledger) -> NewParts:
        """Add a change to a folder's ledger, without writing it.

        Returns:
            The parts for the folder's item to list, once the blocks are written (`write`). Until
            the item lists them, nothing has changed.
        """
        new = folder.ledger.folded(change)
        if new.written and folder.ledger.is_full:
            return folder.ledger.compact(self._whole(key, id, folder).updated(change))
        return new

    def write(self, lease: Lease, id: str, uidvalidity: int, blocks: Mapping[int, Ledger]) -> None:
        """Write blocks that no list names yet. A write unit a KB.

        The lease's fence must stand in the folder's item (see FolderStore): else a sync that has
        lost the lease could have listed one of these numbers.

        Raises:
            LeaseLost: a later holder has written one of them.
        """
        for number, block in blocks.items():
            self._put(lease, keys.ledger_block(lease.key, id, uidvalidity, number), block)

    def _whole(self, key: MailboxKey, id: str, folder: FolderState) -> Ledger:
        """Read the whole ledger, and delete the blocks that an earlier compaction has replaced.

        Numbers only grow, so no later list has a replaced block: deleting it needs no condition,
        even where the lease was lost. A block beyond the list was left by a crash; it is kept
        until its number is written.
        """
        blocks = folder.ledger.blocks
        found = {
            keys.ledger_block_of(item): item
            for item in self._table.query(
                keys.folders(key), keys.ledger_blocks(id), consistent=True
            )
        }
        replaced = [item for (_, number), item in found.items() if number < blocks.start]
        listed = [found.get((folder.uidvalidity, number)) for number in blocks]
        self._table.write(deletes=map(_key, replaced))
        return _ledger(listed, folder)

    def _put(self, lease: Lease, at: keys.Key, block: Ledger) -> None:
        item = {**at, "ledger": block.encode(), "fence": lease.token}
        try:
            self._table.put(
                Put(item, "attribute_not_exists(pk) OR fence <= :token", {":token": lease.token})
            )
        except ConditionFailed as error:
            raise LeaseLost(lease.key.mailbox) from error

    def erase(self, key: MailboxKey) -> None:
        """Delete every block of a mailbox in its epoch."""
        items = self._table.query(keys.folders(key), keys.LEDGERS)
        self._table.write(deletes=map(_key, items))


def _ledger(blocks: Sequence[Item | None], folder: FolderState) -> Ledger:
    try:
        parts = [Ledger.decode(item["ledger"]) for item in blocks if item is not None]
    except _NO_LEDGER as error:
        raise BlockMissing(folder.name) from error
    if len(parts) < len(folder.ledger.blocks):
        raise BlockMissing(folder.name)
    return Ledger.of_parts([*parts, folder.ledger.head])


def _key(item: Item) -> keys.Key:
    return {keys.PK: item[keys.PK], keys.SK: item[keys.SK]}
