"""Copies that have left the server, of messages of which it has no other copy.

A copy has left where its folder is read, under the same UIDVALIDITY, and does not list it any
more, twice, a day apart. A copy in any other folder keeps its message, also where the folder fails,
is not read at present, or has been numbered anew since.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mailmirror.domain.folder import COMPOSED
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.leaving import LEFT_FOR, may_leave
from mailmirror.domain.uids import UidSet
from mailmirror.store.contents import Copy

Lists = Callable[[str, UidSet], UidSet]
"""Which UIDs of a folder the server lists now, or may list."""


@dataclass(slots=True)
class LeftCopies:
    """The copies of a mailbox by whether the server has them."""

    _there: set[str] = field(default_factory=set)
    """Messages and contents with a copy that is, or may be, at the server."""
    _left: dict[MessageKey, list[Copy]] = field(default_factory=lambda: defaultdict(list))
    _contents: dict[MessageKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Of these messages, the names of the contents that have left."""
    _composed: dict[MessageKey, Copy] = field(default_factory=dict)
    """Copies of what was composed here: they are in no folder."""
    returned: list[Copy] = field(default_factory=list)
    """Those that had left before."""

    def add(self, copy: Copy, content: str, *, removed: bool) -> None:
        """Add a copy.

        Parameters:
            content: what names its content.
            removed: whether its folder is read, and does not list it any more.
        """
        if copy.place.folder == COMPOSED:
            self._composed[copy.entry.message] = copy
        elif removed:
            self._left[copy.entry.message].append(copy)
            self._contents[copy.entry.message].add(content)
        else:
            self._there |= {copy.entry.message, content}
            if copy.left_at:
                self.returned.append(copy)

    def new(self) -> Iterator[Copy]:
        """The copies that had not left before."""
        return (one for copies in self._left.values() for one in copies if one.left_at is None)

    def leaving(
        self, messages: int, now: datetime, lists: Lists | None
    ) -> Iterator[Sequence[Copy]]:
        """The copies of each message that is hidden because it has left.

        Parameters:
            messages: how many the mailbox has mirrored.
            lists: asks the server once more about those that were not hidden before; None where
                it may have mail that it does not show, so that none of these is hidden.
        """
        left = [copies for copies in self._messages() if all(_has_left(one, now) for one in copies)]
        hidden = [copies for copies in left if all(one.hidden_at for one in copies)]
        today = sum(_hidden_since(copies) > now - timedelta(days=1) for copies in hidden)
        waiting = [copies for copies in left if not all(one.hidden_at for one in copies)]
        waiting.sort(key=lambda copies: max(one.left_at or now for one in copies))
        some = waiting[: may_leave(messages, today)] if lists else []
        listed = _listed((one for copies in some for one in copies), lists) if lists else {}
        for copies in (*hidden, *some):
            if not any(one.place.uid in listed.get(one.place.folder, ()) for one in copies):
                composed = self._composed.get(copies[0].entry.message)
                yield [*copies, *([composed] if composed else [])]

    def _messages(self) -> Iterator[Sequence[Copy]]:
        for message, copies in self._left.items():
            if self._there.isdisjoint({message, *self._contents[message]}):
                yield copies


def _has_left(copy: Copy, now: datetime) -> bool:
    return copy.left_at is not None and copy.left_at + LEFT_FOR <= now


def _hidden_since(copies: Iterable[Copy]) -> datetime:
    return max(one.hidden_at for one in copies if one.hidden_at)


def _listed(copies: Iterable[Copy], lists: Lists) -> Mapping[str, UidSet]:
    asked: dict[str, list[int]] = defaultdict(list)
    for one in copies:
        asked[one.place.folder].append(one.place.uid)
    return {folder: lists(folder, UidSet.of(uids)) for folder, uids in asked.items()}


def marked(copies: Iterable[Copy], left_at: datetime | None) -> Iterator[Copy]:
    """Copies with another time at which they were first found to have left."""
    return (replace(one, left_at=left_at) for one in copies)
