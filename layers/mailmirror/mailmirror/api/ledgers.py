"""The ledger of a mailbox: its folders, with each verdict explained."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.verdicts import VERDICTS
from mailmirror.usecases.mailboxes.read_mailbox import FolderLedger


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


def counters(folders: Sequence[FolderLedger]) -> Mapping[str, int]:
    """How many UIDs of a mailbox have each verdict."""
    return {
        verdict.value: sum(len(one.ledger.of(verdict)) for one in folders) for verdict in Verdict
    }
