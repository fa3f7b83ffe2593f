"""Why a message is not on its cards, or that it is: the causes in the order of their mending.

    copies at the server   in a folder that is left out?  what each verdict says  what no sync read
    what is stored         shown, hidden, or nothing
    the mailbox            cannot be signed in to, paused, in its first sync, disconnected

Where there are several copies, the one that takes least to mend decides. Everything here is a
function of facts, which are read live: nothing of an answer is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto

from mailmirror.domain.card_overrides import CardOverride
from mailmirror.domain.contained import Cause as ContainedCause
from mailmirror.domain.folder_choice import LeftOut
from mailmirror.domain.mailbox import NEEDS_PERSON, MailboxState
from mailmirror.domain.overrides import Override
from mailmirror.domain.problems import Code
from mailmirror.domain.verdict import Verdict


class MissingCause(StrEnum):
    """Why a message is missing. What is declared first takes less to mend, among copies."""

    SHOWN = "shown"
    """It is not missing."""
    DETACHED = "detached"
    """A person has taken it, or its thread, off a deal."""
    TAKEN_OFF = "taken_off"
    """A person has taken it, or its thread, off the card of a lead or contact."""
    CONTAINED = "contained"
    """It could not be read, or not whole."""
    NOT_SYNCED = "not_synced"
    FIRST_SYNC = "first_sync"
    WAITS = "waits"
    """Its verdict was given before facts changed."""
    NOT_STORED = "not_stored"
    """The ledger calls it mirrored, and it is not stored."""
    PAUSED = "paused"
    BLOCKED = "blocked"
    NO_PERSON = "no_person"
    OUTSIDE_WINDOW = "outside_window"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    BEYOND_RECIPIENTS = "beyond_recipients"
    """It has more recipients than the limit may be raised to."""
    FOLDER_LEFT_OUT = "folder_left_out"
    """A setting leaves its folder out."""
    JUNK = "junk"
    TRASH = "trash"
    NO_MAIL_FOLDER = "no_mail_folder"
    """It lies in Exchange's Calendar, Contacts, Tasks or their like."""
    COLLECTION = "collection"
    """It was found only where messages of other folders are shown once more."""
    DRAFT = "draft"
    REPORT = "report"
    INTERNAL = "internal"
    UNREADABLE = "unreadable"
    DELETED = "deleted"
    """It was deleted at the server, which the account follows."""

    # Where no copy is found, or the server cannot be asked
    SIGN_IN_NEEDED = "sign_in_needed"
    UNREACHABLE = "unreachable"
    DISCONNECTED = "disconnected"
    SEARCH_INCOMPLETE = "search_incomplete"
    COLLEAGUE = "colleague"
    """A mailbox of another user has it, and this user's have not."""
    DELETED_UNREAD = "deleted_unread"
    """It named the mailbox, and is in no folder: it was deleted before it was read."""
    NOT_IN_MAILBOX = "not_in_mailbox"


NOT_SEARCHED = (
    MissingCause.SIGN_IN_NEEDED,
    MissingCause.UNREACHABLE,
    MissingCause.DISCONNECTED,
)
"""Where the mailbox's server was not asked at all."""


