"""Match threads again, after the CRM has changed a deal, or who has which address.

    event applied ─► line of the log ─► job ─► lines behind the cursor, a hundred together
        ─► addresses that they concern ─► their timelines, page by page ─► threads refiled
        ─► cursor on the last of the lines

Where the account's deal policy was changed, the whole log is worked off again.

One run an account is at work at a time. A run reads lines first and timelines after them, and a
message is put on its timelines before the log's head is read (`associate_threads`): so either the
run finds the message, or the message's own function the line.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailmirror.aws.queues import MatchJob
from mailmirror.domain.address import Address
from mailmirror.domain.changes import Change, ChangeKind
from mailmirror.domain.deals import DEAL_LOOKBACK, DealId
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.mailbox import AccountId
from mailmirror.observing import log_failure
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.due_threads import DueThread
from mailmirror.store.keys import mailbox_of_name
from mailmirror.store.matching import Matching
from mailmirror.store.people import Known
from mailmirror.store.timelines import FURTHER, Hit
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.threads.thread_writer import Contended, ThreadWriter

_MAX_LINES = 100
_PAGE_MESSAGES = 100
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_NEWEST = "~"
"""Sorts after every place of a timeline."""
_OF_ONE_THREAD = (Contended, ArithmeticError, LookupError, TypeError, ValueError)
"""What one thread may raise that no other does: it is scheduled alone, and the run goes on."""
_MARGIN = timedelta(minutes=1)
"""How long after its deadline a run may still be at work on a page."""


def match_again(job: MatchJob, runtime: Runtime, until: datetime) -> None:
    """Work off an account's log. Idempotent; what is left at the deadline is queued again.

    Parameters:
        until: after which no further page is begun.
    """
    account = runtime.accounts.find(job.account, consistent=True)
    begun = account and runtime.matching.begin(
        account.id, runtime.new_id(), runtime.now(), until + _MARGIN
    )
    if not account or not begun:
        return  # the run that is at work reads the log's head after it has ended
    view = CrmView(account, runtime)
    run = _Run(account.id, view, ThreadWriter.of(account.id, view, runtime), runtime, until)
    at, goes_on = begun.under(account.policy_line), True
    try:
        while goes_on and runtime.now() < until:
            at, goes_on = run.step(at)
    finally:
        runtime.matching.end(account.id, at)
    # Also where the deal policy has changed: this run began under another, and its job has passed.
    if goes_on or at.is_behind(runtime.change_log.heads(account.id)):
        runtime.thread_queue.send([job])


@dataclass(frozen=True, slots=True)
class _Run:
    account: AccountId
    view: CrmView
    writer: ThreadWriter
    runtime: Runtime
    until: datetime

    def step(self, at: Matching) -> tuple[Matching, bool]:
        """Work off the next lines; return where to go on, and whether there may be more."""
        most = at.end - at.line if at.end else _MAX_LINES
        lines = self.runtime.change_log.lines(self.account, at.line, most)
        if not lines:
            return at, False
        end = lines[-1].number
        for address, since in sorted(self._concerned(line.change for line in lines).items()):
            if address < at.address:
                continue
            before = at.before if address == at.address else _NEWEST
            left = self._match(address, since, before, max(end, at.policy_line))
            if left is not None:
                return at.reached(end, address, left), True
        return at.done(end), True

    def _concerned(self, changes: Iterable[Change]) -> Mapping[Address, datetime]:
        """The addresses whose messages may match other deals, those from an instant on."""
        since: dict[Address, datetime] = {}

        def add(addresses: Iterable[Address], instant: datetime) -> None:
            for address in addresses:
                since[address] = min(instant, since.get(address, instant))

        gained: set[Address] = set()
        deals: dict[DealId, datetime] = {}
        for change in changes:
            add(change.lost, _EARLIEST)
            if change.kind is ChangeKind.PERSON:
                gained |= change.gained
            else:
                add(change.gained, _EARLIEST)
            if change.deal is not None:
                opened = change.since - DEAL_LOOKBACK if change.since else _EARLIEST
                deal = DealId(change.deal)
                deals[deal] = min(opened, deals.get(deal, opened))
        for deal, opened in deals.items():
            add(self._addresses_of(deal), opened)
        add(self._that_are_on_deals(gained), _EARLIEST)
        return since

    def _addresses_of(self, id: DealId) -> Iterable[Address]:
        """The addresses of all contacts that a deal has or had."""
        deal = self.runtime.deals.find(self.account, id)
        contacts = {one for version in deal.versions for one in version.contacts} if deal else ()
        refs = (PersonRef(PersonKind.CONTACT, contact) for contact in contacts)
        people = self.runtime.people.find_many(self.account, refs)
        return [address for person in people.values() for address in person.emails]

    def _that_are_on_deals(self, addresses: Iterable[Address]) -> Sequence[Address]:
        """Those of addresses of which a person is or was on a deal."""
        self.view.forget()
        crm = self.view.crm(addresses)
        return [
            address
            for address, contacts in crm.contacts.items()
            if any(crm.deals[contact] for contact in contacts)
        ]

    def _match(self, address: Address, since: datetime, before: str, end: int) -> str | None:
        """Refile the threads of an address's messages that were computed before a line.

        Returns:
            The place from which it is to go on, where the deadline has come; else None.
        """
        known = self.runtime.people.known(self.account, [address]).get(address, Known())
        mailboxes = (mailbox_of_name(self.account, name) for name in known.mailboxes)
        partitions = {key: [keys.card_timeline(key, address)] for key in mailboxes}
        while self.runtime.now() < self.until:
            hits = self.runtime.timelines.card(partitions, before, _PAGE_MESSAGES, consistent=True)
            self._refile(hits, end)
            if len(hits) < _PAGE_MESSAGES or hits[-1].instant < since:
                return None
            before = hits[-1].cursor
        return before

    def _refile(self, hits: Iterable[Hit], end: int) -> None:
        contents = self.runtime.contents.read_many(
            (key, hit.message, sha256)
            for hit in hits
            for key, some in hit.contents.items()
            for sha256 in some
            if sha256 != FURTHER
        )
        threads = {one.thread for one in contents.values()}
        roots = self.runtime.roots.read_many(self.account, threads)
        for thread in sorted({root.thread for root in roots.values() if root.facts < end}):
            try:
                self.writer.refile(thread)
                self.runtime.count("ThreadsMatchedAgain")
            except _OF_ONE_THREAD as error:
                log_failure(error)
                due = DueThread(self.account, thread, f"match-{end}")
                self.runtime.due_threads.put(due, self.runtime.now())
