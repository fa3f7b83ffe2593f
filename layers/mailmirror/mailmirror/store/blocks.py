"""Whom users have blocked: one item a user."""

from datetime import datetime

from mailmirror.domain.blocks import Block, Blocks
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.store import keys
from mailmirror.store.accounts import Accounts
from mailmirror.store.table import Put, Table


class BlockStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, account: AccountId, user: UserId) -> Blocks:
        """Read a user's blocks, consistently: one read unit a 4 KB, some sixty blocks."""
        item = self._table.get(keys.blocks(account, user), consistent=True)
        if item is None:
            return Blocks()
        since = {
            Block.parse(text): datetime.fromisoformat(at) for text, at in item["since"].items()
        }
        return Blocks(int(item["version"]), since)

    def write(self, account: AccountId, user: UserId, blocks: Blocks) -> None:
        """Replace a user's blocks, and name their version at the account, in one transaction.

        So each poll and sync, which read the account, see that old mail is to be judged again.
        Twice the write units of both items.

        Raises:
            ConditionFailed: the blocks are of another version than that before this one.
        """
        before = blocks.version - 1
        item = {
            **keys.blocks(account, user),
            "version": blocks.version,
            "since": {str(block): keys.time_text(at) for block, at in blocks.since.items()},
        }
        put = (
            Put(item, "version = :before", {":before": before})
            if before
            else Put(item, "attribute_not_exists(pk)")
        )
        named = Accounts.change_blocks(account, user, blocks.version, len(blocks.since))
        self._table.transact([put, named])
