"""Prove a mailbox's ledger against its server, now.

    STATUS of all folders ─► each folder: the server's UIDs, then the ledger ─► a sync, where UIDs
                                                                                have left since

A folder fails alone. Those whose STATUS no sync has seen come first, for the time is bounded.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailmirror.aws.queues import SyncJob
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.ledger import Audit, Ledger, audit
from mailmirror.domain.mailbox import AccountId, Mailbox, MailboxId, MailboxStatus
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.read_mailbox import is_paused
from mailmirror.usecases.mailboxes.server_sign_in import signed_in
from mailmirror.usecases.sync.sync_folder import folder_id

SESSION_SECONDS = 18.0
"""How long the server has to answer: a person waits."""


@dataclass(frozen=True, slots=True)
class FolderAudit:
    folder: FolderChoice
    audit: Audit
    renumbered: bool
    """Whether the ledger is of another UIDVALIDITY, so that the next sync maps all UIDs anew."""


@dataclass(frozen=True, slots=True)
class MailboxAudit:
    """The folders that are read, in the order in which they were found."""

    folders: Sequence[FolderAudit]
    failed: Sequence[tuple[FolderChoice, Refused]]
    """Those that could not be audited, and why."""
    not_reached: Sequence[FolderChoice]
    """Those for which there was no time."""

    @property
    def clean(self) -> bool:
        """Whether no folder that was audited has an error."""
        return all(one.audit.clean for one in self.folders)

    @property
    def complete(self) -> bool:
        """Whether every folder that is read was audited."""
        return not (self.failed or self.not_reached)

    @property
    def needs_sync(self) -> bool:
        """Whether a folder disagrees on what no sync has seen: then one is queued."""
        return any(one.audit.needs_sync for one in self.folders)


def connected_mailbox(account: AccountId, id: MailboxId | None, runtime: Runtime) -> Mailbox:
    """Find the mailbox that is to be looked at.

    Raises:
        Refused: it is not there, or not connected.
    """
    mailbox = id and runtime.mailboxes.find(account, id, consistent=True)
    if not mailbox:
        raise Refused(Code.NOT_FOUND)
    if mailbox.status is not MailboxStatus.CONNECTED:
        raise Refused(Code.MAILBOX_DISCONNECTED)
    return mailbox


def audit_mailbox(mailbox: Mailbox, runtime: Runtime) -> MailboxAudit:
    """Audit each folder that is read, as many as the time allows.

    Where the server and a ledger disagree on what no sync has seen, a sync is queued.

    Raises:
        Refused: the mailbox is paused, or the server cannot be asked.
    """
    if is_paused(mailbox, runtime):
        raise Refused(Code.MAILBOX_PAUSED)
    audits = _Audits(mailbox, runtime, runtime.now() + timedelta(seconds=SESSION_SECONDS))
    with audits.session() as session:
        folders = session.folders(with_status=True)
        statuses = session.statuses(folders)
        waiting = deque(_unseen_first(folders, statuses, mailbox, runtime))
        audits.audit(waiting, statuses, session)
    while waiting and audits.has_time():  # a folder has ended the session
        try:
            with audits.session() as session:
                session.folders()  # tells how their names are written
                audits.audit(waiting, statuses, session)
        except Refused:
            break
    found = audits.found(folders)
    if found.needs_sync:
        _queue_sync(mailbox, runtime)
    _count(found, runtime)
    return found


@dataclass(frozen=True, slots=True)
class _Audits:
    """The audits of a mailbox's folders, by name, and the time for them."""

    mailbox: Mailbox
    runtime: Runtime
    until: datetime
    done: dict[str, FolderAudit] = field(default_factory=dict)
    failed: dict[str, Refused] = field(default_factory=dict)

    def has_time(self) -> bool:
        return self.runtime.now() < self.until

    @contextmanager
    def session(self) -> Iterator[ImapSession]:
        """Sign in for the time that is left."""
        seconds = (self.until - self.runtime.now()).total_seconds()
        with signed_in(self.mailbox, self.runtime, seconds) as session:
            yield session

    def audit(
        self,
        waiting: deque[FolderChoice],
        statuses: Mapping[str, Status | None],
        session: ImapSession,
    ) -> None:
        """Audit the folders that wait, until the session or the time ends."""
        while waiting and session.alive and self.has_time():
            folder = waiting[0]
            try:
                self.done[folder.name] = self._audit(folder, statuses[folder.name], session)
            except Refused as refusal:
                if not self.has_time():
                    return
                self.failed[folder.name] = refusal
            waiting.popleft()

    def _audit(
        self, folder: FolderChoice, status: Status | None, session: ImapSession
    ) -> FolderAudit:
        """Audit a folder; one that is empty need not be opened.

        One that does not agree is read a second time: a sync may have run in between.
        """
        if status is not None and not status.messages:
            found = self._held_against(folder, status, UidSet())
        else:
            found = self._look(folder, session)
        return found if found.audit.agrees else self._look(folder, session)

    def _look(self, folder: FolderChoice, session: ImapSession) -> FolderAudit:
        """Read the server's set first, then the ledger."""
        status = session.examine(folder)
        span = UidSet.span(1, status.uidnext - 1)
        server = session.listed(span, 2 * status.messages + 1_000)
        return self._held_against(folder, status, server)

    def _held_against(self, folder: FolderChoice, status: Status, server: UidSet) -> FolderAudit:
        key, id = self.mailbox.key, folder_id(self.mailbox, folder)
        stored = self.runtime.folders.find(key, id)
        found = stored and self.runtime.ledgers.read_current(key, id, stored.state)
        if not found or found[0].uidvalidity != status.uidvalidity:
            # Nothing of these UIDs is judged yet; the next sync maps them anew.
            end = status.uidnext
            nothing = audit(Ledger(), server, low=end, next=end, uidnext=end, seen=False)
            return FolderAudit(folder, nothing, renumbered=bool(found and found[0].present))
        known, ledger = found
        cursors = {"low": known.low, "next": known.next, "uidnext": known.uidnext}
        seen = known.was_seen(status.uidvalidity, status.uidnext, status.messages)
        held = audit(ledger, server, **cursors, seen=seen)
        # Asked after the ledger is read: a sync under way has seen more than the ledger has.
        if seen and not held.agrees and not self.runtime.sync_states.has_ended(key):
            held = audit(ledger, server, **cursors, seen=False)
        return FolderAudit(folder, held, renumbered=False)

    def found(self, folders: Sequence[FolderChoice]) -> MailboxAudit:
        """Put together what was found of these folders."""
        reached = self.done.keys() | self.failed.keys()
        return MailboxAudit(
            folders=[self.done[one.name] for one in folders if one.name in self.done],
            failed=[(one, self.failed[one.name]) for one in folders if one.name in self.failed],
            not_reached=[one for one in folders if one.name not in reached],
        )


