"""Judge mirrored copies again, by what is stored of them, and say which contents are hidden.

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

from mailmirror.domain.folder import COMPOSED, FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.passes import Concern
from mailmirror.domain.verdict import Headers, People, Rules, Verdict, judge
from mailmirror.runtime import Runtime
from mailmirror.store.contents import Copy, CopyName
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.hidden_contents import HiddenContents
from mailmirror.usecases.sync.left_copies import LeftCopies, Lists, Presence
from mailmirror.usecases.sync.mail_server import OutOfTime

KEPT_HIDDEN = timedelta(days=30)
"""How long a content was hidden, all the time, when it is erased."""
_READ = 1_000
"""Copies whose participants are looked up together."""
_WRITTEN = 25
"""Contents that are hidden, shown or erased before the time is looked at."""
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
        return {one.name: one for one in (*self.returned, *others)}

    def take(self, copies: Sequence[Copy]) -> None:
        """Count copies as not mirrored, whatever their verdict."""
        taken = {one.name for one in copies}
        for one in copies:
            self.mirrored.discard(_content(one))
            if one.name not in {other.name for other in self.others[_content(one)]}:
                self.others[_content(one)].append(one)
        self.returned = [one for one in self.returned if one.name not in taken]

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
    hidden: HiddenContents
    """Hides, shows and erases."""
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
        new = [copies for copies in unmirrored if not all(one.is_hidden for one in copies)]
        old = [copies for copies in unmirrored if may_erase and _is_expired(copies, now)]
        self._each(new, self.hidden.hide)
        self._each(found.returned, lambda some: self._show(some, found))
        for id, verdicts in found.changed.items():
            self.change(id, verdicts)
        self._each(old, self.hidden.erase)
        return len(unmirrored) > len(old)

    def _show(self, copies: Sequence[Copy], found: _Found) -> None:
        for one in self.hidden.show(copies):  # a crash has left it alone: its mail is read again
            found.changed[one.place.folder].pop(one.place.uid, None)

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
            changed[standing] += [one.name for one in copies if one.standing is not standing]
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
                    verdicts[one.name] = known
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
            verdicts[one.name] = judge(_headers(one), people, self.rules)
        for one in unasked:
            as_before = People(frozenset(), one.entry.participants)
            verdicts[one.name] = judge(_headers(one), as_before, self.rules)
        return verdicts

    def _add(
        self,
        copies: Sequence[Copy],
        known: Verdict | None,
        verdicts: Mapping[tuple[object, str], Verdict],
        found: _Found,
    ) -> None:
        """Add the copies of one UID, of which there are several where a server has changed it."""
        now = [verdicts[one.name] for one in copies]
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


def _is_expired(copies: Iterable[Copy], now: datetime) -> bool:
    return all(
        one.is_hidden and one.hidden_at and one.hidden_at + KEPT_HIDDEN <= now for one in copies
    )
