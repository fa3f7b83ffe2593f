"""Which deals a message matches.

A deal keeps its versions, and a message is matched with the version in force at its instant, so
that the order in which mail and the CRM's events arrive never matters.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from mailmirror.domain.address import Address
from mailmirror.domain.message import Entry
from mailmirror.domain.stamp import Stamp

DealId = NewType("DealId", str)
ContactId = NewType("ContactId", str)

DEAL_LOOKBACK = timedelta(days=30)
"""How long before the opening of a deal a message may be dated and still match it."""


class DealPolicy(StrEnum):
    """On which of its persons' open deals a message is put."""

    ONE_OPEN_DEAL = "one_open_deal"
    ALL_OPEN_DEALS = "all_open_deals"
    NEVER = "never"


class DealStatus(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class DealVersion:
    """What a deal was from `occurred_at` on."""

    occurred_at: datetime
    event_id: str
    name: str
    status: DealStatus
    contacts: frozenset[ContactId]
    accepted: int = 0
    """The number of its event at acceptance."""
    lost: int = 0
    """Contacts that the CRM gave and that could not be read."""

    @property
    def stamp(self) -> Stamp:
        return Stamp(self.occurred_at, self.event_id, self.accepted)


@dataclass(frozen=True, slots=True)
class Deal:
    id: DealId
    versions: tuple[DealVersion, ...]
    """The earliest first; of two at the same instant, the one whose stamp is the later last."""
    line: int = 0
    """The line of the account's change log at which it has last changed."""

    @classmethod
    def of(cls, id: DealId, versions: Iterable[DealVersion], line: int = 0) -> "Deal":
        return cls(id, tuple(sorted(versions, key=_order)), line)

    @property
    def latest(self) -> DealVersion:
        return self.versions[-1]

    @property
    def lost(self) -> int:
        """The most contacts that a version lacks which counted at any time."""
        last_of_instant = {version.occurred_at: version for version in self.versions}
        return max(version.lost for version in last_of_instant.values())

    def is_open(self, contacts: Set[ContactId], at: datetime) -> bool:
        """Tell whether the deal was open at an instant with one of these contacts on it."""
        in_force = [version for version in self.versions if version.occurred_at <= at]
        return (
            bool(in_force)
            and in_force[-1].status is DealStatus.OPEN
            and not contacts.isdisjoint(in_force[-1].contacts)
        )


def _order(version: DealVersion) -> tuple[Stamp, str, str, list[ContactId]]:
    """A total order: even two events under one id do not depend on their arrival."""
    return version.stamp, version.status, version.name, sorted(version.contacts)


def match_deals(
    instant: datetime,
    contacts: Set[ContactId],
    deals: Collection[Deal],
    policy: DealPolicy = DealPolicy.ONE_OPEN_DEAL,
    lookback: timedelta = DEAL_LOOKBACK,
) -> frozenset[DealId]:
    """Return the deals that a message matches.

    The deals of its contacts that were open at its instant; where none was, those that were open
    at the first opening within `lookback` after it. Under `one_open_deal` none, unless it is
    exactly one.
    """
    if policy is DealPolicy.NEVER:
        return frozenset()
    openings = sorted(
        version.occurred_at
        for deal in deals
        for version in deal.versions
        if timedelta(0) < version.occurred_at - instant <= lookback
    )
    for moment in [instant, *openings]:
        open_deals = frozenset(deal.id for deal in deals if deal.is_open(contacts, moment))
        if open_deals:
            return (
                open_deals
                if policy is DealPolicy.ALL_OPEN_DEALS or len(open_deals) == 1
                else frozenset()
            )
    return frozenset()


@dataclass(frozen=True, slots=True)
class Crm:
    """What deal matches need of the CRM: contacts by address, and deals by contact."""

    team: Set[Address]
    contacts: Mapping[Address, Set[ContactId]]
    deals: Mapping[ContactId, Collection[Deal]]
    policy: DealPolicy = DealPolicy.ONE_OPEN_DEAL

    def contacts_of(self, participants: Set[Address]) -> frozenset[ContactId]:
        """The contacts among participants. A team address never matches a person."""
        outsiders = participants - self.team
        return frozenset(
            contact for address in outsiders for contact in self.contacts.get(address, ())
        )


def match_thread(entries: Iterable[Entry], crm: Crm) -> frozenset[DealId]:
    """Return the deals that the messages of a thread match.

    Each content of a message matches by its own participants and instant: a stranger who knows a
    Message-ID could take the message off its deal otherwise, by a content that names another
    person.
    """
    on: frozenset[DealId] = frozenset()
    for entry in entries:
        contacts = crm.contacts_of(entry.participants)
        deals = {deal.id: deal for contact in contacts for deal in crm.deals.get(contact, ())}
        on |= match_deals(entry.instant, contacts, deals.values(), crm.policy)
    return on
