"""The sealed blocks of a folder's ledger."""

from collections.abc import Iterator

from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.store import keys
from mailmirror.store.sync_state import HEAD_BYTES, FolderState, Lease, LeaseLost
from mailmirror.store.table import ConditionFailed, Put, Table

BLOCK_BYTES = 16_000


class LedgerStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, key: MailboxKey, id: str, folder: FolderState) -> Ledger:
        """Read the whole ledger of a folder: a quarter read unit a KB, consistently."""
        return Ledger.union([folder.head, *self._blocks(key, id, folder)])

    def _blocks(self, key: MailboxKey, id: str, folder: FolderState) -> Iterator[Ledger]:
        """The blocks that the state counts; one beyond them was left by a crash."""
        blocks = self._table.query(
            keys.kept(key),
            keys.ledger_blocks(id, folder.uidvalidity),
            limit=folder.blocks,
            consistent=True,
        )
        return (Ledger.decode(item["ledger"]) for item in blocks)

    def fold(self, lease: Lease, id: str, folder: FolderState, part: Ledger) -> tuple[Ledger, int]:
        """Add a part to the head, sealing it into a block where it grows too long.

        The block is written before the state that empties the head, so that a crash between
        the two leaves some UIDs in both, with the same verdicts.

        Returns:
            The head and the number of blocks for the state to keep.

        Raises:
            LeaseLost: a later holder has written the block.
        """
        head = Ledger.union([folder.head, part])
        if len(head.encode()) <= HEAD_BYTES:
            return head, folder.blocks
        number = max(folder.blocks - 1, 0)
        last = self._block(lease.key, id, folder.uidvalidity, number) if folder.blocks else Ledger()
        joined = Ledger.union([last, head])
        if len(joined.encode()) > BLOCK_BYTES and folder.blocks:
            number, joined = folder.blocks, head
        self._seal(lease, id, folder.uidvalidity, number, joined)
        return Ledger(), number + 1

    def _block(self, key: MailboxKey, id: str, uidvalidity: int, number: int) -> Ledger:
        item = self._table.get(keys.ledger_block(key, id, uidvalidity, number), consistent=True)
        return Ledger.decode(item["ledger"]) if item else Ledger()

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
        items = self._table.query(keys.kept(key), keys.LEDGERS)
        self._table.write(
            deletes=[{keys.PK: item[keys.PK], keys.SK: item[keys.SK]} for item in items]
        )
