"""Judge the UIDs of a folder run by run, and mirror what each run has to mirror."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import batched

from mailmirror.domain import batches
from mailmirror.domain.contained import Cause, Contained, Judged
from mailmirror.domain.containment import Reading
from mailmirror.domain.verdict import Rules, Verdict, outside_window
from mailmirror.mail.imap.fetched import HEADERS_ONLY, FetchedCopy, FetchedHeader
from mailmirror.mail.mime.headers import parse_headers
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.checkpoint import Checkpoint
from mailmirror.usecases.sync.judge_copies import judge_copies
from mailmirror.usecases.sync.known_copies import known_copies
from mailmirror.usecases.sync.mail_server import (
    Fetched,
    MailServer,
    OutOfTime,
    fetched_bytes,
)
from mailmirror.usecases.sync.mirror_copies import FolderKey, mirror_each


@dataclass(frozen=True, slots=True)
class RunJudge:
    """Judges UIDs of the examined folder, with as much caution as its checkpoint has."""

    server: MailServer
    checkpoint: Checkpoint
    rules: Rules
    view: CrmView
    runtime: Runtime
    until: datetime
    max_batch: int
    """How many UIDs a batch may have, beside what the caution says."""

    def runs(self, uids: Sequence[int]) -> Iterator[Judged]:
        """Judge UIDs in the order given. What a run mirrors is written before it is returned.

        Raises:
            OutOfTime: the deadline has come.
            Refused: the server failed; FailedTooOften, if at single messages.
        """
        some_are_judged = False
        for chunk in batched(uids, batches.DATE_RANGE, strict=False):
            old = self._outside_window(chunk) if len(chunk) > batches.HEADER_RANGE else set[int]()
            left = [self.checkpoint.place(uid) for uid in chunk]
            while left:
                self._check_time()
                if some_are_judged:
                    self.server.check()
                caution = self.checkpoint.caution
                batch = batches.next_batch(left, caution, min(self.max_batch, batches.HEADER_RANGE))
                left = left[len(batch) :]
                first = batch[0]
                if batches.judged_alone(first, caution) and first.uid not in old:
                    yield self._judged_alone(first.uid)
                else:
                    yield from self._judged([place.uid for place in batch], old)
                some_are_judged = True

    def _check_time(self) -> None:
        if self.runtime.now() >= self.until:
            raise OutOfTime

    def _outside_window(self, uids: Sequence[int]) -> set[int]:
        self._check_time()
        dates = self.server.dates(uids)
        return {uid for uid, date in dates.items() if outside_window(date, self.rules)}

    def _judged_alone(self, uid: int) -> Judged:
        """Judge one UID, after functions died at a batch that may have contained it."""
        self.checkpoint.suspect(uid)
        reading = self.checkpoint.caution.reading(self.checkpoint.place(uid))
        if reading is not Reading.WHOLE:
            self.runtime.count("MessagesContained")
        if reading is Reading.NOTHING:
            return Judged({uid: Verdict.PENDING}, {uid: Contained(Cause.TOO_HEAVY)})
        fetched = self.server.headers([uid])
        return self._mirrored(self._verdicts([uid], fetched, set()), fetched, reading)

    def _judged(self, uids: Sequence[int], old: set[int]) -> Iterator[Judged]:
        """Judge a batch; of the UIDs in `old` only the date was fetched.

        A UID that was not asked for gets no verdict, nor does one after it.

        Raises:
            FailedTooOften: the rest of them has no verdict.
        """
        fetched = self.server.headers([uid for uid in uids if uid not in old])
        header_bytes = {uid: len(one.header) for uid, one in fetched.found.items()}
        for part in batches.parts(batches.before(uids, fetched.unasked), header_bytes):
            self._check_time()
            verdicts = self._verdicts(part, fetched, old)
            sizes = {uid: fetched_bytes(one.size) for uid, one in fetched.found.items()}
            for run in batches.runs(verdicts, sizes):
                judged = self._mirrored(run, fetched, Reading.WHOLE)
                if judged.verdicts:
                    yield judged
                if len(judged.verdicts) < len(run):
                    raise self.server.failed_too_often()
        if fetched.unasked:
            raise self.server.failed_too_often()

    def _verdicts(
        self, uids: Sequence[int], fetched: Fetched[FetchedHeader], old: set[int]
    ) -> dict[int, Verdict]:
        """The verdicts by the headers; `pending` where the server returned none."""
        headers = {uid: fetched.found[uid] for uid in uids if uid in fetched.found}
        verdicts = dict.fromkeys(uids, Verdict.PENDING)
        verdicts |= dict.fromkeys(old.intersection(uids), Verdict.OUTSIDE_WINDOW)
        return verdicts | judge_copies(headers, self.rules, self.view)

    def _mirrored(
        self, verdicts: dict[int, Verdict], fetched: Fetched[FetchedHeader], reading: Reading
    ) -> Judged:
        """Fetch and write what a run mirrors; what the server does not return stays pending.

        The run ends before the first UID that was not asked for.
        """
        contained = {
            uid: Contained(Cause.of_fetch(fetched.failed.get(uid)))
            for uid, verdict in verdicts.items()
            if verdict is Verdict.PENDING
        }
        wanted = {uid: fetched.found[uid] for uid, v in verdicts.items() if v is Verdict.MIRRORED}
        if not wanted:
            return Judged(verdicts, contained)
        self._check_time()
        copies = self._copies(wanted, reading)
        judged = {uid: verdicts[uid] for uid in batches.before(verdicts, copies.unasked)}
        folder = self.checkpoint.folder
        mailbox = self.checkpoint.lease.key
        where = FolderKey(mailbox, self.checkpoint.id, folder.uidvalidity, folder.role)
        found = [copy for uid, copy in copies.found.items() if uid in judged]
        mirrored = mirror_each(where, found, self.view, self.runtime)
        for uid in judged.keys() & wanted.keys():
            if (cause := _cause(uid, copies, mirrored)) is not None:
                subject = parse_headers(wanted[uid].header).subject
                contained[uid] = Contained(cause, wanted[uid].received_at, subject)
                if uid not in mirrored:
                    judged[uid] = Verdict.PENDING
        return Judged(judged, {uid: one for uid, one in contained.items() if uid in judged})

    def _copies(
        self, wanted: Mapping[int, FetchedHeader], reading: Reading
    ) -> Fetched[FetchedCopy]:
        if reading is not Reading.WHOLE:
            return Fetched({uid: FetchedCopy.of_header(uid, one) for uid, one in wanted.items()})
        known = known_copies(self.checkpoint.lease.key, wanted, self.server, self.runtime)
        self.runtime.count("BodiesKnown", len(known))
        rest = self.server.copies({uid: one for uid, one in wanted.items() if uid not in known})
        return replace(rest, found={**known, **rest.found})


def _cause(
    uid: int, copies: Fetched[FetchedCopy], mirrored: Mapping[int, FetchedCopy]
) -> Cause | None:
    """Why a message that is to be mirrored is not, or not whole; None where it is."""
    if uid not in copies.found:
        return Cause.of_fetch(copies.failed.get(uid))
    if uid not in mirrored:
        return Cause.NOT_STORED
    return Cause.HEADERS_ONLY if HEADERS_ONLY in mirrored[uid].warnings else None
