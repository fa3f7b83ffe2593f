"""A month of two mailboxes: about 200 messages, each with the verdict that it must get."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from email.message import Message
from email.mime.base import MIMEBase
from email.utils import format_datetime
from random import Random
from typing import Final, NamedTuple

from demo import conversations as said
from demo.conversations import Script, Turn
from demo.letter import Letter, Person, attached, message_id
from demo.people import (
    AIKO,
    BEN,
    DANIEL,
    ENGLAND,
    EUROPEANS,
    JAMES,
    JAPANESE,
    LAURA,
    PRIYA,
    REPS,
    TEAM,
    TOM,
    Customer,
    Rep,
)


class Talk(NamedTuple):
    """A script, played by a customer and the rep who owns them."""

    customer: Customer
    script: Script
    days_ago: float
    """When it begins."""

    def filled(self, text: str) -> str:
        return text.format(
            customer=self.customer.greeting,
            company=self.customer.company,
            rep=self.customer.owner.given_name,
            product="ハンディスキャナー" if self.customer in JAPANESE else "handheld scanners",
            count=40,
        )


BOARD: Final = Talk(LAURA, said.QUOTE, 9)
"""The conversation that goes on while one watches."""
TALKS: Final = (
    BOARD,
    *(Talk(one, said.QUOTE, 10 + n) for n, one in enumerate(EUROPEANS) if one is not LAURA),
    *(Talk(one, said.TRIAL, 29 - n) for n, one in enumerate(EUROPEANS)),
    *(Talk(one, said.SUPPORT, 16 + n / 2) for n, one in enumerate(EUROPEANS)),
    *(Talk(one, said.MITSUMORI, 23 + n) for n, one in enumerate(JAPANESE)),
    *(Talk(one, said.NOUHIN, 10 + n) for n, one in enumerate(JAPANESE)),
)


class Copy(NamedTuple):
    """A message in a folder of one mailbox."""

    username: str
    folder: str
    received_at: datetime
    raw: bytes
    verdict: str


def month(now: datetime) -> list[Copy]:
    """Every copy in both mailboxes, in the order in which they came."""
    written: list[tuple[str, Letter]] = [
        *(("mirrored", letter) for talk in TALKS for letter in _talk(talk, now)),
        *(("internal", letter) for letter in _internal(now)),
        *(("no_person", letter) for letter in _private(now)),
        *_oddities(now),
    ]
    copies = [copy for verdict, letter in written for copy in _copies(letter, verdict)]
    return sorted(copies, key=lambda copy: (copy.received_at, copy.username, copy.folder))


def verdicts(copies: Sequence[Copy]) -> Mapping[tuple[str, str], Counter[str]]:
    """By user name and folder, how many copies of each verdict a ledger must show."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for copy in copies:
        counts.setdefault((copy.username, copy.folder), Counter())[copy.verdict] += 1
    return counts


def news(now: datetime, before: Sequence[Letter] = ()) -> Letter:
    """What Laura writes next in the conversation on the board's decision, after `before`."""
    date = now.astimezone(LAURA.zone).replace(microsecond=0)
    turn = said.ORDER if before else said.AGREED
    return _letter(BOARD, turn, date, [*_talk(BOARD, now), *before])


def _talk(talk: Talk, now: datetime) -> list[Letter]:
    """Every message of a conversation, oldest first, in its writers' office hours."""
    customer, written = talk.customer, list[Letter]()
    spread = Random(f"{customer.id}/{talk.script.subject}")
    moment = now - timedelta(days=talk.days_ago)
    for turn in talk.script.turns:
        zone = customer.zone if turn.by == "customer" else customer.owner.zone
        gap = timedelta(hours=turn.hours, minutes=spread.randrange(3, 55))
        moment = _at_work(moment + gap, zone)
        written.append(_letter(talk, turn, moment, written))
    return written


def _at_work(moment: datetime, zone: tzinfo, step: timedelta = timedelta(hours=1)) -> datetime:
    """The first instant in office hours in that zone, from `moment` on in such steps."""
    local = moment.astimezone(zone).replace(microsecond=0)
    while local.weekday() > 4 or not 8 <= local.hour < 19:
        local += step
    return local


def _before(now: datetime, days: float, zone: tzinfo) -> datetime:
    return _at_work(now - timedelta(days=days), zone, timedelta(hours=-1))


def _letter(talk: Talk, turn: Turn, date: datetime, before: Sequence[Letter]) -> Letter:
    """The letter of a conversation that comes after those `before` it, signed and quoting."""
    customer, owner = talk.customer, talk.customer.owner
    # A customer with two addresses writes from the second; the card shows mail of both.
    writer = Person(customer.name, customer.addresses[-1])
    sender, to = (writer, owner.person) if turn.by == "customer" else (owner.person, writer)
    text, subject = (
        f"{talk.filled(turn.text)}\n\n-- \n{sender.name}\n",
        talk.filled(talk.script.subject),
    )
    if before:
        quoted = "\n".join(f"> {line}".rstrip() for line in before[-1].text.splitlines())
        text += f"\nOn {before[-1].date:%Y-%m-%d}, <{before[-1].sender.address}> wrote:\n{quoted}\n"
        subject = f"Re: {subject}"
    kind = "application/pdf" if (turn.file or "").endswith(".pdf") else "text/csv"
    key = f"{customer.id}/{talk.script.subject}/{len(before)}"
    return Letter(
        sender,
        [to],
        subject,
        text,
        date,
        message_id(key, sender.address.rpartition("@")[2]),
        cc=[BEN.person] if customer is LAURA else (),
        references=[earlier.id for earlier in before if earlier.id],
        parts=[attached(turn.file, kind, f"%PDF-1.4\n% {subject}\n")] if turn.file else (),
        charset=customer.charset,
    )


