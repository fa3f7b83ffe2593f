"""In which parts a folder's ledger is stored, and when they are written anew.

        blocks 3 4 5 6 7      older parts, oldest first, an item each: immutable once listed
        head                  the newest part, in the folder's item, which lists the blocks

A change is folded into the head. A head that grows too long is sealed into a block. From time to
time the blocks are compacted: what later parts have overruled is dropped. Block numbers only grow,
within a folder, whatever becomes of its UIDVALIDITY: so a number that was listed once is never
written again, and a block that no list names can be overwritten or deleted, and is never read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from mailmirror.domain.ledger import Ledger

MAX_HEAD_BYTES = 640
"""So that the folder's item stays below 1 KB: DynamoDB bills the whole of it at each update."""
MAX_BLOCK_BYTES = 16_000
MIN_BLOCKS = 16
"""Blocks sealed before the first compaction, at the least."""


@dataclass(frozen=True, slots=True)
class LedgerParts:
    """The parts of a folder's ledger, as the folder's item has them."""

    head: Ledger = field(default_factory=Ledger)
    blocks: range = range(0)
    """The numbers of the blocks."""
    compacted: int = 0
    """How many of them the last compaction has written."""

    @property
    def is_full(self) -> bool:
        """Whether the next block calls for a compaction.

        As many blocks are sealed between two compactions as the earlier one has written, so that
        compacting costs at most some 16 write units for each KB that is sealed.
        """
        return len(self.blocks) >= 2 * self.compacted + MIN_BLOCKS

    def folded(self, change: Ledger) -> "NewParts":
        """The parts after a change, with the blocks that have to be written first."""
        head = self.head.updated(change)
        if len(head.encode()) <= MAX_HEAD_BYTES:
            return NewParts(replace(self, head=head), {})
        sealed = self._numbered(head.pieces(MAX_BLOCK_BYTES))
        blocks = range(self.blocks.start, self.blocks.stop + len(sealed))
        return NewParts(LedgerParts(blocks=blocks, compacted=self.compacted), sealed)

    def compact(self, whole: Ledger) -> "NewParts":
        """The parts after a compaction, with the blocks that have to be written first.

        Parameters:
            whole: the ledger that these parts make up, and what is added to it.
        """
        written = self._numbered(whole.pieces(MAX_BLOCK_BYTES))
        blocks = range(self.blocks.stop, self.blocks.stop + len(written))
        return NewParts(LedgerParts(blocks=blocks, compacted=len(written)), written)

    def begin_again(self) -> "LedgerParts":
        """The parts of the same folder's ledger under another UIDVALIDITY."""
        return LedgerParts(blocks=range(self.blocks.stop, self.blocks.stop))

    def _numbered(self, pieces: Iterable[Ledger]) -> dict[int, Ledger]:
        return dict(enumerate(pieces, self.blocks.stop))


@dataclass(frozen=True, slots=True)
class NewParts:
    """What a folder's item is to list, and the blocks to write before it does."""

    parts: LedgerParts
    written: Mapping[int, Ledger]
    """By their numbers, which the item does not list yet."""
