"""Users, leads and contacts, and the persons of each address.

The items of leads and contacts decide, by `domain.persons`. Two indexes only name candidates: of an
address those whose events have named it, of a contact those that redirect to it. A candidate is
added before its item changes and removed after, so a reader that checks the items is right.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from mailmirror.domain.address import Address
from mailmirror.domain.changes import Change, ChangeKind
from mailmirror.domain.deals import ContactId
from mailmirror.domain.feed import PersonEvent, PersonRedirected, PersonRef, UserUpserted
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.ownership import Claims
from mailmirror.domain.persons import (
    Person,
    Persons,
    Record,
    are_parted,
    changed_holders,
    check_joined,
    with_line,
)
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
    contacts: frozenset[ContactId] = frozenset()
    """Those among them, and those that redirect to them: as deals name them."""
    line: int = 0
    """The line of the account's log at which a person has last gained or lost it."""
    refs: Collection[frozenset[PersonRef]] = ()
    """Of each person, all leads and contacts that it is now."""
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
        """Read the person that a lead or contact is now: it may be another, by a redirect.

        None where it is deleted, or not known. Read consistently: one read unit, and one for each
        that redirects.
        """
        return self._read(account, [ref]).person(ref)

    def find_many(
        self, account: AccountId, refs: Iterable[PersonRef]
    ) -> Mapping[PersonRef, Person]:
        """Read the persons that leads and contacts are now, consistently. A read unit each."""
        wanted = set(refs)
        persons = self._read(account, wanted)
        return {ref: one for ref in wanted if (one := persons.person(ref)) is not None}

    def _read(self, account: AccountId, refs: Iterable[PersonRef]) -> Persons:
        """Read records, and all that redirects join to them: a round trip a redirect in a row."""
        records: dict[PersonRef, Record] = {}
        asked: set[PersonRef] = set()
        wanted = set(refs)
        while wanted:
            asked |= wanted
            found = (keys.person(account, ref) for ref in wanted)
            wanted = set()
            for item in self._table.get_many(found, consistent=True):
                record = _record(item)
                records[record.ref] = record
                wanted |= {PersonRef.parse(ref) for ref in item.get("redirecting", ())}
                if record.redirect is not None:
                    wanted.add(record.redirect)
            wanted -= asked
        return Persons(records)

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
        refs = {PersonRef.parse(ref) for item in index for ref in item.get("persons", ())}
        found: dict[Address, list[Person]] = {}
        for person in self._read(account, refs).all:
            for address in person.emails:
                found.setdefault(address, []).append(person)
        stored = {keys.address_of(item[keys.PK]): item for item in index}
        return {
            address: Known(
                [person.ref for person in found.get(address, ())],
                frozenset(id for person in found.get(address, ()) for id in person.contacts),
                int(item.get("log_line", 0)),
                [person.refs for person in found.get(address, ())],
                frozenset(item.get("mailboxes", ())),
            )
            for address, item in stored.items()
        }

    def put_user(self, account: AccountId, event: UserUpserted, now: datetime) -> bool:
        """Keep a user as the event has it, unless a later event came first."""
        key = keys.user(account, UserId(event.id))
        fields = {"name": event.name, "emails": set(event.emails) or None}
        for _ in range(_ATTEMPTS):
            old = self._table.get(key, consistent=True)
            latest = _latest(old, "version", "earlier") if old else None
            latest = latest.then(event.stamp) if latest else Latest(event.stamp)
            if latest is None:
                return False
            had = _emails(old) if old else _NOBODY
            change = Change(ChangeKind.TEAM, gained=event.emails - had, lost=had - event.emails)
            stamps = {"version": str(latest.stamp), "earlier": list(latest.earlier) or None}
            read = {":read": old["version"]} if old else None
            put = Put({**key, **fields, **stamps}, _AS_READ if old else _ABSENT, read)
            try:
                self._log.write(account, change, [put], now, self._log.head(account))
            except ConditionFailed:
                continue
            return True
        raise ConditionFailed(key[keys.PK])

    def apply(
        self, account: AccountId, event: PersonEvent, now: datetime, *, lost: int = 0
    ) -> Persons:
        """Store what an event says of a lead or contact, unless a later event came first.

        The write is conditional on the record that was read, so that no event is forgotten of which
        a repeat could come, and on the log's head, which is read before all records: so the line
        names every address whose persons change. An address that the record had before and that the
        index does not name any more is named again, also by a repeat, as if it had been gained.

        A read unit for each address that stays.

        Parameters:
            lost: addresses that were left out of the event.

        Returns:
            The lead or contact, and all that redirects join to it, with the event.

        Raises:
            Refused: `too_many_joined`; see `check_joined`.
            ConditionFailed: the log changed at each of several attempts.
        """
        ref = event.person
        wanted = [ref, event.target] if isinstance(event, PersonRedirected) else [ref]
        for _ in range(_ATTEMPTS):
            head = self._log.head(account)
            before = self._read(account, wanted)
            old = before.records.get(ref, Record(ref))
            new = old.then(event, lost)
            unnamed = self._unnamed(account, ref, old.given & (new or old).given)
            if new is None and not unnamed:
                return before
            new = new or old
            after = Persons({**before.records, ref: new})
            if isinstance(event, PersonRedirected):
                check_joined(event, after)
            gained, has_lost = changed_holders(before, after)
            unnamed_gained = unnamed & after.holders().keys()
            new = with_line(new, before, gained, new.given - old.given, head + 1)
            if unnamed_gained:  # mail that names one may have been judged as no person's
                new = replace(new, line=head + 1)
            gained |= unnamed_gained
            change = Change(
                ChangeKind.PERSON, gained=gained, lost=has_lost, parted=are_parted(before, after)
            )
            for address in gained | has_lost | unnamed | (new.given - old.given):
                self._name_person(account, address, ref if address in new.given else None, head + 1)
            if new.redirect is not None and new.redirect != old.redirect:
                self._name_redirect(account, new.redirect, ref, "ADD")
            try:
                self._log.write(account, change, [_put(account, old, new)], now, head)
            except ConditionFailed:
                continue
            for address in old.given - new.given:
                key = keys.address(account, address)
                self._table.update(Update(key, "DELETE persons :ref", {":ref": {str(ref)}}))
            if old.redirect is not None and new.redirect != old.redirect:
                self._name_redirect(account, old.redirect, ref, "DELETE")
            return after
        raise ConditionFailed(ref)

    def _unnamed(self, account: AccountId, ref: PersonRef, addresses: Set[Address]) -> Set[Address]:
        """Those of a record's addresses whose index item does not name it: it was lost."""
        wanted = (keys.address(account, address) for address in addresses)
        items = self._table.get_many(wanted, consistent=True) if addresses else ()
        naming = {
            keys.address_of(item[keys.PK]) for item in items if str(ref) in item.get("persons", ())
        }
        return addresses - naming

    def _name_person(
        self, account: AccountId, address: Address, ref: PersonRef | None, line: int
    ) -> None:
        """Store the line at which the persons of an address change, and who may have it."""
        values: dict[str, object] = {":line": line}
        added = ""
        if ref is not None:
            values[":ref"], added = {str(ref)}, " ADD persons :ref"
        key = keys.address(account, address)
        self._table.update(Update(key, f"SET log_line = :line{added}", values))

    def _name_redirect(
        self, account: AccountId, target: PersonRef, ref: PersonRef, verb: str
    ) -> None:
        """Store that a record may redirect to a contact, known or not; or that it does not."""
        values = {":ref": {str(ref)}, ":target": str(target)}
        expression = f"SET #ref = :target {verb} redirecting :ref"
        key = keys.person(account, target)
        self._table.update(Update(key, expression, values, names={"#ref": "ref"}))


