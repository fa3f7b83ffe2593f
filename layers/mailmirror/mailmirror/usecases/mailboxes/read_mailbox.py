"""The state of mailboxes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import AccountId, Due, Mailbox, MailboxId, MailboxState, state_of
from mailmirror.domain.ownership import Claims, Proof, proof_of
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
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
    log_cursor: int
    """The line of the change log up to which its verdicts and deal matches are computed."""
    proof: Proof | None
    """The evidence that the address is its owner's; None where there is none."""


@dataclass(frozen=True, slots=True)
class FolderLedger:
    folder: FolderState
    ledger: Ledger


def report(
    mailboxes: Iterable[Mailbox], runtime: Runtime, claims: Claims | None = None
) -> Sequence[MailboxReport]:
    """Read the state of mailboxes of one account. Two read units each.

    Parameters:
        claims: on the users' addresses; read with the team where they are not given.
    """
    mailboxes = list(mailboxes)
    if not mailboxes:
        return []
    entries = runtime.due.find_many(mailbox.key for mailbox in mailboxes)
    if claims is None:
        claims = runtime.people.team(mailboxes[0].key.account).claims
    now = runtime.now()
    return [
        _report(one, entries.get(one.key.mailbox), runtime.sync_states.read(one.key), claims, now)
        for one in mailboxes
    ]


def is_proven(mailbox: Mailbox, runtime: Runtime) -> bool:
    """Tell whether it is proven that a mailbox's address is its owner's."""
    return proof_of(mailbox, runtime.people.team(mailbox.key.account).claims) is not None


def _report(
    mailbox: Mailbox, entry: DueEntry | None, sync: SyncState, claims: Claims, now: datetime
) -> MailboxReport:
    """A folder counts as found where the last sync has seen it."""
    seen = entry.seen if entry else {}
    found = [folder for folder in sync.folders.values() if folder.name in seen]
    state, problem = state_of(
        mailbox.status,
        entry.due if entry else None,
        now,
        max(sync.progressed_at or mailbox.connected_at, mailbox.connected_at),
        complete=bool(seen) and sync.first_sync_done and all(one.complete for one in found),
        pending=sum(folder.pending for folder in found),
        roles={folder.role for folder in found},
    )
    return MailboxReport(
        mailbox,
        state,
        problem,
        entry.due if entry else None,
        sync.progress,
        sync.log_cursor,
        proof_of(mailbox, claims),
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
    states = runtime.sync_states
    found = (
        runtime.ledgers.read_current(mailbox.key, id, partial(states.find_folder, mailbox.key, id))
        for id in states.read(mailbox.key).folders
    )
    return [FolderLedger(*one) for one in found if one is not None]
