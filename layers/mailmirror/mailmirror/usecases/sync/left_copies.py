"""Copies that have left the server, of messages of which it has no other copy.

A copy has left where its folder is read, under the same UIDVALIDITY, and does not list it any
more, twice, a day apart. A copy in any other folder keeps its message, also where the folder fails
or is not read at present. Of a folder that was numbered anew since, the earlier copies of a message
follow those that it has now; where it has none, they keep the message.

What is kept of a copy is small, for a mailbox may have moved and deleted very many: some 500 bytes
of one that left with its message, and nothing of one that was moved.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from mailmirror.domain.containment import Place
from mailmirror.domain.folder import COMPOSED
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.leaving import has_left, may_leave
from mailmirror.domain.uids import UidSet
from mailmirror.store.contents import Copy, CopyName

Lists = Callable[[str, UidSet], UidSet]
"""Which UIDs of a folder the server lists now, or may list."""


class Presence(Enum):
    """What is known of a copy at the server."""

    MAY_BE = auto()
    """Its folder lists it, or is not through."""
    REMOVED = auto()
    """Its folder is read, and does not list it any more."""
    UNREAD = auto()
    """Its folder is not read, or is gone."""
    EARLIER = auto()
    """Its folder was numbered anew since."""
    COMPOSED = auto()
    """It was composed here, and is in no folder."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A copy, without what its item has of its message."""

    place: Place
    sha256: str
    content: str
    hidden_at: datetime | None
    left_at: datetime | None
    is_listed: bool
    """Whether its folder can be asked for it."""

    @property
    def name(self) -> CopyName:
        return self.place, self.sha256


@dataclass(frozen=True, slots=True)
class _Message:
    """The copies of a message, of which none is there."""

    left: Sequence[_Known]
    following: Sequence[_Known]

    @property
    def follows(self) -> bool:
        """Whether the folder of each earlier copy has, or had, the message since."""
        folders = {COMPOSED, *(one.place.folder for one in self.left)}
        return folders.issuperset(one.place.folder for one in self.following)

    @property
    def contents(self) -> Set[str]:
        return {one.content for one in (*self.left, *self.following)}

    @property
    def is_hidden(self) -> bool:
        return all(one.hidden_at for one in self.left)

    @property
    def hidden_since(self) -> datetime:
        return max(one.hidden_at for one in self.left if one.hidden_at)

    def left_at(self, now: datetime) -> datetime:
        """When the last of its copies was found to have left; now where one was found just now."""
        return max(one.left_at or now for one in self.left)

    def has_left(self, now: datetime) -> bool:
        return all(has_left(one.left_at, now) for one in self.left)


@dataclass(slots=True)
class LeftCopies:
    """The copies of a mailbox by whether the server has them."""

    _there: set[str] = field(default_factory=set)
    """Messages and contents with a copy that is, or may be, at the server."""
    _left: dict[MessageKey, list[_Known]] = field(default_factory=lambda: defaultdict(list))
    """The removed copies of messages of which none was seen there."""
    _following: dict[MessageKey, list[_Known]] = field(default_factory=lambda: defaultdict(list))
    """Their copies that say nothing by themselves: of an earlier UIDVALIDITY, or composed here."""
    returned: list[CopyName] = field(default_factory=list)
    """Those that had left before."""

    def add(self, copy: Copy, content: str, presence: Presence) -> None:
        """Add a copy.

        Parameters:
            content: what names its content.
        """
        message, sha256 = copy.entry.message, copy.entry.sha256
        may_be = presence in (Presence.MAY_BE, Presence.UNREAD)
        has_left = presence is Presence.REMOVED
        if presence in (Presence.UNREAD, Presence.EARLIER) and _was_hidden_as_left(copy):
            may_be, has_left = False, True
        if copy.left_at and not has_left:
            self.returned.append((copy.place, sha256))
        if may_be:
            self._there |= {message, content}
            for known in (self._left, self._following):
                known.pop(message, None)
        elif message not in self._there:
            asked = presence is Presence.REMOVED
            one = _Known(copy.place, sha256, content, copy.hidden_at, copy.left_at, asked)
            (self._left if has_left else self._following)[message].append(one)

    def new(self) -> Iterator[CopyName]:
        """The copies that had not left before."""
        return (one.name for copies in self._left.values() for one in copies if one.left_at is None)

    def leaving(
        self, messages: int, now: datetime, lists: Lists | None
    ) -> Iterator[Sequence[CopyName]]:
        """The copies of each message that is hidden because it has left.

        Parameters:
            messages: how many the mailbox has mirrored.
            lists: asks the server once more about those that were not hidden before; None where
                it may have mail that it does not show, so that none of these is hidden.
        """
        left = [one for one in self._messages() if one.has_left(now)]
        hidden = [one for one in left if one.is_hidden]
        today = sum(one.hidden_since > now - timedelta(days=1) for one in hidden)
        waiting = [one for one in left if not one.is_hidden]
        waiting.sort(key=lambda one: one.left_at(now))
        some = waiting[: may_leave(messages, today)] if lists else []
        listed = _listed((copy for one in some for copy in one.left), lists) if lists else {}
        for one in (*hidden, *some):
            if not any(copy.place.uid in listed.get(copy.place.folder, ()) for copy in one.left):
                yield [copy.name for copy in (*one.left, *one.following)]

    def _messages(self) -> Iterator[_Message]:
        """The messages with a removed copy, and none elsewhere."""
        for message, left in self._left.items():
            one = _Message(left, self._following.get(message, ()))
            if one.follows and self._there.isdisjoint(one.contents):
                yield one


def _was_hidden_as_left(copy: Copy) -> bool:
    """Whether a copy had left for good before its folder was numbered anew, or went."""
    if copy.hidden_at is None:
        return False
    return has_left(copy.left_at, copy.hidden_at)


def _listed(copies: Iterable[_Known], lists: Lists) -> Mapping[str, UidSet]:
    asked: dict[str, list[int]] = defaultdict(list)
    for one in copies:
        if one.is_listed:
            asked[one.place.folder].append(one.place.uid)
    return {folder: lists(folder, UidSet.of(uids)) for folder, uids in asked.items()}
