"""Which content of a message a card shows, and at which of its instants it shows the message.

A card shows the version that is chosen of those on it (`domain.versions`), and names all that the
mailbox has. An entry is passed over where the same message stands at a lesser instant on the card.
Both are known from the lines of the contents: where a message has one content and one instant, as
nearly always, a page needs nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import MAX_VERSIONS
from mailmirror.domain.mailbox import FolderRole, MailboxId, MailboxKey
from mailmirror.domain.versions import Received, chosen
from mailmirror.mail.imap.fetched import HEADERS_ONLY
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.timelines import FURTHER, Hit, Partitions

_Place = tuple[MessageKey, datetime, MailboxKey]
_Versions = Mapping[tuple[MailboxId, MessageKey], Mapping[str, Summary]]
"""By mailbox and message, and by SHA-256."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it stands on a card, or by itself."""

    hit: Hit
    summary: Summary
    """The version that is shown."""
    mailboxes: Sequence[MailboxId]
    versions: Sequence[Summary]
    """All that are kept, in the order in which they were received."""
    further: int
    """How many more were counted."""

    @property
    def is_in_sent(self) -> bool:
        """Whether a copy of it lies in the sent mail of one of the mailboxes."""
        return any(one.received.role is FolderRole.SENT for one in self.versions)

    def of(self, sha256: str) -> "Shown | None":
        """The message by another of its versions."""
        for one in self.versions:
            if one.sha256 == sha256:
                return replace(self, summary=one)
        return None


def shown_versions(
    hits: Sequence[Hit], partitions: Partitions, runtime: Runtime
) -> Sequence[Shown]:
    """Choose of each message what is shown of it; those that stand elsewhere are left out.

    A read unit a content. Where messages have several versions, a further round trip reads those
    that are not on this page, and where they stand at several instants, one looks for these.

    Parameters:
        partitions: of the card; none, where the hits are all there is of their messages.
    """
    stored = _read(hits, runtime)
    versions = {place: _not_read_whole_too(some) for place, some in stored.items()}
    here = {
        (hit.message, hit.instant, key): found
        for hit in hits
        for key in hit.contents
        if (found := _standing_here(hit, key, versions.get((key.mailbox, hit.message), {})))
    }
    elsewhere = _standing_elsewhere(here, versions, partitions, runtime)
    counted = runtime.contents.further(
        (key, message)
        for message, _, key in here
        if len(stored[key.mailbox, message]) >= MAX_VERSIONS
    )
    shown = []
    for hit in hits:
        places: list[_Place] = [(hit.message, hit.instant, key) for key in hit.contents]
        left = [place for place in places if place in here and place not in elsewhere]
        if left:
            mailboxes = sorted(key.mailbox for _, _, key in left)
            all_versions = [
                one for mailbox in mailboxes for one in versions[mailbox, hit.message].values()
            ]
            shown.append(
                Shown(
                    hit,
                    min((_chosen(here[one]) for one in left), key=_rank),
                    mailboxes,
                    sorted(all_versions, key=_rank),
                    sum(counted.get((mailbox, hit.message), 0) for mailbox in mailboxes),
                )
            )
    return shown


def _rank(one: Summary) -> tuple[Received, int, str]:
    return one.version.rank


def _read(hits: Sequence[Hit], runtime: Runtime) -> _Versions:
    """Read all versions of the messages that were hit."""
    found = dict(
        runtime.contents.read_many(
            (key, hit.message, sha256)
            for hit in hits
            for key, some in hit.contents.items()
            for sha256 in some
            if sha256 != FURTHER
        )
    )
    named = [
        (one.key, one.message, other)
        for one in found.values()
        for other in one.others
        if (one.key.mailbox, one.message, other) not in found
    ]
    if named:
        found |= runtime.contents.read_many(named)
    versions: dict[tuple[MailboxId, MessageKey], dict[str, Summary]] = {}
    for (mailbox, message, sha256), one in found.items():
        versions.setdefault((mailbox, message), {})[sha256] = one
    # Of a further version alone, or of one that was displaced meanwhile.
    for key, message in {
        (key, hit.message)
        for hit in hits
        for key in hit.contents
        if (key.mailbox, hit.message) not in versions
    }:
        kept = runtime.contents.versions(key, message)
        versions[key.mailbox, message] = {one.sha256: one for one in kept}
    return versions


def _not_read_whole_too(versions: Mapping[str, Summary]) -> Mapping[str, Summary]:
    """Leave out contents of headers alone whose copy was read whole at another time.

    A copy keeps its INTERNALDATE where it is moved, or has another UID since a new UIDVALIDITY.
    """
    whole = {_origin(one) for one in versions.values() if HEADERS_ONLY not in one.warnings}
    return {
        sha256: one
        for sha256, one in versions.items()
        if HEADERS_ONLY not in one.warnings or _origin(one) not in whole
    }


def _origin(one: Summary) -> tuple[object, ...]:
    participants = (*one.from_, None, *one.to, None, *one.cc)
    return one.received.at, one.message_id, one.subject, participants


def _standing_here(hit: Hit, key: MailboxKey, versions: Mapping[str, Summary]) -> Sequence[Summary]:
    """The versions among which one is chosen; none, where the message stands elsewhere."""
    found = [versions[sha256] for sha256 in hit.contents[key] if sha256 in versions]
    if not found:
        return list(versions.values())
    # A content's copies have the same participants: its least instant is on the same cards.
    return [one for one in found if one.instant >= hit.instant]


def _standing_elsewhere(
    here: Mapping[_Place, Sequence[Summary]],
    versions: _Versions,
    partitions: Partitions,
    runtime: Runtime,
) -> Set[_Place]:
    """The places whose messages stand at lesser instants on the same card, by other versions."""
    lesser = {
        place: {
            (pk, one.instant, message, sha256)
            for one in versions[key.mailbox, message].values()
            if one.instant < instant
            for pk in partitions.get(key, ())
            for sha256 in (one.sha256, FURTHER)
        }
        for place in here
        for message, instant, key in [place]
    }
    asked = {one for some in lesser.values() for one in some}
    standing = runtime.timelines.standing(asked) if asked else frozenset()
    return {
        place
        for place, some in lesser.items()
        if any((pk, instant, message) in standing for pk, instant, message, _ in some)
    }


def _chosen(versions: Iterable[Summary]) -> Summary:
    by_sha256 = {one.sha256: one for one in versions}
    return by_sha256[chosen(one.version for one in by_sha256.values()).sha256]
