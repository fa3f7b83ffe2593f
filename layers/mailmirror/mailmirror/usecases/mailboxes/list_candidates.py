"""List the correspondents of a user's unmatched mail, read from the servers now; nothing is kept.

    each mailbox: the newest UIDs without a person ─► header fields ─► judged again, in case one
                  was added since ─► the addresses of those that still have none, counted

A mailbox and a folder fail alone, and the time is divided: what was not read is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched

from mailmirror.domain.candidates import Candidate, Letter, candidates
from mailmirror.domain.folder import FolderState
from mailmirror.domain.limits import MAX_CANDIDATE_LETTERS
from mailmirror.domain.mailbox import AccountId, Mailbox, MailboxStatus, UserId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Rules, Verdict
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.imap.session import ImapSession
from mailmirror.mail.mime.headers import parse_headers
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.mailboxes.server_sign_in import signed_in
from mailmirror.usecases.sync.judge_copies import judge_copies
from mailmirror.usecases.sync.sync_folder import folder_id

_SECONDS = 18.0
"""How long it takes: a person waits."""
_MIN_SECONDS = 2.0
"""With less time left, no further mailbox is signed in to."""
DAYS = 30
_HEADER_BATCH = 100


@dataclass(frozen=True, slots=True)
class FromMailbox:
    """What was read of one mailbox."""

    mailbox: Mailbox
    complete: bool
    """Whether a sync has judged all mail that the server has, and the unmatched part was read."""
    failed: Refused | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    since: datetime
    """The INTERNALDATE from which on mail was read."""
    candidates: Sequence[Candidate]
    mailboxes: Sequence[FromMailbox]


def list_candidates(account: AccountId, user: UserId, runtime: Runtime) -> Candidates:
    """Read the candidates of one user from all mailboxes that they have connected.

    Raises:
        Refused: the account is not there.
    """
    found = runtime.accounts.find(account)
    if found is None:
        raise Refused(Code.NOT_FOUND, "account")
    now = runtime.now()
    view = CrmView(found, runtime, user)
    reading = _Reading(view, runtime, now - timedelta(days=DAYS), now + timedelta(seconds=_SECONDS))
    owned = runtime.mailboxes.owned_by(account, user)
    connected = [one for one in owned if one.status is MailboxStatus.CONNECTED]
    read = [reading.read(one, len(connected) - n) for n, one in enumerate(connected)]
    return Candidates(reading.since, candidates(reading.letters.values(), view.team), read)


@dataclass(slots=True)
class _Reading:
    """The reading of a user's mailboxes, within one deadline."""

    view: CrmView
    runtime: Runtime
    since: datetime
    until: datetime
    letters: dict[str, Letter] = field(default_factory=dict)
    """By Message-ID, or else by place: a message counts once, however many copies it has."""

    def read(self, mailbox: Mailbox, left: int) -> FromMailbox:
        """Read one of so many mailboxes that are left, in its part of the time."""
        now = self.runtime.now()
        seconds = (self.until - now).total_seconds() / left
        if seconds < _MIN_SECONDS:
            return FromMailbox(mailbox, complete=False)
        try:
            with signed_in(mailbox, self.runtime, seconds) as session:
                complete = self._read(mailbox, session, now + timedelta(seconds=seconds))
        except Refused as refusal:
            return FromMailbox(mailbox, complete=False, failed=refusal)
        return FromMailbox(mailbox, complete=complete)

    def _read(self, mailbox: Mailbox, session: ImapSession, until: datetime) -> bool:
        """Read the unmatched mail of each folder; return whether that is all there is."""
        stored = self.runtime.folders.read_all(mailbox.key)
        folders = session.folders(with_status=True)
        statuses = session.statuses(folders)
        left, complete = MAX_CANDIDATE_LETTERS, True
        for folder in folders:
            id, status = folder_id(mailbox, folder), statuses[folder.name]
            state = stored[id].state if id in stored else None
            if state is None or status is None or state.uidvalidity != status.uidvalidity:
                complete = False
                continue
            if not state.was_seen(status.uidvalidity, status.uidnext, status.messages):
                complete = False  # the next sync judges what has come since
            uids = self._unmatched(mailbox, id, state)
            for some in batched(list(uids)[::-1], _HEADER_BATCH, strict=False):
                if left < len(some) or self.runtime.now() >= until or not session.alive:
                    return False
                try:
                    session.examine(folder)
                    headers = session.headers(UidSet.of(some), self.runtime.now())
                except Refused:
                    complete = False
                    break
                left -= len(some)
                self._add(id, headers, mailbox)
                if headers and all(one.received_at < self.since for one in headers.values()):
                    break  # the UIDs below are older, unless they were moved here
        return complete

    def _unmatched(self, mailbox: Mailbox, id: str, state: FolderState) -> UidSet:
        current = self.runtime.ledgers.read_current(mailbox.key, id, state)
        return current[1].of(Verdict.NO_PERSON) & current[1].present if current else UidSet()

    def _add(self, id: str, headers: Mapping[int, FetchedHeader], mailbox: Mailbox) -> None:
        rules = Rules(mailbox.history_since, self.view.account.max_recipients)
        for uid, verdict in judge_copies(headers, rules, self.view).items():
            if verdict is Verdict.NO_PERSON and headers[uid].received_at >= self.since:
                read = parse_headers(headers[uid].header)
                others = (*read.sender, *read.reply_to, *read.to, *read.cc, *read.bcc)
                letter = Letter(headers[uid].received_at, (*read.from_, *read.original), others)
                self.letters[read.message_id or f"{id} {uid}"] = letter
