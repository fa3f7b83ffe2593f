"""An audit of a mailbox: where the mail server and the ledger disagree."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mailmirror.api.times import utc
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.ledger import Audit
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.mailbox_problems import explain_mailbox_problem

if TYPE_CHECKING:  # what speaks IMAP and SMTP is loaded by `probe` alone
    from mailmirror.usecases.sync.audit_mailbox import FolderAudit, MailboxAudit


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


def _uids(found: Audit) -> AuditUids:
    def text(uids: UidSet) -> str:
        return str(uids) if uids else ""

    return AuditUids(
        missing=text(found.missing),
        left_since=text(found.left_since),
        extra=text(found.extra),
        overlap=text(found.overlap),
    )
