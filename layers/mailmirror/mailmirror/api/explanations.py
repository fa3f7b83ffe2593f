"""Explaining a message: where it is, or why it is missing, and the calls that mend that."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from mailmirror.api.associations import (
    MessageDeal,
    MessageOverride,
    MessagePerson,
    PlacedMessage,
    TakenOff,
)
from mailmirror.api.audits import FailedFolder
from mailmirror.api.cards import Participant
from mailmirror.api.explained_calls import ApiCall, mailbox_calls, message_calls
from mailmirror.api.mailboxes import MailboxError, mailbox_error
from mailmirror.api.previews import LeftOutFolder
from mailmirror.api.times import utc
from mailmirror.domain.mailbox import MailboxState
from mailmirror.domain.missing_mail import NOT_SEARCHED, Finding, MissingCause
from mailmirror.domain.problems import Refused
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.contained import CAUSES
from mailmirror.domain.words.explanation import Explanation, Language
from mailmirror.domain.words.missing_mail import MISSING_CAUSES, WOULD_BE_MIRRORED
from mailmirror.domain.words.verdicts import VERDICTS
from mailmirror.usecases.mailboxes.explain_message import Explained, ExplainedMessage
from mailmirror.usecases.mailboxes.recorded_copies import RecordedCopy


class CodeWords(Struct, frozen=True):
    """A code, explained."""

    code: str
    reason: str
    remedy: str

    @classmethod
    def of(cls, code: StrEnum, words: Explanation) -> "CodeWords":
        return cls(code.value, words.reason, words.remedy)


class ExplainedCopy(Struct, frozen=True):
    """A copy at the mail server, now."""

    folder: str
    role: str
    read: bool
    left_out: LeftOutFolder | None
    """Null where the folder is read."""
    uid: int
    received_at: datetime | None
    """INTERNALDATE; null where the server does not return the message."""
    verdict: CodeWords
    """What a sync decides now."""
    recorded: Verdict | None
    """What a sync has decided; null where none has looked at it."""
    contained: CodeWords | None
    """Why it could not be read, or not whole."""

    @classmethod
    def of(cls, one: RecordedCopy, shown: bool, language: Language) -> "ExplainedCopy":
        found = one.found
        left_out = found.folder.left_out
        return cls(
            folder=found.folder.name,
            role=found.folder.role.value,
            read=left_out is None,
            left_out=LeftOutFolder.of(left_out, language) if left_out else None,
            uid=found.uid,
            received_at=utc(found.received_at),
            verdict=CodeWords.of(
                found.verdict,
                WOULD_BE_MIRRORED[language]
                if found.verdict is Verdict.MIRRORED and not shown
                else VERDICTS[found.verdict][language],
            ),
            recorded=one.recorded,
            contained=_contained(one, language),
        )


def _contained(one: RecordedCopy, language: Language) -> CodeWords | None:
    why = one.why_contained
    return CodeWords.of(why.cause, CAUSES[why.cause][language]) if why else None


def _is_shown(one: ExplainedMessage) -> bool:
    return any(finding.cause is MissingCause.SHOWN for finding in one.causes)


def _was_searched(explained: Explained) -> bool:
    return not any(finding.cause in NOT_SEARCHED for finding in explained.causes)


class ExplainedCause(Struct, frozen=True):
    """Why a message is missing, or that it is not, and what its reader can do."""

    code: MissingCause
    reason: str
    remedy: str
    calls: Sequence[ApiCall]
    """The calls that mend it; none where it is mended elsewhere, or by itself."""
    copy: int | None = None
    """Which of `copies` it is about."""
    contained: CodeWords | None = None
    addresses: Sequence[str] = ()
    """Of the message, that are no person's."""
    detached: MessageOverride | None = None
    taken_off: TakenOff | None = None
    error: MailboxError | None = None
    """Why the mailbox's server could not be searched."""


