"""Who a team writes with that is neither of the team nor a person of the CRM yet."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.address import Address
from mailmirror.domain.message import Participant

_AUTOMATIC = {
    *("noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "do_not_reply"),
    *("mailer-daemon", "postmaster", "bounce", "bounces", "notification", "notifications"),
}
"""Local parts from which no person writes."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What counts of an unmatched message."""

    at: datetime
    """INTERNALDATE."""
    senders: Sequence[Participant]
    """Of From, and who wrote it, where a mailing list has rewritten From."""
    others: Sequence[Participant]
    """Of the other address fields."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may be a lead or a contact."""

    address: Address
    name: str
    """As the newest message with one has it; "" where none has."""
    written_to: int
    """How many messages of the team name it."""
    received: int
    """How many other messages name it."""
    last_at: datetime


def candidates(letters: Iterable[Letter], team: Set[Address]) -> Sequence[Candidate]:
    """The addresses of letters that name no person, without those from which no person writes.

    Those that the team has written to come first, and of both parts the newest.

    Parameters:
        team: addresses that are left out, and whose letters are outgoing.
    """
    found: dict[Address, Candidate] = {}
    for letter in sorted(letters, key=lambda one: one.at):
        outgoing = any(one.address in team for one in letter.senders)
        named = {one.address: one.name for one in (*letter.others, *letter.senders)}
        for address, name in named.items():
            if address in team or _is_automatic(address):
                continue
            before = found.get(address, Candidate(address, "", 0, 0, letter.at))
            found[address] = Candidate(
                address,
                name or before.name,
                before.written_to + outgoing,
                before.received + (not outgoing),
                letter.at,
            )
    return sorted(found.values(), key=_order)


def _is_automatic(address: Address) -> bool:
    return address.partition("@")[0].partition("+")[0] in _AUTOMATIC


def _order(one: Candidate) -> tuple[bool, float, str]:
    return one.written_to == 0, -one.last_at.timestamp(), one.address
