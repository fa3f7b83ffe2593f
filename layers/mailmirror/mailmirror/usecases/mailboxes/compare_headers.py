"""Compare fetched headers with a message that is sought, and judge those that are of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.limits import (
    MAX_EXPLAINED_SUBJECT_CHARS,
    MAX_LOOKED_UP_PARTICIPANTS,
)
from mailmirror.domain.mail_search import FoundCopy, FoundHeader, Sought
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.verdict import Rules, Verdict, recipients_needed
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.mime.headers import MessageHeaders, UnreadableHeaders, parse_headers
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.judge_copies import headers_of, obstacles_of


@dataclass(frozen=True, slots=True)
class FoundIn:
    """Where copies lie."""

    folder: FolderChoice
    folder_id: str
    uidvalidity: int

    def not_returned(self, uid: int) -> FoundCopy:
        """A copy that SEARCH has found and FETCH does not return."""
        where = (self.folder, self.folder_id, self.uidvalidity)
        return FoundCopy(*where, uid, None, [Verdict.PENDING], None)


@dataclass(frozen=True, slots=True)
class HeaderComparison:
    """Tells which headers are of the message, and what keeps them from being mirrored."""

    sought: Sought
    mailbox: Mailbox
    view: CrmView

    def copies(
        self, where: FoundIn, fetched: Mapping[int, FetchedHeader], *, by_search: bool
    ) -> list[FoundCopy]:
        """The copies among fetched headers that are of the message.

        Parameters:
            by_search: whether SEARCH has found them. Of headers that cannot be read, those are of
                the message in which it has found the Message-ID.
        """
        parsed: dict[int, MessageHeaders | None] = {}
        for uid, one in fetched.items():
            if not self.sought.is_received_in_time(one.received_at):
                continue
            try:
                headers = parse_headers(one.header)
            except UnreadableHeaders:
                if by_search and self.sought.message_id is not None:
                    parsed[uid] = None
                continue
            if self._is_sought(headers):
                parsed[uid] = headers
        rules = Rules(self.mailbox.history_since, self.view.account.max_recipients)
        obstacles = obstacles_of({uid: fetched[uid] for uid in parsed}, rules, self.view)
        return [
            FoundCopy(
                where.folder,
                where.folder_id,
                where.uidvalidity,
                uid,
                fetched[uid].received_at,
                obstacles[uid],
                self._found(fetched[uid], headers) if headers else None,
            )
            for uid, headers in parsed.items()
        ]

    def _is_sought(self, headers: MessageHeaders) -> bool:
        senders = {one.address for one in (*headers.from_, *headers.sender, *headers.original)}
        return self.sought.is_found(headers.message_id, senders, headers.subject, headers.date)

    def _found(self, fetched: FetchedHeader, headers: MessageHeaders) -> FoundHeader:
        participants = dict.fromkeys(one.address for one in headers.all_participants)
        outsiders = [one for one in participants if one not in self.view.team]
        return FoundHeader(
            headers.message_id,
            headers.from_[0] if headers.from_ else None,
            headers.subject[:MAX_EXPLAINED_SUBJECT_CHARS],
            headers.date,
            outsiders[:MAX_LOOKED_UP_PARTICIPANTS],
            recipients_needed(headers_of(fetched)),
        )
