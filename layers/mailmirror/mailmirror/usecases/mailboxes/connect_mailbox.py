"""Connect a mailbox: its servers are tried before anything is stored."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from mailmirror.aws.queues import MatchJob, NotQueued, SyncJob
from mailmirror.domain.address import Address
from mailmirror.domain.event_fields import is_id
from mailmirror.domain.mailbox import (
    FIRST_HISTORY,
    AccountId,
    Due,
    FolderScope,
    Mailbox,
    MailboxId,
    MailboxKey,
    MailboxStatus,
    Provider,
    Server,
    UserId,
)
from mailmirror.domain.ownership import check_whose
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.services import Service
from mailmirror.mail.answering import OtherService, may_be_another_service, named_by_service
from mailmirror.mail.connection import stage
from mailmirror.mail.imap.heard import CommandRefused
from mailmirror.mail.imap.session import ImapSession
from mailmirror.mail.sasl import Login
from mailmirror.mail.smtp.session import SubmissionSession
from mailmirror.observing import log_failure
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.credentials import Credential
from mailmirror.store.due import DueEntry
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.mailboxes.choose_folders import with_folders
from mailmirror.usecases.mailboxes.server_sign_in import login_of

IMAP_SECONDS, SMTP_SECONDS = 8.0, 6.0
"""How long a sign-in may take after the connection: a person waits for it."""
_ATTEMPTS = 5
_NAMING_DELAY = timedelta(seconds=15)
"""How long after its begin a request may still ask which service answers: the whole has 25."""


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """What a person enters to connect a mailbox. Its text form shows no password."""

    user: UserId
    email: Address
    imap: Server
    smtp: Server | None
    username: str
    credential: Credential
    provider: Provider = Provider.IMAP
    folders: FolderScope | Sequence[str] | None = None
    """Which folders are read: a scope, or names as a person sees them; None: as before."""
    sent_folders: Sequence[str] | None = None
    """Names of the folders of sent mail, as a person sees them; empty: they are looked for; None:
    as before."""

    def __repr__(self) -> str:
        return f"ConnectRequest(user={self.user!r})"


def connect_mailbox(id: AccountId, request: ConnectRequest, runtime: Runtime) -> MailboxId:
    """Try a mailbox's servers, and store it if they accept the sign-in; it is synced at once.

    It is in the schedule, too, which finds a mailbox whose job was lost.

    The user's own address connected again is the same mailbox: its sync continues.

    Raises:
        Refused: the failing stage; nothing is stored.
    """
    tried = try_mailbox(id, request, runtime)
    account, mailbox = tried.account, tried.mailbox
    _keep(account, mailbox, request.credential, runtime)
    runtime.thread_queue.send([MatchJob(account.id)])  # the address is of the team now
    if tried.cannot_send:
        runtime.due.sending_refused(mailbox, tried.cannot_send)
    try:
        runtime.first_sync_queue.send([SyncJob(account.id, mailbox.key.mailbox)])
    except (NotQueued, BotoCoreError, ClientError) as error:
        log_failure(error)  # the mailbox is stored, and in the schedule
    runtime.count("MailboxesConnected")
    return mailbox.key.mailbox


@dataclass(frozen=True, slots=True)
class TriedMailbox:
    """A mailbox that can be connected, as it would be stored."""

    account: Account
    mailbox: Mailbox
    cannot_send: Refused | None
    """Why its submission server refuses to send, though it may be read."""


def try_mailbox(id: AccountId, request: ConnectRequest, runtime: Runtime) -> TriedMailbox:
    """Check whether a mailbox may be connected, and try its servers; nothing is stored.

    Raises:
        Refused: the failing stage.
    """
    account = runtime.accounts.find(id)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    began_at = runtime.now()
    mailbox = _mailbox(account, request, runtime)
    check_address(account.id, request.user, request.email, runtime)
    login = login_of(request.username, request.credential)
    with (
        stage("imap"),
        _service_named(request.imap, Service.IMAP, began_at, runtime),
        ImapSession.sign_in(request.imap, login, runtime.network_policy, IMAP_SECONDS) as session,
    ):
        open_inbox(session)
        mailbox = with_folders(mailbox, request.folders, request.sent_folders, session)
    cannot_send = _try_to_send(request, login, began_at, runtime)
    return TriedMailbox(account, mailbox, cannot_send)


def open_inbox(session: ImapSession) -> None:
    """Open the Inbox, which some servers refuse after they have accepted the sign-in.

    Raises:
        Refused: `inbox_not_found`, with the server's words, or what else is wrong with the server.
    """
    inbox = session.inbox()
    try:
        session.examine(inbox)
    except CommandRefused as refused:
        raise Refused(Code.INBOX_NOT_FOUND, refused.detail) from refused


def _try_to_send(
    request: ConnectRequest, login: Login, began_at: datetime, runtime: Runtime
) -> Refused | None:
    """Try the submission server; a mailbox whose SMTP AUTH is switched off is read all the same."""
    if request.smtp is None:
        return None
    try:
        with (
            stage("smtp"),
            _service_named(request.smtp, Service.SMTP, began_at, runtime),
            SubmissionSession.sign_in(request.smtp, login, runtime.network_policy, SMTP_SECONDS),
        ):
            return None
    except Refused as refusal:
        if refusal.code is Code.SMTP_AUTH_DISABLED:
            return refusal
        raise


@contextmanager
def _service_named(
    server: Server, expected: Service, began_at: datetime, runtime: Runtime
) -> Iterator[None]:
    """Where a server does not answer as expected, find out which service does.

    Raises:
        Refused: `another_service` or `pop3_unsupported`; `tls_failed` where the service begins with
            TLS and STARTTLS was asked for, or the reverse; else what was refused.
    """
    try:
        yield
    except Refused as refusal:
        if refusal.code is Code.POP3_UNSUPPORTED and expected is Service.SMTP:
            place = f"{server.host}:{server.port}"
            raise OtherService(Code.ANOTHER_SERVICE, Service.POP3, place) from refusal
        if not may_be_another_service(refusal) or runtime.now() - began_at > _NAMING_DELAY:
            raise
        named = named_by_service(refusal, server, expected, runtime.network_policy)
        if named is refusal:
            raise
        raise named from refusal


def _mailbox(account: Account, request: ConnectRequest, runtime: Runtime) -> Mailbox:
    """The mailbox as it will be stored, if the account allows it."""
    if not is_id(request.user) or not runtime.people.user_exists(account.id, request.user):
        raise Refused(Code.USER_UNKNOWN, "user_id")
    same = check_may_connect(account, request.user, request.email, runtime)
    key = same.key if same else MailboxKey(account.id, MailboxId(runtime.new_id()[:16]))
    first_day = (runtime.now() - FIRST_HISTORY).date()
    return Mailbox(
        key=key,
        owner=request.user,
        email=request.email,
        imap=request.imap,
        smtp=request.smtp,
        username=request.username,
        history_since=same.history_since if same else first_day,
        status=MailboxStatus.CONNECTED,
        slot=same.slot if same else key.new_slot,
        connected_at=runtime.now(),
        provider=request.provider,
        folders=same.folders if same else FolderScope.ALL,
        sent_folders=same.sent_folders if same else (),
        everything_asked_at=same.everything_asked_at if same else None,
        audit_asked_at=same.audit_asked_at if same else None,
    )


def check_may_connect(
    account: Account, user: UserId, email: Address, runtime: Runtime
) -> Mailbox | None:
    """Return the user's mailbox of this address, which may be connected again, or None.

    Raises:
        Refused: another mailbox with the address is connected, or as many as a user may have.
    """
    others = runtime.mailboxes.list_all(account.id)
    same = next((one for one in others if (one.owner, one.email) == (user, email)), None)
    connected = [one for one in others if one.status is MailboxStatus.CONNECTED and one != same]
    if same is not None and same.status is MailboxStatus.ERASING:
        raise Refused(Code.MAILBOX_BUSY)
    if any(one.email == email for one in connected):
        raise Refused(Code.ADDRESS_CONNECTED)
    if sum(one.owner == user for one in connected) >= account.mailboxes_per_user:
        raise Refused(Code.MAILBOX_LIMIT, f"{account.mailboxes_per_user} a user")
    return same


def check_address(account: AccountId, user: UserId, address: Address, runtime: Runtime) -> int:
    """Check that an address may become a user's, unless their mailbox has it already.

    Returns:
        The head of the change log before the look-up: a condition for the write.

    Raises:
        Refused: it is another user's, or a person's.
    """
    head = runtime.change_log.head(account)
    mailboxes = runtime.mailboxes.list_all(account)
    if not any((one.owner, one.email) == (user, address) for one in mailboxes):
        persons = runtime.people.who_has(account, [address])
        check_whose(user, address, runtime.people.team(account).claims, persons.get(address, ()))
    return head


def _keep(account: Account, mailbox: Mailbox, credential: Credential, runtime: Runtime) -> None:
    """Store the credential first: a mailbox that is due must have one."""
    now = mailbox.connected_at
    before = runtime.mailboxes.find(account.id, mailbox.key.mailbox)
    goes_on = before and _place(before) == _place(mailbox)
    known = _known_entry(before, mailbox, runtime) if before and goes_on else None
    runtime.credentials.put(account, mailbox.key, credential, now)
    refusal = Refused(Code.MAILBOX_BUSY)
    for attempt in range(_ATTEMPTS):
        try:
            head = check_address(account.id, mailbox.owner, mailbox.email, runtime)
            logins = frozenset().union(*runtime.people.team(account.id).users.values())
            joins = mailbox.email not in logins
            runtime.mailboxes.connect(mailbox, now, known, head, joins_team=joins)
            return
        except Refused as refused:
            refusal = refused
            break
        except ConditionFailed:
            if _connected_elsewhere(account, mailbox, runtime):
                refusal = Refused(Code.ADDRESS_CONNECTED)
                break
        time.sleep(random.uniform(0, 0.05 * 2**attempt))  # the log's head moves: events come in
    kept = runtime.mailboxes.find(account.id, mailbox.key.mailbox, consistent=True)
    if kept is None or kept.status is not MailboxStatus.CONNECTED:
        runtime.credentials.delete(mailbox.key)
    raise refusal


def _known_entry(before: Mailbox, mailbox: Mailbox, runtime: Runtime) -> DueEntry | None:
    """The schedule entry to go on from; of a mailbox that was disconnected its last success."""
    entry = runtime.due.find(mailbox)
    if entry or before.last_success_at is None:
        return entry
    due = Due(mailbox.connected_at, before.last_success_at)
    return DueEntry(mailbox.key.account, mailbox.key.mailbox, due)


def _place(mailbox: Mailbox) -> tuple[object, ...]:
    """What a mailbox's mail is read from: where it differs, the schedule entry begins anew."""
    return mailbox.imap, mailbox.username, mailbox.folder_rules


def _connected_elsewhere(account: Account, mailbox: Mailbox, runtime: Runtime) -> bool:
    return any(
        one.email == mailbox.email and one.key.mailbox != mailbox.key.mailbox
        for one in runtime.mailboxes.list_all(account.id)
        if one.status is MailboxStatus.CONNECTED
    )
