"""Judge old mail again, after a change of people or rules (`domain.passes`).

    the log's head ─► the lines behind the mailbox's cursor ─► which copies they concern
        ─► hint, where addresses wait: SEARCH ─► hits judged
        ─► pass, where it is due: headers, newest first ─► those that are concerned judged
        ─► cursor

Copies are judged as new mail is: where one is mirrored now, its body is fetched, unless it is
stored. A mirrored copy is not asked for. A pass goes on for a minute at a time, so that new mail
does not wait for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import batched

from mailmirror.domain.address import Address
from mailmirror.domain.batches import DATE_RANGE, HEADER_RANGE
from mailmirror.domain.contained import Judged
from mailmirror.domain.containment import FULL_BATCH, Place
from mailmirror.domain.folder import FolderState, Passed
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.passes import (
    EVERYTHING,
    LOOK_PAUSE,
    Concern,
    PassState,
    Target,
    are_searched_for,
    daily_pass_at,
)
from mailmirror.domain.problems import Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Rules, Verdict, outside_window
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.mime.headers import UnreadableHeaders, parse_headers
from mailmirror.runtime import Runtime
from mailmirror.store.sync_state import Lease
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.checkpoint import Checkpoint
from mailmirror.usecases.sync.hidden_contents import HiddenContents
from mailmirror.usecases.sync.index_leavers import index_leavers
from mailmirror.usecases.sync.judge_mirrored import MirroredJudge
from mailmirror.usecases.sync.judge_run import RunJudge
from mailmirror.usecases.sync.late_facts import LateFacts
from mailmirror.usecases.sync.mail_server import FailedTooOften, MailServer, OutOfTime

PASS_TIME = timedelta(seconds=60)
"""After which a pass leaves the rest to the next job, where new mail comes first again."""
_AGAIN_AFTER_FAILURE = timedelta(minutes=5)
_MAX_HITS = 1_000
"""Of a search in a folder, the newest: SEARCH compares parts of addresses, and the pass follows."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sync has done about old mail."""

    passes: PassState
    due_at: datetime | None = None
    """When it is to go on; None where nothing waits."""


