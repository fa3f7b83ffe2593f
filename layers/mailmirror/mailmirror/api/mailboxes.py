"""Mailboxes: connecting, state, ledger and audit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from mailmirror.api.decoding import Strict
from mailmirror.api.fields import Email, FolderName, Host, PasswordProvider, Printable
from mailmirror.api.times import utc
from mailmirror.domain.address import Address
from mailmirror.domain.contained import Cause
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.ledger import Audit
from mailmirror.domain.limits import MAX_CHOSEN_FOLDERS, MAX_SENT_FOLDERS
from mailmirror.domain.mailbox import FolderScope, MailboxState, Provider, Security, Server, UserId
from mailmirror.domain.ownership import Proof
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.contained import CAUSES
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.mailbox_problems import explain_mailbox_problem
from mailmirror.domain.words.verdicts import VERDICTS
from mailmirror.store.credentials import Password
from mailmirror.usecases.mailboxes.list_problems import Problem, Problems
from mailmirror.usecases.mailboxes.read_mailbox import FolderLedger, MailboxReport

if TYPE_CHECKING:  # what speaks IMAP and SMTP is loaded by `probe` alone
    from mailmirror.usecases.mailboxes.choose_folders import NamedFolders
    from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest
    from mailmirror.usecases.sync.audit_mailbox import FolderAudit, MailboxAudit


class ServerBody(Strict):
    """Where a mail server listens."""

    host: Host
    port: Annotated[int, Meta(ge=1, le=65535)]
    security: Security

    def server(self) -> Server:
        return Server(self.host, self.port, self.security)


FolderNames = Annotated[Sequence[FolderName], Meta(min_length=1, max_length=MAX_CHOSEN_FOLDERS)]
SentFolderNames = Annotated[Sequence[FolderName], Meta(max_length=MAX_SENT_FOLDERS)]


class ConnectBody(Strict):
    """The body of `POST /v1/mailboxes`."""

    user_id: Printable
    email: Email
    provider: PasswordProvider
    imap: ServerBody
    username: Printable
    password: Printable
    smtp: ServerBody | None = None
    folders: Annotated[
        FolderScope | FolderNames,
        Meta(description="Folders that are read: all that hold mail, Inbox and Sent, or these"),
    ] = FolderScope.ALL
    sent_folders: Annotated[
        SentFolderNames,
        Meta(description="Folders of sent mail, where they are not found by themselves"),
    ] = ()

    def request(self) -> "ConnectRequest":
        from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest

        return ConnectRequest(
            user=UserId(self.user_id),
            email=Address(self.email),
            imap=self.imap.server(),
            smtp=self.smtp.server() if self.smtp else None,
            username=self.username,
            credential=Password(self.password),
            folders=_folders(self.folders),
            sent_folders=tuple(map(str, self.sent_folders)),
        )


class FoldersBody(Strict):
    """The body of `PATCH /v1/mailboxes/{mailbox_id}`: what is left out stays as it is."""

    folders: Annotated[
        FolderScope | FolderNames | None,
        Meta(description="Folders that are read: all that hold mail, Inbox and Sent, or these"),
    ] = None
    sent_folders: Annotated[
        SentFolderNames | None,
        Meta(description="Folders of sent mail, where they are not found by themselves"),
    ] = None

    def chosen(self) -> "tuple[NamedFolders, Sequence[str] | None]":
        named = None if self.folders is None else _folders(self.folders)
        sent = None if self.sent_folders is None else tuple(map(str, self.sent_folders))
        return named, sent


def _folders(named: FolderScope | Sequence[FolderName]) -> FolderScope | Sequence[str]:
    return named if isinstance(named, FolderScope) else tuple(map(str, named))


class DisconnectQuery(Strict):
    mail: Annotated[
        Literal["keep", "erase"], Meta(description="What becomes of the mirrored mail")
    ] = "keep"


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
    error: MailboxError | None
    counters: Mapping[str, int] | None
    """UIDs by verdict; for its owner only."""
    folders: FolderScope | Sequence[str] | None
    """Which folders are read, as was said when connecting; for its owner only."""
    sent_folders: Sequence[str] | None
    """The folders of sent mail that were named when connecting; for its owner only."""

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
            next_due_at=utc(due.due_at) if due else None,
            news_since=utc(due.news_since) if due else None,
            error=error,
            counters=counters,
            folders=mailbox.folders if counters is not None else None,
            sent_folders=mailbox.sent_folders if counters is not None else None,
        )


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


class Presences(Struct, frozen=True):
    present: int
    removed: int


class LedgerFolder(Struct, frozen=True):
    name: str
    role: str
    uidvalidity: int
    uids: int
    verdicts: Mapping[str, int]
    presences: Presences

    @classmethod
    def of(cls, one: FolderLedger) -> "LedgerFolder":
        return cls(
            name=one.folder.name,
            role=one.folder.role.value,
            uidvalidity=one.folder.uidvalidity,
            uids=len(one.ledger.judged | one.ledger.pending),
            verdicts=one.ledger.counts(),
            presences=Presences(len(one.ledger.present), len(one.ledger.removed)),
        )


class VerdictWords(Struct, frozen=True):
    reason: str
    remedy: str


def explained_verdicts(language: Language) -> Mapping[str, VerdictWords]:
    """Each verdict, explained."""
    return {
        verdict.value: VerdictWords(words.reason, words.remedy)
        for verdict, by_language in VERDICTS.items()
        for words in [by_language[language]]
    }


class Ledger(Struct, frozen=True):
    folders: Sequence[LedgerFolder]
    explanations: Mapping[str, VerdictWords]
    """By verdict."""

    @classmethod
    def of(cls, folders: Sequence[FolderLedger], language: Language) -> "Ledger":
        """Every folder's ledger, with each verdict explained."""
        return cls(
            [LedgerFolder.of(one) for one in folders],
            explained_verdicts(language),
        )


