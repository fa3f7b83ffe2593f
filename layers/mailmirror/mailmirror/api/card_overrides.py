"""Mail that is taken off the card of a lead or contact, or put back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from mailmirror.api.associations import TakenOff
from mailmirror.api.decoding import Strict
from mailmirror.api.times import utc
from mailmirror.domain.card_overrides import Scope
from mailmirror.domain.feed import PersonKind
from mailmirror.domain.words.explanation import Language
from mailmirror.usecases.cards.card_overrides import GivenCardOverride


class CardOverrideQuery(Strict, rename={"for_": "for"}):
    for_: Annotated[
        Scope, Meta(description="For all users of the account, or for the acting user alone")
    ] = Scope.OWNER


class CardOverride(Struct, frozen=True, rename={"for_": "for"}):
    kind: PersonKind
    id: str
    thread_id: str
    message_id: str | None
    """Null where it is the whole thread."""
    for_: Scope
    on: bool
    """False where it takes the mail off the card."""
    user_id: str
    at: datetime
    taken_off: Sequence[TakenOff]
    """The overrides that keep it off the card for the acting user now."""

    @classmethod
    def of(cls, given: GivenCardOverride, language: Language) -> "CardOverride":
        one = given.override
        return cls(
            kind=one.person.kind,
            id=one.person.id,
            thread_id=one.thread,
            message_id=one.message,
            for_=one.scope,
            on=one.on,
            user_id=one.user,
            at=utc(one.at),
            taken_off=[TakenOff.of(by, {}, language) for by in given.still_off],
        )
