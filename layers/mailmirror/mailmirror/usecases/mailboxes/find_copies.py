"""Search a mailbox at its server for the copies of a message, in every folder of its user's.

    LIST ─► STATUS ─► each folder that has mail: SEARCH ─► headers of the newest hits ─► compared,
                                                                                         judged

The Inbox, `\\All` and sent mail come first, then the other folders that are read, then those that
are not. A folder fails alone. Where the server refuses SEARCH, the newest headers of a folder are
compared instead; where SEARCH has found nothing that is read, those of the first three as well.
Nothing is stored, queued or logged.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched

from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.limits import MAX_EXPLAINED_COPIES, MAX_SOUGHT_HEADERS
from mailmirror.domain.mail_search import (
    FailedSearch,
    FoundCopy,
    LiveSearch,
    Sought,
    search_order,
)
from mailmirror.domain.mailbox import FolderRole, Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.opening import Status
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.mailboxes.compare_headers import FoundIn, HeaderComparison
from mailmirror.usecases.sync.mail_server import MailServer, OutOfTime
from mailmirror.usecases.sync.sync_folder import folder_id

_SECONDS = timedelta(seconds=16)
"""How long commands are sent: a person waits."""
_GRACE = timedelta(seconds=2)
"""How long the last answer is waited for."""
_NEW_MAIL = (FolderRole.INBOX, FolderRole.ALL, FolderRole.SENT)
_BATCH = 50
"""Headers that are fetched at once."""


def find_copies(mailbox: Mailbox, sought: Sought, runtime: Runtime) -> LiveSearch:
    """Find the copies of a message in a connected mailbox.

    Raises:
        Refused: the server cannot be signed in to, or does not list its folders.
    """
    account = runtime.accounts.find(mailbox.key.account)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    until = runtime.now() + _SECONDS
    view = CrmView(account, runtime, mailbox.owner)
    with MailServer.opened(mailbox, runtime, until, lambda: None, _GRACE) as server:
        comparison = HeaderComparison(sought, mailbox, view)
        return _Search(server, mailbox, comparison, runtime, until).run()


@dataclass(frozen=True, slots=True)
class _Search:
    """One search of a mailbox, and what of it could not be read."""

    server: MailServer
    mailbox: Mailbox
    comparison: HeaderComparison
    runtime: Runtime
    until: datetime
    found: dict[tuple[str, int], FoundCopy] = field(default_factory=dict)
    failed: dict[str, FailedSearch] = field(default_factory=dict)
    searched: set[str] = field(default_factory=set)
    """Folders that were searched to their end."""
    cut: set[str] = field(default_factory=set)
    """Folders in which more hits are than were looked at."""

    def run(self) -> LiveSearch:
        """Raises:
        Refused: the folders cannot be listed.
        """
        session = self.server.session
        listed = session.choices(with_status=True)
        folders = search_order(listed, session.choices_by_default())
        names = {one.name for one in folders}
        waiting = deque(self._with_mail(folders))
        read = [one for one in waiting if one.left_out is None]
        self._each(waiting, compare=False)
        if not any(one.folder.left_out is None for one in self.found.values()):
            # SEARCH may have missed it (Exchange's misses whole addresses): new mail lies here.
            self._each(deque(one for one in read if one.role in _NEW_MAIL), compare=True)
        copies = sorted(self.found.values(), key=_newest_first)
        return LiveSearch(
            copies[:MAX_EXPLAINED_COPIES],
            bool(self.cut) or len(copies) > MAX_EXPLAINED_COPIES,
            list(self.failed.values()),
            [x for x in folders if x.name not in self.searched and x.name not in self.failed],
            [one.name for one in folders if one.left_out is None],
            sum(x.name not in names and x.left_out is not LeftOut.NOT_SELECTABLE for x in listed),
        )

    def _with_mail(self, folders: Sequence[FolderChoice]) -> Sequence[FolderChoice]:
        """The folders that have mail, or may; those whose STATUS says that they have none are done.

        Raises:
            Refused: the server tells the STATUS of no folder.
        """
        statuses = self.server.session.statuses(folders)
        empty = {name for name, status in statuses.items() if status and not status.messages}
        self.searched.update(empty)
        return [one for one in folders if one.name not in empty]

    def _each(self, waiting: deque[FolderChoice], *, compare: bool) -> None:
        """Look into folders while there is time.

        Parameters:
            compare: whether their newest headers are compared, without SEARCH.
        """
        while waiting and self.runtime.now() < self.until:
            folder = waiting.popleft()
            try:
                self._in_folder(folder, compare=compare)
            except OutOfTime:
                return
            except Refused as refusal:
                if self.runtime.now() >= self.until:  # the session was ended with our time
                    return
                if not compare:
                    self.failed[folder.name] = FailedSearch(folder, refusal.code, refusal.detail)
                if not self._alive(refusal):
                    return

    def _alive(self, refusal: Refused) -> bool:
        """Whether the search can go on, in another session where this one has ended."""
        if self.server.session.alive:
            return True
        try:
            self.server.sign_in_again(refusal)
            self.server.session.choices()  # tells how names are written
        except Refused:
            return False
        return True

    def _in_folder(self, folder: FolderChoice, *, compare: bool) -> None:
        """Look into one folder.

        Raises:
            Refused, OutOfTime: it is not searched to its end.
        """
        status = self.server.examine(folder)
        hits = None if compare else self.server.session.matching(self.comparison.sought)
        if hits is None:
            newest = UidSet.span(max(1, status.uidnext - MAX_SOUGHT_HEADERS), status.uidnext - 1)
            listed = self.server.listed(newest, status.messages)
            found = self._look(folder, status, listed, by_search=False)
            if len(listed) == status.messages:
                self.cut.discard(folder.name)
            if len(listed) == status.messages or found:
                self.searched.add(folder.name)
            return
        found = self._look(folder, status, hits, by_search=True)
        if found or folder.name not in self.cut:
            self.searched.add(folder.name)

    def _look(self, folder: FolderChoice, status: Status, uids: UidSet, *, by_search: bool) -> int:
        """Compare the newest of some messages with the one that is sought; return how many are."""
        where = FoundIn(folder, folder_id(self.mailbox, folder), status.uidvalidity)
        found = 0
        if len(uids) > MAX_SOUGHT_HEADERS:
            self.cut.add(folder.name)
        for some in batched(uids.newest(MAX_SOUGHT_HEADERS), _BATCH, strict=False):
            if found >= MAX_EXPLAINED_COPIES:
                self.cut.add(folder.name)
                break
            fetched = self.server.headers(some)
            copies = self.comparison.copies(where, fetched.found, by_search=by_search)
            if by_search and self.comparison.sought.message_id is not None:
                withheld = {one for one in some if one not in fetched.found} - fetched.unasked
                copies += [where.not_returned(uid) for uid in withheld]
            found += len(copies)
            self.found.update({(folder.name, one.uid): one for one in copies})
            if fetched.unasked:
                raise self.server.failed_too_often()
        return found


def _newest_first(copy: FoundCopy) -> tuple[bool, float, str, int]:
    """Those whose day is not known, because the server does not return them, come first."""
    at = copy.received_at.timestamp() if copy.received_at else 0.0
    return copy.received_at is not None, -at, copy.folder.name, copy.uid
