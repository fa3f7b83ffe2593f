"""What a doctor says: the stages of each server, and the folders."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from mailmirror.api.coverage_limits import CoverageLimit
from mailmirror.api.mailboxes import MailboxError, mailbox_error
from mailmirror.api.previews import PreviewFolder
from mailmirror.api.times import utc
from mailmirror.domain.doctor import ServerStage, StageResult, Step
from mailmirror.domain.mailbox import Security
from mailmirror.domain.server_causes import LINKED, REMEDY_READERS, SELL_NUMBERS, RemedyReader
from mailmirror.domain.words.doctor import explain_diagnosis
from mailmirror.domain.words.explanation import Language

if TYPE_CHECKING:  # what speaks IMAP and SMTP is loaded by `probe` alone
    from mailmirror.usecases.mailboxes.examine_folders import ExaminedFolder, ExaminedFolders
    from mailmirror.usecases.mailboxes.examine_mailbox import Examined, ExaminedServer


class DoctorStage(Struct, frozen=True):
    stage: ServerStage
    result: StageResult
    code: str | None
    """Null where the stage is as it should be; docs/errors.md has all codes."""
    sell_number: Annotated[
        str | None, Meta(description="The number of the error in Zendesk Sell's list")
    ]
    reason: str | None
    remedy: str | None
    reader: RemedyReader | None
    """Who can do what the remedy says."""
    page: str | None
    """Where a known provider's users mend this."""
    seen: str
    """What the server has shown, printable and bounded."""
    after: ServerStage | None
    """Of a stage that was cut off: the one that has failed before it; null: the time was up."""
    milliseconds: int

    @classmethod
    def of(cls, step: Step, found: "Examined", language: Language) -> "DoctorStage":
        code, page = step.code, found.provider.page if found.provider else ""
        words = (
            explain_diagnosis(code, language, connected=found.connected)
            if code is not None
            else None
        )
        return cls(
            stage=step.stage,
            result=step.result,
            code=code.value if code is not None else None,
            sell_number=SELL_NUMBERS.get(code) if code is not None else None,
            reason=words.reason if words else None,
            remedy=words.remedy if words else None,
            reader=REMEDY_READERS.get(code) if code is not None else None,
            page=(page or None) if code in LINKED else None,
            seen=step.seen,
            after=step.after,
            milliseconds=step.milliseconds,
        )


class DoctorServer(Struct, frozen=True):
    service: str
    host: str
    port: int
    security: Security
    result: StageResult
    stages: Sequence[DoctorStage]

    @classmethod
    def of(cls, one: "ExaminedServer", found: "Examined", language: Language) -> "DoctorServer":
        return cls(
            service=one.service.lower(),
            host=one.server.host,
            port=one.server.port,
            security=one.server.security,
            result=one.result,
            stages=[DoctorStage.of(step, found, language) for step in one.steps],
        )


class DoctorFolder(Struct, frozen=True):
    folder: PreviewFolder
    recent_messages: int | None
    """Of the last 30 days, by SEARCH; null where it is not known."""
    error: MailboxError | None
    """Why the folder cannot be opened."""

    @classmethod
    def of(cls, one: "ExaminedFolder", language: Language) -> "DoctorFolder":
        refusal = one.refusal
        return cls(
            folder=PreviewFolder.of(one.counted, language),
            recent_messages=one.recent,
            error=mailbox_error(refusal.code, refusal.detail, language) if refusal else None,
        )


class DoctorFolders(Struct, frozen=True):
    folders: Sequence[DoctorFolder]
    """Those that are read first."""
    further_folders: int
    """Folders beyond the thousand that are listed."""
    limits: Sequence[CoverageLimit]

    @classmethod
    def of(cls, found: "ExaminedFolders", language: Language) -> "DoctorFolders":
        return cls(
            folders=[DoctorFolder.of(one, language) for one in found.folders],
            further_folders=found.further,
            limits=[CoverageLimit.of(limit, language) for limit in sorted(found.limits)],
        )


class DoctorAnswer(Struct, frozen=True):
    at: datetime
    result: StageResult
    """`failed` where any stage has failed or was cut off."""
    provider: str | None
    """The name of a known provider."""
    mailbox: DoctorStage | None
    """The state of a connected mailbox; null of settings."""
    servers: Sequence[DoctorServer]
    folders: DoctorFolders | None
    """Null where they could not be listed."""

    @classmethod
    def of(cls, found: "Examined", at: datetime, language: Language) -> "DoctorAnswer":
        own = found.mailbox
        return cls(
            at=utc(at),
            result=found.result,
            provider=found.provider.name if found.provider else None,
            mailbox=DoctorStage.of(own, found, language) if own else None,
            servers=[DoctorServer.of(one, found, language) for one in found.servers],
            folders=DoctorFolders.of(found.folders, language) if found.folders else None,
        )
