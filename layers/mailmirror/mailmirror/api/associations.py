"""Where a message is: each deal with the reason and the call that undoes it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from msgspec import Struct

from mailmirror.api.cards import ListedMessage
from mailmirror.api.times import utc
from mailmirror.domain.card_overrides import CardOverride, Scope
from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import PersonKind
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.overrides import Override, Reason, Standing
from mailmirror.domain.threads import ThreadId
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.overrides import CARD_OVERRIDES, REASONS, STANDINGS
from mailmirror.usecases.cards.whereabouts import OnPerson, Said, Whereabouts

Users = Mapping[UserId, str]


class Undo(Struct, frozen=True):
    """The call that undoes an attach or detach, or takes off what a match puts on a deal."""

    method: Literal["PUT", "DELETE"]
    path: str

    @classmethod
    def of(
        cls, deal: DealId, thread: ThreadId, message: MessageKey | None, *, attached: bool
    ) -> "Undo":
        target = f"messages/{message}" if message else f"threads/{thread}"
        method: Literal["PUT", "DELETE"] = "DELETE" if attached else "PUT"
        return cls(method, f"/v1/deals/{quote(deal, safe='')}/{target}")


class AssociationReason(Struct, frozen=True):
    """Why a thread or message is on a deal, or was taken off it."""

    code: Reason
    reason: str
    remedy: str
    message_id: str | None
    """The message that was attached or detached by itself."""
    user_id: str | None
    """Who attached or detached it; null for a match."""
    user_name: str | None
    at: datetime | None
    undo: Undo

    @classmethod
    def of(
        cls, by: Override | None, deal: DealId, thread: ThreadId, users: Users, language: Language
    ) -> "AssociationReason":
        code = Reason.of(by)
        words = REASONS[code][language]
        message = by.message if by else None
        return cls(
            code=code,
            reason=words.reason,
            remedy=words.remedy,
            message_id=message,
            user_id=by.user if by else None,
            user_name=(users.get(by.user) or None) if by else None,
            at=utc(by.stamp.occurred_at) if by else None,
            undo=Undo.of(deal, thread, message, attached=by.attached if by else True),
        )


class TakenOff(Struct, frozen=True, rename={"for_": "for"}):
    """An override that keeps a message off the card of a lead or contact."""

    kind: PersonKind
    id: str
    """The lead or contact on whose card it was given."""
    message_id: str | None
    """Null where it is the whole thread."""
    for_: Scope
    user_id: str
    user_name: str | None
    at: datetime
    reason: str
    remedy: str
    undo: Undo

    @classmethod
    def of(cls, one: CardOverride, users: Users, language: Language) -> "TakenOff":
        words = CARD_OVERRIDES[one.scope][language]
        return cls(
            kind=one.person.kind,
            id=one.person.id,
            message_id=one.message,
            for_=one.scope,
            user_id=one.user,
            user_name=users.get(one.user) or None,
            at=utc(one.at),
            reason=words.reason,
            remedy=words.remedy,
            undo=put_back(one),
        )


def put_back(one: CardOverride) -> Undo:
    """The call that undoes an override which keeps mail off a card."""
    target = f"messages/{one.message}" if one.message else f"threads/{one.thread}"
    person = f"{one.person.kind}s/{quote(one.person.id, safe='')}"
    return Undo("PUT", f"/v1/{person}/{target}?for={one.scope}")


class MessagePerson(Struct, frozen=True):
    """A lead or contact who has an address of a message."""

    kind: PersonKind
    id: str
    name: str
    addresses: Sequence[str]
    """Those of the message that the person has."""
    taken_off: Sequence[TakenOff]
    """The overrides that keep it off the person's card; none where it is on it."""

    @classmethod
    def of(cls, one: OnPerson, users: Users, language: Language) -> "MessagePerson":
        ref = one.person.id
        off = [TakenOff.of(by, users, language) for by in one.off]
        return cls(ref.kind, ref.id, one.person.name, one.addresses, off)


class MessageDeal(Struct, frozen=True):
    """A deal on which a message is."""

    id: str
    name: str
    by: AssociationReason


class MessageOverride(Struct, frozen=True):
    """An attach or detach of a message, or of its thread."""

    deal_id: str
    deal_name: str | None
    """Null where the deal is deleted."""
    message_id: str | None
    """Null where it is the whole thread."""
    attached: bool
    user_id: str
    user_name: str | None
    at: datetime
    standing: Standing
    reason: str
    remedy: str
    undo: Undo | None
    """Where it counts, and its deal is not deleted."""

    @classmethod
    def of(
        cls, said: Said, thread: ThreadId, users: Users, language: Language
    ) -> "MessageOverride":
        one, words = said.override, STANDINGS[said.standing][language]
        counts = said.standing is Standing.COUNTS and said.deal_name is not None
        undo = Undo.of(one.deal, thread, one.message, attached=one.attached) if counts else None
        return cls(
            deal_id=one.deal,
            deal_name=said.deal_name,
            message_id=one.message,
            attached=one.attached,
            user_id=one.user,
            user_name=users.get(one.user) or None,
            at=utc(one.stamp.occurred_at),
            standing=said.standing,
            reason=words.reason,
            remedy=words.remedy,
            undo=undo,
        )


class PlacedMessage(ListedMessage, frozen=True):
    """A message as a card shows it, and where it is."""

    persons: Sequence[MessagePerson]
    further_addresses: int
    """Participants beyond the first 300, of whom it is not said who has them."""
    deals: Sequence[MessageDeal]
    further_deals: int
    overrides: Sequence[MessageOverride]
    """The latest first."""
    overrides_complete: bool
    """False where there may be earlier ones that count no more."""

    @staticmethod
    def place(found: Whereabouts, language: Language) -> Mapping[str, Any]:
        """Its own fields."""
        thread, users = found.thread, found.users
        deals = [
            MessageDeal(
                one.deal.id,
                one.deal.name,
                AssociationReason.of(one.by, one.deal.id, thread, users, language),
            )
            for one in found.deals
        ]
        return {
            "persons": [MessagePerson.of(one, users, language) for one in found.persons],
            "further_addresses": found.further_addresses,
            "deals": deals,
            "further_deals": found.further_deals,
            "overrides": [
                MessageOverride.of(one, thread, users, language) for one in found.overrides
            ],
            "overrides_complete": found.overrides_complete,
        }
