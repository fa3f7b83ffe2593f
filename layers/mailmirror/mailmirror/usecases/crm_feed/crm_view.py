"""People and deals as one sync sees them: each is read once, until the change log moves."""

from collections.abc import Collection, Iterable, Set
from dataclasses import replace

from mailmirror.domain.address import Address
from mailmirror.domain.blocks import Blocks
from mailmirror.domain.deals import ContactId, Crm, Deal
from mailmirror.domain.mailbox import MailboxKey, UserId
from mailmirror.domain.message import Entry
from mailmirror.domain.verdict import People
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.keys import mailbox_name
from mailmirror.store.people import Known, Team


class CrmView:
    """Who is of the team, who is a customer, and what deals there are.

    Read consistently, and after the head of the account's log: what changes later has a line
    there, and comes with the next pass over it.
    """

    def __init__(
        self,
        account: Account,
        runtime: Runtime,
        owner: UserId | None = None,
        joining: Set[Address] = frozenset(),
    ) -> None:
        """Parameters:
        owner: of the mailbox whose mail is judged; whom they have blocked is read.
        joining: addresses that count as the team's, though no mailbox with them is connected yet.
        """
        self.account = account
        self._owner = owner
        self._joining = joining
        self._account = account.id
        self._runtime = runtime
        self._known: dict[Address, Known] = {}
        self._deals: dict[ContactId, Collection[Deal]] = {}
        self._facts: int | None = None
        self._team: Team | None = None
        self._blocks: Blocks | None = None

    @property
    def facts(self) -> int:
        """The line of the account's log up to which everything here is known."""
        if self._facts is None:
            heads = self._runtime.change_log.heads(self._account)
            self._facts = heads.number
            known = self.account
            if heads.ruling > known.rules_line or heads.policy > known.policy_line:
                found = self._runtime.accounts.find(self._account, consistent=True)
                self.account = found or self.account
        return self._facts

    @property
    def team(self) -> Set[Address]:
        """The addresses of the team."""
        return self._read_team().addresses | self._joining

    @property
    def doubtful(self) -> Set[Address]:
        """The addresses that are of the team as long as no person has them."""
        return self._read_team().doubtful

    def _read_team(self) -> Team:
        if self._team is None:
            _ = self.facts  # the head is read before what has a line behind it
            self._team = self._runtime.people.team(self._account)
        return self._team

    def people(self, addresses: Iterable[Address]) -> People:
        """Who among these addresses is known."""
        self._look_up(addresses)
        customers = {address for address, one in self._known.items() if one.persons}
        blocks = self._read_blocks() if customers else Blocks()
        blocked = {one for one in customers if blocks.covers(one, self._known[one].refs)}
        return People(self.team, customers, blocked)

    def _read_blocks(self) -> Blocks:
        """What the owner has blocked. What they change later changes the rules of the mailbox."""
        if self._blocks is None:
            self._blocks = (
                self._runtime.blocks.read(self._account, self._owner) if self._owner else Blocks()
            )
        return self._blocks

    def look_up(self, entries: Iterable[Entry]) -> None:
        """Read at once what is stored of the participants of messages."""
        self._look_up({address for entry in entries for address in entry.participants})

    def matched(self, entry: Entry) -> Set[Address]:
        """The participants of a message that are of a person, and not of the team."""
        outsiders = entry.participants - self.team
        self._look_up(outsiders)
        return {address for address in outsiders if self._known[address].persons}

    def known(self, addresses: Iterable[Address]) -> dict[Address, Known]:
        """What is stored of addresses."""
        wanted = set(addresses) - self.team
        self._look_up(wanted)
        return {address: self._known[address] for address in wanted}

    def crm(self, addresses: Iterable[Address]) -> Crm:
        """What deal matches need of these addresses."""
        contacts = {address: one.contacts for address, one in self.known(addresses).items()}
        unread = {contact for some in contacts.values() for contact in some} - self._deals.keys()
        self._deals |= self._runtime.deals.of_contacts(self._account, unread)
        return Crm(self.team, contacts, self._deals, self.account.deal_policy)

    def changed_after(self, line: int, addresses: Set[Address]) -> bool:
        """Whether the persons of addresses, or their deals, have changed after a line of the log.

        Parameters:
            addresses: the participants of messages.
        """
        if line < min(self.account.policy_line, self.facts):
            return True
        known = self.known(addresses)
        # An event that is being applied has its line at the address before it is in the log.
        if any(min(one.line, self.facts) > line for one in known.values()):
            return True
        crm = self.crm(known)
        contacts = crm.contacts_of(known.keys())
        deals = (deal for contact in contacts for deal in crm.deals[contact])
        return any(min(deal.line, self.facts) > line for deal in deals)

    def name_on_card(self, key: MailboxKey, address: Address) -> None:
        """Store that a mailbox has messages of an address, unless it is stored."""
        name, known = mailbox_name(key), self.known([address])[address]
        if name not in known.mailboxes:
            self._runtime.timelines.name_on_card(key, address)
            self._known[address] = replace(known, mailboxes=known.mailboxes | {name})

    def refresh(self) -> None:
        """Drop what is known where the log has moved on. One read unit."""
        if self._facts != self._runtime.change_log.head(self._account):
            self.forget()

    def forget(self) -> None:
        """Drop what is known, so that it is read again."""
        self._known, self._deals, self._facts, self._team = {}, {}, None, None
        self._blocks = None

    def _look_up(self, addresses: Iterable[Address]) -> None:
        unknown = set(addresses) - self.team - self._known.keys()
        if unknown:
            _ = self.facts  # the head is read before what has a line behind it
            found = self._runtime.people.known(self._account, unknown)
            self._known |= {address: found.get(address, Known()) for address in unknown}
