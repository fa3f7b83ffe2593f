"""Who contacts are, and which messages are on deals, by the rules alone.

Every fact has a number, which grows; messages of March come after all of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import count

from tests.integration.late_facts_model import Mail


@dataclass(slots=True)
class Contacts:
    """Contacts that gain and lose addresses, are merged, and are their own again by an upsert."""

    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    own: dict[str, frozenset[str]] = field(default_factory=dict)
    upserted: dict[str, int] = field(default_factory=dict)
    merged: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Into which contact, and the number of that fact."""
    deleted: set[str] = field(default_factory=set)

    def upsert(self, id: str, emails: frozenset[str]) -> None:
        self.own[id], self.upserted[id] = emails, next(self.numbers)
        self.merged.pop(id, None)
        self.deleted.discard(id)

    def merge(self, id: str, winner: str) -> None:
        self.merged[id] = (winner, next(self.numbers))

    def delete(self, id: str) -> None:
        self.deleted.add(id)

    @property
    def alone(self) -> Sequence[str]:
        """Those that are there, and merged into no other."""
        return [id for id in sorted(self.own) if id not in self.merged and id not in self.deleted]

    def person(self, id: str) -> str | None:
        """The contact that a contact is by now; None where that is deleted, or was never there."""
        while id in self.merged:
            id, _ = self.merged[id]
        return id if id in self.own and id not in self.deleted else None

    def emails(self) -> Mapping[str, frozenset[str]]:
        """The addresses of each person."""
        found: dict[str, frozenset[str]] = {id: frozenset() for id in self.alone}
        for id, emails in self.own.items():
            if (person := self.person(id)) is not None and self._gives(id):
                found[person] |= emails
        return found

    def _gives(self, id: str) -> bool:
        """Whether no contact that it was merged into has said since which addresses it has."""
        joined = 0
        while id in self.merged:
            id, number = self.merged[id]
            joined = max(joined, number)
            if self.upserted.get(id, 0) > joined:
                return False
        return True


@dataclass(frozen=True, slots=True)
class Said:
    """What a person has said of a message, or of its thread."""

    deal: str
    mail: int
    whole_thread: bool
    attached: bool


@dataclass(slots=True)
class Deals:
    """Deals with their contacts, as of now; and what persons have said of messages."""

    contacts: dict[str, frozenset[str]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    said: list[Said] = field(default_factory=list)
    """The latest last."""

    def matched(self, persons: Set[str], contacts: Contacts) -> str | None:
        """The one open deal among persons; None where there are several, or none."""
        found = [
            deal
            for deal in sorted(self.open)
            if any(contacts.person(one) in persons for one in self.contacts[deal])
        ]
        return found[0] if len(found) == 1 else None

    def shows(self, number: int, deal: str, thread: Set[int], matched: Set[str]) -> bool:
        """Whether a message is on a deal.

        Parameters:
            thread: the numbers of the messages of its thread.
            matched: the deals that the messages of the thread match.
        """
        of_deal = [one for one in self.said if one.deal == deal]
        of_message = [one for one in of_deal if not one.whole_thread and one.mail == number]
        of_thread = [one for one in of_deal if one.whole_thread and one.mail in thread]
        for some in (of_message, of_thread):
            if some:
                return some[-1].attached
        return deal in matched


def thread_of(number: int, mails: Iterable[Mail]) -> Set[int]:
    """The messages that hang together with one by the references of these messages.

    A message that is named and is not among them joins those that name it.
    """
    edges = [{one.number, *one.replies_to} for one in mails]
    found = {number}
    while more := [edge for edge in edges if found & edge and not edge <= found]:
        found = found.union(*more)
    return found
