"""Judge mirrored copies again, by what is stored of them; hide, show or erase their contents.

A copy's item keeps what its verdict depends on, so the server is not asked, and what the server no
longer has is judged too. A content is shown as long as one copy of it is mirrored:

    no copy is mirrored ─► hidden, from cards, threads and deals ─► erased after 30 days
    a copy is mirrored again ─► mirrored from the stored bytes, as if it had just arrived

All copies of a mailbox are read: half a read unit for a dozen. People are looked up for those that
name an address of which people have changed, and for those that are not mirrored now.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import batched, groupby

from mailmirror.domain.address import Address
from mailmirror.domain.folder import COMPOSED, FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import FolderRole, MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.domain.passes import Concern
from mailmirror.domain.verdict import Headers, People, Rules, Verdict, judge
from mailmirror.domain.versions import Received
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.contents import Copy, CopyName
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.left_copies import LeftCopies, Lists, Presence
from mailmirror.usecases.sync.mail_server import OutOfTime
from mailmirror.usecases.sync.mirror_copies import mirror_stored
from mailmirror.usecases.threads.erase_entries import erase_entries, hide_entries

KEPT_HIDDEN = timedelta(days=30)
"""How long a content was hidden, all the time, when it is erased."""
_READ = 1_000
"""Copies whose participants are looked up together."""
_WRITTEN = 25
"""Contents that are hidden, shown or erased before the time is looked at."""
_ATTEMPTS = 5
"""To hide contents of which copies are put by other functions meanwhile."""
_BY_FACTS = (
    Verdict.MIRRORED,
    Verdict.OUTSIDE_WINDOW,
    Verdict.INTERNAL,
    Verdict.NO_PERSON,
    Verdict.BLOCKED,
    Verdict.TOO_MANY_RECIPIENTS,
)
"""The verdicts that follow from what a copy keeps."""
_STANDING = (Verdict.DRAFT, Verdict.REPORT, Verdict.UNREADABLE)
"""What the server or a later parser has said of a UID since it was mirrored."""


@dataclass(slots=True)
class _Found:
    """What the copies of a mailbox amount to, by names of contents."""

    mirrored: set[str] = field(default_factory=set)
    """The contents of which a copy is mirrored."""
    others: dict[str, list[Copy]] = field(default_factory=lambda: defaultdict(list))
    """The copies that are not mirrored."""
    returned: list[Copy] = field(default_factory=list)
    """Mirrored copies whose contents are, or may be, hidden."""
    changed: dict[str, dict[int, Verdict]] = field(default_factory=lambda: defaultdict(dict))
    """By folder, the UIDs that get another verdict."""
    left: LeftCopies = field(default_factory=LeftCopies)

    @property
    def not_shown(self) -> Mapping[CopyName, Copy]:
        """The copies that are not mirrored, or whose contents are, or may be, hidden."""
        others = (one for copies in self.others.values() for one in copies)
        return {_id(one): one for one in (*self.returned, *others)}

    def take(self, copies: Sequence[Copy]) -> None:
        """Count copies as not mirrored, whatever their verdict."""
        taken = {_id(one) for one in copies}
        for one in copies:
            self.mirrored.discard(_content(one))
            if _id(one) not in map(_id, self.others[_content(one)]):
                self.others[_content(one)].append(one)
        self.returned = [one for one in self.returned if _id(one) not in taken]

    @property
    def unmirrored(self) -> Sequence[Sequence[Copy]]:
        """The copies of each content of which none is mirrored."""
        return [
            copies
            for content, copies in self.others.items()
            if content not in self.mirrored and _further(copies[0]) not in self.mirrored
        ]


@dataclass(frozen=True, slots=True)
class MirroredJudge:
    """Judges the copies of one mailbox, under its lease."""

    key: MailboxKey
    read: Mapping[str, FolderState]
    """The folders that are read, by their ids."""
    ledger: Callable[[str], Ledger]
    """Reads the ledger of one of them."""
    change: Callable[[str, Mapping[int, Verdict]], None]
    """Records verdicts in the ledger of one of them."""
    forget: Callable[[str], None]
    """Forgets the ledger of a folder that is not read, so that it is read anew if it ever is."""
    lists: Lists | None
    """Lists UIDs once more; None where the server may have mail that it does not show."""
    left_out: Set[str]
    """The ids of the folders that the setting leaves out: copies there do not count."""
    rules: Rules
    view: CrmView
    runtime: Runtime
    follows: bool
    """Whether what was deleted at the server is hidden."""
    until: datetime
    note_progress: Callable[[], None]

    def run(self, concern: Concern, *, may_erase: bool) -> bool:
        """Judge all copies, and do what follows. Idempotent: it may be cut off anywhere.

        Parameters:
            concern: the addresses of which people have changed.
            may_erase: whether all mail could be read, so that no copy of a content is missing.

        Returns:
            Whether the mailbox has hidden mail.

        Raises:
            OutOfTime, LeaseLost, FolderChanged: it is to be run again.
        """
        found, now = self._found(concern), self.runtime.now()
        if self.follows:
            self._follow(found, now)
        unmirrored = found.unmirrored
        new = [copies for copies in unmirrored if not all(map(_is_hidden, copies))]
        old = [copies for copies in unmirrored if may_erase and _is_expired(copies, now)]
        self._each(new, self._hide)
        self._each(found.returned, lambda some: self._show(some, found))
        for id, verdicts in found.changed.items():
            self.change(id, verdicts)
        self._each(old, self._erase)
        return len(unmirrored) > len(old)

    def _follow(self, found: _Found, now: datetime) -> None:
        """Count messages that have left the server as not mirrored."""
        left = found.left
        self._each(left.new() if self.lists else (), lambda some: self._note_left(some, now))
        self._each(left.returned, lambda some: self._note_left(some, None))
        leaving = [
            one for names in left.leaving(len(found.mirrored), now, self.lists) for one in names
        ]
        known = found.not_shown
        shown = self.runtime.contents.named_copies(
            self.key, [one for one in leaving if one not in known]
        )
        found.take([*(known[one] for one in leaving if one in known), *shown])

    def _note_left(self, copies: Iterable[CopyName], left_at: datetime | None) -> None:
        self.runtime.contents.note_left(self.key, copies, left_at)

    def _each[T](self, all: Iterable[T], act: Callable[[Sequence[T]], None]) -> None:
        for some in batched(all, _WRITTEN, strict=False):
            self._check_time()
            act(some)

    def _check_time(self) -> None:
        self.note_progress()
        if self.runtime.now() >= self.until:
            raise OutOfTime

    def _found(self, concern: Concern) -> _Found:
        found = _Found()
        ledgers = {id: self.ledger(id) for id in self.read}
        stored = self.runtime.contents.copies_after(self.key)
        by_uid = (list(some) for _, some in groupby(stored, _uid))
        for group in batched(by_uid, _READ, strict=False):
            self._check_time()
            known = [self._known(copies[0], ledgers) for copies in group]
            self._note_standing(group, known)
            verdicts = self._verdicts(zip(group, known, strict=True), concern)
            for copies, was in zip(group, known, strict=True):
                self._add(copies, was, verdicts, found)
                presence = self._presence(copies[0], ledgers)
                if self.follows and copies[0].place.folder not in self.left_out:
                    for one in copies:
                        found.left.add(one, _content(one), presence)
        return found

    def _presence(self, copy: Copy, ledgers: Mapping[str, Ledger]) -> Presence:
        if copy.place.folder == COMPOSED:
            return Presence.COMPOSED
        folder = self.read.get(copy.place.folder)
        if folder is None or not folder.uidvalidity:
            return Presence.UNREAD
        if folder.uidvalidity != copy.place.uidvalidity:
            return Presence.EARLIER
        removed = copy.place.uid in ledgers[copy.place.folder].removed
        return Presence.REMOVED if removed else Presence.MAY_BE

    def _note_standing(
        self, uids: Iterable[Sequence[Copy]], known: Iterable[Verdict | None]
    ) -> None:
        """Keep with copies what is to be known of them once their folder is numbered anew."""
        changed: dict[Verdict | None, list[CopyName]] = defaultdict(list)
        for copies, verdict in zip(uids, known, strict=True):
            standing = verdict if verdict in _STANDING else None
            changed[standing] += [_id(one) for one in copies if one.standing is not standing]
        for standing, names in changed.items():
            self._each(names, partial(self._note, standing))

    def _note(self, standing: Verdict | None, copies: Iterable[CopyName]) -> None:
        self.runtime.contents.note_standing(self.key, copies, standing)

    def _known(self, copy: Copy, ledgers: Mapping[str, Ledger]) -> Verdict | None:
        """The verdict in the ledger; where none counts, because the folder is not read or was
        numbered anew, or the UID is asked for again, what the copy's item keeps of it, or None."""
        ledger, uid = self._ledger_of(copy, ledgers), copy.place.uid
        verdicts = (*_BY_FACTS, *_STANDING)
        return next((one for one in verdicts if uid in ledger.of(one)), copy.standing)

    def _ledger_of(self, copy: Copy, ledgers: Mapping[str, Ledger]) -> Ledger:
        """The ledger that counts for a copy, or an empty one."""
        folder = self.read.get(copy.place.folder)
        same = folder is not None and folder.uidvalidity == copy.place.uidvalidity
        return ledgers[copy.place.folder] if same else Ledger()

    def _verdicts(
        self, uids: Iterable[tuple[Sequence[Copy], Verdict | None]], concern: Concern
    ) -> Mapping[tuple[object, str], Verdict]:
        """Give the copies of UIDs their verdicts, by place and SHA-256.

        People are as before of a copy that no ledger names and whose content is not hidden: some
        copy of the same bytes is mirrored.
        """
        asked, unasked = list[Copy](), list[Copy]()
        verdicts: dict[tuple[object, str], Verdict] = {}
        for copies, known in uids:
            for one in copies:
                if known in _STANDING:
                    verdicts[_id(one)] = known
                elif (
                    known in (None, Verdict.MIRRORED)
                    and one.hidden_at is None
                    and not concern.may_name(one.entry.participants)
                ):
                    unasked.append(one)
                else:
                    asked.append(one)
        people = self.view.people({one for copy in asked for one in copy.entry.participants})
        for one in asked:
            verdicts[_id(one)] = judge(_headers(one), people, self.rules)
        for one in unasked:
            as_before = People(frozenset(), one.entry.participants)
            verdicts[_id(one)] = judge(_headers(one), as_before, self.rules)
        return verdicts

    def _add(
        self,
        copies: Sequence[Copy],
        known: Verdict | None,
        verdicts: Mapping[tuple[object, str], Verdict],
        found: _Found,
    ) -> None:
        """Add the copies of one UID, of which there are several where a server has changed it."""
        now = [verdicts[_id(one)] for one in copies]
        for one, verdict in zip(copies, now, strict=True):
            if verdict is not Verdict.MIRRORED or one.place.folder in self.left_out:
                found.others[_content(one)].append(one)
                continue
            found.mirrored.add(_content(one))
            if one.hidden_at or known not in (None, Verdict.MIRRORED):
                found.returned.append(one)
        verdict = Verdict.MIRRORED if Verdict.MIRRORED in now else now[0]
        if known not in (None, verdict):
            found.changed[copies[0].place.folder][copies[0].place.uid] = verdict

    def _lines(self, copies: Iterable[Copy]) -> Mapping[tuple[str, str], Summary]:
        """The lines of the contents of copies, by message and SHA-256."""
        asked = {(self.key, one.entry.message, one.entry.sha256) for one in copies}
        lines = self.runtime.contents.read_many(asked, with_hidden=True)
        return {(one.message, one.sha256): one for one in lines.values()}

    def _hide(self, contents: Sequence[Sequence[Copy]]) -> None:
        """After marks, first the lines, by which readers leave a content out, whatever names it.

        A join (`join_sent_copies`) may put a copy meanwhile, under another identity: then it is
        marked once more, and its content is hidden under that one. What is put again later still
        is found by the next look: the mailbox has hidden mail.
        """
        now, waiting = self.runtime.now(), [one for some in contents for one in some]
        for _ in range(_ATTEMPTS):
            hidden = [one for one in waiting if _is_hidden(one)]
            new = [one for one in waiting if not _is_hidden(one)]
            marked = self.runtime.contents.mark_hidden(new, now)
            self._hide_entries({one.entry for one in (*hidden, *marked)}, now)
            waiting = list(self.runtime.contents.settle(marked, now))
            if not waiting:
                break
        self.runtime.count("ContentsHidden", len(contents))

    def _hide_entries(self, entries: Set[Entry], now: datetime) -> None:
        kept = [one for one in entries if one.sha256 != FURTHER]
        self.runtime.contents.hide(kept, now)
        hide_entries(self.key.account, kept, self.runtime)
        for one in entries - set(kept):
            self.runtime.timelines.erase(one, ())

    def _show(self, copies: Sequence[Copy], found: _Found) -> None:
        lines = self._lines(copies)
        for copy in copies:
            entry = copy.entry
            if entry.sha256 == FURTHER:
                self.runtime.timelines.put([(entry, entry.participants - self.view.team)])
            else:
                try:
                    self._mirror(copy, lines[entry.message, entry.sha256])
                except KeyError:  # a crash has left the copy alone: its mail is read again
                    found.changed[copy.place.folder].pop(copy.place.uid, None)
                    continue
            self.runtime.contents.shown(copy)
        self.runtime.count("ContentsShownAgain", len(copies))

    def _mirror(self, copy: Copy, line: Summary) -> None:
        at, received = copy.place, line.received
        if received.place != at:
            role = self.read[at.folder].role if at.folder in self.read else FolderRole.OTHER
            received = Received(copy.received_at, role, at.folder, at.uidvalidity, at.uid)
        raw = self.runtime.contents.raw(line)
        mirror_stored(line, raw, received, self.view, self.runtime, copy.hidden_at)

    def _erase(self, contents: Sequence[Sequence[Copy]]) -> None:
        """Last the copies, by which the rest is found."""
        copies = [one for some in contents for one in some]
        for id in {one.place.folder for one in copies} - self.read.keys():
            self.forget(id)  # its ledger says that they are mirrored
        self._record_gone(copies)
        erase_entries(self.key.account, [one.entry for one in copies], self.runtime)
        for line in self._lines(copies).values():
            self.runtime.contents.erase_version(line)
        for message in {one.entry.message for one in copies}:
            if not self.runtime.contents.versions(self.key, message, with_hidden=True):
                self.runtime.contents.erase(self.key, message)
        self._forget_addresses({one for copy in copies for one in copy.entry.participants})
        self.runtime.contained.delete(self.key, {one.place for one in copies})
        self.runtime.contents.erase_copies((one.place, one.entry) for one in copies)
        self.runtime.count("ContentsErased", len(contents))

    def _forget_addresses(self, addresses: Iterable[Address]) -> None:
        """Store that the mailbox has nothing more of addresses of which it has no message."""
        timelines = self.runtime.timelines
        empty = [one for one in addresses if timelines.has_nothing_of(self.key, one)]
        timelines.forget_mailbox(self.key, empty, ())
        self.view.forget()  # it knows for which addresses the mailbox is named

    def _record_gone(self, copies: Iterable[Copy]) -> None:
        """Record that mirrored copies are gone: the server has them no more, and nothing is kept
        of them from here on."""
        by_folder: dict[str, set[int]] = defaultdict(set)
        for one in copies:
            folder = self.read.get(one.place.folder)
            if folder is not None and folder.uidvalidity == one.place.uidvalidity:
                by_folder[one.place.folder].add(one.place.uid)
        for id, uids in by_folder.items():
            mirrored = self.ledger(id).of(Verdict.MIRRORED)
            if gone := {uid: Verdict.GONE for uid in uids if uid in mirrored}:
                self.change(id, gone)


def _id(copy: Copy) -> CopyName:
    return copy.place, copy.entry.sha256


def _content(copy: Copy) -> str:
    """The name of a copy's content: bytes are one content, whatever identity they had before."""
    return _further(copy) if copy.entry.sha256 == FURTHER else copy.entry.sha256


def _further(copy: Copy) -> str:
    """The name of all versions of a message that are not kept."""
    return f"{FURTHER} {copy.entry.message}"


def _headers(copy: Copy) -> Headers:
    return Headers(copy.received_at, copy.entry.participants, copy.recipients)


def _uid(copy: Copy) -> tuple[object, str]:
    """What copies of one UID have in common; of what was composed here each stands alone."""
    return copy.place, copy.entry.sha256 if copy.place.folder == COMPOSED else ""


def _is_hidden(copy: Copy) -> bool:
    return copy.hidden_at is not None and not copy.unsettled


def _is_expired(copies: Iterable[Copy], now: datetime) -> bool:
    return all(
        _is_hidden(one) and one.hidden_at and one.hidden_at + KEPT_HIDDEN <= now for one in copies
    )
