"""Users, leads and contacts, and the persons of each address.

A person's item decides; the index by address only names candidates. An address is added to the
index before the item changes and removed after, so a reader that checks the item is right.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from mailmirror.domain.address import Address
from mailmirror.domain.changes import Change, ChangeKind
from mailmirror.domain.feed import PersonDeleted, PersonRef, PersonUpserted, UserUpserted
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.ownership import Claims
from mailmirror.domain.stamp import Latest, Stamp
from mailmirror.store import keys
from mailmirror.store.change_log import ChangeLog
from mailmirror.store.table import ConditionFailed, Item, Put, Table, Update

_ATTEMPTS = 5
_MAX_TEAMS = 100
"""Accounts whose team a process remembers."""
_ABSENT, _AS_READ = "attribute_not_exists(pk)", "version = :read"
_NOBODY: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class Person:
    ref: PersonRef
    name: str
    emails: Set[Address]
    line: int
    """Of the account's log, at which an address was last gained."""
    lost: int = 0
    """Addresses that the CRM gave and that could not be read."""


@dataclass(frozen=True, slots=True)
class Team:
    """The account's users: their login and mailbox addresses."""

    users: Mapping[UserId, Set[Address]]
    addresses: Set[Address]
    confirmed: Mapping[UserId, Set[Address]] = field(default_factory=dict)
    """By a code; these alone are not of the team."""
    doubtful: Set[Address] = frozenset()
    """Of mailboxes without a proof: of the team as long as no person has them."""

    @property
    def claims(self) -> Claims:
        return Claims(self.users, self.confirmed)


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of an address."""

    persons: Collection[PersonRef] = ()
    """The leads and contacts that have it now."""
    line: int = 0
    """The line of the account's log at which a person has last gained or lost it."""
    mailboxes: frozenset[str] = frozenset()
    """Those that have messages on its timelines, as `keys.mailbox_name` names them."""