class AuditUids(Struct, frozen=True, omit_defaults=True):
    """The UIDs that disagree, as IMAP sequence-sets; a kind without UIDs is left out."""

    missing: str = ""
    left_since: str = ""
    extra: str = ""
    overlap: str = ""


class AuditFolder(Struct, frozen=True):
    name: str
    role: str
    renumbered: bool
    """Whether the folder has another UIDVALIDITY than its ledger: all its UIDs are pending."""
    server_uids: int
    missing: int
    left_since: int
    extra: int
    overlap: int
    pending: int
    removed: int
    gone: int
    uids: AuditUids

    @classmethod
    def of(cls, one: "FolderAudit") -> "AuditFolder":
        found = one.audit
        return cls(
            name=one.folder.name,
            role=one.folder.role.value,
            renumbered=one.renumbered,
            server_uids=found.server_uids,
            missing=len(found.missing),
            left_since=len(found.left_since),
            extra=len(found.extra),
            overlap=len(found.overlap),
            pending=found.pending,
            removed=found.removed,
            gone=found.gone,
            uids=_uids(found),
        )


class FailedFolder(Struct, frozen=True):
    """A folder that could not be read, and why."""

    name: str
    role: str
    code: Code
    reason: str
    remedy: str
    detail: str | None

    @classmethod
    def of(cls, folder: FolderChoice, refusal: Refused, language: Language) -> "FailedFolder":
        words = explain_mailbox_problem(refusal.code, language)
        return cls(
            name=folder.name,
            role=folder.role.value,
            code=refusal.code,
            reason=words.reason,
            remedy=words.remedy,
            detail=refusal.detail or None,
        )


class AuditAnswer(Struct, frozen=True):
    at: datetime
    clean: bool
    """Whether no folder that was audited has an error: missing, extra or overlap."""
    complete: bool
    """Whether every folder that is read was audited."""
    sync_queued: bool
    """Whether a sync is queued, because server and ledger disagree on what none has seen yet."""
    folders: Sequence[AuditFolder]
    failed: Sequence[FailedFolder]
    """Folders that could not be audited."""
    not_reached: Sequence[str]
    """Names of the folders for which there was no time."""

    @classmethod
    def of(cls, found: "MailboxAudit", at: datetime, language: Language) -> "AuditAnswer":
        return cls(
            at=utc(at),
            clean=found.clean,
            complete=found.complete,
            sync_queued=found.needs_sync,
            folders=[AuditFolder.of(one) for one in found.folders],
            failed=[FailedFolder.of(one, refusal, language) for one, refusal in found.failed],
            not_reached=[one.name for one in found.not_reached],
        )


def counters(folders: Sequence[FolderLedger]) -> Mapping[str, int]:
    """How many UIDs of a mailbox have each verdict."""
    return {
        verdict.value: sum(len(one.ledger.of(verdict)) for one in folders) for verdict in Verdict
    }


def _uids(found: Audit) -> AuditUids:
    def text(uids: UidSet) -> str:
        return str(uids) if uids else ""

    return AuditUids(
        missing=text(found.missing),
        left_since=text(found.left_since),
        extra=text(found.extra),
        overlap=text(found.overlap),
    )


def mailbox_error(code: Code | None, detail: str, language: Language) -> MailboxError | None:
    """Explain what is wrong with a mailbox; None where nothing is."""
    if code is None:
        return None
    words = explain_mailbox_problem(code, language)
    return MailboxError(code, words.reason, words.remedy, detail or None)
