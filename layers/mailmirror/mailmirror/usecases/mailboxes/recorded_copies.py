"""What is stored of copies that a search of the server has found: verdict, content, containment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailmirror.domain.contained import Cause, Contained
from mailmirror.domain.containment import Place
from mailmirror.domain.folder import FolderState
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mail_search import FoundCopy
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.missing_mail import CopyFacts
from mailmirror.domain.verdict import Verdict
from mailmirror.runtime import Runtime
from mailmirror.store.contained import StoredContained


@dataclass(frozen=True, slots=True)
class RecordedCopy:
    """A copy at the server, and what is stored of it."""

    found: FoundCopy
    recorded: Verdict | None
    """Its verdict in the ledger; None where no sync has looked at it."""
    contained: StoredContained | None
    message: MessageKey | None
    """The message that it was mirrored as."""

    @property
    def why_contained(self) -> Contained | None:
        """Why it could not be read, or not whole."""
        if self.contained is not None:
            return self.contained.contained
        is_pending = Verdict.PENDING in (self.recorded, self.found.verdict)
        return Contained(Cause.NOT_RETURNED) if is_pending else None

    @property
    def facts(self) -> CopyFacts:
        found, why = self.found, self.why_contained
        return CopyFacts(
            found.folder.left_out,
            found.obstacles,
            self.recorded,
            why.cause if why else None,
            can_raise_limit=found.header is None or found.header.recipients_needed is not None,
        )


@dataclass(slots=True)
class _Records:
    """What is stored of a mailbox's folders; each is read once."""

    key: MailboxKey
    runtime: Runtime
    ledgers: dict[str, tuple[FolderState, Ledger] | None] = field(default_factory=dict)

    def verdict(self, copy: FoundCopy) -> Verdict | None:
        """The verdict in the ledger; None where it has none under the copy's UIDVALIDITY."""
        id = copy.folder_id
        if id not in self.ledgers:
            stored = self.runtime.folders.find(self.key, id)
            self.ledgers[id] = (
                self.runtime.ledgers.read_current(self.key, id, stored.state) if stored else None
            )
        read = self.ledgers[id]
        if read is None or read[0].uidvalidity != copy.uidvalidity:
            return None
        return next((one for one in Verdict if copy.uid in read[1].of(one)), None)


def recorded_copies(
    key: MailboxKey, found: Sequence[FoundCopy], runtime: Runtime
) -> Sequence[RecordedCopy]:
    """Read what is stored of copies.

    The ledgers of their folders, the mailbox's contained messages, and a read unit a copy.
    """
    if not found:
        return []
    records = _Records(key, runtime)
    contained = {one.place: one for one in runtime.contained.list_all(key)}
    return [_recorded(one, records, contained) for one in found]


def _recorded(
    copy: FoundCopy, records: _Records, contained: Mapping[Place, StoredContained]
) -> RecordedCopy:
    place = Place(copy.folder_id, copy.uidvalidity, copy.uid)
    verdict = records.verdict(copy)
    stored = records.runtime.contents.at(records.key, place) if verdict is not None else ()
    kept = contained.get(place)
    return RecordedCopy(
        copy,
        verdict,
        kept if verdict in (Verdict.PENDING, Verdict.MIRRORED) else None,
        next((one.entry.message for one in stored), None),
    )
