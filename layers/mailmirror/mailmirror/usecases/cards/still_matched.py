"""What still matches, by who has which address now: nothing else hides a message at once.

An address that is taken from a person is off their own card with their item. A deal's timeline is
rewritten only when `match_again` has worked off the change, and a message is stored as long as its
mailbox is; so both are read against the present persons.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import islice

from mailmirror.domain.address import Address
from mailmirror.domain.association import Root
from mailmirror.domain.deals import ContactId, Deal, DealId, match_thread
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.message import Entry
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.people import Known
from mailmirror.store.threads import Content
from mailmirror.store.timelines import Hit
from mailmirror.usecases.crm_feed.crm_view import CrmView

_MAX_MATCHED_ENTRIES = 500
"""Of a thread: longer ones are not matched while a page is read, but when their change is worked
off; until then coverage says `matches_pending`."""
_MAX_MATCHED_THREADS = 100
"""Of a page, for the same reason: a query each."""
_UNKNOWN = Known()


class Holders:
    """Who has addresses now; each is read once."""

    def __init__(self, account: AccountId, runtime: Runtime) -> None:
        self._account = account
        self._runtime = runtime
        self._team = runtime.people.team_addresses(account)
        self._known: dict[Address, Known] = {}

    def look_up(self, addresses: Iterable[Address]) -> None:
        """Read at once who has these addresses: a read unit each, and one a person."""
        unread = set(addresses) - self._team - self._known.keys()
        if unread:
            found = self._runtime.people.known(self._account, unread)
            self._known |= {address: found.get(address, _UNKNOWN) for address in unread}

    def any_person(self, addresses: Set[Address]) -> bool:
        """Whether a person has one of them. A team address never matches a person."""
        return any(self._known[one].persons for one in addresses - self._team)

    def contacts(self, addresses: Set[Address]) -> frozenset[ContactId]:
        """The contacts that have one of them, as deals name them."""
        each = (self._known[one].contacts for one in addresses - self._team)
        return frozenset().union(*each)


class StillOnDeal:
    """Which entries of a deal's timelines a page of it shows.

    Parameters:
        pending: whether changes wait that may take mail off the deal: only then may a root have it
            for a person who lost the address, while another person has it still.
    """

    def __init__(self, account: AccountId, deal: Deal, runtime: Runtime, *, pending: bool) -> None:
        self._account = account
        self._deal = deal
        self._runtime = runtime
        self._pending = pending
        self._holders = Holders(account, runtime)
        self._contacts = {one for version in deal.versions for one in version.contacts}
        self._on: dict[ThreadId, bool] = {}
        """Of the threads that were matched."""
        self._view: CrmView | None = None

    def of(self, hits: Sequence[Hit], roots: Mapping[ThreadId, Root]) -> Sequence[Hit]:
        """Leave out what no person has, and what does not match any more, unless it is attached.

        One batch read of the entries' addresses. Only where an entry has none of a person's, its
        participants are read: one of them may have become a person's since.

        Parameters:
            hits: which their roots show on the deal.
            roots: of their threads.
        """
        addresses = {hit.cursor: hit.matched for hit in hits}
        self._holders.look_up(one for some in addresses.values() for one in some)
        unheld = [hit for hit in hits if not self._holders.any_person(hit.matched)]
        if unheld:
            addresses |= self._participants(unheld)
            self._holders.look_up(one for some in addresses.values() for one in some)
        return [hit for hit in hits if self._still_matches(hit, addresses[hit.cursor], roots)]

    def _is_attached(self, hit: Hit, roots: Mapping[ThreadId, Root]) -> bool:
        return hit.thread is not None and roots[hit.thread].attaches(hit.message, self._deal.id)

    def _still_matches(
        self, hit: Hit, addresses: Set[Address], roots: Mapping[ThreadId, Root]
    ) -> bool:
        if not self._holders.any_person(addresses):
            return False
        if not self._pending or hit.thread is None or self._is_attached(hit, roots):
            return True
        if not self._contacts.isdisjoint(self._holders.contacts(addresses)):
            return True
        return self._thread_still_matches(roots[hit.thread])

    def _thread_still_matches(self, root: Root) -> bool:
        """Match a thread by the present facts, as `match_again` will."""
        if root.thread not in self._on and len(self._on) < _MAX_MATCHED_THREADS:
            read = self._runtime.threads.entries(self._account, root.threads)
            entries = list(islice(read, _MAX_MATCHED_ENTRIES + 1))
            self._on[root.thread] = len(entries) > _MAX_MATCHED_ENTRIES or (
                self._deal.id in root.wanted(self._matched(entries))
            )
        return self._on.get(root.thread, True)

    def _matched(self, entries: Sequence[Entry]) -> Set[DealId]:
        if self._view is None:
            account = self._runtime.accounts.find(self._account)
            if account is None:
                raise Refused(Code.NOT_FOUND, "account")
            self._view = CrmView(account, self._runtime)
        participants = {one for entry in entries for one in entry.participants}
        return match_thread(entries, self._view.crm(participants))

    def _participants(self, hits: Sequence[Hit]) -> Mapping[str, Set[Address]]:
        """The participants of entries, by their place."""
        contents: list[Content] = [
            (key, hit.message, sha256, hit.thread, hit.instant)
            for hit in hits
            if hit.thread is not None
            for key, some in hit.contents.items()
            for sha256 in some
        ]
        found: dict[MessageKey, Set[Address]] = {}
        for entry in self._runtime.threads.read(self._account, contents):
            before = found.get(entry.message, frozenset())
            found[entry.message] = before | entry.participants
        return {hit.cursor: found.get(hit.message, frozenset()) for hit in hits}


def is_of_a_person(account: AccountId, entries: Sequence[Entry], runtime: Runtime) -> bool:
    """Whether a person has an address of a message.

    Parameters:
        entries: of the message, one or more.
    """
    holders = Holders(account, runtime)
    participants = {one for entry in entries for one in entry.participants}
    holders.look_up(participants)
    return holders.any_person(participants)
