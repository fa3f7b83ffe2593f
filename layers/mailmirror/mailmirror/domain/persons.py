"""Who has which address, by what the CRM says of leads and contacts.

Of each lead or contact three things are stored, each by its latest event:

    upserted     its name and addresses
    deleted      that it was deleted
    redirected   the contact that it was converted to, or merged into

What follows from them is computed from all records that redirects join, so the order in which
events arrive does not matter.

    a contact that is upserted after it was merged is a contact of its own again; a lead stays
    converted
    a record that redirects has no card and no addresses of its own: its addresses are the
    contact's, unless that contact was upserted after the redirect
    a redirect to a contact that is not known, or was deleted before, has no effect
    of redirects in a circle the latest counts: the contact that it names does not redirect
"""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from mailmirror.domain.address import Address
from mailmirror.domain.deals import ContactId
from mailmirror.domain.feed import (
    PersonDeleted,
    PersonEvent,
    PersonKind,
    PersonRedirected,
    PersonRef,
    PersonUpserted,
)
from mailmirror.domain.left_out import LeftOut
from mailmirror.domain.limits import MAX_JOINED_RECORDS, MAX_LEFT_OUT_DETAILS
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.stamp import Latest, Stamp

_NONE: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """What the CRM's events say of one lead or contact."""

    ref: PersonRef
    name: str = ""
    emails: Set[Address] = _NONE
    lost: int = 0
    """Addresses that the CRM gave and that could not be read."""
    upserted: Latest | None = None
    deleted: Latest | None = None
    redirected: Latest | None = None
    target: PersonRef | None = None
    """Where `redirected` leads to."""
    line: int = 0
    """The line of the account's log at which the last of its addresses became a person's. Mail that
    names the address may have been judged before that line, as mail of no person."""
    moved: int = 0
    """The line at which its events last gave a person an address that another person had."""

    def then(self, event: PersonEvent, lost: int = 0) -> "Record | None":
        """With a further event; None where a later one of its kind came first, or it is a repeat.

        Parameters:
            lost: addresses that were left out of the event.
        """
        match event:
            case PersonUpserted():
                latest = _later(self.upserted, event.stamp)
                after = replace(
                    self, name=event.name, emails=event.emails, lost=lost, upserted=latest
                )
            case PersonDeleted():
                latest = _later(self.deleted, event.stamp)
                after = replace(self, deleted=latest)
            case PersonRedirected():
                latest = _later(self.redirected, event.stamp)
                after = replace(self, redirected=latest, target=event.target)
        return after if latest else None

    @property
    def redirect(self) -> PersonRef | None:
        """The contact that it redirects to, known or not."""
        revived = self.ref.kind is PersonKind.CONTACT and _is_after(self.upserted, self.redirected)
        return None if revived else self.target

    @property
    def is_deleted(self) -> bool:
        return self.deleted is not None and not _is_after(self.upserted, self.deleted)

    @property
    def given(self) -> Set[Address]:
        """The addresses that it has, or that the contact has that it redirects to."""
        return _NONE if self.is_deleted and self.redirect is None else self.emails


@dataclass(frozen=True, slots=True)
class Person:
    """A lead or contact with a card."""

    ref: PersonRef
    name: str
    emails: Set[Address]
    line: int
    moved: int
    """As those of its records."""
    lost: int = 0
    """Addresses that the CRM gave and that could not be read."""
    redirecting: frozenset[PersonRef] = frozenset()
    """The leads and contacts that redirect to it."""

    @property
    def refs(self) -> frozenset[PersonRef]:
        """All leads and contacts that it is now."""
        return self.redirecting | {self.ref}

    @property
    def contacts(self) -> frozenset[ContactId]:
        """The ids by which deals name it."""
        return frozenset(ContactId(ref.id) for ref in self.refs if ref.kind is PersonKind.CONTACT)


@dataclass(frozen=True, slots=True)
class _Redirect:
    source: Record
    stamp: Stamp
    target: PersonRef

    @property
    def order(self) -> tuple[Stamp, str]:
        return self.stamp, str(self.source.ref)


