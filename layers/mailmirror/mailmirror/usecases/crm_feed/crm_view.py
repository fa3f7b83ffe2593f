"""People and deals as one sync sees them: each is read once."""

from collections.abc import Collection, Iterable, Set

from mailmirror.domain.address import Address
from mailmirror.domain.deals import ContactId, Crm, Deal
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.verdict import People
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account


class CrmView:
    """Who is of the team, who is a customer, and what deals there are.

    Read consistently, and after the head of the account's log: what changes later has a line
    there, and comes with the next pass over it.
    """

    def __init__(self, account: Account, runtime: Runtime) -> None:
        self.account = account
        self._account = account.id
        self._runtime = runtime
        self._persons: dict[Address, Collection[PersonRef]] = {}
        self._deals: dict[ContactId, Collection[Deal]] = {}
        self.team: Set[Address] = runtime.people.team(account.id).addresses

    def people(self, addresses: Iterable[Address]) -> People:
        """Who among these addresses is known."""
        self._look_up(addresses)
        return People(self.team, {address for address, refs in self._persons.items() if refs})

    def crm(self, addresses: Iterable[Address]) -> Crm:
        """What deal matches need of these addresses."""
        addresses = set(addresses) - self.team
        self._look_up(addresses)
        contacts = {
            address: frozenset(
                ContactId(ref.id)
                for ref in self._persons[address]
                if ref.kind is PersonKind.CONTACT
            )
            for address in addresses
        }
        unread = {contact for some in contacts.values() for contact in some} - self._deals.keys()
        self._deals |= self._runtime.deals.of_contacts(self._account, unread)
        return Crm(self.team, contacts, self._deals, self.account.deal_policy)

    def forget_deals(self) -> None:
        """Drop cached deals: they may have changed since they were read."""
        self._deals = {}

    def forget(self) -> None:
        """Drop cached persons and deals: a stale cache could revert a newer association."""
        self._persons, self._deals = {}, {}

    def _look_up(self, addresses: Iterable[Address]) -> None:
        unknown = set(addresses) - self.team - self._persons.keys()
        if unknown:
            found = self._runtime.people.who_has(self._account, unknown)
            self._persons |= {address: found.get(address, ()) for address in unknown}
