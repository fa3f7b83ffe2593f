"""Bring one folder's ledger up to date with its server: four passes, as `domain.folder` plans them.

    new mail ─► old mail ─► pending UIDs, where a retry is due ─► reconcile, where counts differ

A run of UIDs is judged, what it mirrors is written, and then one conditional write moves the
ledger and the cursor together.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace

from mailmirror.domain.contained import Judged
from mailmirror.domain.counted_copies import while_read
from mailmirror.domain.folder import FolderState, difference
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.ledger_parts import LedgerParts
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict
from mailmirror.mail.imap.opening import Status
from mailmirror.runtime import Runtime
from mailmirror.usecases.sync.checkpoint import Checkpoint
from mailmirror.usecases.sync.judge_run import RunJudge
from mailmirror.usecases.sync.mail_server import FailedTooOften, MailServer

_MAX_RANGES = 100
"""Of what is listed a second time; beyond it one command lists everything."""
_NEWEST = 20
"""Messages that are listed to see whether the server lists any."""


type OldMail = dict[tuple[str, int], UidSet]
"""The UIDs of old mail that a sync of the mailbox has listed, by folder id and UIDVALIDITY."""


@dataclass(frozen=True, slots=True)
class FolderSync:
    """One sync of one folder."""

    server: MailServer
    checkpoint: Checkpoint
    judge: RunJudge
    runtime: Runtime
    old_mail: OldMail
    """Gets what is listed here."""

    def newest(self, status: Status, most: int) -> None:
        """Judge new mail, and of old mail the newest messages, up to so many.

        Raises:
            OutOfTime, Refused, LeaseLost: what was judged before is kept.
        """
        self._new_mail(status)
        self._old_mail(most)

    def run(self, status: Status, *, retry_is_due: bool) -> FolderState:
        """Judge every UID that the server has and the ledger has not.

        Parameters:
            retry_is_due: whether what was pending before this sync is asked for again.

        Raises:
            OutOfTime, Refused, LeaseLost: what was judged before is kept.
        """
        self._new_mail(status)
        self._old_mail()
        if retry_is_due and self._folder.pending:
            self._retry()
        if self._folder.differs:
            self._forget_drafts()
        if self._folder.differs:
            self.reconcile()
        self.checkpoint.move(replace(self._folder, failure=None))
        return self._folder

    @property
    def _folder(self) -> FolderState:
        return self.checkpoint.folder

    def _new_mail(self, status: Status) -> None:
        has_grown = status.uidnext != self._folder.uidnext
        asked = replace(self._folder, messages=status.messages, uidnext=status.uidnext)
        self.checkpoint.folder = asked
        unjudged = self._folder.unjudged_new(status.uidnext)
        new = self._listed(unjudged)
        if new or has_grown or self._folder.differs:  # else mail has left below UIDNEXT
            new = self._listed_again(unjudged, new)
        for judged in self.judge.runs(list(new)):
            self.checkpoint.advance(judged, next=max(judged.verdicts) + 1)
        self.checkpoint.move(self._folder)

    def _old_mail(self, most: int | None = None) -> None:
        if self._folder.complete:
            return
        untouched = self._folder.untouched
        listing = (self.checkpoint.id, self._folder.uidvalidity)
        if listing not in self.old_mail:
            self.old_mail[listing] = self._listed_old()
        newest_first = list(self.old_mail[listing] & self._folder.unjudged_old)[::-1]
        if untouched:
            end = newest_first[0] + 1 if newest_first else 1
            self.checkpoint.folder = replace(self._folder, next=end, low=end)
        for judged in self.judge.runs(newest_first[:most]):
            self.checkpoint.advance(judged, low=min(judged.verdicts))
        if most is None or len(newest_first) <= most:
            self.checkpoint.move(replace(self._folder, low=1))

    def _listed_old(self) -> UidSet:
        old = self._listed(self._folder.unjudged_old)
        if self._folder.untouched and len(old) == self._folder.messages:
            return old
        return self._listed_again(self._folder.unjudged_old, old)

    def _retry(self) -> None:
        """Ask again for the pending UIDs; those that the server does not list any more are gone.

        The next time is stored before, for a function may die at one of them. Where the server
        fails too often, that next time goes on behind those that were asked for.
        """
        self.checkpoint.move(self._folder.retrying(self.runtime.now()))
        ledger = self.checkpoint.ledger()
        pending = ledger.pending
        listed = self._listed_again(pending, self._listed(pending))
        self._check_lists_any(listed, ledger)
        gone = Judged(dict.fromkeys(pending - listed, Verdict.GONE))
        self.checkpoint.advance(gone, ledger)
        self.server.unavailable_by_message = True
        with suppress(FailedTooOften):
            for judged in self.judge.runs(self._folder.retry_order(listed)):
                self.checkpoint.advance(judged, ledger)
        if not self._folder.pending:
            self.checkpoint.move(replace(self._folder, retries=0, retry_at=None))

    def _forget_drafts(self) -> None:
        """Ask for the drafts alone: an open one is saved each half minute, under another UID.

        One without any header is `unreadable`; one that left before its headers were fetched is
        `pending`.
        """
        if self._folder.messages >= self._folder.present + self._folder.pending:
            return
        ledger = self.checkpoint.ledger()
        present = (ledger.of(Verdict.DRAFT) | ledger.of(Verdict.UNREADABLE)) & ledger.present
        if asked := present | ledger.pending:
            listed = self._listed_again(asked, self._listed(asked))
            self._check_lists_any(listed, ledger)
            left = asked - listed
            gone = Judged(dict.fromkeys(left & ledger.pending, Verdict.GONE))
            self.checkpoint.advance(gone, ledger)
            self.checkpoint.remove(left & present, ledger)

    def reconcile(self) -> None:
        """The server has more or fewer messages than the ledger: find out which.

        A UID counts as removed only where a second FETCH does not return it either. One that was
        removed and is listed is present again. It is judged again, unless it is mirrored: passes
        have left it out.
        """
        ledger = self.checkpoint.ledger()
        listed = self._listed(self._folder.looked_at)
        if not ledger.pending:
            self._check_lists_anything(listed)
        found = difference(ledger, listed)
        mirrored = ledger.of(Verdict.MIRRORED)
        self.checkpoint.restore(found.returned & mirrored, ledger)
        gone = ledger.of(Verdict.GONE)
        for judged in self.judge.runs(list(found.missed | (found.returned - mirrored))):
            # A UID that was gone, is listed again and not returned stays gone.
            read = {
                uid: verdict
                for uid, verdict in judged.verdicts.items()
                if verdict is not Verdict.PENDING or uid not in gone
            }
            contained = {uid: one for uid, one in judged.contained.items() if uid in read}
            self.checkpoint.advance(Judged(read, contained), ledger)
        self.checkpoint.remove(found.left - self._listed(found.left), ledger)

    def _check_lists_any(self, listed: UidSet, ledger: Ledger) -> None:
        """Have a server that lists none of some UIDs list others, before those count as left."""
        if not listed and self._folder.messages:
            newest = UidSet.of(list(ledger.present)[-_NEWEST:])
            others = self._listed(newest) or self._listed(self._folder.looked_at)
            self._check_lists_anything(others)

    def _check_lists_anything(self, listed: UidSet) -> None:
        if self._folder.messages and not listed:
            raise Refused(Code.PROTOCOL_ERROR, "the server lists none of its messages")

    def _listed_again(self, uids: UidSet, listed: UidSet) -> UidSet:
        """List those of these UIDs again that were left out, and return all that are listed."""
        rest = uids - listed
        return listed | self._listed(rest if len(rest.ranges) <= _MAX_RANGES else uids)

    def _listed(self, uids: UidSet) -> UidSet:
        return self.server.listed(uids, self._folder.max_listed)


def folder_id(mailbox: Mailbox, folder: FolderChoice) -> str:
    """A folder's name in keys: 12 hexadecimal digits. UIDs of another server are other UIDs."""
    place = "\n".join([mailbox.imap.host.lower(), mailbox.username, folder.name])
    return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def unread_folder(folder: FolderChoice) -> FolderState:
    """A folder that could not be opened yet: its UIDVALIDITY is not known."""
    return FolderState(
        name=folder.name,
        role=folder.role,
        uidvalidity=0,
        next=2,
        low=2,
        uncounted=while_read(folder),
    )


def new_folder(
    folder: FolderChoice, status: Status, known: FolderState | None = None
) -> FolderState:
    """A folder without any verdict: it is new, or its UIDVALIDITY is.

    Parameters:
        known: the folder under its earlier UIDVALIDITY.

    After a change of UIDVALIDITY all copies are mapped again; their messages keep their identity,
    and so their entries.
    """
    return FolderState(
        name=folder.name,
        role=folder.role,
        uidvalidity=status.uidvalidity,
        next=status.uidnext,
        low=status.uidnext,
        messages=status.messages,
        ledger=known.ledger.begin_again() if known else LedgerParts(),
        uncounted=while_read(folder, known.uncounted) if known else while_read(folder),
    )
