"""Previews: what connecting a mailbox would read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mailmirror.api.audits import FailedFolder
from mailmirror.api.coverage_limits import CoverageLimit
from mailmirror.api.ledgers import VerdictWords, explained_verdicts
from mailmirror.api.mailboxes import MailboxError, mailbox_error
from mailmirror.api.times import utc
from mailmirror.domain.folder_choice import FoundBy, LeftOut
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.folders import LEFT_OUT_FOLDERS

if TYPE_CHECKING:  # what speaks IMAP is loaded by `probe` alone
    from mailmirror.usecases.mailboxes.count_folders import PreviewedFolder
    from mailmirror.usecases.mailboxes.preview_mailbox import MailboxPreview, Sample


class LeftOutFolder(Struct, frozen=True):
    """Why a folder is not read, and what its reader can do."""

    code: LeftOut
    reason: str
    remedy: str

    @classmethod
    def of(cls, code: LeftOut, language: Language) -> "LeftOutFolder":
        words = LEFT_OUT_FOLDERS[code][language]
        return cls(code, words.reason, words.remedy)


class PreviewFolder(Struct, frozen=True):
    name: str
    role: str
    found_by: FoundBy | None
    """What says what it is for; null where nothing does."""
    read: bool
    left_out: LeftOutFolder | None
    """Null where the folder is read."""
    messages: int | None
    """As STATUS tells; null where the server does not tell, or there was no time to ask."""

    @classmethod
    def of(cls, one: "PreviewedFolder", language: Language) -> "PreviewFolder":
        left_out = one.folder.left_out
        return cls(
            name=one.folder.name,
            role=one.folder.role.value,
            found_by=one.folder.found_by,
            read=left_out is None,
            left_out=LeftOutFolder.of(left_out, language) if left_out else None,
            messages=one.messages,
        )


class PreviewSample(Struct, frozen=True):
    """The verdicts of the newest messages."""

    size: int
    """How many messages were judged: the verdicts say nothing of any others."""
    oldest: datetime | None
    """INTERNALDATE of the oldest of them."""
    verdicts: Mapping[str, int]
    complete: bool
    """Whether the newest 500 messages of the folders that are read were judged, or all of them."""
    failed: Sequence[FailedFolder]
    """Folders that could not be read."""
    not_reached: Sequence[str]
    """Names of the folders of which there was no time to read all that was wanted."""

    @classmethod
    def of(cls, one: "Sample", language: Language) -> "PreviewSample":
        return cls(
            size=one.size,
            oldest=utc(one.oldest),
            verdicts={verdict.value: one.verdicts.get(verdict, 0) for verdict in Verdict},
            complete=one.complete,
            failed=[FailedFolder.of(*failed, language) for failed in one.failed],
            not_reached=[folder.name for folder in one.not_reached],
        )


class Preview(Struct, frozen=True):
    at: datetime
    folders: Sequence[PreviewFolder]
    """Those that are read first."""
    further_folders: int
    """Folders beyond the thousand that are listed."""
    messages: int
    """In the listed folders that are read, as far as STATUS has told."""
    limits: Sequence[CoverageLimit]
    sample: PreviewSample
    explanations: Mapping[str, VerdictWords]
    """By verdict."""
    sending_error: MailboxError | None
    """Why the mailbox can be connected and read, and not send."""

    @classmethod
    def of(cls, found: "MailboxPreview", at: datetime, language: Language) -> "Preview":
        refusal = found.cannot_send
        return cls(
            at=utc(at),
            folders=[PreviewFolder.of(one, language) for one in found.folders],
            further_folders=found.further_folders,
            messages=found.messages,
            limits=[CoverageLimit.of(limit, language) for limit in sorted(found.limits)],
            sample=PreviewSample.of(found.sample, language),
            explanations=explained_verdicts(language),
            sending_error=mailbox_error(refusal.code, refusal.detail, language)
            if refusal
            else None,
        )