@dataclass(frozen=True, slots=True)
class Persons:
    """The persons of some records.

    Parameters:
        records: with all that redirects join to any of them.
    """

    records: Mapping[PersonRef, Record]
    _redirects: dict[PersonRef, _Redirect] = field(init=False, default_factory=dict)
    _circles: dict[PersonRef, Sequence[PersonRef]] = field(init=False, default_factory=dict)
    _persons: dict[PersonRef, Person] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for record in self.records.values():
            if record.redirect is not None and record.redirected is not None:
                redirect = _Redirect(record, record.redirected.stamp, record.redirect)
                self._redirects[record.ref] = redirect
        self._open_circles()
        self._drop_ineffective()
        joined: dict[PersonRef, list[Record]] = {}
        for ref, redirect in self._redirects.items():
            joined.setdefault(self._root(ref), []).append(redirect.source)
        for record in self.records.values():
            if record.ref not in self._redirects and _has_card(record):
                self._persons[record.ref] = self._person(record, joined.get(record.ref, ()))

    def person(self, ref: PersonRef) -> Person | None:
        """The person that a lead or contact is now; None where it is deleted, or not known."""
        return self._persons.get(self._root(ref))

    @property
    def all(self) -> Collection[Person]:
        return self._persons.values()

    def holders(self) -> Mapping[Address, frozenset[PersonRef]]:
        """Who has each address: persons, with the leads and contacts by which deals and blocks
        name them."""
        found: dict[Address, set[PersonRef]] = {}
        for person in self.all:
            for address in person.emails:
                found.setdefault(address, set()).update(person.refs)
        return {address: frozenset(refs) for address, refs in found.items()}

    def doubt(self, event: PersonEvent) -> LeftOut | None:
        """Say why a redirect has no effect, or takes that of another one.

        Parameters:
            event: one that is applied already.
        """
        record = self.records.get(event.person)
        if not isinstance(event, PersonRedirected) or record is None or record.redirected is None:
            return None
        if record.redirect != event.target or record.redirected.stamp.name != event.stamp.name:
            return None  # a later event decides
        circle = self._circles.get(event.person)
        if circle is not None:
            shown = [str(ref) for ref in circle[:MAX_LEFT_OUT_DETAILS]]
            more = ["…"] if len(circle) > len(shown) else []
            path = " → ".join([*shown, *more, str(circle[0])])
            return LeftOut(Code.REDIRECTS_IN_CIRCLE, (f"data.{event.field}: {path}",))
        if event.person not in self._redirects:
            return LeftOut(Code.CONTACT_UNKNOWN, (f"data.{event.field}: {event.target.id}",))
        return None

    def _open_circles(self) -> None:
        """Drop one redirect of each circle: that of the contact which the latest one names."""
        seen: set[PersonRef] = set()
        for start in list(self._redirects):
            path: dict[PersonRef, None] = {}
            ref = start
            while ref in self._redirects and ref not in seen:
                seen.add(ref)
                path[ref] = None
                ref = self._redirects[ref].target
            if ref not in path:
                continue
            refs = list(path)
            circle = refs[refs.index(ref) :]
            latest = max((self._redirects[one] for one in circle), key=lambda one: one.order)
            at = circle.index(latest.target)
            in_order = circle[at:] + circle[:at]
            self._circles.update(dict.fromkeys(circle, in_order))
            del self._redirects[latest.target]

    def _drop_ineffective(self) -> None:
        """Drop redirects to contacts that were never known, or that were deleted before."""
        done: set[PersonRef] = set()
        for start in list(self._redirects):
            path = [one.source.ref for one in self._path(start) if one.source.ref not in done]
            for ref in reversed(path):  # the one next to the end first
                done.add(ref)
                redirect = self._redirects[ref]
                end = self.records.get(self._root(redirect.target))
                if end is None or not _could_be_joined(end, redirect.stamp):
                    del self._redirects[ref]

    def _path(self, ref: PersonRef) -> Iterator[_Redirect]:
        """The redirects from a lead or contact to its person."""
        while (redirect := self._redirects.get(ref)) is not None:
            yield redirect
            ref = redirect.target

    def _root(self, ref: PersonRef) -> PersonRef:
        for redirect in self._path(ref):
            ref = redirect.target
        return ref

    def _person(self, record: Record, joined: Sequence[Record]) -> Person:
        giving = [record, *(one for one in joined if self._gives(one.ref))]
        return Person(
            record.ref,
            record.name,
            frozenset().union(*(one.emails for one in giving)),
            max(one.line for one in [record, *joined]),
            max(one.moved for one in [record, *joined]),
            sum(one.lost for one in giving),
            frozenset(one.ref for one in joined),
        )

    def _gives(self, ref: PersonRef) -> bool:
        """Whether no contact on the way was upserted after it was joined with this record."""
        joined_at: Stamp | None = None
        for redirect in self._path(ref):
            joined_at = max(joined_at, redirect.stamp) if joined_at else redirect.stamp
            upserted = self.records[redirect.target].upserted
            if upserted is not None and upserted.stamp > joined_at:
                return False
        return True


