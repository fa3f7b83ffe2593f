"""A mailbox's IMAP server during one sync, with failures at single messages contained.

A FETCH that fails keeps what came before the failure; the rest is asked for in halves, down to the
single UID. After a hang-up the session is opened again. So a message that the server cannot return
(RFC 5530, SERVERBUG; or a connection that ends in its middle) costs some round trips, and the
others are read. Where FETCH fails too often, the remaining UIDs are left for a later sync.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailmirror.domain.contained import FolderFailure
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.imap_answers import OF_THE_SERVER
from mailmirror.domain.limits import MAX_CUT_MESSAGE_BYTES, MAX_HEADER_BYTES, MAX_MESSAGE_BYTES
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.fetch import FetchFailed
from mailmirror.mail.imap.fetched import TOO_LARGE, FetchedCopy, FetchedHeader
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.server_sign_in import signed_in

_GRACE = timedelta(seconds=10)
"""How long after its deadline a sync may still wait for the server."""
_MAX_FAILURES = 60
"""FETCH commands that may fail in one folder: a bad message costs about two, ten at worst."""
_MIN_FAILURES = 20
"""How many of them each step may have, whatever failed before: two a halving of 500 UIDs.

So each step asks for its first UID alone, and every sync moves the cursor.
"""
_MAX_UNAVAILABLE = 3
"""How often in a row, at different messages, a server may say that it is unavailable.

Where it says so of a folder that has failed for an hour, or of pending UIDs, that is a failure at
the messages.
"""
_MAX_UNAVAILABLE_TIME = timedelta(hours=1)
_MAX_COMMAND_BYTES = 1 << 20
"""How much is fetched by one command, by RFC822.SIZE; of a larger message, piece by piece.

