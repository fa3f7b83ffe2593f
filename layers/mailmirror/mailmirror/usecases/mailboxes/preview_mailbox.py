"""Show what connecting a mailbox would read, in figures; nothing is stored or logged.

    LIST ─► STATUS ─► each folder: the dates of its newest messages ─► the newest of all: headers
                                                                       ─► verdicts, counted

Headers and addresses are judged and forgotten. Each step has a part of the time, for a person
waits; what there was no time for is named.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from heapq import nlargest
from itertools import batched

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.mailbox import AccountId, Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Rules, Verdict, outside_window
from mailmirror.mail.connection import stage
from mailmirror.mail.imap.fetch import FetchFailed
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest, try_mailbox
from mailmirror.usecases.mailboxes.count_folders import PreviewedFolder, count_folders
from mailmirror.usecases.mailboxes.server_sign_in import login_of, signed_in
from mailmirror.usecases.sync.judge_copies import judge_copies

SAMPLE_SIZE = 500
_SECONDS = 18.0
"""How long a preview takes: a person waits."""
_MIN_SECONDS = 2.0
"""Without so much time left after the servers were tried, there is no preview."""
_HEADER_BATCH = 100
"""Copies judged at once: up to some 15,000 addresses are looked up, in a second or two."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The verdicts of the newest messages, counted."""

    verdicts: Mapping[Verdict, int]
    oldest: datetime | None
    failed: Sequence[tuple[FolderChoice, Refused]]
    """Folders that could not be read, and why."""
    not_reached: Sequence[FolderChoice]
    """Folders of which there was no time to read all that was wanted."""

    @property
    def size(self) -> int:
        return sum(self.verdicts.values())

    @property
    def complete(self) -> bool:
        return not (self.failed or self.not_reached)


@dataclass(frozen=True, slots=True)
class MailboxPreview:
    folders: Sequence[PreviewedFolder]
    """Those that are read first."""
    further_folders: int
    limits: Set[Limit]
    sample: Sample
    cannot_send: Refused | None = None
    """Why the submission server refuses to send, though the mailbox may be connected."""

    @property
    def messages(self) -> int:
        """In the folders that are read, as far as they were counted."""
        return sum(one.messages or 0 for one in self.folders if one.folder.left_out is None)


def preview_request(id: AccountId, request: ConnectRequest, runtime: Runtime) -> MailboxPreview:
    """Preview what connecting a mailbox would read.

    Raises:
        Refused: as connecting does.
    """
    until = runtime.now() + timedelta(seconds=_SECONDS)
    tried = try_mailbox(id, request, runtime)
    seconds = (until - runtime.now()).total_seconds()
    if seconds < _MIN_SECONDS:
        raise Refused(Code.CONNECT_TIMEOUT, "imap: no time is left after the sign-in")
    login = login_of(request.username, request.credential)
    mailbox = tried.mailbox
    view = CrmView(tried.account, runtime, mailbox.owner, joining={request.email})
    with (
        stage("imap"),
        ImapSession.sign_in(
            request.imap, login, runtime.network_policy, seconds, mailbox.folder_rules
        ) as session,
    ):
        return _Preview(session, mailbox, view, runtime, until).run(tried.cannot_send)


def preview_mailbox(mailbox: Mailbox, runtime: Runtime) -> MailboxPreview:
    """Preview a connected mailbox, with its stored credential.

    Raises:
        Refused: the server cannot be asked.
    """
    account = runtime.accounts.find(mailbox.key.account)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    until = runtime.now() + timedelta(seconds=_SECONDS)
    with signed_in(mailbox, runtime, _SECONDS) as session:
        view = CrmView(account, runtime, mailbox.owner)
        return _Preview(session, mailbox, view, runtime, until).run()