def check_joined(event: PersonRedirected, persons: Persons) -> None:
    """Check that no more records are joined than may be read together.

    Redirects without an effect for now count too: they are read, and may have one later.

    Parameters:
        persons: with the event.

    Raises:
        Refused: `too_many_joined`.
    """
    if sum(one.redirect is not None for one in persons.records.values()) > MAX_JOINED_RECORDS:
        detail = f"data.{event.field}: {event.target.id}"
        raise Refused(Code.TOO_MANY_JOINED, detail, limit=MAX_JOINED_RECORDS)


def changed_holders(before: Persons, after: Persons) -> tuple[Set[Address], Set[Address]]:
    """The addresses that a person has gained, and those that a lead or contact has lost.

    A person that consists of other leads and contacts than before is another one: two that have an
    address are blocked where both are, and one that was joined of them where either is.
    """
    had, has = before.holders(), after.holders()
    none: frozenset[PersonRef] = frozenset()
    known = {(address, one.refs) for one in before.all for address in one.emails}
    found = {(address, one.refs) for one in after.all for address in one.emails}
    gained = {address for address, _ in found - known}
    lost = {address for address, refs in had.items() if refs - has.get(address, none)}
    return gained, lost


def are_parted(before: Persons, after: Persons) -> bool:
    """Tell whether leads or contacts that were one person are so no more."""
    return any(
        len(one.refs) > 1 and not any(one.refs <= other.refs for other in after.all)
        for one in before.all
    )


def with_line(
    record: Record, before: Persons, gained: Set[Address], given: Set[Address], line: int
) -> Record:
    """A record after its event, with the line at which the last of its addresses became known.

    Parameters:
        before: the persons before the event.
        gained: the addresses that persons have gained by the event.
        given: those that the record has gained; a person that it is joined with may have had them.
        line: of the log, which names what persons have gained.
    """
    known = [one for one in before.all if one.emails & (gained | given)]
    is_known = gained <= frozenset().union(*(one.emails for one in known))
    known_at = max([record.line, *(one.line for one in known)])
    return replace(
        record, line=known_at if is_known else line, moved=line if gained else record.moved
    )


def _has_card(record: Record) -> bool:
    return record.upserted is not None and not record.is_deleted


def _could_be_joined(end: Record, at: Stamp) -> bool:
    """Whether a contact was known, and not deleted before another was joined with it."""
    if end.upserted is None:
        return False
    return not (end.is_deleted and end.deleted is not None and end.deleted.stamp < at)


def _later(latest: Latest | None, stamp: Stamp) -> Latest | None:
    return latest.then(stamp) if latest else Latest(stamp)


def _is_after(one: Latest | None, other: Latest | None) -> bool:
    return one is not None and (other is None or one.stamp > other.stamp)
