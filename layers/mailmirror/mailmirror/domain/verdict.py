"""Which copies are mirrored, and why the others are not."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from mailmirror.domain.address import Address
from mailmirror.domain.limits import MAX_RECIPIENTS_SETTING, MAX_SENDERS


class Verdict(StrEnum):
    """Why a copy is, or is not, mirrored. Each UID of a synced folder has exactly one."""

    UNREADABLE = "unreadable"
    OUTSIDE_WINDOW = "outside_window"
    DRAFT = "draft"
    INTERNAL = "internal"
    REPORT = "report"
    NO_PERSON = "no_person"
    BLOCKED = "blocked"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    MIRRORED = "mirrored"
    PENDING = "pending"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Headers:
    """What the rules need of a copy; nothing else is fetched before the verdict."""

    received_at: datetime
    """INTERNALDATE: set by the server, while Date is set by the sender."""
    participants: Set[Address]
    """From, Sender, Reply-To, To, Cc and Bcc."""
    recipients: int = 1
    """How many addresses stand in To, Cc and Bcc together."""
    is_report: bool = False
    sender_known: bool = True
    """Whether From or Sender has an address: `From: me` may be of anyone."""
    is_draft: bool = False
    """Whether the server says so: by the flag `\\Draft`, or by Gmail's label."""
    addresses_cut: bool = False
    """Whether an address field is too long to be read whole, so that there may be any number of
    further participants."""


@dataclass(frozen=True, slots=True)
class People:
    """Whom the account knows, as the mailbox's owner sees them."""

    team: Set[Address]
    customers: Set[Address]
    blocked: Set[Address] = field(default_factory=frozenset)
    """Those of the customers that the mailbox's owner has blocked."""

    def outsiders(self, participants: Set[Address]) -> Set[Address]:
        """The participants that are not of the team."""
        return participants - self.team


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that verdicts depend on."""

    history_since: date
    """The first day of the window, in UTC."""
    max_recipients: int = 100

    @property
    def max_participants(self) -> int:
        """Up to how many participants of a copy are looked up, at a read request unit each.

        A message with more is not mirrored: either it has too many recipients, or From, Sender and
        Reply-To have more than MAX_SENDERS addresses.
        """
        return self.max_recipients + MAX_SENDERS


def outside_window(received_at: datetime, rules: Rules) -> bool:
    """Tell whether a copy is older than the mailbox's window, from its INTERNALDATE alone."""
    return received_at.astimezone(UTC).date() < rules.history_since


def is_looked_up(copy: Headers, rules: Rules) -> bool:
    """Tell whether the persons of a copy's participants are looked up before it is judged."""
    return len(copy.participants) <= rules.max_participants and not copy.addresses_cut


def judge(copy: Headers, people: People, rules: Rules) -> Verdict:
    """Return the verdict of a copy: the first rule that holds decides.

    The result does not depend on the time of the call: an audit, or a sync after a change of
    UIDVALIDITY, gives the same verdict. `unreadable` is decided before, by parsing.
    """
    if outside_window(copy.received_at, rules):
        return Verdict.OUTSIDE_WINDOW
    if copy.is_draft:
        return Verdict.DRAFT
    outsiders = people.outsiders(copy.participants)
    whole = copy.sender_known and not copy.addresses_cut
    if copy.participants and not outsiders and whole:
        return Verdict.INTERNAL
    if copy.is_report:
        return Verdict.REPORT
    if not is_looked_up(copy, rules):
        return Verdict.TOO_MANY_RECIPIENTS
    matched = outsiders & people.customers
    if not matched:
        return Verdict.NO_PERSON
    if matched <= people.blocked:
        return Verdict.BLOCKED
    if copy.recipients > rules.max_recipients:
        return Verdict.TOO_MANY_RECIPIENTS
    return Verdict.MIRRORED


def recipients_needed(copy: Headers) -> int | None:
    """Up to how many recipients a copy must be mirrored, so that it is not one with too many.

    None where no limit that an account may have is high enough.
    """
    needed = max(copy.recipients, len(copy.participants) - MAX_SENDERS)
    return None if copy.addresses_cut or needed > MAX_RECIPIENTS_SETTING else needed


def obstacles(copy: Headers, people: People, rules: Rules) -> Sequence[Verdict]:
    """Return each verdict that keeps a copy from being mirrored, the one that counts first.

    A copy outside the window that is moved may be blocked as well: each is what `judge` says
    once those before it are mended. A draft, and mail that a person cannot mend, is judged no
    further.

    Parameters:
        people: who is known of all participants, however many recipients the rules allow.
    """
    found: list[Verdict] = []
    while (verdict := judge(copy, people, rules)) is not Verdict.MIRRORED:
        found.append(verdict)
        if verdict is Verdict.OUTSIDE_WINDOW:
            rules = replace(rules, history_since=date.min)
        elif verdict is Verdict.BLOCKED:
            people = replace(people, blocked=frozenset())
        elif (
            verdict is Verdict.TOO_MANY_RECIPIENTS
            and (needed := recipients_needed(copy)) is not None
        ):
            rules = replace(rules, max_recipients=needed)
        else:
            break
    return found