@dataclass(frozen=True, slots=True)
class _Preview:
    """One look at a mailbox, and what of it could not be read."""

    session: ImapSession
    mailbox: Mailbox
    view: CrmView
    runtime: Runtime
    until: datetime
    failed: dict[str, Refused] = field(default_factory=dict)
    not_reached: set[str] = field(default_factory=set)

    def run(self, cannot_send: Refused | None = None) -> MailboxPreview:
        """Raises:
        Refused: the folders cannot be listed.
        """
        found = count_folders(self.session, self.runtime.now, self._part_of_time(1 / 3))
        read = [one for one in found.folders if one.folder.left_out is None]
        return MailboxPreview(
            found.folders, found.further, found.limits, self._sample(read), cannot_send
        )

    def _part_of_time(self, part: float) -> datetime:
        """When so much of the time that is left will be over."""
        now = self.runtime.now()
        return now + (self.until - now) * part

    def _sample(self, folders: Sequence[PreviewedFolder]) -> Sample:
        """Judge the newest messages over these folders."""
        by_name = {one.folder.name: one.folder for one in folders}
        dates = self._newest_of_each([one.folder for one in folders if one.messages != 0])
        newest = nlargest(
            SAMPLE_SIZE,
            ((at, name, uid) for name, some in dates.items() for uid, at in some.items()),
        )
        verdicts: Counter[Verdict] = Counter()
        judged_at: list[datetime] = []
        for name in dates:
            chosen = {uid: at for at, of, uid in newest if of == name}
            judged = self._judged(by_name[name], chosen)
            verdicts.update(judged.values())
            judged_at += (chosen[uid] for uid in judged)
        return Sample(
            verdicts=verdicts,
            oldest=min(judged_at, default=None),
            failed=[(by_name[name], self.failed[name]) for name in by_name if name in self.failed],
            not_reached=[by_name[name] for name in by_name if name in self.not_reached],
        )

    def _newest_of_each(
        self, folders: Sequence[FolderChoice]
    ) -> Mapping[str, Mapping[int, datetime]]:
        """The INTERNALDATEs of the newest messages of each folder, for half of the time."""
        until = self._part_of_time(1 / 2)
        found = {one.name: self._attempt(one, until, partial(self._newest, one)) for one in folders}
        return {name: dates for name, dates in found.items() if dates is not None}

    def _newest(self, folder: FolderChoice) -> Mapping[int, datetime]:
        """The INTERNALDATEs of a folder's greatest UIDs, SAMPLE_SIZE of them at most.

        UIDs may have wide gaps, so the range that is asked for grows until it has enough.
        """
        status = self.session.examine(folder)
        end, width = status.uidnext - 1, 2 * SAMPLE_SIZE
        wanted = min(SAMPLE_SIZE, status.messages)
        while True:
            first = max(1, end - width + 1)
            uids = self.session.listed(UidSet.span(first, end), 2 * status.messages + 1_000)
            if len(uids) >= wanted or first == 1:
                return self.session.dates(UidSet.of(list(uids)[-SAMPLE_SIZE:]))
            width *= 8

    def _judged(self, folder: FolderChoice, dates: Mapping[int, datetime]) -> Mapping[int, Verdict]:
        """Judge copies of a folder by their headers; those outside the window by their dates."""
        rules = Rules(self.mailbox.history_since, self.view.account.max_recipients)
        old = {uid for uid, at in dates.items() if outside_window(at, rules)}
        verdicts = dict.fromkeys(old, Verdict.OUTSIDE_WINDOW)
        for some in batched(sorted(dates.keys() - old, reverse=True), _HEADER_BATCH, strict=False):
            step = partial(self._verdicts, folder, some, rules)
            verdicts |= self._attempt(folder, self.until, step) or {}
        return verdicts

    def _verdicts(
        self, folder: FolderChoice, uids: Sequence[int], rules: Rules
    ) -> Mapping[int, Verdict]:
        """Judge copies by their headers; one that the server does not return is pending."""
        self.session.examine(folder)
        try:
            headers = self.session.headers(UidSet.of(uids), self.runtime.now())
        except FetchFailed as failure:
            if not failure.alive:
                raise
            headers = failure.answered
        verdicts = judge_copies(headers, rules, self.view)
        return dict.fromkeys(uids, Verdict.PENDING) | verdicts

    def _attempt[T](self, folder: FolderChoice, until: datetime, step: Callable[[], T]) -> T | None:
        """Take a step with a folder; None where there is no time or no session for it, or it fails.

        A folder fails alone.
        """
        if folder.name in self.failed:
            return None
        if self.runtime.now() >= until or not self.session.alive:
            self.not_reached.add(folder.name)
            return None
        try:
            return step()
        except Refused as refusal:
            if self.runtime.now() < self.until:
                self.failed[folder.name] = refusal
            else:  # the session was ended with our time
                self.not_reached.add(folder.name)
            return None
