"""Deep audits of a mailbox: what was judged again, and what was found and repaired."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from mailmirror.api.ledgers import VerdictWords
from mailmirror.api.times import utc
from mailmirror.domain.deep_audit import Round
from mailmirror.domain.words.deep_audit import FAULTS
from mailmirror.domain.words.explanation import Language
from mailmirror.usecases.mailboxes.read_deep_audit import DeepAuditReport


class DeepAuditQueued(Struct, frozen=True):
    id: str
    result: str
    """The path at which the result is read."""
    queued: bool = True


class ListedFault(Struct, frozen=True):
    """A fault that was not repaired, or that the round before had repaired."""

    kind: str
    folder: str | None
    """Null where the folder is gone."""
    uid: int | None
    """Null where it is the folder's."""
    returned: bool
    """Whether the round before had repaired it."""


class AuditRound(Struct, frozen=True):
    begun_at: datetime
    asked_at: datetime | None
    """When a person asked for it; null of a round of the daily slices."""
    finished_at: datetime | None
    """Null while it is under way."""
    uids: int
    """Messages that were judged again."""
    faults: Mapping[str, int]
    """Faults by kind; a kind without any is left out."""
    repaired: int
    lost: int
    """Faults that could not be repaired."""
    returned: int
    """Faults that the round before had repaired."""
    disputed: int
    """Mirrored messages that no rule mirrors now; they stay as they are."""
    folders_left_out: int
    """Folders that could not be read."""
    listed: Sequence[ListedFault]
    """The first twenty faults that were not repaired, or have returned."""

    @classmethod
    def of(cls, one: Round, folders: Mapping[str, str]) -> "AuditRound":
        found = one.found
        return cls(
            begun_at=utc(one.begun_at),
            asked_at=utc(one.asked_at),
            finished_at=utc(one.finished_at),
            uids=found.uids,
            faults={kind.value: count for kind, count in sorted(found.faults.items())},
            repaired=found.repaired,
            lost=found.lost,
            returned=found.returned,
            disputed=found.disputed,
            folders_left_out=found.left_out,
            listed=[
                ListedFault(
                    fault.kind.value,
                    folders.get(fault.folder),
                    fault.uid or None,
                    fault.same in one.before,
                )
                for fault in one.listed
            ],
        )


class DeepAuditAnswer(Struct, frozen=True):
    present: AuditRound | None
    """The round that is under way, or the last one; null before the first."""
    last: AuditRound | None
    """The one before it."""
    asked_at: datetime | None
    """When a person asked for an audit that has not begun yet."""
    next_at: datetime | None
    """When the next daily slice is due."""
    explanations: Mapping[str, VerdictWords]
    """By kind of fault."""

    @classmethod
    def of(cls, found: DeepAuditReport, language: Language) -> "DeepAuditAnswer":
        present, last = found.rounds.present, found.rounds.last
        return cls(
            present=AuditRound.of(present, found.folders) if present else None,
            last=AuditRound.of(last, found.folders) if last else None,
            asked_at=utc(found.asked_at),
            next_at=utc(found.next_at),
            explanations={
                kind.value: VerdictWords(words.reason, words.remedy)
                for kind, by_language in FAULTS.items()
                for words in [by_language[language]]
            },
        )
