"""A sales team with its customers and a month of mail, which is mirrored.

Ann and Bob have mail of their own and one message in common; Cleo has a mailbox of her own, in
which mail arrives after the first sync. Who writes what is told by the names of the subjects.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage

from tests.crm import Crm, contact, deal, lead, user
from tests.servers.dovecot import Dovecot
from tests.servers.folder_state import FolderState
from tests.stack.feed import told
from tests.stack.mailing import Login, ago, form, letter
from tests.stack.waiting import wait_for
from tests.unit.mail.corpus import MESSAGES

ANN, BOB, CLEO = "ann@us.example", "bob@us.example", "cleo@us.example"
KIM, LENA, CORA = "kim@customer.example", "lena@prospect.example", "cora@corpus.example"
SYNC_SECONDS = 75
"""Until a sync that was asked for has run, even where another was under way."""

QUOTE = "Quote for 40 scanners"
RE_QUOTE = f"Re: {QUOTE}"
FOR_BOTH = "Delivery dates"
FOR_BOB = "A word in private"
FROM_LENA = "お見積りのお願い"
TO_LENA = "Our price list"
LATER = "One more question"

PDF = secrets.token_bytes(30_000)
"""Cannot be compressed, and so is kept in the bucket."""
CSV = b"a;b\r\n1;2\r\n"
HTML = """<html><body onload="steal()"><p>Please quote <b>40 scanners</b>.</p>
<script>steal()</script><img src="https://tracker.example/pixel.gif">
<a href="javascript:steal()">here</a></body></html>"""

CORPUS = {f"corpus-{number}": name for number, name in enumerate(MESSAGES)}
"""By the left side of the Message-ID that each is given, the name that it has in the corpus."""


@dataclass(frozen=True, slots=True)
class PrivateMail:
    """Mail to nobody whom the CRM knows: words that stand nowhere else."""

    address: str = field(default_factory=lambda: f"q{secrets.token_hex(8)}@private.example")
    name: str = field(default_factory=lambda: f"Quentin {secrets.token_hex(8)}")
    subject: str = field(default_factory=lambda: f"Diagnosis {secrets.token_hex(8)}")
    text: str = field(default_factory=lambda: f"Between us {secrets.token_hex(8)}")
    message_id: str = field(default_factory=lambda: f"m{secrets.token_hex(8)}@private.example")
    file: str = field(default_factory=lambda: f"f{secrets.token_hex(8)}.pdf")

    def letters(self, owner: str) -> tuple[bytes, bytes]:
        """What came, and what was sent."""
        them = f"{self.name} <{self.address}>"
        came = letter(them, owner, subject=self.subject, text=self.text, message_id=self.message_id)
        came.add_attachment(self.text.encode(), "application", "pdf", filename=self.file)
        sent = letter(
            owner,
            them,
            subject=f"Re: {self.subject}",
            text=self.text,
            In_Reply_To=f"<{self.message_id}>",
        )
        return came.as_bytes(), sent.as_bytes()


@dataclass(frozen=True, slots=True)
class Colleague:
    """One user and their mailbox, which is connected."""

    user: str
    email: str
    login: Login
    mailbox: str
    """Its id."""
    before: Mapping[str, FolderState]
    """All that the server said of it before Mailmirror knew of it."""


@dataclass(frozen=True, slots=True)
class Team:
    crm: Crm
    server: Dovecot
    ann: Colleague
    bob: Colleague
    cleo: Colleague
    private: PrivateMail

    def deliver(self, to: Colleague, message: EmailMessage, received_at: datetime) -> int:
        """Put a message into an inbox, and return its UID."""
        raw = message.as_bytes()
        return self.server.append(to.login.username, "INBOX", raw, received_at)


def assemble(crm: Crm, server: Dovecot, logins: list[Login]) -> Team:
    """Tell of people, fill three mailboxes, connect them, and have them synced."""
    told(
        crm,
        *(user(name, f"{name}@login.example") for name in ("ann", "bob", "cleo")),
        contact("kim", KIM.upper(), "kim@home.example"),
        contact("cora", CORA),
        lead("lena", LENA),
        deal("rollout", "kim"),
        deal("elsewhere"),
    )
    private = PrivateMail()
    ann, bob, cleo = logins
    both = for_both()
    _fill_anns(server, ann.username, both, private)
    _fill_bobs(server, bob.username, both, private)
    _put(server, cleo.username, letter(KIM, CLEO, subject="A first question"))

    def connected(name: str, email: str, login: Login) -> Colleague:
        before = server.snapshot(login.username)
        return Colleague(name, email, login, crm.connect(form(server, login, name, email)), before)

    team = Team(
        crm,
        server,
        connected("ann", ANN, ann),
        connected("bob", BOB, bob),
        connected("cleo", CLEO, cleo),
        private,
    )
    # All are connected first: Bob's address makes what he writes to Ann internal.
    for one in (team.ann, team.bob, team.cleo):
        crm.sync(one.mailbox)
    for one in (team.ann, team.bob, team.cleo):
        wait_until_healthy(crm, one.mailbox)
    return team


def wait_until_healthy(crm: Crm, mailbox: str, seconds: float = SYNC_SECONDS) -> None:
    """Wait for a mailbox's first sync."""
    wait_for(
        "the first sync",
        lambda: crm.get(f"/mailboxes/{mailbox}"),
        lambda seen: seen["state"] == "healthy",
        seconds,
    )


