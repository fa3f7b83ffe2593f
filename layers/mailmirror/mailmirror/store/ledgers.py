"""The blocks of folders' ledgers (see `domain.ledger_parts`).

A block is written before the folder's item that lists it. A compaction writes blocks under new
numbers, then the folder's item swaps its list in one conditional write; the blocks that it no
longer lists are deleted by the next compaction, so that a reader seldom misses one. A reader that
does reads the folder's item again.
"""

from collections.abc import Callable, Sequence

from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.ledger_parts import LedgerParts
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.store import keys
from mailmirror.store.sync_state import Lease, LeaseLost
from mailmirror.store.table import ConditionFailed, Item, Put, Table

_ATTEMPTS = 5


class BlockMissing(Exception):
    """A block that the folder's item listed is not there: the list has been swapped since."""


class LedgerStore:
    def __init__(self, table: Table) -> None:
        self._table = table

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

    def read_current(
        self, key: MailboxKey, id: str, find: Callable[[], FolderState | None]
    ) -> tuple[FolderState, Ledger] | None:
        """Read a folder's state and its ledger, without the lease.

        Parameters:
            find: reads the folder's item, consistently.

        Returns:
            None where there is no such folder.

        Raises:
            BlockMissing: at each of several attempts.
        """
        for _ in range(_ATTEMPTS):
            folder = find()
            if folder is None:
                return None
            try:
                return folder, self.read(key, id, folder)
            except BlockMissing:
                continue
        raise BlockMissing(id)

    def fold(self, lease: Lease, id: str, folder: FolderState, change: Ledger) -> LedgerParts:
        """Add a change to a folder's ledger, and write the blocks that this calls for.

        Returns:
            The parts for the folder's item to list; until it does, nothing has changed.

        Raises:
            LeaseLost: a later holder has written one of the blocks.
        """
        new = folder.ledger.folded(change)
        if new.written and folder.ledger.is_full:
            new = folder.ledger.compact(self._whole(lease.key, id, folder).updated(change))
        for number, block in new.written.items():
            self._put(lease, keys.ledger_block(lease.key, id, folder.uidvalidity, number), block)
        return new.parts

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
    parts = [Ledger.decode(item["ledger"]) for item in blocks if item is not None]
    if len(parts) < len(folder.ledger.blocks):
        raise BlockMissing(folder.name)
    return Ledger.of_parts([*parts, folder.ledger.head])


def _key(item: Item) -> keys.Key:
    return {keys.PK: item[keys.PK], keys.SK: item[keys.SK]}
