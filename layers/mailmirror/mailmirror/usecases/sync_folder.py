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
from datetime import datetime
from itertools import batched

from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Rules, Verdict, outside_window
from mailmirror.mail.folders import RemoteFolder
from mailmirror.mail.imap import Fetched, ImapSession, Status
from mailmirror.runtime import Runtime
from mailmirror.store.sync_state import FolderState, Lease
from mailmirror.usecases.crm import CrmView
from mailmirror.usecases.judge_copies import judge_copies
from mailmirror.usecases.mirror_copies import (
    TOO_LARGE,
    FetchedCopy,
    FolderKey,
    mirror_each,
)

HEADER_RANGE = 500
"""UIDs whose headers are fetched at once."""
DATE_RANGE = 5_000
"""UIDs whose INTERNALDATE alone is fetched at once, to pass over what is outside the window."""
BODY_BYTES = 4 << 20
"""How much is fetched and written between two moves of the cursor, unless one message is larger."""
MAX_MESSAGE_BYTES = 25 << 20
"""RFC822.SIZE up to which a message is mirrored whole."""
PIECE_BYTES = 1 << 20
"""How much of a message over BODY_BYTES is fetched at once: the lease lives 90 seconds."""
CUT_BYTES = 256 << 10
"""How much is fetched of a larger one."""


class OutOfTime(Exception):
    """The deadline is near; what is left is for the next job."""