At 20 KB a second a command takes less than the minute without progress that the lease survives.
"""


class FailedTooOften(Refused):
    """FETCH has failed so often in a folder that the rest of it is left for a later sync."""

    def __init__(self, code: Code) -> None:
        super().__init__(code, "the server fails at too many messages")


class OutOfTime(Exception):
    """The deadline has come; what is left is for the next job."""


@dataclass(frozen=True, slots=True)
class Fetched[T]:
    """What a server returned of UIDs."""

    found: Mapping[int, T]
    """By UID; one that the server did not return is missing."""
    failed: Mapping[int, Code] = field(default_factory=dict)
    """Missing ones whose FETCH failed, and what with; none where the server just left one out."""
    unasked: Set[int] = frozenset()
    """UIDs that were not asked for, because FETCH had failed too often before."""


@dataclass(slots=True)
class MailServer:
    """The server, signed in to. Use `opened`."""

    mailbox: Mailbox
    runtime: Runtime
    until: datetime
    """After which no further command is sent."""
    note_progress: Callable[[], None]
    """Called whenever the server has answered."""
    grace: timedelta = _GRACE
    """How long after `until` an answer is waited for."""
    unavailable_by_message: bool = False
    """Whether UNAVAILABLE (RFC 5530) is a failure at the messages that were asked for."""
    session: ImapSession = field(init=False)
    _stack: ExitStack = field(init=False, default_factory=ExitStack)
    _examined: tuple[FolderChoice, Status] | None = field(init=False, default=None)
    _failures: int = field(init=False, default=0)
    _last_code: Code = field(init=False, default=Code.PROTOCOL_ERROR)
    _unavailable: int = field(init=False, default=0)

    @classmethod
    @contextmanager
    def opened(
        cls,
        mailbox: Mailbox,
        runtime: Runtime,
        until: datetime,
        note_progress: Callable[[], None],
        grace: timedelta = _GRACE,
    ) -> Iterator["MailServer"]:
        """Sign in; log out at the end.

        Parameters:
            grace: how long after `until` an answer is waited for.

        Raises:
            Refused: the stage that failed, by its code.
        """
        server = cls(mailbox, runtime, until, note_progress, grace)
        server._sign_in()
        try:
            yield server
        except BaseException as error:
            server._stack.__exit__(type(error), error, error.__traceback__)
            raise
        server._stack.close()

    def folders(self) -> Mapping[FolderChoice, Status | None]:
        """The folders that are read, each with its STATUS; None of one that is gone by now."""
        folders = self.session.folders(with_status=True)
        statuses = self.session.statuses(folders)
        self.note_progress()
        return {folder: statuses[folder.name] for folder in folders}

    def examine(self, folder: FolderChoice, failure: FolderFailure | None = None) -> Status:
        """Open a folder read-only.

        Parameters:
            failure: why it could not be read the last time.
        """
        status = self.session.examine(folder)
        self._examined, self._failures, self._unavailable = (folder, status), 0, 0
        self.unavailable_by_message = (
            failure is not None
            and failure.code in OF_THE_SERVER
            and self.runtime.now() - failure.since >= _MAX_UNAVAILABLE_TIME
        )
        self.note_progress()
        return status

    def listed(self, uids: UidSet, messages: int) -> UidSet:
        """List which of these UIDs the examined folder has.

        Parameters:
            messages: how many messages the folder has, or may have of these.

        Raises:
            Refused: the server does not answer to the end.
        """
        found = self.session.listed(uids, messages)
        self.note_progress()
        return found

    def check(self) -> None:
        """Begin another run.

        Raises:
            FailedTooOften: in this folder.
        """
        if self._failures >= _MAX_FAILURES:
            raise self.failed_too_often()

    def failed_too_often(self) -> FailedTooOften:
        """The error of a folder that is left for a later sync."""
        unavailable = self._last_code in OF_THE_SERVER
        return FailedTooOften(self._last_code if unavailable else Code.PROTOCOL_ERROR)

    def dates(self, uids: Sequence[int]) -> Mapping[int, datetime]:
        """Fetch the INTERNALDATE of each UID that the server returns."""
        return self._each([uids], lambda some: self.session.dates(UidSet.of(some))).found

    def headers(self, uids: Sequence[int]) -> Fetched[FetchedHeader]:
        """Fetch what the rules need of UIDs, in the order given."""
        return self._each(
            [uids],
            lambda some: self.session.headers(UidSet.of(some), self.runtime.now()),
            lambda uid: self.session.header_starts(uid, self.runtime.now()).get(uid),
        )

    def header_blocks(self, sizes: Mapping[int, int]) -> Mapping[int, bytes]:
        """Fetch the whole header block of each UID that the server returns.

        Parameters:
            sizes: the RFC822.SIZE of each.
        """
        return self._each(
            _groups({uid: min(size, MAX_HEADER_BYTES) for uid, size in sizes.items()}),
            lambda some: self.session.header_blocks({uid: sizes[uid] for uid in some}),
        ).found

    def copies(self, wanted: Mapping[int, FetchedHeader]) -> Fetched[FetchedCopy]:
        """Fetch messages, in the order given, cut where they are too large.

        Their RFC822.SIZE is a hint, which may be wrong.
        """
        return self._each(
            _groups({uid: one.size for uid, one in wanted.items()}),
            lambda some: self._whole({uid: wanted[uid] for uid in some}),
            lambda uid: self._in_pieces(uid, wanted[uid]).get(uid),
        )

    def _whole(self, wanted: Mapping[int, FetchedHeader]) -> Mapping[int, FetchedCopy]:
        first, *_ = wanted
        if wanted[first].size > _MAX_COMMAND_BYTES:
            return self._in_pieces(first, wanted[first])

        def copies(raw: Mapping[int, bytes]) -> Mapping[int, FetchedCopy]:
            return {uid: FetchedCopy.of(uid, wanted[uid], one) for uid, one in raw.items()}

        try:
            return copies(self.session.bodies({uid: one.size for uid, one in wanted.items()}))
        except FetchFailed as failure:
            raise FetchFailed(failure, copies(failure.answered), alive=failure.alive) from failure

    def _in_pieces(self, uid: int, wanted: FetchedHeader) -> Mapping[int, FetchedCopy]:
        """Fetch a message piece by piece; nothing of it where the server returns no piece.

        Some servers give less than was asked for, others ignore the range, and sizes may be wrong:
        so the end is where the size says, or else where an empty piece comes.
        """
        pieces: list[bytes] = []
        start, size = 0, wanted.size
        while start <= MAX_MESSAGE_BYTES and size <= MAX_MESSAGE_BYTES:
            piece = self._piece(uid, start, _MAX_COMMAND_BYTES)
            if piece is None:
                return {}
            pieces.append(piece)
            start += len(piece)
            if not piece or start == size or len(piece) > _MAX_COMMAND_BYTES:
                return {uid: FetchedCopy.of(uid, wanted, b"".join(pieces))}
        beginning = pieces[0] if pieces else self._piece(uid, 0, MAX_CUT_MESSAGE_BYTES)
        if beginning is None:
            return {}
        return {uid: FetchedCopy.of(uid, wanted, beginning[:MAX_CUT_MESSAGE_BYTES], TOO_LARGE)}

    def _piece(self, uid: int, start: int, length: int) -> bytes | None:
        try:
            return self.session.piece(uid, start, length)
        except FetchFailed as failure:  # a piece must not be taken for the whole message
            raise FetchFailed(failure, {}, alive=failure.alive) from failure
        finally:
            self.note_progress()

    def _each[T](
        self,
        groups: Iterable[Sequence[int]],
        fetch: Callable[[Sequence[int]], Mapping[int, T]],
        alone: Callable[[int], T | None] | None = None,
    ) -> Fetched[T]:
        """Fetch something of each UID, a group after the other.

        Parameters:
            fetch: fetches it of several at once.
            alone: fetches it of one in another way, where `fetch` fails at it alone.

        Raises:
            Refused: the server is unavailable, or cannot be opened again.
            OutOfTime: the deadline has come.
        """
        found: dict[int, T] = {}
        failed: dict[int, Code] = {}
        ranges = [list(group) for group in groups if group][::-1]
        most = max(_MAX_FAILURES, self._failures + _MIN_FAILURES)
        while ranges and self._failures < most:
            some = ranges.pop()
            try:
                found |= fetch(some)
                self._unavailable = 0
                continue
            except FetchFailed as failure:
                found |= failure.answered
                code = failure.code
                self._recover(failure)
            finally:
                self.note_progress()
            rest = [uid for uid in some if uid not in found]
            if len(some) > 1:
                smaller = _smaller(rest, some)
                if code in OF_THE_SERVER and not self.unavailable_by_message:
                    # Other messages are asked for before it.
                    smaller.sort(key=lambda some: min(rest) in some)
                ranges += reversed(smaller)
                continue
            failed |= dict.fromkeys(rest, code)
            if alone and rest and code not in OF_THE_SERVER | {Code.CONNECTION_LOST}:
                try:
                    if (one := alone(rest[0])) is not None:
                        found[rest[0]] = one
                except FetchFailed as failure:
                    self._recover(failure)
        failed = {uid: code for uid, code in failed.items() if uid not in found}
        return Fetched(found, failed, {uid for some in ranges for uid in some})

    def _recover(self, failure: FetchFailed) -> None:
        """Open the session again after a FETCH has failed, where it cannot be used further.

        Raises:
            Refused: the server is unavailable, or cannot be opened again.
            OutOfTime: the deadline has come.
        """
        self._failures += 1
        self._last_code = failure.code
        self.runtime.count("FetchesFailed")
        if self.runtime.now() >= self.until:
            raise OutOfTime from failure
        if failure.code in OF_THE_SERVER and not self.unavailable_by_message:
            self._unavailable += 1
            if self._unavailable >= _MAX_UNAVAILABLE:
                raise failure
        if not failure.alive:
            self.sign_in_again(failure)
            self._examine_again()

    def sign_in_again(self, refusal: Refused) -> None:
        """Leave a session that has failed, and open another.

        Raises:
            Refused: the stage that failed, by its code.
        """
        with suppress(Refused):
            self._stack.__exit__(type(refusal), refusal, refusal.__traceback__)
        self._sign_in()

    def _examine_again(self) -> None:
        if self._examined is None:
            return
        folder, before = self._examined
        if self.session.examine(folder).uidvalidity != before.uidvalidity:
            raise Refused(Code.CONNECTION_LOST, "UIDVALIDITY changed")

    def _sign_in(self) -> None:
        self._stack = ExitStack()
        seconds = max(1.0, (self.until + self.grace - self.runtime.now()).total_seconds())
        self.session = self._stack.enter_context(signed_in(self.mailbox, self.runtime, seconds))


def fetched_bytes(size: int) -> int:
    """How much of a message of this RFC822.SIZE is fetched."""
    return size if size <= MAX_MESSAGE_BYTES else MAX_CUT_MESSAGE_BYTES


def _groups(sizes: Mapping[int, int]) -> Iterator[Sequence[int]]:
    """UIDs that are fetched by one command each: a large message is alone."""
    group: list[int] = []
    total = 0
    for uid, size in sizes.items():
        if group and total + size > _MAX_COMMAND_BYTES:
            yield group
            group, total = [], 0
        group.append(uid)
        total += size
    if group:
        yield group


def _smaller(rest: list[int], asked: Sequence[int]) -> list[list[int]]:
    """What to ask for after a failure: after an answer the failing UID, then the others in halves.

    Servers answer in the order of UIDs, mostly.
    """
    failing = [min(rest)] if rest and len(rest) < len(asked) else []
    others = [uid for uid in rest if uid not in failing]
    middle = (len(others) + 1) // 2
    return [some for some in (failing, others[:middle], others[middle:]) if some]
