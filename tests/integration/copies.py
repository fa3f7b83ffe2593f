"""An office whose mailboxes are on no server: their copies are mirrored directly."""

from collections.abc import Iterable
from datetime import date, timedelta

from mailmirror.domain.address import Address
from mailmirror.domain.mailbox import (
    FolderRole,
    Mailbox,
    MailboxId,
    MailboxKey,
    MailboxStatus,
    Security,
    Server,
    UserId,
)
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.usecases.cards.read_card import Line
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.mirror_copies import FolderKey, mirror_each
from tests.integration.office import MARCH, REP, Office

TODAY = MARCH + timedelta(days=100)


class Mailboxes(Office):
    def open(self, owner: str = "rep", email: str = REP) -> MailboxKey:
        key = MailboxKey(self.account, MailboxId(f"mailbox-{owner}"))
        mailbox = Mailbox(
            key=key,
            owner=UserId(owner),
            email=Address(email),
            imap=Server("localhost", 993, Security.TLS),
            smtp=None,
            username=owner,
            history_since=date(2020, 1, 1),
            status=MailboxStatus.CONNECTED,
            connected_at=TODAY,
            slot=key.new_slot,
        )
        self.runtime.mailboxes.connect(mailbox, TODAY)
        return key

    def mirror(
        self, key: MailboxKey, copies: Iterable[FetchedCopy], role: FolderRole = FolderRole.INBOX
    ) -> None:
        account = self.runtime.accounts.find(self.account)
        assert account is not None
        batch = list(copies)
        where = FolderKey(key, str(role), 1, role)
        view = CrmView(account, self.runtime)
        assert mirror_each(where, batch, view, self.runtime).keys() == {copy.uid for copy in batch}

    def line(self, contact: str = "kim") -> Line:
        (line,) = self.card("rep", contact)
        return line
