"""A mailbox's IMAP server during one sync: what it hands over, whatever it does at one message.

A FETCH that fails keeps what came before the failure; the rest is asked for in halves, down to the
single UID. After a hang-up the session is opened again. So one message that the server cannot hand
over (RFC 5530, SERVERBUG; or a connection that ends in its middle) costs some round trips, and
keeps no other message from being read.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.folders import RemoteFolder
from mailmirror.mail.imap import Fetched, FetchFailed, ImapSession, Status
from mailmirror.runtime import Runtime
from mailmirror.usecases.sign_in import signed_in

_MAX_FAILURES = 60
"""FETCH commands that may fail in one sync: a bad message costs two or three, eleven at worst."""
_MAX_UNAVAILABLE = 3
"""How often in a row a server may say that it is unavailable."""
_MIN_HIDING_BYTES = 8 << 20
_FROM = re.compile(rb"^From:[ \t]*(?:\r?\n[ \t]+)?\S", re.IGNORECASE | re.MULTILINE)
"""A From that is not empty."""
SMALL_BYTES = 4 << 20
"""RFC822.SIZE up to which a message is fetched together with others, so many bytes a command."""
_PIECE_BYTES = 1 << 20
"""How much of a larger message is fetched at once."""
MAX_MESSAGE_BYTES = 25 << 20
"""RFC822.SIZE up to which a message is fetched whole."""
CUT_BYTES = 256 << 10
"""How much is fetched of a larger one."""


@dataclass(slots=True)
class MailServer:
    """The server, signed in to. Use `opened`."""

    mailbox: Mailbox
    runtime: Runtime
    until: datetime
    """When the session ends, whatever the server does."""
    note_progress: Callable[[], None]
    """Called whenever the server has answered."""
    session: ImapSession = field(init=False)
    _stack: ExitStack = field(init=False, default_factory=ExitStack)
    _examined: tuple[RemoteFolder, Status] | None = field(init=False, default=None)
    _failures: int = field(init=False, default=0)
    _unavailable: int = field(init=False, default=0)

    @classmethod
    @contextmanager
    def opened(
        cls,
        mailbox: Mailbox,
        runtime: Runtime,
        until: datetime,
        note_progress: Callable[[], None],
    ) -> Iterator["MailServer"]:
        """Sign in; log out at the end.

        Raises:
            Refused: the stage that failed, by its code.
        """
        server = cls(mailbox, runtime, until, note_progress)
        server._sign_in()
        try:
            yield server
        except BaseException as error:
            server._stack.__exit__(type(error), error, error.__traceback__)
            raise
        server._stack.close()

    def folders(self) -> Sequence[RemoteFolder]:
        """The folders that are read."""
        return self.session.folders()

    def examine(self, folder: RemoteFolder) -> Status:
        """Open a folder read-only."""
        status = self.session.examine(folder)
        self._examined = folder, status
        self.note_progress()
        return status

    def listed(self, uids: UidSet, messages: int) -> UidSet:
        """List which of these UIDs the examined folder has.

        Parameters:
            messages: how many messages the folder has, or may have of these.

        Raises:
            Refused: the server does not tell it whole.
        """
        found = self.session.listed(uids, messages)
        self.note_progress()
        return found

    def check(self) -> None:
        """Begin another batch.

        Raises:
            Refused: FETCH has failed too often in this sync.
        """
        if self._failures > _MAX_FAILURES:
            raise Refused(Code.PROTOCOL_ERROR, "the server fails at too many messages")

    def dates(self, uids: Sequence[int]) -> Mapping[int, datetime]:
        """Fetch the INTERNALDATE of each UID that the server hands over."""
        return self._each(uids, lambda some: self.session.dates(UidSet.of(some)))

    def headers(self, uids: Sequence[int]) -> Mapping[int, Fetched]:
        """Fetch what the rules need of each UID that the server hands over."""
        found = self._each(
            uids,
            lambda some: self.session.headers(UidSet.of(some)),
            lambda uid: self.session.header_starts(uid).get(uid),
        )
        hidden = {uid: one.size for uid, one in found.items() if _hides_its_header(one)}
        for uid, raw in self.bodies(hidden).items():
            header, end, _ = raw.partition(b"\r\n\r\n")
            found[uid] = replace(found[uid], header=header + end)
        return found

    def bodies(self, sizes: Mapping[int, int]) -> Mapping[int, bytes]:
        """Fetch the messages that the server hands over, cut where they are too large.

        Parameters:
            sizes: the RFC822.SIZE of each UID: a hint, which may be wrong.
        """
        small = [uid for uid, size in sizes.items() if size <= SMALL_BYTES]
        bodies = self._each(
            small,
            lambda some: self.session.bodies({uid: sizes[uid] for uid in some}),
            lambda uid: self._in_pieces(uid, sizes[uid]),
        )
        for uid in sizes.keys() - set(small):
            bodies |= self._each([uid], lambda some: self._pieces_of(some[0], sizes[some[0]]))
        return bodies

    def _pieces_of(self, uid: int, size: int) -> Mapping[int, bytes]:
        body = self._in_pieces(uid, size)
        return {} if body is None else {uid: body}

    def _in_pieces(self, uid: int, size: int) -> bytes | None:
        """Fetch a message piece by piece: a slow server must not cost the lease."""
        if size > MAX_MESSAGE_BYTES:
            return self.session.piece(uid, 0, CUT_BYTES)
        pieces: list[bytes] = []
        start = 0
        while start <= MAX_MESSAGE_BYTES:
            piece = self.session.piece(uid, start, _PIECE_BYTES)
            self.note_progress()
            if not piece:
                break  # the end, where the size said otherwise; or nothing at all
            pieces.append(piece)
            start += len(piece)
            if len(piece) > _PIECE_BYTES:
                break  # the server ignores ranges: this was the whole message
            if len(piece) < _PIECE_BYTES and start >= size:
                break  # some servers give less than was asked for before the end, too
        if not pieces:
            return None
        return b"".join(pieces)

    def _each[T](
        self,
        uids: Sequence[int],
        fetch: Callable[[Sequence[int]], Mapping[int, T]],
        alone: Callable[[int], T | None] | None = None,
    ) -> dict[int, T]:
        """Fetch something of each UID; one that the server cannot hand over is left out.

        Parameters:
            fetch: fetches it of several at once.
            alone: fetches it of one in another way, where `fetch` fails at it alone.

        Raises:
            Refused: the server is unavailable, or cannot be opened again.
        """
        found: dict[int, T] = {}
        ranges = [sorted(uids)] if uids else []
        while ranges:
            some = ranges.pop()
            try:
                found |= fetch(some)
                self._unavailable = 0
            except FetchFailed as failure:
                found |= failure.answered
                self._recover(failure)
                if self._failures > _MAX_FAILURES:
                    return found  # what is left is pending; the next batch is not begun
                ranges += _halves([uid for uid in some if uid not in failure.answered], some)
                lost = failure.code is Code.CONNECTION_LOST  # it would be lost again
                if len(some) == 1 and alone and not lost and some[0] not in found:
                    try:
                        if (one := alone(some[0])) is not None:
                            found[some[0]] = one
                    except FetchFailed as second:
                        self._recover(second)
            finally:
                self.note_progress()
        return found

    def _recover(self, failure: FetchFailed) -> None:
        """Have a session again after a FETCH has failed.

        Raises:
            Refused: the server is unavailable, or cannot be opened again.
        """
        self._failures += 1
        self.runtime.count("FetchesFailed")
        if failure.code is Code.SERVER_UNAVAILABLE:
            self._unavailable += 1
            if self._unavailable == _MAX_UNAVAILABLE:
                raise failure
        if failure.alive:
            return
        with suppress(Refused):
            self._stack.__exit__(FetchFailed, failure, failure.__traceback__)
        self._sign_in()
        if self._examined is not None:
            folder, before = self._examined
            status = self.session.examine(folder)
            if status.uidvalidity != before.uidvalidity:
                raise Refused(Code.CONNECTION_LOST, "UIDVALIDITY changed") from failure

    def _sign_in(self) -> None:
        self._stack = ExitStack()
        seconds = max(1.0, (self.until - self.runtime.now()).total_seconds())
        self.session = self._stack.enter_context(signed_in(self.mailbox, self.runtime, seconds))


def _hides_its_header(fetched: Fetched) -> bool:
    """Dovecot gives the fields of a header block of more than 10 MB, and no other, as empty."""
    return fetched.size > _MIN_HIDING_BYTES and not _FROM.search(fetched.header)


def _halves(rest: list[int], asked: Sequence[int]) -> list[list[int]]:
    """What to ask for after a failure, the last first: where something came, the culprit is next.

    Servers answer in the order of UIDs, mostly.
    """
    if not rest or len(asked) == 1:
        return []
    if len(rest) == 1:
        return [rest]
    middle = len(rest) // 2 if len(rest) == len(asked) else 1
    return [rest[middle:], rest[:middle]]
