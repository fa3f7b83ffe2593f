"""Bring one folder's ledger up to its server.

        new mail, oldest first      next ──►  UIDNEXT
        old mail, newest first      1  ◄── low
        pending ones                tried again, or gone
        removed ones                marked

Every UID of [low, next) has a verdict or is pending, at any moment, whatever crashes: a run of
UIDs in order is judged, what it mirrors is written, and then one fenced write moves the ledger and
the cursor together.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched, takewhile

from mailmirror.domain.containment import FULL_BATCH, Caution, Place, Reading
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Rules, Verdict, outside_window
from mailmirror.mail.imap.folders import RemoteFolder
from mailmirror.mail.imap.session import Fetched, Status
from mailmirror.runtime import Runtime
from mailmirror.store.sync_state import FolderState, Lease
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.judge_copies import judge_copies
from mailmirror.usecases.sync.mail_server import (
    CUT_BYTES,
    MAX_MESSAGE_BYTES,
    MailServer,
    OutOfTime,
)
from mailmirror.usecases.sync.mirror_copies import (
    TOO_LARGE,
    FetchedCopy,
    FolderKey,
    mirror_each,
)

HEADER_RANGE = FULL_BATCH
"""UIDs whose headers are fetched at once."""
HEADER_BYTES = 1 << 20
"""How much of headers is judged between two moves of the cursor: at most some 20,000 addresses."""
DATE_RANGE = 5_000
"""UIDs whose INTERNALDATE alone is fetched at once, to pass over what is outside the window."""
_RUN_BYTES = 4 << 20
"""How much is fetched and written between two moves of the cursor, unless one message is larger."""
MIRRORED_AT_ONCE = 25
"""Messages written between two moves of the cursor, beside the bound by bytes.