class Stored(StrEnum):
    """What the viewer's mailboxes keep of a message."""

    NOTHING = auto()
    SHOWN = auto()
    """Cards show it."""
    HIDDEN = auto()
    """It is stored, and no card shows it."""


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """What is known of a copy at the server."""

    left_out: LeftOut | None = None
    """Why its folder is not read."""
    obstacles: Sequence[Verdict] = ()
    """As in FoundCopy."""
    recorded: Verdict | None = None
    """Its verdict in the ledger; None where no sync has looked at it."""
    contained: ContainedCause | None = None
    """Why it could not be read, or not whole."""
    can_raise_limit: bool = True
    """Whether a limit of recipients may be so high that it is mirrored."""


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What is known of one message."""

    copies: Sequence[CopyFacts] = ()
    stored: Stored = Stored.NOTHING
    stored_obstacles: Sequence[Verdict] = ()
    """Of what is stored and hidden, as it would be judged now."""
    has_left: bool = False
    """Whether what is stored has left the server for good, where the account follows that."""
    counts: bool = False
    """Whether what is hidden is of this mailbox, lies in a folder whose copies count, and is
    neither a draft nor a report."""
    detaches: Sequence[Override] = ()
    """Those that count."""
    taken_off: Sequence[CardOverride] = ()
    """The overrides that keep it off the cards of its persons."""
    on_no_card: bool = False
    """Whether these keep it off all of them, and no deal shows it."""


@dataclass(frozen=True, slots=True)
class MailboxFacts:
    """What is known of the mailbox."""

    state: MailboxState = MailboxState.HEALTHY
    refusal: Code | None = None
    """Why its server could not be asked now."""
    complete: bool = True
    """Whether every folder was searched to its end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause, and what it is about."""

    cause: MissingCause
    copy: int | None = None
    """Which copy of the message's."""
    detach: Override | None = None
    taken_off: CardOverride | None = None


_BY_FOLDER: Mapping[LeftOut, MissingCause] = {
    LeftOut.TRASH: MissingCause.TRASH,
    LeftOut.JUNK: MissingCause.JUNK,
    LeftOut.DRAFTS: MissingCause.DRAFT,
    LeftOut.OUTBOX: MissingCause.DRAFT,
    LeftOut.NO_MAIL: MissingCause.NO_MAIL_FOLDER,
    LeftOut.COLLECTION: MissingCause.COLLECTION,
    LeftOut.IN_ALL_MAIL: MissingCause.COLLECTION,
    LeftOut.SETTING: MissingCause.FOLDER_LEFT_OUT,
    LeftOut.OTHER_NAMESPACE: MissingCause.FOLDER_LEFT_OUT,
    LeftOut.NOT_SELECTABLE: MissingCause.FOLDER_LEFT_OUT,
}
_BY_VERDICT: Mapping[Verdict, MissingCause] = {
    Verdict.UNREADABLE: MissingCause.UNREADABLE,
    Verdict.OUTSIDE_WINDOW: MissingCause.OUTSIDE_WINDOW,
    Verdict.DRAFT: MissingCause.DRAFT,
    Verdict.INTERNAL: MissingCause.INTERNAL,
    Verdict.REPORT: MissingCause.REPORT,
    Verdict.NO_PERSON: MissingCause.NO_PERSON,
    Verdict.BLOCKED: MissingCause.BLOCKED,
    Verdict.TOO_MANY_RECIPIENTS: MissingCause.TOO_MANY_RECIPIENTS,
    Verdict.PENDING: MissingCause.CONTAINED,
    Verdict.GONE: MissingCause.NOT_SYNCED,
}
_ORDER = list(MissingCause)


def message_causes(message: MessageFacts, mailbox: MailboxFacts) -> Sequence[Finding]:
    """Say why a message is not on its cards, or that it is and what is missing of it there."""
    detached = [Finding(MissingCause.DETACHED, detach=one) for one in message.detaches]
    taken_off = [Finding(MissingCause.TAKEN_OFF, taken_off=one) for one in message.taken_off]
    if message.stored is Stored.SHOWN:
        by_headers = [
            Finding(MissingCause.CONTAINED, number)
            for number, copy in enumerate(message.copies)
            if copy.contained is ContainedCause.HEADERS_ONLY
        ]
        shown = [] if message.on_no_card else [Finding(MissingCause.SHOWN)]
        return [*shown, *by_headers[:1], *taken_off, *detached]
    if not message.copies:
        return [Finding(one) for one in _stored_causes(message)]
    each = [
        (_copy_causes(copy, message.stored, mailbox), number)
        for number, copy in enumerate(message.copies)
    ]
    causes, number = min(each, key=lambda one: (*_effort(one[0]), one[1]))
    is_paused = mailbox.state is MailboxState.PAUSED
    if message.stored is Stored.HIDDEN and message.counts and not is_paused:
        stored = _stored_causes(message)
        if _effort(stored) < _effort(causes):
            return [Finding(cause) for cause in stored]
    return [Finding(cause, number) for cause in causes]


