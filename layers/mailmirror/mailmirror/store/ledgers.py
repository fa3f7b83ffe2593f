"""The sealed blocks of a folder's ledger."""

from collections.abc import Iterator

from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.store import keys
from mailmirror.store.sync_state import MAX_HEAD_BYTES, Lease, LeaseLost
from mailmirror.store.table import ConditionFailed, Put, Table

MAX_BLOCK_BYTES = 16_000


class LedgerStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, key: MailboxKey, id: str, folder: FolderState) -> Ledger:
        """Read the whole ledger of a folder: a quarter read unit a KB, consistently."""
        return Ledger.union([folder.head, *self._blocks(key, id, folder)])

    def _blocks(self, key: MailboxKey, id: str, folder: FolderState) -> Iterator[Ledger]:
        """The blocks that the state counts; one beyond them was left by a crash."""
        blocks = self._table.query(
            keys.folders(key),
            keys.ledger_blocks(id, folder.uidvalidity),
            limit=folder.blocks,
            consistent=True,
        )
        return (Ledger.decode(item["ledger"]) for item in blocks)

    def fold(self, lease: Lease, id: str, folder: FolderState, part: Ledger) -> tuple[Ledger, int]:
        """Add a part to the head, sealing it into blocks where it grows too long.

        A block is written before the state that counts it, and never again once it is counted. A
        block beyond the count was left by a crash, and is overwritten.

        Returns:
            The head and the number of blocks for the state to keep.

        Raises:
            LeaseLost: a later holder has written the block.
        """
        head = Ledger.union([folder.head, part])
        if len(head.encode()) <= MAX_HEAD_BYTES:
            return head, folder.blocks
        number = folder.blocks
        for piece in head.pieces(MAX_BLOCK_BYTES):
            self._seal(lease, id, folder.uidvalidity, number, piece)
            number += 1
        return Ledger(), number

    def _seal(self, lease: Lease, id: str, uidvalidity: int, number: int, block: Ledger) -> None:
        item = {
            **keys.ledger_block(lease.key, id, uidvalidity, number),
            "ledger": block.encode(),
            "fence": lease.token,
        }
        try:
            self._table.put(
                Put(item, "attribute_not_exists(pk) OR fence <= :token", {":token": lease.token})
            )
        except ConditionFailed as error:
            raise LeaseLost(lease.key.mailbox) from error

    def erase(self, key: MailboxKey) -> None:
        """Delete every block of a mailbox in its epoch."""
        items = self._table.query(keys.folders(key), keys.LEDGERS)
        self._table.write(
            deletes=[{keys.PK: item[keys.PK], keys.SK: item[keys.SK]} for item in items]
        )
