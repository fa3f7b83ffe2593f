"""Which contents of a message a mailbox keeps, where it has several (see `domain.versions`).

    arrived ─► stored contents are read, where the message may be known ─► the eight received first
        kept      its line names the other versions, and those that it extends
        further   counted; an entry on its participants' cards names the message without a content
        displaced a stored content that a first sync, newest first, now finds to be a further one

Every write is idempotent. A content's line is deleted last, so that a batch that is repeated after
a crash finds what it has not finished.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mailmirror.domain.message import Entry
from mailmirror.domain.versions import extends, may_extend, text_lines
from mailmirror.domain.versions import kept as keeping
from mailmirror.mail.mime.content import parse_message
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.contents import Copy
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.threads.erase_entries import erase_entries


@dataclass(frozen=True, slots=True)
class Arrival:
    """A copy that is about to be mirrored."""

    summary: Summary
    raw: bytes
    text: Sequence[str]
    """The lines of its text that are not blank."""
    entry: Entry
    recipients: int
    """How many addresses stand in To, Cc and Bcc together."""
    may_be_stored: bool
    """Whether the mailbox may have a content of this message."""
    hidden_at: datetime | None = None
    """What the copy's item keeps, where the copy is shown again."""

    @property
    def copy(self) -> Copy:
        at = self.summary.received
        hidden_at = self.hidden_at
        unsettled = hidden_at is not None
        return Copy(at.place, self.entry, at.at, self.recipients, hidden_at, unsettled)


@dataclass(slots=True)
class Kept:
    """What is written of a batch."""

    contents: list[tuple[Summary, bytes]] = field(default_factory=list)
    lines: list[Summary] = field(default_factory=list)
    """Of stored contents, which name versions that have arrived."""
    copies: list[Copy] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    """For cards, threads and deals."""
    further: list[Entry] = field(default_factory=list)
    """For cards."""
    displaced: list[tuple[Summary, Entry | None]] = field(default_factory=list)
    """Stored contents that are not kept any more."""


def keep_versions(arrivals: Sequence[Arrival], runtime: Runtime) -> Kept:
    """Decide what is kept of a batch, and count what is not.

    A message that is not known yet costs nothing; another one a query, and the raw bytes of those
    versions whose text may be the same but for a few lines.
    """
    result = Kept()
    by_message: dict[str, list[Arrival]] = {}
    for one in arrivals:
        by_message.setdefault(one.entry.message, []).append(one)
    for some in by_message.values():
        if len(some) == 1 and not some[0].may_be_stored:
            (one,) = some
            result.contents.append((one.summary, one.raw))
            result.copies.append(one.copy)
            result.entries.append(one.entry)
        else:
            _keep(some, result, runtime)
    return result


def _keep(arrivals: Sequence[Arrival], result: Kept, runtime: Runtime) -> None:
    """Decide about the copies of one message."""
    stored: Mapping[str, Summary] = {}
    if any(arrival.may_be_stored for arrival in arrivals):
        entry = arrivals[0].entry
        found = runtime.contents.versions(entry.key, entry.message, with_hidden=True)
        stored = {one.sha256: one for one in found}
    known = dict(stored)
    for arrival in arrivals:
        one = arrival.summary
        before = known.get(one.sha256)
        known[one.sha256] = one.with_copy(before) if before else one
    arrived = {arrival.summary.sha256: arrival for arrival in arrivals}
    hidden = [one for one in known.values() if one.hidden_at is not None]
    visible = [one.version for one in known.values() if one.hidden_at is None]
    stays, further = keeping(visible)  # what is hidden takes no place, and loses none
    versions = _related([*(known[one.sha256] for one in stays), *hidden], arrived, runtime)
    for one in versions:
        if one.sha256 in arrived:
            result.contents.append((one, arrived[one.sha256].raw))
        elif one != stored[one.sha256]:
            result.lines.append(one)
    kept = {one.sha256 for one in versions}
    instant = min(known[one.sha256].instant for one in stays)
    for arrival in arrivals:
        if arrival.summary.sha256 in kept:
            result.entries.append(arrival.entry)
            result.copies.append(arrival.copy)
        else:
            _put_further(arrival.copy, instant, result)
    for version in further:
        runtime.contents.count_further(known[version.sha256])
        if displaced := stored.get(version.sha256):
            copy = runtime.contents.first_copy(displaced)
            result.displaced.append((displaced, copy.entry if copy else None))
            if copy is not None:
                _put_further(copy, instant, result)


def _put_further(copy: Copy, instant: datetime, result: Kept) -> None:
    """Put an entry of a further version on its participants' cards, and its copy to erase it by."""
    further = replace(copy.entry, sha256=FURTHER, instant=instant)
    result.further.append(further)
    result.copies.append(replace(copy, entry=further))


def _related(
    versions: Sequence[Summary], arrived: Mapping[str, Arrival], runtime: Runtime
) -> Sequence[Summary]:
    """Let each version name the others, and those that it extends."""
    names = {one.sha256 for one in versions}
    extended: dict[str, set[str]] = {one.sha256: set(one.extends & names) for one in versions}
    texts: dict[str, Sequence[str]] = {}

    def text(one: Summary) -> Sequence[str]:
        if one.sha256 not in texts:
            arrival = arrived.get(one.sha256)
            texts[one.sha256] = arrival.text if arrival else _stored_text(one, runtime)
        return texts[one.sha256]

    for longer in versions:
        for shorter in versions:
            compared = longer.sha256 in shorter.others and shorter.sha256 in longer.others
            if compared or not may_extend(longer.lines, shorter.lines):
                continue
            if extends(text(longer), text(shorter)):
                extended[longer.sha256].add(shorter.sha256)
    return [
        replace(
            one,
            extends=frozenset(extended[one.sha256]),
            others=frozenset(names - {one.sha256}),
        )
        for one in versions
    ]


def _stored_text(one: Summary, runtime: Runtime) -> Sequence[str]:
    """The text of a stored content; none where a crash has left its line alone."""
    try:
        raw = runtime.contents.raw(one)
    except KeyError:
        return ()
    return text_lines(parse_message(raw).text)


def take_off_displaced(displaced: Iterable[tuple[Summary, Entry | None]], runtime: Runtime) -> None:
    """Take contents that are not kept any more off cards, threads and deals, and delete them."""
    for content, entry in displaced:
        if entry is not None:
            erase_entries(entry.key.account, [entry], runtime)
        runtime.contents.erase_version(content)