@dataclass(slots=True)
class FolderSync:
    """One sync of one folder: what it knows, and how far it has come."""

    session: ImapSession
    lease: Lease
    id: str
    folder: FolderState
    saved: FolderState | None
    """What the table has of it; None where it is new, or its UIDs are."""
    rules: Rules
    view: CrmView
    runtime: Runtime
    until: datetime

    def run(self, status: Status) -> FolderState:
        """Judge all that the server has and the ledger has not.

        Raises:
            OutOfTime: what was judged is kept.
            Refused: the server failed; likewise.
            LeaseLost: another sync has taken over; likewise.
        """
        self._new_mail(status)
        self._old_mail()
        if self.folder.pending:
            self._pending()
        if status.messages != self.folder.present + self.folder.pending:
            self._reconcile()
        return self.folder

    def _new_mail(self, status: Status) -> None:
        self.folder = replace(self.folder, messages=status.messages)
        uids = self.session.uids(self.folder.next, status.uidnext - 1)
        for verdicts in self._judged(list(uids)):
            self._advance(verdicts, next=max(verdicts) + 1)
        self._save(replace(self.folder, next=status.uidnext))

    def _old_mail(self) -> None:
        if self.folder.complete:
            return
        uids = list(self.session.uids(1, self.folder.low - 1))[::-1]
        for verdicts in self._judged(uids):
            self._advance(verdicts, low=min(verdicts))
        self._save(replace(self.folder, low=1))

    def _pending(self) -> None:
        """Try again what the server listed and did not hand over; what it lists no more is gone."""
        pending = self._ledger().pending
        everything = self.session.uids(1, self.folder.next - 1)
        if self.folder.messages and not everything:
            raise Refused(Code.PROTOCOL_ERROR, "the server lists none of its messages")
        listed = everything & pending
        listed |= UidSet.of(self.session.dates(pending - listed))
        self._advance(dict.fromkeys(pending - listed, Verdict.GONE), again=True)
        for verdicts in self._judged(list(listed)):
            self._advance(verdicts, again=True)

    def _reconcile(self) -> None:
        """The server has more or fewer messages than the ledger: find out which.

        A UID counts as removed only where FETCH does not know it either, and one that no SEARCH
        has shown is judged now.
        """
        ledger = self._ledger()
        until = self.folder.next - 1
        listed = self.session.uids(1, until)
        missed = listed - ledger.present - ledger.removed - ledger.pending
        if not missed and len(listed) < self.folder.messages:
            listed |= UidSet.of(self.session.dates(UidSet.span(1, until)))
            missed = listed - ledger.present - ledger.removed - ledger.pending
        for verdicts in self._judged(list(missed)):
            self._advance(verdicts)
        left = ledger.present - listed
        left -= UidSet.of(self.session.dates(left))
        if self.folder.messages and not listed and not ledger.pending:
            raise Refused(Code.PROTOCOL_ERROR, "the server lists none of its messages")
        if left:
            head, blocks = self._fold(Ledger(removed=left))
            present = self.folder.present - len(left)
            self._save(replace(self.folder, head=head, blocks=blocks, present=present))
        self.runtime.count("CopiesRemoved", len(left))

    def _judged(self, uids: Sequence[int]) -> Iterator[Mapping[int, Verdict]]:
        """Judge UIDs run by run in the order given; what a run mirrors is written when it comes."""
        for some in batched(uids, DATE_RANGE, strict=False):
            old = self._outside_window(some) if len(some) > HEADER_RANGE else frozenset[int]()
            for uids_at_once in batched(some, HEADER_RANGE, strict=False):
                yield from self._judged_headers(uids_at_once, old)

    def _outside_window(self, uids: Sequence[int]) -> frozenset[int]:
        dates = self.session.dates(UidSet.of(uids))
        return frozenset(uid for uid, date in dates.items() if outside_window(date, self.rules))

    def _judged_headers(
        self, uids: Sequence[int], old: frozenset[int]
    ) -> Iterator[Mapping[int, Verdict]]:
        fetched = self.session.headers(UidSet.of(uid for uid in uids if uid not in old))
        verdicts = dict.fromkeys(uids, Verdict.PENDING)
        verdicts |= dict.fromkeys(old.intersection(uids), Verdict.OUTSIDE_WINDOW)
        verdicts |= judge_copies(fetched, self.rules, self.view)
        run: dict[int, Verdict] = {}
        size = 0
        for uid, verdict in verdicts.items():
            if verdict is Verdict.MIRRORED:
                weight = _weight(fetched[uid])
                if size and size + weight > BODY_BYTES:
                    yield self._mirrored(run, fetched)
                    run, size = {}, 0
                size += weight
            run[uid] = verdict
        if run:
            yield self._mirrored(run, fetched)

    def _mirrored(
        self, verdicts: dict[int, Verdict], fetched: Mapping[int, Fetched]
    ) -> Mapping[int, Verdict]:
        """Fetch and write what of a run is mirrored; what the server withholds stays pending."""
        if self.runtime.now() >= self.until:
            raise OutOfTime
        wanted = {uid: fetched[uid] for uid, v in verdicts.items() if v is Verdict.MIRRORED}
        if not wanted:
            return verdicts
        self.lease = self.runtime.sync_states.heartbeat(self.lease, self.runtime.now())
        copies = self._bodies(wanted)
        self.lease = self.runtime.sync_states.heartbeat(self.lease, self.runtime.now())
        where = FolderKey(self.lease.key, self.id, self.folder.uidvalidity)
        mirrored = mirror_each(where, copies, self.view, self.runtime)
        return verdicts | dict.fromkeys(wanted.keys() - mirrored, Verdict.PENDING)

    def _bodies(self, wanted: Mapping[int, Fetched]) -> Sequence[FetchedCopy]:
        small = {uid: one.size for uid, one in wanted.items() if one.size <= BODY_BYTES}
        raws = dict(self.session.bodies(small))
        for uid in wanted.keys() - small.keys():
            raw = self._large_body(uid, wanted[uid].size)
            if raw is not None:
                raws[uid] = raw
        return [
            FetchedCopy(
                uid,
                one.received_at,
                one.header,
                raws[uid],
                (TOO_LARGE,) if one.size > MAX_MESSAGE_BYTES else (),
            )
            for uid, one in wanted.items()
            if uid in raws
        ]

    def _large_body(self, uid: int, size: int) -> bytes | None:
        """Fetch a large message piece by piece, for a slow server must not cost the lease."""
        if size > MAX_MESSAGE_BYTES:
            return self.session.piece(uid, 0, CUT_BYTES)
        pieces: list[bytes] = []
        start = 0
        while start <= MAX_MESSAGE_BYTES:
            piece = self.session.piece(uid, start, PIECE_BYTES)
            if piece is None:
                return None
            pieces.append(piece)
            start += len(piece)
            if len(piece) < PIECE_BYTES:
                break
            self.lease = self.runtime.sync_states.heartbeat(self.lease, self.runtime.now())
        return b"".join(pieces)

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
        self.lease = self.runtime.sync_states.save(self.lease, self.id, folder, now)
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
