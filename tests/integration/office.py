"""A sales team for tests: an account on a table of its own, its people, their mailboxes."""

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Protocol

from mailmirror.api.decoding import typed
from mailmirror.api.mailbox_settings import ConnectBody
from mailmirror.aws.queues import FeedJob, MatchJob, SyncJob
from mailmirror.domain.coverage import Coverage
from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.mailbox import AccountId, FolderScope, Mailbox, Security, Server
from mailmirror.domain.passes import Basis
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.runtime import Runtime
from mailmirror.usecases.cards.acting_user import Viewer, viewer
from mailmirror.usecases.cards.read_card import Line, Page, read_deal_card, read_person_card
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.mailboxes.connect_mailbox import connect_mailbox
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger
from mailmirror.usecases.operating.accounts import create_account
from mailmirror.usecases.sync.sync_mailbox import sync_mailbox
from mailmirror.usecases.threads.match_again import match_again
from tests.integration.stored_people import StoredPeople

REP, BOSS, KIM, LEE, STRANGER = (
    "rep@us.example",
    "boss@us.example",
    "kim@customer.example",
    "lee@customer.example",
    "who@else.example",
)
MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class ImapServer(Protocol):
    """A server on loopback that mailboxes are connected at."""

    @property
    def imaps_port(self) -> int: ...

    @property
    def users(self) -> Mapping[str, str]:
        """Passwords by sign-in name."""


def loopback(authority: Path) -> NetworkPolicy:
    """The policy under which servers on loopback, certified by this authority, are connected.

    The system's authorities, which take 25 ms to load, are not trusted.
    """
    trust = ssl.create_default_context(cadata=authority.read_text("ascii"))
    return NetworkPolicy(trust, _LOOPBACK)


class Clock:
    """Now, and later when told so: leases expire without a test that waits."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


def letter(
    number: int,
    sender: str = KIM,
    to: Sequence[str] = (REP,),
    *,
    replies_to: Iterable[int] = (),
    at: datetime | None = None,
    text: str = "Hello,\r\nshall we talk?\r\n",
) -> bytes:
    """A message <number@mail.example>, sent `number` hours into March."""
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Date"] = format_datetime(at or MARCH + timedelta(hours=number))
    message["Message-ID"] = f"<{number}@mail.example>"
    message["Subject"] = f"Letter {number}"
    named = [f"<{one}@mail.example>" for one in replies_to]
    if named:
        message["In-Reply-To"], message["References"] = named[-1], " ".join(named)
    message.set_content(text)
    return message.as_bytes()


@dataclass(slots=True)
class Office:
    """One account. REP and BOSS are its users, KIM and LEE its contacts."""

    runtime: Runtime
    people: StoredPeople | None = None
    """Where events have stored them before; else they are told of here."""
    account: AccountId = field(init=False)
    events: int = field(init=False, default=0)
    """How many were applied."""

    def __post_init__(self) -> None:
        self.account = create_account("Test", self.runtime).account_id
        if self.people is not None:
            self.people.store(self.account, self.runtime)
            self.events = self.people.events
            return
        for user, email in (("rep", REP), ("boss", BOSS)):
            self.tell("user.upserted", id=user, name=user, emails=[email])
        for contact, email in (("kim", KIM), ("lee", LEE)):
            self.tell("contact.upserted", id=contact, name=contact, emails=[email])

    def tell(self, type: str, at: datetime = MARCH - timedelta(days=30), **data: object) -> None:
        """Apply an event of the CRM's."""
        event = {
            "id": f"e{self.events:04d}",
            "type": type,
            "occurred_at": at.isoformat(),
            "data": data,
        }
        self.events += 1
        if apply_event(FeedJob(self.account, event), self.runtime):
            self.runtime.thread_queue.send([MatchJob(self.account)])

    def match_again(self, until: timedelta = timedelta(minutes=5)) -> None:
        """Work off the job that the events have queued."""
        match_again(MatchJob(self.account), self.runtime, self.runtime.now() + until)

    def connect(
        self,
        server: ImapServer,
        user: str,
        email: str,
        smtp: Server | None = None,
        sent_folders: Sequence[str] = (),
        folders: FolderScope | Sequence[str] = FolderScope.ALL,
        security: Security = Security.TLS,
    ) -> Mailbox:
        request = typed(
            {
                "user_id": user,
                "email": email,
                "provider": "imap",
                "imap": {
                    "host": "localhost",
                    "port": server.imaps_port,
                    "security": security.value,
                },
                "username": email,
                "password": server.users[email],
                "smtp": asdict(smtp) if smtp else None,
                "folders": folders if isinstance(folders, str) else list(folders),
                "sent_folders": list(sent_folders),
            },
            ConnectBody,
        ).request()
        id = connect_mailbox(self.account, request, self.runtime)
        mailbox = self.runtime.mailboxes.find(self.account, id, consistent=True)
        assert mailbox is not None
        return mailbox

    def sync(self, mailbox: Mailbox, until: timedelta = timedelta(minutes=5)) -> None:
        job = SyncJob(self.account, mailbox.key.mailbox)
        sync_mailbox(job, self.runtime, self.runtime.now() + until)

    def viewer(self, user: str) -> Viewer:
        return viewer(self.account, user, self.runtime)

    def card(self, user: str, contact: str) -> list[Line]:
        person = PersonRef(PersonKind.CONTACT, contact)
        return self._whole(
            lambda cursor: read_person_card(self.viewer(user), person, cursor, 100, self.runtime)
        )

    def coverage(self, user: str, contact: str) -> Coverage:
        person = PersonRef(PersonKind.CONTACT, contact)
        return read_person_card(self.viewer(user), person, None, 1, self.runtime).coverage

    def deal(self, user: str, deal: str) -> list[Line]:
        return self._whole(
            lambda cursor: read_deal_card(
                self.viewer(user), DealId(deal), cursor, 100, self.runtime
            )
        )

    @staticmethod
    def _whole(read: Callable[[str | None], Page]) -> list[Line]:
        lines: list[Line] = []
        cursor = None
        while True:
            page = read(cursor)
            lines += page.lines
            cursor = page.next_cursor
            if cursor is None:
                return lines

    def counts(self, mailbox: Mailbox) -> dict[str, dict[str, int]]:
        """Per folder the verdicts that there are."""
        return {
            one.folder.name: {name: n for name, n in one.ledger.counts().items() if n}
            for one in read_ledger(mailbox, self.runtime)
        }


def basis_of(mailbox: Mailbox, runtime: Runtime) -> Basis:
    """What a sync of the mailbox would judge under now."""
    account = runtime.accounts.find(mailbox.key.account)
    assert account is not None
    head = runtime.change_log.head(account.id)
    return account.basis(head, mailbox)


def subjects(lines: Iterable[Line]) -> list[str]:
    return [line.summary.subject for line in lines]
