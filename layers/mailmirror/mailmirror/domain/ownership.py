"""Which user owns an address, and how that is proven."""

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from mailmirror.domain.address import Address, normalise
from mailmirror.domain.mailbox import Mailbox, Provider, UserId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import SIGN_IN

CODE_DIGITS = 6
CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5
CODES_AN_HOUR = 5
"""For one user, and for one address: it limits mail to an inbox, and guesses to 25 an hour of
1,000,000 codes."""

_HOSTS = frozenset(facts.imap.host for facts in SIGN_IN.values())
"""Of providers whose sign-in name is the mailbox's own address."""


class Proof(StrEnum):
    """The evidence that an address belongs to a user."""

    CRM = "crm"
    """The CRM lists it at the user."""
    PROVIDER = "provider"
    """Google or Microsoft have signed the user in under it."""
    CODE = "code"
    """The user has entered a code that was sent there."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The users' addresses, as the team's partition has them."""

    given: Mapping[UserId, Set[Address]]
    """By the CRM."""
    confirmed: Mapping[UserId, Set[Address]] = field(default_factory=dict)
    """By a code."""


def check_whose(
    user: UserId, address: Address, claims: Claims, persons: Collection[object]
) -> None:
    """Check that an address may become this user's.

    Parameters:
        persons: the leads and contacts that have it.

    Raises:
        Refused: the CRM does not give it to this user, and it is another user's or a person's.
    """
    if address in claims.given.get(user, ()):
        return
    for of_users in (claims.given, claims.confirmed):
        if any(address in found and other != user for other, found in of_users.items()):
            raise Refused(Code.ADDRESS_OF_ANOTHER_USER)
    if persons:
        raise Refused(Code.ADDRESS_OF_PERSON)


def proof_of(mailbox: Mailbox, claims: Claims) -> Proof | None:
    """Say how it is proven that a mailbox's address is its owner's; None where it is not."""
    if mailbox.email in claims.given.get(mailbox.owner, ()):
        return Proof.CRM
    by_provider = mailbox.provider is not Provider.IMAP or mailbox.imap.host.lower() in _HOSTS
    if by_provider and normalise(mailbox.username) == mailbox.email:
        return Proof.PROVIDER
    if mailbox.email in claims.confirmed.get(mailbox.owner, ()) and not any(
        mailbox.email in given for given in claims.given.values()
    ):
        return Proof.CODE
    return None
