"""Where a message is: whose cards and which deals it is on, and what persons have said of that.

    persons    the participants of its contents in the viewer's mailboxes ─► who has them now
    deals      the root of its thread ─► the deals that show it, and the override that decides
    overrides  the deals that the root has an override of ─► all that were given on each of them

Names of persons and deals are the CRM's, and any user of the account may read them; another user is
named only by their own overrides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from mailmirror.domain.address import Address
from mailmirror.domain.association import Root
from mailmirror.domain.card_overrides import CardOverride
from mailmirror.domain.deals import DealId, DealStatus
from mailmirror.domain.feed import PersonRef
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import (
    MAX_LOOKED_UP_PARTICIPANTS,
    MAX_NAMED_DEALS,
    MAX_NAMED_OVERRIDES,
    MAX_SEARCHED_OVERRIDES,
)
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.overrides import Override, Standing, standings
from mailmirror.domain.stamp import Stamp
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.card_overrides import overrides_on_card
from mailmirror.usecases.cards.read_card import Line


@dataclass(frozen=True, slots=True)
class Named[Id]:
    """A person or a deal, and what the CRM calls it."""

    id: Id
    name: str


@dataclass(frozen=True, slots=True)
class OnPerson:
    """A lead or contact who has an address of a message, so that it is, or was, on their card."""

    person: Named[PersonRef]
    addresses: Sequence[Address]
    """The participants of the message that the person has."""
    refs: frozenset[PersonRef]
    """All leads and contacts that the person is now."""
    off: Sequence[CardOverride] = ()
    """The overrides that keep the message off the card for the viewer."""


@dataclass(frozen=True, slots=True)
class OnDeal:
    """A deal on which a message is."""

    deal: Named[DealId]
    by: Override | None
    """The override that puts it there; None where a match does."""


@dataclass(frozen=True, slots=True)
class Said:
    """An override on a message, or on its thread."""

    deal_name: str | None
    """None where the deal is deleted."""
    override: Override
    standing: Standing


@dataclass(frozen=True, slots=True)
class Whereabouts:
    thread: ThreadId
    """The present id of its thread."""
    persons: Sequence[OnPerson]
    further_addresses: int
    """How many participants were not looked up."""
    deals: Sequence[OnDeal]
    further_deals: int
    overrides: Sequence[Said]
    """The latest first."""
    overrides_complete: bool
    """Whether it has every override; where it has not, those that count come first."""
    users: Mapping[UserId, str]
    """The names of those who gave the overrides; empty where the CRM does not say."""


def whereabouts(viewer: Viewer, line: Line, runtime: Runtime) -> Whereabouts:
    """Say where a message is that the viewer sees.

    Some 5 read units, one for each participant, and one for each deal and dozen of its overrides.
    """
    account, message = viewer.account, line.summary.message
    root = runtime.roots.read(account, line.summary.thread)
    having, further_addresses = _persons(viewer, line, runtime)
    persons = [replace(one, off=_off(viewer, one, root, message, runtime)) for one in having]
    deals = [(deal, root.decides(message, deal)) for deal in root.deals_showing(message)]
    deals.sort(key=lambda one: (one[1] is None, one[0]))
    told = deals[:MAX_NAMED_DEALS]
    overrides, complete = _overrides(account, root, message, runtime)
    names = _deal_names(
        account, [*(id for id, _ in told), *(x.deal for x, _ in overrides)], runtime
    )
    return Whereabouts(
        root.thread,
        persons,
        further_addresses,
        [OnDeal(Named(id, name), by) for id, by in told if (name := names[id]) is not None],
        len(deals) - len(told),
        [Said(names[one.deal], one, what) for one, what in overrides],
        complete,
        user_names(
            account,
            {*(one.user for one, _ in overrides), *(by.user for one in persons for by in one.off)},
            runtime,
        ),
    )


def _off(
    viewer: Viewer, one: OnPerson, root: Root, message: MessageKey, runtime: Runtime
) -> Sequence[CardOverride]:
    return overrides_on_card(viewer, one.refs, runtime).keeping_off(root.thread, message)


def user_names(
    account: AccountId, users: Iterable[UserId], runtime: Runtime
) -> Mapping[UserId, str]:
    """What the CRM calls the users who gave overrides: half a read unit each."""
    return {user: runtime.people.user_name(account, user) for user in set(users)}


def _persons(viewer: Viewer, line: Line, runtime: Runtime) -> tuple[Sequence[OnPerson], int]:
    """The persons on whose cards a message is, and how many participants were not looked up."""
    copies = runtime.threads.copies(viewer.account, line.summary.thread, line.summary.message)
    mine = [copy for copy in copies if copy.key in viewer.keys]
    team = runtime.people.team_addresses(viewer.account)
    outsiders = {address for copy in mine for address in copy.participants} - team
    shown = [
        one.address
        for version in line.versions
        for one in (*version.from_, *version.to, *version.cc)
        if one.address in outsiders
    ]
    ordered = list(dict.fromkeys([*shown, *sorted(outsiders)]))
    looked_up = ordered[:MAX_LOOKED_UP_PARTICIPANTS]
    persons = persons_having(viewer.account, looked_up, runtime)
    return persons, len(ordered) - len(looked_up)


def persons_having(
    account: AccountId, participants: Iterable[Address], runtime: Runtime
) -> Sequence[OnPerson]:
    """The persons who have addresses now: a read unit an address, and two a person."""
    looked_up = list(participants)
    having = runtime.people.who_has(account, looked_up)
    addresses: dict[PersonRef, list[Address]] = {}
    for address in looked_up:
        for ref in having.get(address, ()):
            addresses.setdefault(ref, []).append(address)
    people = runtime.people.find_many(account, addresses)
    return [
        OnPerson(Named(ref, people[ref].name), some, people[ref].refs)
        for ref, some in sorted(addresses.items(), key=lambda one: str(one[0]))
        if ref in people
    ]


def _overrides(
    account: AccountId, root: Root, message: MessageKey, runtime: Runtime
) -> tuple[Sequence[tuple[Override, Standing]], bool]:
    """The overrides on a message and its thread, and whether these are all that were given.

    The root has the latest ones of each deal, so it names every deal with earlier ones.
    """
    current = [one for one in root.overrides if one.message in (None, message)]
    given = set(current)
    left, complete = MAX_SEARCHED_OVERRIDES, True
    for deal in sorted({one.deal for one in current}):
        read = list(islice(runtime.overrides.of_deal(account, deal), left + 1)) if left else []
        complete = complete and 0 < left >= len(read)
        given |= {
            one.override
            for one in read[:left]
            if one.thread in root.threads and one.override.message in (None, message)
        }
        left -= min(left, len(read))
    said = sorted(standings(given, message).items(), key=_latest_first, reverse=True)
    first = sorted(said, key=lambda one: one[1] is not Standing.COUNTS)[:MAX_NAMED_OVERRIDES]
    told = [one for one in said if one in first]
    return told, complete and len(told) == len(said)


def _latest_first(said: tuple[Override, Standing]) -> tuple[Stamp, DealId, bool]:
    return said[0].stamp, said[0].deal, said[0].attached


def _deal_names(
    account: AccountId, deals: Iterable[DealId], runtime: Runtime
) -> Mapping[DealId, str | None]:
    """What the CRM calls deals; None where one is deleted."""
    found = {id: runtime.deals.find(account, id) for id in set(deals)}
    return {
        id: None if deal is None or deal.latest.status is DealStatus.DELETED else deal.latest.name
        for id, deal in found.items()
    }
