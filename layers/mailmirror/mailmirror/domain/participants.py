"""Which participants a message is indexed by, whatever strangers write into address fields."""

from collections.abc import Iterable, Sequence, Set

from mailmirror.domain.address import Address
from mailmirror.domain.limits import MAX_OTHER_PARTICIPANTS_BYTES


def all_fit(participants: Iterable[Address]) -> bool:
    """Tell whether all participants of a message are indexed, without looking up persons."""
    return sum(map(_octets, participants)) <= MAX_OTHER_PARTICIPANTS_BYTES


def indexed(participants: Sequence[Address], persons: Set[Address]) -> frozenset[Address]:
    """Return the participants that a message is indexed by.

    Parameters:
        participants: in the order of the fields.
        persons: those that belong to a lead or contact; they are indexed always.
    """
    matched = persons & frozenset(participants)
    others, left = set[Address](), MAX_OTHER_PARTICIPANTS_BYTES
    for address in dict.fromkeys(participants):
        if address in matched:
            continue
        left -= _octets(address)
        if left < 0:
            break
        others.add(address)
    return frozenset(matched | others)


def _octets(address: Address) -> int:
    return len(address.encode("utf-8", "replace"))
