"""What a user has blocked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from mailmirror.api.decoding import Strict
from mailmirror.api.fields import CrmId, DomainName, Email
from mailmirror.api.times import utc
from mailmirror.domain.blocks import Block as Named
from mailmirror.domain.blocks import BlockKind, Blocks
from mailmirror.domain.problems import Code, Refused


class BlockBody(Strict):
    """The body of `POST /v1/users/{user_id}/blocks`: exactly one of its fields."""

    lead_id: Annotated[CrmId | None, Meta(description="With all its addresses")] = None
    contact_id: Annotated[CrmId | None, Meta(description="With all its addresses")] = None
    address: Email | None = None
    domain: Annotated[DomainName | None, Meta(description="With the domains below it")] = None

    @property
    def block(self) -> Named:
        """What is to be blocked.

        Raises:
            Refused: none or several are named.
        """
        given = {
            BlockKind.LEAD: self.lead_id,
            BlockKind.CONTACT: self.contact_id,
            BlockKind.ADDRESS: self.address,
            BlockKind.DOMAIN: self.domain,
        }
        named = [Named(kind, name) for kind, name in given.items() if name is not None]
        if len(named) != 1:
            raise Refused(
                Code.INVALID_FIELD, "body: one of lead_id, contact_id, address and domain"
            )
        return named[0]


class Block(Struct, frozen=True, omit_defaults=True):
    block_id: str
    blocked_at: datetime
    lead_id: str | None = None
    contact_id: str | None = None
    address: str | None = None
    domain: str | None = None

    @classmethod
    def of(cls, block: Named, at: datetime) -> "Block":
        is_person = block.kind in (BlockKind.LEAD, BlockKind.CONTACT)
        field = f"{block.kind}_id" if is_person else str(block.kind)
        return cls(block.id, utc(at), **{field: block.name})


class BlockList(Struct, frozen=True):
    blocks: Sequence[Block]
    """The earliest first."""

    @classmethod
    def of(cls, blocks: Blocks) -> "BlockList":
        in_order = sorted(blocks.since.items(), key=lambda one: (one[1], str(one[0])))
        return cls([Block.of(block, at) for block, at in in_order])