class ExplainedMail(Struct, frozen=True, rename={"from_": "from"}):
    """A message, and where it is."""

    id: str | None
    """Of `GET /v1/messages/{message_id}`; null where no card shows it."""
    internet_message_id: str | None
    subject: str | None
    """Null where the server does not return the message."""
    from_: Participant | None
    date: datetime | None
    """What its Date field says."""
    shown: bool
    """Whether it is on a card of the mailbox's owner."""
    in_mailbox: bool | None
    """Whether a copy was found at the server; null where it could not be searched."""
    copies: Sequence[ExplainedCopy]
    causes: Sequence[ExplainedCause]
    """In the order in which they are to be mended."""
    persons: Sequence[MessagePerson]
    """Who has an address of it."""
    deals: Sequence[MessageDeal]
    """Those that it is on, each with why."""
    further_deals: int
    overrides: Sequence[MessageOverride]
    """All attaches and detaches, the latest first."""

    @classmethod
    def of(cls, one: ExplainedMessage, explained: Explained, language: Language) -> "ExplainedMail":
        place = PlacedMessage.place(one.place, language) if one.place else {}
        return cls(
            **_said(one),
            id=one.line.summary.message if one.line else None,
            shown=_is_shown(one),
            in_mailbox=bool(one.copies) if one.copies or _was_searched(explained) else None,
            copies=[ExplainedCopy.of(copy, _is_shown(one), language) for copy in one.copies],
            causes=[_message_cause(finding, one, explained, language) for finding in one.causes],
            persons=[
                MessagePerson.of(person, one.place.users if one.place else {}, language)
                for person in one.persons
            ],
            deals=place.get("deals", ()),
            further_deals=place.get("further_deals", 0),
            overrides=place.get("overrides", ()),
        )


class MailExplanation(Struct, frozen=True):
    at: datetime
    state: MailboxState
    complete: bool
    """Whether every folder of the user's was searched to its end."""
    causes: Sequence[ExplainedCause]
    """Why the mailbox could not be searched; where no message was found, why that may be."""
    messages: Sequence[ExplainedMail]
    """The newest first."""
    further: bool
    """Whether more messages match, or may."""
    failed: Sequence[FailedFolder]
    """Folders that could not be searched."""
    not_reached: Sequence[str]
    """Names of the folders that were not searched to their end."""
    other_folders: int
    """Folders of other users, or shared by several, which are not searched."""

    @classmethod
    def of(cls, found: Explained, at: datetime, language: Language) -> "MailExplanation":
        search = found.search
        failed = [(one.folder, Refused(one.code, one.detail)) for one in search.failed]
        return cls(
            at=utc(at),
            state=found.mailbox.state,
            complete=_was_asked(found) and search.complete,
            causes=[_mailbox_cause(one, found, language) for one in found.causes],
            messages=[ExplainedMail.of(one, found, language) for one in found.messages],
            further=found.further,
            failed=[FailedFolder.of(*one, language) for one in failed],
            not_reached=[one.name for one in search.not_reached],
            other_folders=search.other_folders,
        )


def _was_asked(found: Explained) -> bool:
    return found.refusal is None and found.mailbox.state is not MailboxState.DISCONNECTED


def _said(one: ExplainedMessage) -> Mapping[str, Any]:
    """What the message says of itself, by its copy at the server, else by what is stored."""
    header = next((x.found.header for x in one.copies if x.found.header), None)
    kept = one.kept
    if header is not None:
        id, subject, sender, date = header.message_id, header.subject, header.sender, header.date
    elif kept is not None:
        id, subject, date = kept.message_id, kept.subject, kept.date
        sender = kept.from_[0] if kept.from_ else None
    else:
        return {"internet_message_id": None, "subject": None, "from_": None, "date": None}
    return {
        "internet_message_id": id,
        "subject": subject,
        "from_": Participant.of(sender) if sender else None,
        "date": utc(date),
    }


def _message_cause(
    finding: Finding, message: ExplainedMessage, explained: Explained, language: Language
) -> ExplainedCause:
    words = MISSING_CAUSES[finding.cause][language]
    is_contained = finding.cause is MissingCause.CONTAINED and finding.copy is not None
    copy = message.copies[finding.copy] if finding.copy is not None else None
    detached, place = None, message.place
    if finding.detach is not None and place is not None:
        (said,) = (one for one in place.overrides if one.override == finding.detach)
        detached = MessageOverride.of(said, place.thread, place.users, language)
    off, users = finding.taken_off, place.users if place else {}
    return ExplainedCause(
        finding.cause,
        words.reason,
        words.remedy,
        message_calls(finding, message, explained),
        finding.copy,
        _contained(copy, language) if copy and is_contained else None,
        message.participants if finding.cause is MissingCause.NO_PERSON else (),
        detached,
        TakenOff.of(off, users, language) if off else None,
    )


def _mailbox_cause(finding: Finding, found: Explained, language: Language) -> ExplainedCause:
    words, refusal = MISSING_CAUSES[finding.cause][language], found.refusal
    of_server = finding.cause in (MissingCause.SIGN_IN_NEEDED, MissingCause.UNREACHABLE)
    return ExplainedCause(
        finding.cause,
        words.reason,
        words.remedy,
        mailbox_calls(finding, found.mailbox.mailbox),
        error=mailbox_error(refusal.code, refusal.detail, language)
        if refusal and of_server
        else None,
    )
