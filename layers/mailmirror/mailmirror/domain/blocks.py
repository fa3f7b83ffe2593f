"""Whom a user has blocked: leads, contacts, addresses and domains whose mail is not mirrored."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from mailmirror.domain.address import Address, domain_of
from mailmirror.domain.feed import PersonRef
from mailmirror.domain.limits import MAX_BLOCKS
from mailmirror.domain.problems import Code, Refused


class BlockKind(StrEnum):
    LEAD = "lead"
    CONTACT = "contact"
    ADDRESS = "address"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Block:
    """What is blocked."""

    kind: BlockKind
    name: str
    """The id of a lead or contact, an address as it is compared, or a domain in A-labels."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Block":
        kind, _, name = text.partition(":")
        return cls(BlockKind(kind), name)

    @property
    def id(self) -> str:
        """Its name in paths: an address may have characters that a path may not."""
        return sha256(str(self).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Blocks:
    """All that a user has blocked."""

    version: int = 0
    """Greater after each change."""
    since: Mapping[Block, datetime] = field(default_factory=dict)

    def adding(self, block: Block, now: datetime) -> "Blocks":
        """With a block; the same where it is there already.

        Raises:
            Refused: `too_many_blocks`.
        """
        if block in self.since:
            return self
        if len(self.since) >= MAX_BLOCKS:
            raise Refused(Code.TOO_MANY_BLOCKS, limit=MAX_BLOCKS)
        return replace(self, version=self.version + 1, since={**self.since, block: now})

    def removing(self, id: str) -> "Blocks":
        """Without the block of an id; the same where there is none."""
        left = {block: at for block, at in self.since.items() if block.id != id}
        return self if len(left) == len(self.since) else Blocks(self.version + 1, left)

    def least_over(self, address: Address, persons: Collection[Set[PersonRef]]) -> Sequence[Block]:
        """The blocks without which an address would not be covered, as few as may be.

        Parameters:
            persons: as in `covers`. Where a block of all of them counts, those of one are enough.
        """
        labels = domain_of(address).split(".")
        domains = (".".join(labels[first:]) for first in range(len(labels)))
        wanted = [Block(BlockKind.ADDRESS, address), *(Block(BlockKind.DOMAIN, x) for x in domains)]
        found = [one for one in wanted if one in self.since]
        each = [
            [one for ref in refs if (one := Block(BlockKind(ref.kind.value), ref.id)) in self.since]
            for refs in persons
        ]
        each.sort(key=len)
        return [*found, *each[0]] if each and each[0] else found

    def covers(self, address: Address, persons: Collection[Set[PersonRef]]) -> bool:
        """Tell whether a customer's address is blocked.

        Parameters:
            persons: that have the address: of each the lead or contact that it is now, and those
                that were converted to it or merged into it, so that a block follows them. Where
                several persons have the address, all of them must be blocked.
        """
        if not self.since:
            return False
        if Block(BlockKind.ADDRESS, address) in self.since:
            return True
        labels = domain_of(address).split(".")
        domains = (".".join(labels[first:]) for first in range(len(labels)))
        if any(Block(BlockKind.DOMAIN, one) in self.since for one in domains):
            return True
        return bool(persons) and all(
            any(Block(BlockKind(ref.kind.value), ref.id) in self.since for ref in refs)
            for refs in persons
        )
