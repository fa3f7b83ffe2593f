"""A mailbox: its servers, its owner, its schedule entry and its state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NewType

from mailmirror.domain.address import Address
from mailmirror.domain.problems import Code
from mailmirror.domain.slot import Slot

AccountId = NewType("AccountId", str)
UserId = NewType("UserId", str)
MailboxId = NewType("MailboxId", str)

FIRST_HISTORY = timedelta(days=365)
"""How much older than its first connecting a mailbox's window is, by default."""


class Security(StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mail server listens."""

    host: str
    port: int
    security: Security


class Provider(StrEnum):
    """Who hosts a mailbox; providers other than IMAP are signed in to by OAuth 2."""

    IMAP = "imap"
    """Any server, by password."""
    GOOGLE = "google"
    MICROSOFT = "microsoft"


class FolderRole(StrEnum):
    """What a folder is to its mailbox; several folders may have one role."""

    INBOX = "inbox"
    SENT = "sent"
    ALL = "all"
    """Gmail's All Mail, which has the messages of all others."""
    ARCHIVE = "archive"
    OTHER = "other"

    def with_labels(self, by_labels: "FolderRole | None") -> "FolderRole":
        """The role of a copy in a folder of this role.

        Gmail's labels tell it of All Mail. Of another folder they lack its own label, so they only
        add that a message was sent.

        Parameters:
            by_labels: what the copy's labels say; None where the server tells none.
        """
        if self is FolderRole.ALL:
            return by_labels or self
        return by_labels if by_labels is FolderRole.SENT else self


class FolderScope(StrEnum):
    """Which folders are read, where they are not named."""

    ALL = "all"
    """Every folder that holds mail but Trash, Junk and Drafts."""
    INBOX_AND_SENT = "inbox_and_sent"


type FolderSetting = FolderScope | tuple[str, ...]
"""A mailbox's setting `folders`: a scope, or the server's names of the folders that are read."""


@dataclass(frozen=True, slots=True)
class FolderRules:
    """A mailbox's settings that say which folders are read."""

    folders: FolderSetting = FolderScope.ALL
    sent_folders: Sequence[str] = ()
    """Names of the folders of sent mail, where a setting gives them."""

    @property
    def named(self) -> Sequence[str]:
        """The folders that the settings name; one that the server lacks is reported as missing."""
        chosen = () if isinstance(self.folders, FolderScope) else self.folders
        return list(dict.fromkeys([*self.sent_folders, *chosen]))


READ_ALL = FolderRules()


class MailboxStatus(StrEnum):
    """What a person has asked for; the result is the `MailboxState`."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    ERASING = "erasing"


@dataclass(frozen=True, slots=True)
class MailboxKey:
    """A mailbox within its account. Its epoch grows when it is erased, and is part of its keys."""

    account: AccountId
    mailbox: MailboxId
    epoch: int = 0

    @property
    def new_slot(self) -> Slot:
        """The slot of this mailbox in the schedule, if it is connected now for the first time."""
        return Slot.chosen(f"{self.account}#{self.mailbox}")


@dataclass(frozen=True, slots=True)
class Mailbox:
    key: MailboxKey
    owner: UserId
    email: Address
    imap: Server
    smtp: Server | None
    username: str
    history_since: date
    status: MailboxStatus
    slot: Slot
    connected_at: datetime
    """When it was last connected, with the credential that is stored."""
    provider: Provider = Provider.IMAP
    folders: FolderSetting = FolderScope.ALL
    sent_folders: tuple[str, ...] = ()
    """The folders of sent mail, by the server's names; empty where they are found by SPECIAL-USE or
    by their names."""
    last_success_at: datetime | None = None
    """Of a disconnected mailbox, when a poll or sync last found no mail without a verdict."""
    audit_asked_at: datetime | None = None
    """When a person last asked for a deep audit."""
    everything_asked_at: datetime | None = None
    """When a person last asked for a pass over everything."""

    @property
    def folder_rules(self) -> FolderRules:
        return FolderRules(self.folders, self.sent_folders)


class MailboxState(StrEnum):
    """Whether a mailbox is synced, or why it is not."""

    FIRST_SYNC = "first_sync"
    HEALTHY = "healthy"
    INCOMPLETE = "incomplete"
    """It syncs, but a folder was not found, messages are withheld, or news is still being read."""
    FAILING = "failing"
    SIGN_IN_NEEDED = "sign_in_needed"
    """The server refuses the password."""
    REAUTH_REQUIRED = "reauth_required"
    """The provider or its server refuses what an earlier sign-in allowed."""
    PAUSED = "paused"
    """Its owner has paused it: it is connected, and not read."""
    DISCONNECTED = "disconnected"
    ERASING = "erasing"


@dataclass(frozen=True, slots=True)
class Seen:
    """STATUS of a folder when a sync last finished; `messages` is the ledger's count."""

    uidvalidity: int
    uidnext: int
    present: int


@dataclass(frozen=True, slots=True)
class Due:
    """A mailbox's entry in a schedule shard."""

    due_at: datetime
    last_success_at: datetime | None = None
    error: Code | None = None
    error_detail: str = ""
    failing_since: datetime | None = None
    failures: int = 0
    """How many attempts in a row have failed."""
    news_since: datetime | None = None
    """When a poll first found news that no finished sync has seen yet, or a pause ended."""
    sending_error: Code | None = None
    """Why the submission server refuses to send; reading does not depend on it."""
    sending_detail: str = ""
    paused_since: datetime | None = None
    """When its owner paused the mailbox; None where it is read."""

    @property
    def next_poll_at(self) -> datetime | None:
        """When it is polled next; None while it is paused."""
        return None if self.paused_since else self.due_at


POLL_INTERVAL = timedelta(minutes=1)
MAX_WAIT = timedelta(minutes=15)
"""How long news, a first sync without progress, or a due poll may wait before it is an error."""
_MAX_PAUSE = timedelta(minutes=15)
SIGN_IN_PAUSE = timedelta(hours=1)
"""Servers lock accounts after repeated wrong passwords."""
_PASSWORD = frozenset(
    {Code.SIGN_IN_FAILED, Code.APP_PASSWORD_REQUIRED, Code.PASSWORD_EXPIRED, Code.SERVER_ALERT}
)
REAUTH = frozenset(
    {
        Code.GRANT_REVOKED,
        Code.GRANT_EXPIRED,
        Code.PASSWORD_CHANGED,
        Code.MFA_REQUIRED,
        Code.CONSENT_MISSING,
        Code.BLOCKED_BY_POLICY,
        Code.USER_DISABLED,
        Code.TOKEN_REFUSED,
        Code.SMTP_AUTH_DISABLED,
        Code.SIGN_IN_WITH_PROVIDER,
        Code.IMAP_DISABLED,
        Code.ADMINISTRATOR_NEEDED,
    }
)
"""Problems that only the person, or their administrator, can solve at the provider."""
NEEDS_PERSON = _PASSWORD | REAUTH
"""Refusals after which no sign-in is tried for an hour, whichever function wants one."""


def pause(error: Code, failures: int) -> timedelta:
    """Return the pause before the next attempt, after the n-th failure in a row."""
    if error in NEEDS_PERSON:
        return SIGN_IN_PAUSE
    return min(POLL_INTERVAL * (1 << min(failures - 1, 10)), _MAX_PAUSE)


def state_of(
    status: MailboxStatus,
    due: Due | None,
    now: datetime,
    progressed_at: datetime,
    *,
    complete: bool,
    pending: int,
    failing_folders: int = 0,
    has_sent: bool = True,
    resumes: bool = False,
) -> tuple[MailboxState, Code | None]:
    """Return the state of a mailbox, and the problem that keeps it from being read.

    Parameters:
        progressed_at: when a sync last judged anything; at first, when it was connected. News
            that was found later, or a pause that ended later, counts from its own time.
        complete: whether every folder's history has been looked at.
        pending: how many UIDs the server listed and did not return.
        failing_folders: how many folders cannot be read.
        has_sent: whether the server has a folder of sent mail.
        resumes: whether it is connected again, and no sync has finished since.
    """
    if status is MailboxStatus.DISCONNECTED:
        return MailboxState.DISCONNECTED, None
    if status is MailboxStatus.ERASING:
        return MailboxState.ERASING, None
    if due is not None and due.paused_since is not None:
        return MailboxState.PAUSED, None
    if due is not None and due.error is not None:
        return _failing(due.error), due.error
    if due is not None and now - due.due_at > MAX_WAIT:
        return MailboxState.FAILING, Code.POLL_OVERDUE
    begun_at = due.news_since if due and due.news_since else progressed_at
    stalled = now - max(progressed_at, begun_at) > MAX_WAIT
    late = due is not None and due.news_since and now - due.news_since > MAX_WAIT
    waiting = late or resumes
    if stalled and (waiting or not complete):
        return MailboxState.FAILING, Code.NEWS_WAITING
    if not complete:
        return MailboxState.FIRST_SYNC, None
    if waiting:
        return MailboxState.INCOMPLETE, Code.NEWS_WAITING
    if failing_folders:
        return MailboxState.INCOMPLETE, Code.FOLDER_FAILING
    if not has_sent:
        return MailboxState.INCOMPLETE, Code.SENT_NOT_FOUND
    if pending:
        return MailboxState.INCOMPLETE, Code.MESSAGES_PENDING
    if due is not None and due.sending_error is not None:
        return _failing(due.sending_error), None
    return MailboxState.HEALTHY, None


def _failing(error: Code) -> MailboxState:
    if error in REAUTH:
        return MailboxState.REAUTH_REQUIRED
    return MailboxState.SIGN_IN_NEEDED if error in _PASSWORD else MailboxState.FAILING


def is_news(known: Seen | None, uidvalidity: int, uidnext: int, messages: int) -> bool:
    """Tell from a folder's STATUS whether a sync has anything to do.

    Fewer messages are not news: removals are learned with the next news. Nor is another UIDVALIDITY
    of a folder that was empty and is: Courier gives one at each opening until a client has selected
    the folder, and the first message in it changes UIDNEXT.
    """
    if known is None or known.uidnext != uidnext or messages > known.present:
        return True
    return known.uidvalidity != uidvalidity and known.present > 0
