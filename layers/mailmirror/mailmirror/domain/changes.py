"""What the lines of an account's change log say: one for each change of people, rules or deals."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailmirror.domain.address import Address


class ChangeKind(StrEnum):
    PERSON = "person"
    TEAM = "team"
    DEAL = "deal"
    RULES = "rules"
    """A setting of the account that verdicts depend on."""
    POLICY = "policy"
    """The account's deal policy alone, on which matches depend."""

    @property
    def changes_verdicts(self) -> bool:
        """Whether a line of this kind may change the verdict of a copy."""
        return self not in (ChangeKind.DEAL, ChangeKind.POLICY)

    @property
    def is_of_settings(self) -> bool:
        return self in (ChangeKind.RULES, ChangeKind.POLICY)


@dataclass(frozen=True, slots=True)
class Change:
    """Addresses that were added or removed, a deal that has changed, or a setting."""

    kind: ChangeKind
    gained: Set[Address] = frozenset()
    lost: Set[Address] = frozenset()
    deal: str | None = None
    since: datetime | None = None
    """When the deal's event happened: matches of mail of more than 30 days before do not change."""
    of_policy: bool = False
    """Whether the account's deal policy has changed, alone or with other settings."""
    parted: bool = False
    """Whether a person was divided: a block of one of its leads or contacts no longer holds for
    the addresses of the others."""

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.deal) or self.kind.is_of_settings


@dataclass(frozen=True, slots=True)
class LogLine:
    number: int
    change: Change
    at: datetime
    """When it was written."""