def _copies(letter: Letter, verdict: str) -> Iterator[Copy]:
    raw = letter.to_bytes()
    everybody = "List-Id" in letter.fields
    for number, rep in enumerate(REPS):
        if rep.address == letter.sender.address:
            yield Copy(rep.address, "Sent", letter.date, raw, verdict)
        if everybody or rep.address in letter.recipients:
            received_at = letter.date + timedelta(seconds=4 + 3 * number)
            # Each copy has its own trace, so that no two copies of a message are the same bytes.
            trace = (
                f"Delivered-To: {rep.address}\r\nReceived: by mx.tidewater.example with ESMTPS\r\n"
                f" for <{rep.address}>; {format_datetime(received_at)}\r\n"
            )
            yield Copy(rep.address, "INBOX", received_at, trace.encode() + raw, verdict)


def _internal(now: datetime) -> Iterator[Letter]:
    """A question to a colleague and the answer, for each of the texts."""
    for number, (subject, text) in enumerate(said.INTERNAL):
        asks, answers = TEAM[number % len(TEAM)], TEAM[(number + 1) % len(TEAM)]
        date = _before(now, 3 + 4.5 * number, asks.zone)
        first, second = (message_id(f"internal/{number}/{n}", "tidewater.example") for n in "01")
        yield Letter(asks.person, [answers.person], subject, f"{text}\n", date, first)
        later = _at_work(date + timedelta(hours=1), answers.zone)
        back = (answers.person, [asks.person], f"Re: {subject}", "Fine with me.\n", later, second)
        yield Letter(*back, references=[first])


def _private(now: datetime) -> Iterator[Letter]:
    """Mail from people whom the CRM does not know, an answer to some of it, and newsletters."""
    for number, (name, address, subject, text) in enumerate(said.STRANGERS * 2):
        rep, sender = REPS[number % 2], Person(name, address)
        id, own = (message_id(f"stranger/{number}/{n}", "mail.example") for n in "01")
        date = _before(now, 3.1 + number, rep.zone)
        yield Letter(sender, [rep.person], subject, f"{text}\n", date, id)
        if number in (1, 3):
            later = date + timedelta(minutes=40)
            back = (rep.person, [sender], f"Re: {subject}", "I will call you.\n", later, own)
            yield Letter(*back, references=[id])
    for week, subject in enumerate(("Cobots", "Cold chains", "Pallets", "Peak season")):
        yield Letter(
            Person("Warehouse Weekly", "editor@warehouse-weekly.example"),
            [Person("Readers", "readers@warehouse-weekly.example")],
            f"Warehouse Weekly: {subject}",
            "The five stories of the week, and a job page.\n",
            _before(now, 2 + 7 * week, ENGLAND),
            message_id(f"newsletter/{week}", "warehouse-weekly.example"),
            fields={"List-Id": "<weekly.warehouse-weekly.example>", "Precedence": "bulk"},
        )


def _oddities(now: datetime) -> Iterator[tuple[str, Letter]]:
    """One each of what no conversation has, and every mailbox does; each with its verdict."""

    def odd(sender: Person, to: Rep, subject: str, days: float) -> Letter:
        date, id = _before(now, days, ENGLAND), message_id(f"odd/{subject}", "mail.example")
        return Letter(sender, [to.person], subject, f"{subject}.\n", date, id)

    away = {"Auto-Submitted": "auto-replied"}
    yield "mirrored", replace(odd(PRIYA.person, BEN, "Automatic reply: I am away", 5), fields=away)
    event = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Fischer//EN\nMETHOD:REQUEST\nBEGIN:VEVENT\n"
        f"UID:visit@fischer.example\nDTSTAMP:{now:%Y%m%dT%H%M%SZ}\n"
        f"DTSTART:{now + timedelta(days=5):%Y%m%dT100000}\nSUMMARY:Visit\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    invitation = [attached("invite.ics", "text/calendar", event)]
    yield "mirrored", replace(odd(DANIEL.person, BEN, "Invitation: the depot", 6), parts=invitation)
    # From an office machine that writes no Message-ID, to both: still one message.
    scan = [attached("scan0042.pdf", "application/pdf", "%PDF-1.4\n")]
    both = [AIKO.person, BEN.person]
    yield "mirrored", replace(odd(JAMES.person, AIKO, "Scan", 10), to=both, id=None, parts=scan)
    # A known customer is among its recipients, and fifty too many others.
    guests = [Person("", f"visitor{number:03d}@fair-guests.example") for number in range(148)]
    fair = Person("Retail Fair", "visitors@retail-fair.example")
    invited = [*guests, TOM.person, BEN.person]
    yield "too_many_recipients", replace(odd(fair, BEN, "Your tickets", 21), to=invited)
    yield "outside_window", odd(LAURA.person, AIKO, "Nice to meet you", 400)
    yield "report", _bounce(odd(Person("", "MAILER-DAEMON@mx.example"), AIKO, "Undelivered", 26))


def _bounce(letter: Letter) -> Letter:
    """A delivery report (RFC 3464) about a mail to a mistyped address."""
    machine, recipient = Message(), Message()
    machine["Reporting-MTA"] = "dns; mx.tidewater.example"
    recipient["Final-Recipient"] = "rfc822; laura.benett@harborcoffee.example"
    recipient["Action"] = "failed"
    recipient["Status"] = "5.1.1"
    status = MIMEBase("message", "delivery-status")
    status.set_payload([machine, recipient])
    return replace(letter, parts=[status], subtype='report; report-type="delivery-status"')