@dataclass(slots=True)
class JudgeAgain:
    """One sync's work on the old mail of the folders that it has read."""

    lease: Lease
    late: LateFacts
    folders: dict[str, FolderState]
    """Those that are read, by their ids; gets what becomes of them."""
    watched: Sequence[str]
    """The ids of Inbox, Sent or `\\All`: addresses are searched for there."""
    opened: Callable[[str, datetime], RunJudge]
    """Opens a folder, to judge UIDs of it until a deadline."""
    failed: Callable[[str, Refused], FolderState]
    """Stores why a folder could not be read, and returns it."""
    checkpoint: Callable[[str], Checkpoint]
    """One of the folders, without opening it."""
    left_out: Set[str]
    """The ids of the folders that the setting leaves out: copies there do not count."""
    shows_all: bool
    """Whether the server shows all folders and messages that it has, and all of them are read."""
    save: Callable[[PassState], None]
    """Stores how far passes have come, before anything follows from it."""
    server: MailServer
    view: CrmView
    runtime: Runtime
    indexed: Place | None = field(init=False, default=None)
    """The last copy of this pass that is on the timelines of those who left the team."""

    def run(self, until: datetime, everything_asked_at: datetime | None) -> Outcome:
        """Search for addresses that wait, and go on with a pass, where either is due.

        Parameters:
            everything_asked_at: when a person has asked for a pass over everything.

        Raises:
            LeaseLost, FolderChanged: what was judged before is kept.
            Refused: the same; the session is lost, and no other can be opened.
        """
        now, passes, basis = self.runtime.now(), self.late.passes, self.late.basis
        if passes.target and passes.target.basis.rules != basis.rules:
            passes = passes.given_up()  # a setting has changed again
        target = passes.target
        begins = target is None or not target.everything
        if begins and _is_new(everything_asked_at, passes.everything_at):
            target = Target(basis, everything=True)
            passes = replace(passes, everything_at=now)
        due_at = self._due_at(self.late, now)
        if target is None and due_at is None:
            passes = passes.nothing_concerned(basis)
            if (due_at := daily_pass_at(passes, basis, now)) is None:
                return Outcome(passes)
        if passes.looked_at is None or now >= passes.looked_at + LOOK_PAUSE:
            passes = replace(passes, looked_at=now)
            if are_searched_for(self.late.unsearched):
                passes = replace(passes, hinted_line=basis.line)
                self.save(passes)
                self._hint(self.late.unsearched, min(until, now + PASS_TIME))
        if target is None:
            if due_at and due_at > now:
                return Outcome(replace(passes, target=None, next_at=due_at), due_at)
            target = Target(basis)
        begins = target != passes.target
        if begins:
            passes = passes.begun(target)
            self.save(passes)
        return self._pass(passes, target, until, begins=begins)

    def _due_at(self, late: LateFacts, now: datetime) -> datetime | None:
        if any(one.stale and one.failure is None for one in self.folders.values()):
            return now
        return late.due_at(sum(one.present for one in self.folders.values()), now)

    def _hint(self, addresses: frozenset[Address], until: datetime) -> None:
        since = self.late.basis.history_since - timedelta(days=1)
        for id in self.watched:
            with suppress(OutOfTime, FailedTooOften), self._failing_alone(lambda _: None):
                judge = self.opened(id, until)
                ledger = judge.checkpoint.ledger()
                found = self.server.session.naming(addresses, since)
                self.server.note_progress()
                unmatched = ledger.of(Verdict.NO_PERSON) | ledger.of(Verdict.BLOCKED)
                if hits := list(found & unmatched & ledger.present)[::-1]:
                    self._judge(judge, hits[:_MAX_HITS], ledger)
                self.folders[id] = judge.checkpoint.folder
        self.runtime.count("AddressesSearched", len(addresses))

    def _pass(self, passes: PassState, target: Target, until: datetime, *, begins: bool) -> Outcome:
        """Go on with a pass. What it hides is hidden as it begins, and where that was cut off."""
        concern = EVERYTHING if target.everything else self.late.concern(target.basis)
        daily_at = daily_pass_at(passes, target.basis, self.runtime.now())
        if daily_at and daily_at <= self.runtime.now():
            concern = replace(concern, mirrored=True)
        slice_end = min(until, self.runtime.now() + PASS_TIME)
        failed_too_often = False
        try:
            if begins and concern.mirrored:
                passes = self._judge_mirrored(passes, concern, until)
            for id, folder in list(self.folders.items()):
                asked = EVERYTHING if folder.stale else concern
                if not asked.verdicts or folder.failure or folder.has_passed(passes.number):
                    continue
                try:
                    with self._failing_alone(partial(self._note_failure, id)):
                        self._pass_folder(id, passes.number, asked, slice_end)
                except FailedTooOften:
                    failed_too_often = True
            if failed_too_often:
                return Outcome(passes, self.runtime.now() + _AGAIN_AFTER_FAILURE)
            self._index_leavers(passes, target, until)
            if concern.mirrored and not begins:
                passes = self._judge_mirrored(passes, concern, until)
        except OutOfTime:
            return Outcome(replace(passes, indexed=self.indexed), self.runtime.now())
        if concern:
            self._note_left_out(passes.number, concern)
        self.runtime.count("PassesDone")
        now = self.runtime.now()
        ended = passes.ended(target.basis, now)
        waiting = (
            self._due_at(self.late.behind(ended), now),
            daily_pass_at(ended, target.basis, now),
        )
        due_at = min((at for at in waiting if at), default=None)
        return Outcome(replace(ended, next_at=due_at), due_at)

    def _index_leavers(self, passes: PassState, target: Target, until: datetime) -> None:
        def done(place: Place) -> None:
            self.server.note_progress()
            if place.folder in self.folders:  # the copies of what was sent here come last
                self.indexed = place
                self.save(replace(passes, indexed=place))

        left = self.late.left_team(target.basis, self.runtime.change_log)
        self.indexed = passes.indexed
        key = self.lease.key
        index_leavers(key, left, self.view, self.runtime, until, passes.indexed, done)

    def _judge_mirrored(self, passes: PassState, concern: Concern, until: datetime) -> PassState:
        """Judge what is, or was, mirrored; return the state after it."""

        def change(id: str, verdicts: Mapping[int, Verdict]) -> None:
            checkpoint = self.checkpoint(id)
            checkpoint.judge_again(verdicts)
            self.folders[id] = checkpoint.folder

        def forget(id: str) -> None:
            stored = self.runtime.folders.find(self.lease.key, id)
            if stored is not None and stored.state.uncounted:
                anew = stored.state.without_verdicts()
                self.runtime.folders.save(self.lease, id, anew, stored)
            elif stored is not None:
                self.runtime.folders.forget(self.lease, id, stored)

        def lists(id: str, uids: UidSet) -> UidSet:
            listed: list[UidSet] = []
            with self._failing_alone(lambda _: None):
                folder = self.opened(id, until).checkpoint.folder
                listed.append(self.server.session.listed(uids, folder.max_listed))
            return listed[0] if listed else uids

        basis = self.late.basis
        all_are_read = all(one.complete and not one.failure for one in self.folders.values())
        judge = MirroredJudge(
            key=self.lease.key,
            read=self.folders,
            ledger=lambda id: self.checkpoint(id).ledger(),
            change=change,
            hidden=HiddenContents(
                key=self.lease.key,
                read=self.folders,
                ledger=lambda id: self.checkpoint(id).ledger(),
                change=change,
                forget=forget,
                view=self.view,
                runtime=self.runtime,
            ),
            lists=lists if self.shows_all and all_are_read else None,
            follows=basis.follows,
            left_out=self.left_out,
            rules=Rules(basis.history_since, basis.max_recipients),
            view=self.view,
            runtime=self.runtime,
            until=until,
            note_progress=self.server.note_progress,
        )
        hides = judge.run(concern, may_erase=all_are_read)
        return replace(passes, hides=hides, mirrored_at=self.runtime.now())

    def _note_left_out(self, number: int, concern: Concern) -> None:
        """Have the folders that the pass has not been through judged again as a whole, once they
        can be read: those that cannot be opened, and those that are not read at present."""
        for id, stored in self.runtime.folders.read_all(self.lease.key).items():
            if id in self.folders and not concern.verdicts:
                continue
            if not stored.state.stale and not stored.state.has_passed(number):
                left_out = replace(stored.state, stale=True)
                self.runtime.folders.save(self.lease, id, left_out, stored)
                if id in self.folders:
                    self.folders[id] = left_out

    def _note_failure(self, id: str, refusal: Refused) -> None:
        self.folders[id] = self.failed(id, refusal)

    @contextmanager
    def _failing_alone(self, note: Callable[[Refused], None]) -> Iterator[None]:
        """Let a failure at one folder stop no other.

        Parameters:
            note: is called with the failure.

        Raises:
            OutOfTime, FailedTooOften: as from within.
            Refused: the session is lost, and no other can be opened.
        """
        try:
            yield
        except FailedTooOften:
            raise
        except Refused as refusal:
            note(refusal)
            if not self.server.session.alive:
                self.server.sign_in_again(refusal)

    def _pass_folder(self, id: str, number: int, concern: Concern, until: datetime) -> None:
        judge = self.opened(id, until)
        checkpoint, ledger = judge.checkpoint, judge.checkpoint.ledger()
        low = checkpoint.folder.passed_down_to(number)
        uids = _with(concern.verdicts, ledger)
        asked = list(uids & ledger.present & UidSet.span(1, low - 1))[::-1]
        by_date = Verdict.OUTSIDE_WINDOW in concern.whole or concern.dated
        size = DATE_RANGE if by_date else HEADER_RANGE
        if checkpoint.caution.batch < FULL_BATCH:
            size = checkpoint.caution.batch
        try:
            for batch in batched(asked, size, strict=False):
                self._judge(judge, self._concerned(judge, batch, concern, ledger), ledger)
                passed = Passed(number, batch[-1])
                checkpoint.folder = replace(checkpoint.folder, passed=passed)
            passed = Passed(number, 1)
            checkpoint.folder = replace(checkpoint.folder, passed=passed, stale=False)
        finally:
            checkpoint.move(checkpoint.folder)
            self.folders[id] = checkpoint.folder

    def _concerned(
        self, judge: RunJudge, uids: Sequence[int], concern: Concern, ledger: Ledger
    ) -> Sequence[int]:
        """Those of some UIDs whose verdict may change; of the others date and headers tell that it
        does not. One of which the server returns neither may be any."""
        if judge.checkpoint.caution.batch == 1:
            return uids  # after a function has died, each is judged alone
        asked = UidSet.of(uids)
        concerned = set(asked & _with(concern.whole, ledger))
        dated = list(asked & _with(concern.dated, ledger))
        named = list(asked & _with(concern.naming, ledger))
        if (dated or named) and self.runtime.now() >= judge.until:
            raise OutOfTime
        if dated:
            dates = self.server.dates(dated)
            concerned |= {
                uid for uid in dated if uid not in dates or outside_window(dates[uid], judge.rules)
            }
        left = [uid for uid in named if uid not in concerned]
        for some in batched(left, HEADER_RANGE, strict=False):
            found = self.server.headers(some).found
            concerned |= {uid for uid in some if _may_name(found.get(uid), concern)}
        self.runtime.count("HeadersPassed", len(left))
        return [uid for uid in uids if uid in concerned]

    def _judge(self, judge: RunJudge, uids: Sequence[int], ledger: Ledger) -> None:
        """Give UIDs their verdicts again, `pending` where the server does not return one.

        Parameters:
            ledger: of the folder, as it was before.
        """
        for judged in judge.runs(uids) if uids else ():
            changed = {
                uid: verdict
                for uid, verdict in judged.verdicts.items()
                if uid not in ledger.of(verdict)
            }
            contained = {uid: one for uid, one in judged.contained.items() if uid in changed}
            judge.checkpoint.advance(Judged(changed, contained), ledger)
            self.runtime.count("VerdictsChanged", len(changed))


def _with(verdicts: Set[Verdict], ledger: Ledger) -> UidSet:
    """The UIDs that have one of these verdicts."""
    uids = UidSet()
    for verdict in verdicts:
        uids |= ledger.of(verdict)
    return uids


def _is_new(asked_at: datetime | None, begun_at: datetime | None) -> bool:
    return asked_at is not None and (begun_at is None or begun_at < asked_at)


def _may_name(fetched: FetchedHeader | None, concern: Concern) -> bool:
    """Whether a copy may name one of the addresses: what cannot be read may."""
    if fetched is None:
        return True
    try:
        headers = parse_headers(fetched.header)
    except UnreadableHeaders:
        return True
    return headers.addresses_cut or not concern.addresses.isdisjoint(headers.participants)