_STAMPS = (
    ("version", "earlier"),
    ("deleted", "deleted_earlier"),
    ("redirected", "redirected_earlier"),
)
"""The attributes of a record's latest events: upserted, deleted, redirected."""


def _record(item: Item) -> Record:
    target = item.get("target")
    upserted, deleted, redirected = (_latest(item, *names) for names in _STAMPS)
    return Record(
        PersonRef.parse(item["ref"]),
        item.get("name", ""),
        _emails(item),
        int(item.get("lost", 0)),
        upserted,
        deleted,
        redirected,
        PersonRef.parse(target) if target else None,
        int(item.get("line", 0)),
        int(item.get("moved", 0)),
    )


def _put(account: AccountId, old: Record, new: Record) -> Update:
    """The write of a record, on the condition that it is as it was read.

    An update, because others add to `redirecting`.
    """
    before, after = _attributes(old), _attributes(new)
    names = {f"#{name}": name for name in after}
    kept = {name: value for name, value in after.items() if value is not None}
    values = {f":{name}": value for name, value in kept.items()}
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in kept)
    gone = [f"#{name}" for name in after if name not in kept]
    if gone:
        expression += " REMOVE " + ", ".join(gone)
    conditions = []
    for stamp, _ in _STAMPS:
        if before[stamp] is None:
            conditions.append(f"attribute_not_exists(#{stamp})")
        else:
            conditions.append(f"#{stamp} = :{stamp}_read")
            values[f":{stamp}_read"] = before[stamp]
    key = keys.person(account, new.ref)
    return Update(key, expression, values, " AND ".join(conditions), names)


def _attributes(record: Record) -> Item:
    found: Item = {
        "ref": str(record.ref),
        "name": record.name,
        "emails": set(record.emails) or None,
        "lost": record.lost or None,
        "target": str(record.target) if record.target else None,
        "line": record.line,
        "moved": record.moved or None,
    }
    each = (record.upserted, record.deleted, record.redirected)
    for one, (stamp, earlier) in zip(each, _STAMPS, strict=True):
        found[stamp] = str(one.stamp) if one else None
        found[earlier] = (list(one.earlier) or None) if one else None
    return found


def _latest(item: Item, stamp: str, earlier: str) -> Latest | None:
    if stamp not in item:
        return None
    return Latest(Stamp.parse(item[stamp]), tuple(item.get(earlier, ())))


def _emails(item: Item) -> Set[Address]:
    return frozenset(item.get("emails") or ())