def _unseen_first(
    folders: Sequence[FolderChoice],
    statuses: Mapping[str, Status | None],
    mailbox: Mailbox,
    runtime: Runtime,
) -> Sequence[FolderChoice]:
    """The folders, beginning with those whose STATUS is another than the last sync has seen."""
    stored = runtime.folders.read_all(mailbox.key)

    def was_seen(folder: FolderChoice) -> bool:
        status, known = statuses[folder.name], stored.get(folder_id(mailbox, folder))
        return bool(
            status
            and known
            and known.state.was_seen(status.uidvalidity, status.uidnext, status.messages)
        )

    return sorted(folders, key=was_seen)


def _queue_sync(mailbox: Mailbox, runtime: Runtime) -> None:
    """Queue a sync, a first one apart from those that polls queue."""
    first_sync_done = runtime.sync_states.read(mailbox.key).first_sync_done
    queue = runtime.sync_queue if first_sync_done else runtime.first_sync_queue
    queue.send([SyncJob(mailbox.key.account, mailbox.key.mailbox)])


def _count(found: MailboxAudit, runtime: Runtime) -> None:
    runtime.count("AuditErrors", sum(not one.audit.clean for one in found.folders))
    runtime.count("AuditLeftSince", sum(len(one.audit.left_since) for one in found.folders))
    runtime.count("AuditFoldersFailed", len(found.failed))
    runtime.count("AuditFoldersNotReached", len(found.not_reached))