def _put(
    server: Dovecot, username: str, message: EmailMessage | bytes, folder: str = "INBOX"
) -> None:
    raw = message if isinstance(message, bytes) else message.as_bytes()
    server.append(username, folder, raw, ago(minutes=5))


def quote() -> EmailMessage:
    """Text, HTML and two attachments."""
    message = letter(
        f"Kim Larsen <{KIM}>",
        f"Ann <{ANN}>",
        subject=QUOTE,
        text="Please quote 40 scanners.\n\n> an older line",
        date=ago(days=20),
        message_id="quote@customer.example",
        Cc=f"Desk <desk@customer.example>, {BOB}",
        X_Priority="1",
    )
    message.add_alternative(HTML, "html")
    message.add_attachment(PDF, "application", "pdf", filename="見積書.pdf")
    message.add_attachment(CSV, "text", "csv", filename="list.csv")
    return message


def for_both() -> EmailMessage:
    return letter(
        KIM,
        ANN,
        BOB,
        subject=FOR_BOTH,
        text="When?",
        date=ago(days=10),
        message_id="dates@customer.example",
    )


def _fill_anns(server: Dovecot, username: str, both: EmailMessage, private: PrivateMail) -> None:
    came, sent = private.letters(ANN)
    in_inbox: list[EmailMessage | bytes] = [
        quote(),
        both,
        letter(LENA, ANN, subject=FROM_LENA, text="よろしくお願いします。", date=ago(days=15)),
        came,
        letter(BOB, ANN, subject="Lunch"),
        letter(ANN, ANN, subject="Note to myself"),
        letter(KIM, ANN, *(f"r{number}@x.example" for number in range(100)), subject="To all"),
        _report(),
        b"\r\nThere is no header here.\r\n",
    ]
    for message in in_inbox:
        _put(server, username, message)
    server.append(username, "INBOX", letter(KIM, ANN).as_bytes(), ago(days=400))
    server.append_all(username, "INBOX", [(_of_corpus(id), ago(minutes=4)) for id in CORPUS])
    reply = letter(
        ANN,
        KIM,
        subject=RE_QUOTE,
        text="Gladly.",
        date=ago(days=19),
        message_id="re-quote@us.example",
        In_Reply_To="<quote@customer.example>",
    )
    for message in (reply, sent):
        _put(server, username, message, "Sent")


def _fill_bobs(server: Dovecot, username: str, both: EmailMessage, private: PrivateMail) -> None:
    came, sent = private.letters(BOB)
    _put(server, username, both)
    _put(server, username, letter(KIM, BOB, subject=FOR_BOB, date=ago(days=8)))
    _put(server, username, came)
    _put(server, username, letter(BOB, LENA, subject=TO_LENA, date=ago(days=7)), "Sent")
    _put(server, username, sent, "Sent")


def _of_corpus(id: str) -> bytes:
    """A message of the corpus with a known customer in Cc, and an id to know it by."""
    added = f"Message-ID: <{id}@corpus.example>\r\nCc: {CORA}\r\n"
    return added.encode() + MESSAGES[CORPUS[id]]


def _report() -> bytes:
    """That a message to a known customer could not be delivered (RFC 3464)."""
    return f"""\
From: MAILER-DAEMON@mx.example
To: {ANN}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

{KIM} could not be reached.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {KIM}
Action: failed
Status: 5.1.1
--b--
""".replace("\n", "\r\n").encode()
