"""On which deals messages are, by the rules of the design alone: a second opinion for tests.

It keeps every fact that it is told and works each answer out anew from all of them. It shares no
code with what it judges, and is as slow as it is plain.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LOOKBACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class MailCopy:
    """A message, by its number, as one owner's mailbox has it."""

    owner: str
    number: int
    instant: datetime
    contacts: frozenset[str]
    """Whose addresses it names."""
    names: frozenset[int]
    """The messages that it refers to."""


@dataclass(frozen=True, slots=True)
class DealFact:
    deal: str
    at: datetime
    event: str
    is_open: bool
    contacts: frozenset[str]


@dataclass(frozen=True, slots=True)
class OverrideFact:
    at: datetime
    event: str
    deal: str
    attached: bool
    number: int
    """Of the message, or of any message of the thread."""
    whole_thread: bool


@dataclass(slots=True)
class Associations:
    policy: str
    copies: set[MailCopy] = field(default_factory=set)
    deals: set[DealFact] = field(default_factory=set)
    overrides: set[OverrideFact] = field(default_factory=set)

    def card(self, deal: str, viewer: str) -> set[int]:
        """The messages that a viewer is shown on a deal: none that names no person."""
        return {
            number
            for number in self.owned_by(viewer)
            if self.is_on(number, deal) and self.names_a_person(number, viewer)
        }

    def names_a_person(self, number: int, owner: str) -> bool:
        """Whether a contact takes part in a message, as its owner has it."""
        mine = (one for one in self.copies if (one.owner, one.number) == (owner, number))
        return any(one.contacts for one in mine)

    def owned_by(self, user: str) -> set[int]:
        return {copy.number for copy in self.copies if copy.owner == user}

    def is_on(self, number: int, deal: str) -> bool:
        """Hands come last and beat votes."""
        said = self.override(number, deal)
        if said is not None:
            return said
        return any(deal in self._match(one) for one in self.thread(number))

    def override(self, number: int, deal: str) -> bool | None:
        """What people have said: of the message itself, else of its thread, else nothing."""
        thread = self.thread(number)
        own = [
            override
            for override in self.overrides
            if override.deal == deal and override.number == number and not override.whole_thread
        ]
        threads = [
            override
            for override in self.overrides
            if override.deal == deal and override.number in thread and override.whole_thread
        ]
        said = own or threads
        return (
            max(said, key=lambda override: (override.at, override.event)).attached if said else None
        )

    def thread(self, number: int) -> set[int]:
        """All that can be reached from a message by what messages refer to, both ways.

        Messages that were only ever named are in it, and bring others together.
        """
        reached = {number}
        while True:
            touching = {
                one
                for copy in self.copies
                for one in {copy.number, *copy.names}
                if reached & {copy.number, *copy.names}
            }
            if touching <= reached:
                return reached
            reached |= touching

    def _match(self, number: int) -> set[str]:
        """What each content of a message matches, at the least instant of its copies."""
        contents: dict[tuple[str, frozenset[str]], datetime] = {}
        for copy in self.copies:
            if copy.number == number:
                content = (copy.owner, copy.contacts)
                contents[content] = min(copy.instant, contents.get(content, copy.instant))
        matches = (self._open(set(named), at) for (_, named), at in contents.items())
        return {deal for deals in matches for deal in deals}

    def _open(self, contacts: set[str], instant: datetime) -> set[str]:
        """The open deals at an instant, or where there is none, at the first opening after it."""
        if self.policy == "never":
            return set()
        later = {fact.at for fact in self.deals if instant < fact.at <= instant + LOOKBACK}
        for moment in (instant, *sorted(later)):
            candidates = {deal for deal in self._known() if self._is_open(deal, contacts, moment)}
            if candidates:
                several = len(candidates) > 1 and self.policy == "one_open_deal"
                return set() if several else candidates
        return set()

    def _known(self) -> Iterable[str]:
        return {fact.deal for fact in self.deals}

    def _is_open(self, deal: str, contacts: set[str], moment: datetime) -> bool:
        so_far = [fact for fact in self.deals if fact.deal == deal and fact.at <= moment]
        if not so_far:
            return False
        now = max(so_far, key=lambda fact: (fact.at, fact.event))
        return now.is_open and bool(now.contacts & contacts)
