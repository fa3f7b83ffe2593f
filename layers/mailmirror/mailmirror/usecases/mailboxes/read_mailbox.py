"""The state of mailboxes."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.domain.coverage_limits import OF_THE_OWNER, Limit
from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import (
    AccountId,
    Due,
    Mailbox,
    MailboxId,
    MailboxState,
    UserId,
    state_of,
)
from mailmirror.domain.ownership import Claims, Proof, proof_of
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.due import DueEntry
from mailmirror.store.sync_state import SyncState


@dataclass(frozen=True, slots=True)
class MailboxReport:
    """A mailbox and its state, read without its mail."""

    mailbox: Mailbox
    state: MailboxState
    problem: Code | None
    due: Due | None
    progress: int
    """How much has been judged, in percent."""
    messages_left: int
    """How many messages have no verdict yet, of the folders that a sync has found."""
    time_left: timedelta | None
    """How long that takes, at the rate so far; None where nothing tells it."""
    log_cursor: int
    """The line of the change log under which its verdicts hold."""
    judged_by_others: bool
    """Whether verdicts were given under another window or other blocks, or a folder was left out by
    a pass."""
    pending: int
    """Messages that the server lists, and that could not be read."""
    limits: Set[Limit]
    """Within which it is read."""
    proof: Proof | None
    """The evidence that the address is its owner's; None where there is none."""
    owner_blocks: bool
    """Whether its owner has blocked persons, addresses or domains."""

    def limits_told_to(self, user: UserId) -> Set[Limit]:
        """The limits that a user may know of."""
        return self.limits if user == self.mailbox.owner else self.limits - OF_THE_OWNER

    @property
    def last_success_at(self) -> datetime | None:
        """When a poll or sync last found that the server has no mail without a verdict."""
        return self.due.last_success_at if self.due else self.mailbox.last_success_at


@dataclass(frozen=True, slots=True)
class FolderLedger:
    folder: FolderState
    ledger: Ledger


def report(
    mailboxes: Iterable[Mailbox], runtime: Runtime, claims: Claims | None = None
) -> Sequence[MailboxReport]:
    """Read the state of mailboxes of one account. Two read units each, and one for the account.

    Parameters:
        claims: on the users' addresses; read with the team where they are not given.
    """
    mailboxes = list(mailboxes)
    if not mailboxes:
        return []
    account = runtime.accounts.find(mailboxes[0].key.account, consistent=True)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    entries = runtime.due.find_many(mailboxes)
    if claims is None:
        claims = runtime.people.team(account.id).claims
    now = runtime.now()
    return [
        _report(
            one,
            entries.get(one.key.mailbox),
            runtime.sync_states.read(one.key),
            account,
            claims,
            now,
        )
        for one in mailboxes
    ]


def is_paused(mailbox: Mailbox, runtime: Runtime) -> bool:
    """Tell whether a mailbox's owner has paused it. One read unit."""
    entry = runtime.due.find(mailbox)
    return entry is not None and entry.due.paused_since is not None


def is_proven(mailbox: Mailbox, runtime: Runtime) -> bool:
    """Tell whether it is proven that a mailbox's address is its owner's."""
    return proof_of(mailbox, runtime.people.team(mailbox.key.account).claims) is not None


def _report(
    mailbox: Mailbox,
    entry: DueEntry | None,
    sync: SyncState,
    account: Account,
    claims: Claims,
    now: datetime,
) -> MailboxReport:
    """Whether the first sync is done tells the schedule entry: a new server has none."""
    totals, basis = sync.totals, account.basis(0, mailbox)
    synced = entry is not None and entry.synced
    resumes = entry is not None and not synced and entry.due.last_success_at is not None
    of_another_server = entry is not None and not synced and not resumes and sync.complete
    state, problem = state_of(
        mailbox.status,
        entry.due if entry else None,
        now,
        max(sync.progressed_at or mailbox.connected_at, mailbox.connected_at),
        complete=(synced or resumes) and sync.complete,
        pending=totals.pending,
        failing_folders=totals.failing,
        has_sent=totals.has_sent,
        resumes=resumes,
    )
    return MailboxReport(
        mailbox,
        state,
        problem,
        entry.due if entry else None,
        0 if of_another_server else sync.progress,
        totals.left,
        totals.time_left((sync.progressed_at or mailbox.connected_at) - mailbox.connected_at),
        sync.passes.line,
        totals.stale > 0
        or any(
            (one.history_since, one.blocks) != (basis.history_since, basis.blocks)
            for one in sync.passes.bases
        ),
        totals.pending,
        totals.limits,
        proof_of(mailbox, claims),
        mailbox.owner in account.blocking,
    )


def list_mailboxes(account: AccountId, runtime: Runtime) -> Sequence[MailboxReport]:
    """All mailboxes of an account."""
    return report(runtime.mailboxes.list_all(account), runtime)


def read_mailbox(account: AccountId, id: str, runtime: Runtime) -> MailboxReport:
    """One mailbox.

    Raises:
        Refused: there is none of this id.
    """
    mailbox = runtime.mailboxes.find(account, MailboxId(id), consistent=True)
    if mailbox is None:
        raise Refused(Code.NOT_FOUND)
    return report([mailbox], runtime)[0]


def read_ledger(mailbox: Mailbox, runtime: Runtime) -> Sequence[FolderLedger]:
    """Every folder's ledger."""
    found = (
        runtime.ledgers.read_current(mailbox.key, id, folder.state)
        for id, folder in runtime.folders.read_all(mailbox.key).items()
        if folder.state.uidvalidity or folder.state.failure
    )
    return [FolderLedger(*one) for one in found if one is not None]