One costs 10 to 50 requests, by its references: so a move comes every 3 to 10 s at 8 ms a request.
"""
_RETRY_MINUTES = 5
_LONGEST_RETRY = timedelta(days=1)


@dataclass(slots=True)
class FolderSync:
    """One sync of one folder: what it knows, and how far it has come."""

    server: MailServer
    lease: Lease
    id: str
    folder: FolderState
    saved: FolderState | None
    """What the table has of it; None where it is new, or its UIDs are."""
    caution: Caution
    rules: Rules
    view: CrmView
    runtime: Runtime
    until: datetime
    progressed: bool = False
    """Whether a cursor has moved."""

    def run(self, status: Status) -> FolderState:
        """Judge all that the server has and the ledger has not.

        Raises:
            OutOfTime: what was judged is kept.
            Refused: the server failed; likewise.
            LeaseLost: another sync has taken over; likewise.
        """
        retry = self._retry_is_due()
        self._new_mail(status)
        self._old_mail()
        if retry:
            self._pending()
        if status.messages != self.folder.present + self.folder.pending:
            self._reconcile()
        return self.folder

    def _new_mail(self, status: Status) -> None:
        self.folder = replace(self.folder, messages=status.messages)
        uids = self._listed(UidSet.span(self.folder.next, status.uidnext - 1))
        for verdicts in self._judged(list(uids)):
            self._advance(verdicts, next=max(verdicts) + 1)
        self._save(replace(self.folder, next=status.uidnext))

    def _old_mail(self) -> None:
        if self.folder.complete:
            return
        uids = list(self._listed(UidSet.span(1, self.folder.low - 1)))[::-1]
        for verdicts in self._judged(uids):
            self._advance(verdicts, low=min(verdicts))
        self._save(replace(self.folder, low=1))

    def _retry_is_due(self) -> bool:
        retry_at = self.folder.retry_at
        return self.folder.pending > 0 and (retry_at is None or self.runtime.now() >= retry_at)

    def _pending(self) -> None:
        """Try again what the server listed and did not hand over; what it lists no more is gone.

        Each time in vain the next one comes later: that is saved before, for a function may die at
        one of them. Each time begins at another UID, so that one which kills hides no other.
        """
        pause = timedelta(minutes=_RETRY_MINUTES << min(self.folder.retries, 16))
        retry_at = self.runtime.now() + min(pause, _LONGEST_RETRY)
        self._save(replace(self.folder, retries=self.folder.retries + 1, retry_at=retry_at))
        pending = self._ledger().pending
        listed = self._listed(pending)
        listed |= self._listed(pending - listed)
        if (
            self.folder.messages
            and not listed
            and not self._listed(UidSet.span(1, self.folder.next - 1))
        ):
            raise Refused(Code.PROTOCOL_ERROR, "the server lists none of its messages")
        self._advance(dict.fromkeys(pending - listed, Verdict.GONE), again=True)
        uids = list(listed)
        first = self.folder.retries % len(uids) if uids else 0
        for verdicts in self._judged(uids[first:] + uids[:first]):
            self._advance(verdicts, again=True)
        if not self.folder.pending:
            self._save(replace(self.folder, retries=0, retry_at=None))

    def _reconcile(self) -> None:
        """The server has more or fewer messages than the ledger: find out which.

        A UID counts as removed only where a second FETCH does not know it either.
        """
        ledger = self._ledger()
        listed = self._listed(UidSet.span(1, self.folder.next - 1))
        if self.folder.messages and not listed and not ledger.pending:
            raise Refused(Code.PROTOCOL_ERROR, "the server lists none of its messages")
        gone = ledger.of(Verdict.GONE)
        missed = listed - ledger.present - ledger.removed - ledger.pending
        for verdicts in self._judged(list(missed)):
            # One that was gone, is listed again and withheld stays gone, and is looked for again.
            read = {u: v for u, v in verdicts.items() if v is not Verdict.PENDING or u not in gone}
            self._advance(read)
        left = ledger.present - listed
        left -= self._listed(left)
        if left:
            head, blocks = self._fold(Ledger(removed=left))
            present = self.folder.present - len(left)
            self._save(replace(self.folder, head=head, blocks=blocks, present=present))
        self.runtime.count("CopiesRemoved", len(left))

    def _listed(self, uids: UidSet) -> UidSet:
        # More may have come since EXAMINE, or be asked for one by one.
        return self.server.listed(uids, 2 * self.folder.messages + 1_000)

    def _judged(self, uids: Sequence[int]) -> Iterator[Mapping[int, Verdict]]:
        """Judge UIDs run by run in the order given; what a run mirrors is written when it comes."""
        for some in batched(uids, DATE_RANGE, strict=False):
            old = self._outside_window(some) if len(some) > HEADER_RANGE else frozenset[int]()
            left = list(some)
            while left:
                self._check_time()
                self.server.check()
                alone = self.caution.batch == 1 or self._is_suspect(left[0])
                batch = left[:1] if alone else self._batch(left)
                left = left[len(batch) :]
                if alone and batch[0] not in old:
                    yield self._judged_alone(batch[0])
                else:
                    yield from self._judged_headers(batch, old)

    def _batch(self, uids: Sequence[int]) -> Sequence[int]:
        """The first of these UIDs, up to one that is to be judged alone."""
        batch = uids[: min(self.caution.batch, HEADER_RANGE)]
        return list(takewhile(lambda uid: not self._is_suspect(uid), batch))

    def _is_suspect(self, uid: int) -> bool:
        return self._place(uid) in self.caution.suspects

    def _judged_alone(self, uid: int) -> Mapping[int, Verdict]:
        """Judge one UID, after functions died at a batch that may have had it.

        That it is judged is noted before: where the function dies again, the next knows at what.
        """
        place = self._place(uid)
        self.caution = self.caution.suspecting(place)
        self.runtime.sync_states.suspect(self.lease, self.caution, self.runtime.now())
        reading = self.caution.reading(place)
        if reading is not Reading.WHOLE:
            self.runtime.count("MessagesContained")
        if reading is Reading.NOTHING:
            return {uid: Verdict.PENDING}
        fetched = self.server.headers([uid])
        verdicts = {uid: Verdict.PENDING} | judge_copies(fetched, self.rules, self.view)
        return self._mirrored(verdicts, fetched, reading)

    def _place(self, uid: int) -> Place:
        return Place(self.id, self.folder.uidvalidity, uid)

    def _check_time(self) -> None:
        if self.runtime.now() >= self.until:
            raise OutOfTime

    def _outside_window(self, uids: Sequence[int]) -> frozenset[int]:
        self._check_time()
        dates = self.server.dates(uids)
        return frozenset(uid for uid, date in dates.items() if outside_window(date, self.rules))

    def _judged_headers(
        self, uids: Sequence[int], old: frozenset[int]
    ) -> Iterator[Mapping[int, Verdict]]:
        fetched = self.server.headers([uid for uid in uids if uid not in old])
        for some in _by_header_bytes(uids, fetched):
            self._check_time()
            verdicts = dict.fromkeys(some, Verdict.PENDING)
            verdicts |= dict.fromkeys(old.intersection(some), Verdict.OUTSIDE_WINDOW)
            headers = {uid: fetched[uid] for uid in some if uid in fetched}
            verdicts |= judge_copies(headers, self.rules, self.view)
            for run in _runs(verdicts, fetched):
                yield self._mirrored(run, fetched)

    def _mirrored(
        self,
        verdicts: dict[int, Verdict],
        fetched: Mapping[int, Fetched],
        reading: Reading = Reading.WHOLE,
    ) -> Mapping[int, Verdict]:
        """Fetch and write what of a run is mirrored; what the server withholds stays pending."""
        wanted = {uid: fetched[uid] for uid, v in verdicts.items() if v is Verdict.MIRRORED}
        if not wanted:
            return verdicts
        self._check_time()
        if reading is Reading.WHOLE:
            copies = self._copies(wanted)
        else:
            copies = [
                FetchedCopy(uid, one.received_at, one.header, b"").without_body()
                for uid, one in wanted.items()
            ]
        where = FolderKey(self.lease.key, self.id, self.folder.uidvalidity)
        mirrored = mirror_each(where, copies, self.view, self.runtime)
        return verdicts | dict.fromkeys(wanted.keys() - mirrored, Verdict.PENDING)

    def _copies(self, wanted: Mapping[int, Fetched]) -> Sequence[FetchedCopy]:
        bodies = self.server.bodies({uid: one.size for uid, one in wanted.items()})
        return [
            FetchedCopy(
                uid,
                wanted[uid].received_at,
                wanted[uid].header,
                body.raw,
                (TOO_LARGE,) if body.cut else (),
            )
            for uid, body in bodies.items()
        ]

    def _advance(
        self,
        verdicts: Mapping[int, Verdict],
        *,
        next: int | None = None,
        low: int | None = None,
        again: bool = False,
    ) -> None:
        """Move the ledger and a cursor, in one write.

        Parameters:
            again: whether these UIDs were pending before.
        """
        if not verdicts:
            return
        self.caution = self.caution.after_success(len(verdicts))
        self.progressed = True
        head, blocks = self._fold(Ledger().record(verdicts))
        pending = sum(verdict is Verdict.PENDING for verdict in verdicts.values())
        gone = sum(verdict is Verdict.GONE for verdict in verdicts.values())
        folder = self.folder
        self._save(
            replace(
                folder,
                head=head,
                blocks=blocks,
                next=folder.next if next is None else next,
                low=folder.low if low is None else low,
                judged=folder.judged + len(verdicts) - pending,
                present=folder.present + len(verdicts) - pending - gone,
                pending=folder.pending + pending - (len(verdicts) if again else 0),
                retries=0 if pending and not again else folder.retries,
                retry_at=None if pending and not again else folder.retry_at,
            )
        )
        for verdict in set(verdicts.values()):
            count = sum(one is verdict for one in verdicts.values())
            self.runtime.count(f"Verdict_{verdict}", count)

    def _ledger(self) -> Ledger:
        return self.runtime.ledgers.read(self.lease.key, self.id, self.folder)

    def _fold(self, part: Ledger) -> tuple[Ledger, int]:
        return self.runtime.ledgers.fold(self.lease, self.id, self.folder, part)

    def _save(self, folder: FolderState) -> None:
        self.folder = folder
        if folder == self.saved:
            return
        now = self.runtime.now()
        self.runtime.sync_states.save(self.lease, self.id, folder, self.caution, now)
        self.saved = folder


def folder_id(mailbox: Mailbox, folder: RemoteFolder) -> str:
    """A folder as keys have it: UIDs of another server's are other UIDs."""
    place = "\n".join([mailbox.imap.host.lower(), mailbox.username, folder.name])
    return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def begun(folder: RemoteFolder, status: Status) -> FolderState:
    """A folder of which nothing is judged yet: it is new, or its UIDs are.

    After a change of UIDVALIDITY all copies are mapped again; their messages have the same
    identity, and so the same entries.
    """
    return FolderState(
        name=folder.name,
        role=folder.role,
        uidvalidity=status.uidvalidity,
        next=status.uidnext,
        low=status.uidnext,
        messages=status.messages,
    )


def _weight(fetched: Fetched) -> int:
    return fetched.size if fetched.size <= MAX_MESSAGE_BYTES else CUT_BYTES


def _by_header_bytes(
    uids: Sequence[int], fetched: Mapping[int, Fetched]
) -> Iterator[Sequence[int]]:
    """Parts of a batch that are judged in some seconds, whatever their headers hold."""
    part: list[int] = []
    size = 0
    for uid in uids:
        part.append(uid)
        size += len(fetched[uid].header) if uid in fetched else 0
        if size > HEADER_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _runs(
    verdicts: Mapping[int, Verdict], fetched: Mapping[int, Fetched]
) -> Iterator[dict[int, Verdict]]:
    """Parts of a batch after each of which the cursor moves, bounded by what they mirror."""
    run: dict[int, Verdict] = {}
    size = mirrored = 0
    for uid, verdict in verdicts.items():
        if verdict is Verdict.MIRRORED:
            weight = _weight(fetched[uid])
            if mirrored and (size + weight > _RUN_BYTES or mirrored == MIRRORED_AT_ONCE):
                yield run
                run, size, mirrored = {}, 0, 0
            size += weight
            mirrored += 1
        run[uid] = verdict
    if run:
        yield run