class PeopleStore:
    def __init__(self, table: Table, log: ChangeLog) -> None:
        self._table = table
        self._log = log
        self._teams: dict[AccountId, tuple[int, Set[Address]]] = {}

    def team_addresses(self, account: AccountId) -> Set[Address]:
        """The addresses of the team, which this process reads again where the log has moved on.

        One read unit, whatever the number of users; else as `team`.
        """
        head = self._log.head(account)
        known = self._teams.get(account)
        if known is None or known[0] != head:
            known = head, self.team(account).addresses
            if len(self._teams) >= _MAX_TEAMS:
                self._teams.clear()
            self._teams[account] = known
        return known[1]

    def team(self, account: AccountId) -> Team:
        """Read the team, consistently: one read unit a 4 KB, some forty users.

        The address of a mailbox is of the team unless nothing proves that it is its owner's and a
        person has it: else a user who connects a customer's address would hide her mail from all.
        """
        users: dict[UserId, Set[Address]] = {}
        addresses: set[Address] = set()
        confirmed: dict[UserId, set[Address]] = {}
        unproven: set[Address] = set()
        for item in self._table.query(keys.team(account), consistent=True):
            if item[keys.SK].startswith(keys.TEAM_USERS):
                users[UserId(item[keys.SK].removeprefix(keys.TEAM_USERS))] = _emails(item)
            if item[keys.SK].startswith(keys.TEAM_CONFIRMED):
                confirmed.setdefault(UserId(item["user"]), set()).add(Address(item["address"]))
            if item.get("proven", True):
                addresses |= _emails(item)
            else:
                unproven |= _emails(item)
        doubtful = unproven - addresses.union(*confirmed.values())
        persons = self.who_has(account, doubtful) if doubtful else {}
        return Team(users, addresses | (unproven - persons.keys()), confirmed, doubtful)

    def user_exists(self, account: AccountId, user: UserId) -> bool:
        """Tell whether the CRM has named this user. Half a read unit."""
        return self._table.get(keys.user(account, user)) is not None

    def user_name(self, account: AccountId, user: UserId) -> str:
        """What the CRM calls a user; empty where it does not say. Half a read unit."""
        item = self._table.get(keys.user(account, user))
        return str(item["name"]) if item else ""

    def find(self, account: AccountId, ref: PersonRef) -> Person | None:
        """Read a lead or contact that is not deleted. Half a read unit."""
        item = self._table.get(keys.person(account, ref))
        return None if item is None or item["deleted"] else _person(item)

    def find_many(
        self, account: AccountId, refs: Iterable[PersonRef]
    ) -> Mapping[PersonRef, Person]:
        """Read leads and contacts that are not deleted, consistently. A read unit each."""
        items = self._table.get_many((keys.person(account, ref) for ref in refs), consistent=True)
        return {one.ref: one for one in (_person(item) for item in items if not item["deleted"])}

    def who_has(
        self, account: AccountId, addresses: Iterable[Address]
    ) -> Mapping[Address, Collection[PersonRef]]:
        """Find the leads and contacts that have these addresses, consistently."""
        known = self.known(account, addresses)
        return {address: one.persons for address, one in known.items() if one.persons}

    def known(self, account: AccountId, addresses: Iterable[Address]) -> Mapping[Address, Known]:
        """Read what is stored of addresses, consistently.

        One read unit an address, and one a person found; a hundred a round trip.
        """
        index = self._table.get_many(
            (keys.address(account, address) for address in addresses), consistent=True
        )
        refs = {ref for item in index for ref in item.get("persons", ())}
        people = self._table.get_many(
            (keys.person(account, PersonRef.parse(ref)) for ref in refs), consistent=True
        )
        found: dict[Address, list[PersonRef]] = {}
        for item in people:
            for address in _emails(item):
                found.setdefault(address, []).append(PersonRef.parse(item["ref"]))
        stored = {keys.address_of(item[keys.PK]): item for item in index}
        return {
            address: Known(
                found.get(address, ()),
                int(item.get("log_line", 0)),
                frozenset(item.get("mailboxes", ())),
            )
            for address, item in stored.items()
        }

    def put_user(self, account: AccountId, event: UserUpserted, now: datetime) -> bool:
        """Keep a user as the event has it, unless a later event came first."""
        item = {
            **keys.user(account, UserId(event.id)),
            "name": event.name,
            "emails": set(event.emails) or None,
        }
        return self._replace(account, item, event.stamp, event.emails, ChangeKind.TEAM, now)

    def put_person(
        self, account: AccountId, event: PersonUpserted, lost: int, now: datetime
    ) -> bool:
        """Keep a lead or contact as the event has it, unless a later event came first.

        Parameters:
            lost: addresses that were left out of the event.
        """
        person = event.person
        return self._put(account, person, event.name, event.emails, event.stamp, now, lost=lost)

    def delete_person(self, account: AccountId, event: PersonDeleted, now: datetime) -> bool:
        """Delete a lead or contact; what stays keeps an earlier, late event from reviving it."""
        return self._put(account, event.person, "", _NOBODY, event.stamp, now, deleted=True)

    def _put(
        self,
        account: AccountId,
        ref: PersonRef,
        name: str,
        emails: Set[Address],
        stamp: Stamp,
        now: datetime,
        *,
        lost: int = 0,
        deleted: bool = False,
    ) -> bool:
        item = {
            **keys.person(account, ref),
            "ref": str(ref),
            "name": name,
            "emails": set(emails) or None,
            "lost": lost or None,
            "deleted": deleted,
        }

        def index(address: Address, verb: str, line: int) -> None:
            values: dict[str, object] = {":line": line}
            change = f" {verb} persons :ref" if verb else ""
            if verb:
                values[":ref"] = {str(ref)}
            key = keys.address(account, address)
            self._table.update(Update(key, f"SET log_line = :line{change}", values))

        return self._replace(account, item, stamp, emails, ChangeKind.PERSON, now, index)

    def _replace(
        self,
        account: AccountId,
        item: Item,
        stamp: Stamp,
        emails: Set[Address],
        kind: ChangeKind,
        now: datetime,
        index: Callable[[Address, str, int], None] | None = None,
    ) -> bool:
        """Put an item in place of an older version, with the log's line; False if it is newer.

        The write is conditional on the version read (optimistic concurrency), so that no event is
        forgotten of which a repeat could come.
        """
        key = {keys.PK: item[keys.PK], keys.SK: item[keys.SK]}
        for _ in range(_ATTEMPTS):
            old = self._table.get(key, consistent=True)
            latest = _latest(old).then(stamp) if old else Latest(stamp)
            if latest is None:
                return False
            had = _emails(old) if old else _NOBODY
            change = Change(kind, gained=emails - had, lost=had - emails)
            head = self._log.head(account)
            line = head + 1 if change.gained else int(old.get("line", 0)) if old else 0
            if index:
                for address in change.gained:
                    index(address, "ADD", head + 1)
                for address in change.lost:
                    index(address, "", head + 1)
            try:
                version = {"version": str(stamp), "earlier": list(latest.earlier) or None}
                read = {":read": old["version"]} if old else None
                put = Put({**item, **version, "line": line}, _AS_READ if old else _ABSENT, read)
                self._log.write(account, change, [put], now, head)
            except ConditionFailed:
                continue
            if index:
                for address in change.lost:
                    index(address, "DELETE", head + 1)
            return True
        raise ConditionFailed(key[keys.PK])


def _latest(item: Item) -> Latest:
    return Latest(Stamp.parse(item["version"]), tuple(item.get("earlier", ())))


def _person(item: Item) -> Person:
    return Person(
        PersonRef.parse(item["ref"]),
        item["name"],
        _emails(item),
        int(item["line"]),
        int(item.get("lost", 0)),
    )


def _emails(item: Item) -> Set[Address]:
    return frozenset(item.get("emails") or ())
