"""The ledger of a mailbox: its folders, with each verdict explained."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from mailmirror.domain.counted_copies import Uncounted
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.folders import UNCOUNTED_FOLDERS
from mailmirror.domain.words.verdicts import VERDICTS
from mailmirror.usecases.mailboxes.read_mailbox import FolderLedger


class Presences(Struct, frozen=True):
    present: int
    removed: int


class UncountedFolder(Struct, frozen=True):
    """Why the copies in a folder that is not read put no message on cards."""

    code: Uncounted
    reason: str
    remedy: str

    @classmethod
    def of(cls, one: Uncounted, language: Language) -> "UncountedFolder":
        said = UNCOUNTED_FOLDERS[one][language]
        return cls(one, said.reason, said.remedy)


class LedgerFolder(Struct, frozen=True):
    name: str
    role: str
    uidvalidity: int
    uids: int
    verdicts: Mapping[str, int]
    presences: Presences
    read: bool
    """Whether the last sync had it among the folders that are read."""
    uncounted: UncountedFolder | None
    """Why its copies put no message on cards; null where they do."""

    @classmethod
    def of(cls, one: FolderLedger, language: Language) -> "LedgerFolder":
        left_out = one.folder.left_out
        return cls(
            name=one.folder.name,
            role=one.folder.role.value,
            uidvalidity=one.folder.uidvalidity,
            uids=len(one.ledger.judged | one.ledger.pending),
            verdicts=one.ledger.counts(),
            presences=Presences(len(one.ledger.present), len(one.ledger.removed)),
            read=one.folder.read,
            uncounted=UncountedFolder.of(left_out, language) if left_out else None,
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
            [LedgerFolder.of(one, language) for one in folders],
            explained_verdicts(language),
        )


def counters(folders: Sequence[FolderLedger]) -> Mapping[str, int]:
    """How many UIDs of a mailbox have each verdict, in the folders whose copies count."""
    counted = [one.ledger for one in folders if one.folder.left_out is None]
    return {verdict.value: sum(len(one.of(verdict)) for one in counted) for verdict in Verdict}