def mailbox_causes(
    mailbox: MailboxFacts,
    *,
    found: bool,
    with_colleague: bool = False,
    named_mailbox: bool = False,
) -> Sequence[Finding]:
    """Say why the mailbox could not be searched, and, where nothing was found, why that may be.

    Parameters:
        found: whether any message was.
        with_colleague: whether a mailbox of another user has it, and the viewer may know.
        named_mailbox: whether the message was addressed to the mailbox, or sent from it.
    """
    causes: list[MissingCause] = []
    if mailbox.state is MailboxState.DISCONNECTED:
        causes.append(MissingCause.DISCONNECTED)
    elif mailbox.refusal is not None:
        needs_person = mailbox.refusal in NEEDS_PERSON
        causes.append(MissingCause.SIGN_IN_NEEDED if needs_person else MissingCause.UNREACHABLE)
    elif not found and not mailbox.complete:
        causes.append(MissingCause.SEARCH_INCOMPLETE)
    if not found:
        if with_colleague:
            causes.append(MissingCause.COLLEAGUE)
        if not causes or causes == [MissingCause.COLLEAGUE]:
            gone = MissingCause.DELETED_UNREAD if named_mailbox else MissingCause.NOT_IN_MAILBOX
            causes.append(gone)
    return [Finding(one) for one in causes]


def _effort(causes: Sequence[MissingCause]) -> tuple[int, int]:
    """How much mending takes: the number of steps, and how heavy the heaviest is."""
    return len(causes), max(_ORDER.index(one) for one in causes)


def _copy_causes(copy: CopyFacts, stored: Stored, mailbox: MailboxFacts) -> Sequence[MissingCause]:
    """What has to be mended of a copy: its folder, its verdicts, and then what no sync has read."""
    causes = [_BY_FOLDER[copy.left_out]] if copy.left_out else []
    if MissingCause.DRAFT not in causes:
        causes += (_by_verdict(one, copy) for one in copy.obstacles)
    waiting = _waiting_for(copy, stored, mailbox)
    if mailbox.state is MailboxState.PAUSED:
        lasting = waiting in (MissingCause.CONTAINED, MissingCause.NOT_STORED)
        causes += [MissingCause.PAUSED, *([waiting] if lasting and not causes else [])]
    return list(dict.fromkeys(causes)) or [waiting]


def _by_verdict(verdict: Verdict, copy: CopyFacts) -> MissingCause:
    if verdict is Verdict.TOO_MANY_RECIPIENTS and not copy.can_raise_limit:
        return MissingCause.BEYOND_RECIPIENTS
    return _BY_VERDICT[verdict]


def _waiting_for(copy: CopyFacts, stored: Stored, mailbox: MailboxFacts) -> MissingCause:
    """Why a copy that a sync would mirror now is not shown."""
    if copy.recorded is Verdict.PENDING:
        return MissingCause.CONTAINED
    if copy.recorded in (None, Verdict.GONE):
        first = copy.recorded is None and mailbox.state is MailboxState.FIRST_SYNC
        return MissingCause.FIRST_SYNC if first else MissingCause.NOT_SYNCED
    if copy.recorded is Verdict.MIRRORED and stored is Stored.NOTHING:
        return MissingCause.NOT_STORED
    return MissingCause.WAITS


def _stored_causes(message: MessageFacts) -> Sequence[MissingCause]:
    """Why what is stored is hidden."""
    causes = [_by_verdict(one, CopyFacts()) for one in message.stored_obstacles]
    return causes or [MissingCause.DELETED if message.has_left else MissingCause.WAITS]
