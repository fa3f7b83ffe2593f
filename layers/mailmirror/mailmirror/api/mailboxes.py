"""Mailboxes: their state, and what fails."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from math import ceil
from typing import Literal

from msgspec import Struct, structs

from mailmirror.api.times import utc
from mailmirror.domain.contained import Cause
from mailmirror.domain.mailbox import FolderScope, MailboxState, Provider
from mailmirror.domain.ownership import Proof
from mailmirror.domain.problems import Code
from mailmirror.domain.settings import MailboxSetting
from mailmirror.domain.words.contained import CAUSES
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.mailbox_problems import explain_mailbox_problem
from mailmirror.domain.words.settings import MAILBOX_EFFECTS
from mailmirror.usecases.mailboxes.list_problems import Problem, Problems
from mailmirror.usecases.mailboxes.read_mailbox import MailboxReport


class MailboxError(Struct, frozen=True):
    """What is wrong with a mailbox, and what its reader can do."""

    code: Code
    reason: str
    remedy: str
    detail: str | None


class Mailbox(Struct, frozen=True):
    id: str
    user_id: str
    email: str
    provider: Provider
    address_proof: Proof | None
    state: MailboxState
    progress: int | None
    """Percent of the mail that is judged; for its owner, and where no acting user asks."""
    messages_left: int | None
    """Messages that have no verdict yet; as `progress`."""
    seconds_left: int | None
    """How long that takes, at the rate so far; as `progress`, and null where nothing tells it."""
    last_success_at: datetime | None
    next_due_at: datetime | None
    news_since: datetime | None
    paused_since: datetime | None
    error: MailboxError | None
    counters: Mapping[str, int] | None
    """UIDs by verdict; for its owner only."""
    folders: FolderScope | Sequence[str] | None
    """Which folders are read, as was said when connecting; for its owner only."""
    sent_folders: Sequence[str] | None
    """The folders of sent mail that were named when connecting; for its owner only."""
    history_since: date | None
    """The first day of mail that is read, in UTC; for its owner only, once it was synced."""

    @classmethod
    def of(
        cls,
        report: MailboxReport,
        language: Language,
        counters: Mapping[str, int] | None = None,
        *,
        to_another: bool = False,
    ) -> "Mailbox":
        """Parameters:
        counters: given where the owner asks.
        to_another: whether the acting user is another than its owner.
        """
        mailbox, due = report.mailbox, report.due
        error = mailbox_error(report.problem, due.error_detail if due else "", language)
        if error is None and due:
            error = mailbox_error(due.sending_error, due.sending_detail, language)
        time_left = report.time_left.total_seconds() if report.time_left is not None else None
        return cls(
            id=mailbox.key.mailbox,
            user_id=mailbox.owner,
            email=mailbox.email,
            provider=mailbox.provider,
            address_proof=report.proof,
            state=report.state,
            progress=None if to_another else report.progress,
            messages_left=None if to_another else report.messages_left,
            seconds_left=None if to_another or time_left is None else ceil(time_left),
            last_success_at=utc(report.last_success_at),
            next_due_at=utc(due.next_poll_at) if due else None,
            news_since=utc(due.news_since) if due else None,
            paused_since=utc(due.paused_since) if due else None,
            error=error,
            counters=counters,
            folders=mailbox.folders if counters is not None else None,
            sent_folders=mailbox.sent_folders if counters is not None else None,
            history_since=mailbox.history_since if counters is not None else None,
        )


class MailboxEffect(Struct, frozen=True):
    """When the change of a mailbox's setting takes effect."""

    setting: MailboxSetting
    reason: str
    remedy: str


class ChangedMailbox(Mailbox, frozen=True):
    effects: Sequence[MailboxEffect] = ()
    """Of the settings that the request names."""

    @classmethod
    def after(
        cls, mailbox: Mailbox, named: Sequence[MailboxSetting], language: Language
    ) -> "ChangedMailbox":
        words = [(one, MAILBOX_EFFECTS[one][language]) for one in named]
        effects = [MailboxEffect(one, said.reason, said.remedy) for one, said in words]
        return cls(**structs.asdict(mailbox), effects=effects)


class Mailboxes(Struct, frozen=True):
    mailboxes: Sequence[Mailbox]


class MailboxProblem(Struct, frozen=True):
    """What fails, or could not be read: the mailbox, a folder of it, or a message."""

    kind: Literal["mailbox", "folder", "message"]
    code: str
    """Of a mailbox or folder a problem's code, of a message `message_…`."""
    reason: str
    remedy: str
    detail: str | None
    since: datetime | None
    next_try_at: datetime | None
    """Null where it is not tried again."""
    folder: str | None
    uid: int | None
    received_at: datetime | None
    """INTERNALDATE, where the message matches a person."""
    subject: str | None

    @classmethod
    def of(cls, one: Problem, language: Language) -> "MailboxProblem":
        match one.code:
            case Cause() as cause:
                words = CAUSES[cause][language]
            case code:
                words = explain_mailbox_problem(code, language)
        known = one.contained
        return cls(
            kind="message" if one.uid else "folder" if one.folder else "mailbox",
            code=one.code.value,
            reason=words.reason,
            remedy=words.remedy,
            detail=one.detail or None,
            since=utc(one.since),
            next_try_at=utc(one.next_try_at),
            folder=one.folder,
            uid=one.uid,
            received_at=utc(known.received_at) if known else None,
            subject=known.subject if known and known.received_at else None,
        )


class MailboxProblems(Struct, frozen=True):
    problems: Sequence[MailboxProblem]
    further: int
    """Messages beyond the hundred that are listed."""

    @classmethod
    def of(cls, found: Problems, language: Language) -> "MailboxProblems":
        return cls([MailboxProblem.of(one, language) for one in found.listed], found.further)


class SyncQueued(Struct, frozen=True):
    id: str
    queued: bool = True


def mailbox_error(code: Code | None, detail: str, language: Language) -> MailboxError | None:
    """Explain what is wrong with a mailbox; None where nothing is."""
    if code is None:
        return None
    words = explain_mailbox_problem(code, language)
    return MailboxError(code, words.reason, words.remedy, detail or None)
