"""Prove a mailbox's ledger against its server, now."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.ledger import Audit, Ledger, audit
from mailmirror.domain.mailbox import AccountId, Mailbox, MailboxId, MailboxStatus
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.server_sign_in import signed_in
from mailmirror.usecases.sync.sync_folder import folder_id

SESSION_SECONDS = 18.0
"""How long the server has to answer: a person waits."""


@dataclass(frozen=True, slots=True)
class FolderAudit:
    folder: FolderChoice
    audit: Audit


def connected_mailbox(account: AccountId, id: MailboxId | None, runtime: Runtime) -> Mailbox:
    """Find the mailbox that is to be audited.

    Raises:
        Refused: it is not there, or not connected.
    """
    mailbox = id and runtime.mailboxes.find(account, id, consistent=True)
    if not mailbox:
        raise Refused(Code.NOT_FOUND)
    if mailbox.status is not MailboxStatus.CONNECTED:
        raise Refused(Code.MAILBOX_DISCONNECTED)
    return mailbox


def audit_mailbox(mailbox: Mailbox, runtime: Runtime) -> Sequence[FolderAudit]:
    """Audit each folder: the server's set is read first, then the ledger.

    A folder that does not agree is read a second time: a sync may have run in between.

    Raises:
        Refused: the server cannot be asked.
    """
    with signed_in(mailbox, runtime, SESSION_SECONDS) as session:
        audits = [_audit(mailbox, folder, session, runtime) for folder in session.folders()]
    runtime.count("AuditErrors", sum(not one.audit.clean for one in audits))
    return audits


def _audit(
    mailbox: Mailbox, folder: FolderChoice, session: ImapSession, runtime: Runtime
) -> FolderAudit:
    found = _look(mailbox, folder, session, runtime)
    return FolderAudit(folder, found if found.clean else _look(mailbox, folder, session, runtime))


def _look(mailbox: Mailbox, folder: FolderChoice, session: ImapSession, runtime: Runtime) -> Audit:
    status = session.examine(folder)
    span = UidSet.span(1, status.uidnext - 1)
    server = session.listed(span, 2 * status.messages + 1_000)
    return _held_against(mailbox, folder, status, server, runtime)


def _held_against(
    mailbox: Mailbox, folder: FolderChoice, status: Status, server: UidSet, runtime: Runtime
) -> Audit:
    id = folder_id(mailbox, folder)
    stored = runtime.folders.find(mailbox.key, id)
    found = stored and runtime.ledgers.read_current(mailbox.key, id, stored.state)
    if not found or found[0].uidvalidity != status.uidvalidity:
        # Nothing of these UIDs is judged yet; the next sync maps them anew.
        end = status.uidnext
        return audit(Ledger(), server, low=end, next=end, uidnext=end)
    known, ledger = found
    return audit(ledger, server, low=known.low, next=known.next, uidnext=known.uidnext)
