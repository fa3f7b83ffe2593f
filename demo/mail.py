"""A month of two mailboxes: about 200 messages, each with the verdict that it must get.

All is a function of `now`: the same instant gives the same bytes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from email.utils import format_datetime
from typing import Final, Literal

from demo import conversations as said
from demo.clock import at_work, at_work_before
from demo.files import one_page_pdf
from demo.letters import Talk, answer, internal, letters, mailbox, message_id
from demo.mime import CRLF, Attachment, Draft, Mailbox, multipart, render, text_part
from demo.people import (
    AIKO,
    AYA,
    BEN,
    DAISUKE,
    DANIEL,
    ENGLAND,
    GRACE,
    JAMES,
    KENICHI,
    LAURA,
    MARCUS,
    PRIYA,
    REPS,
    SOFIA,
    TEAM,
    TOM,
    YUMI,
    Rep,
)

Folder = Literal["INBOX", "Sent"]
Verdict = Literal[
    "mirrored", "no_person", "internal", "report", "outside_window", "too_many_recipients"
]

SCANNERS: Final = "handheld scanners"
SENSORS: Final = "shelf sensors"
PRINTERS: Final = "label printers"
HANDY: Final = "ハンディスキャナー"
TANA: Final = "棚センサー"

READS_ALONG: Final = [mailbox(BEN)]

BOARD: Final = Talk(LAURA, said.QUOTE, 9, SCANNERS, 40, cc=READS_ALONG)
"""The conversation that goes on while one watches."""

TALKS: Final = (
    BOARD,
    Talk(LAURA, said.ROLLOUT, 24, SCANNERS, 40, cc=READS_ALONG),
    Talk(LAURA, said.INVOICE, 17, SENSORS, 12),
    Talk(LAURA, said.TERMS, 28, SCANNERS, 40, cc=[JAMES.mailbox]),
    Talk(JAMES, said.SUPPORT, 13, SCANNERS, 40, cc=READS_ALONG),
    Talk(MARCUS, said.TRIAL, 29, SCANNERS, 6),
    Talk(MARCUS, said.QUOTE, 19, SCANNERS, 6, address=1),
    Talk(MARCUS, said.TERMS, 11, SCANNERS, 6, cc=[mailbox(AIKO)]),
    Talk(MARCUS, said.CHECK_IN, 4, SCANNERS, 6),
    Talk(PRIYA, said.TRIAL, 27, SENSORS, 80),
    Talk(PRIYA, said.QUOTE, 20, SENSORS, 80),
    Talk(PRIYA, said.SUPPORT, 12, SENSORS, 80, cc=[mailbox(AIKO)]),
    Talk(PRIYA, said.REFERENCE, 5, SENSORS, 80),
    Talk(TOM, said.SUPPORT, 22, PRINTERS, 15),
    Talk(TOM, said.INVOICE, 14, PRINTERS, 15),
    Talk(TOM, said.REFERENCE, 6, PRINTERS, 15),
    Talk(DANIEL, said.TERMS, 30, SCANNERS, 25),
    Talk(DANIEL, said.QUOTE, 16, PRINTERS, 4),
    Talk(DANIEL, said.CHECK_IN, 7, SCANNERS, 25),
    Talk(SOFIA, said.TRIAL, 18, PRINTERS, 2),
    Talk(SOFIA, said.CHECK_IN, 8, PRINTERS, 2),
    Talk(GRACE, said.TRIAL, 25, SCANNERS, 10),
    Talk(GRACE, said.QUOTE, 10, SCANNERS, 10),
    Talk(KENICHI, said.UCHIAWASE, 30, HANDY, 30),
    Talk(KENICHI, said.MITSUMORI, 23, HANDY, 30),
    Talk(KENICHI, said.KEIYAKU, 15, HANDY, 30),
    Talk(KENICHI, said.NOUHIN, 8, HANDY, 30, cc=READS_ALONG),
    Talk(YUMI, said.UCHIAWASE, 26, TANA, 60),
    Talk(YUMI, said.MITSUMORI, 18, TANA, 60),
    Talk(YUMI, said.SHOUGAI, 7, TANA, 60, cc=READS_ALONG),
    Talk(DAISUKE, said.MITSUMORI, 29, HANDY, 18),
    Talk(DAISUKE, said.KEIYAKU, 20, HANDY, 18),
    Talk(DAISUKE, said.NOUHIN, 12, HANDY, 18),
    Talk(AYA, said.UCHIAWASE, 21, HANDY, 3),
    Talk(AYA, said.MITSUMORI, 11, HANDY, 3),
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, whom of the team it reaches, and what is to be said of it."""

    draft: Draft
    verdict: Verdict
    reaches: Sequence[Rep]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Copy:
    """A message in a folder of one mailbox."""

    username: str
    folder: Folder
    received_at: datetime
    raw: bytes
    verdict: Verdict


def month(now: datetime) -> list[Copy]:
    """Every copy in both mailboxes, in the order in which they came."""
    copies = [copy for letter in _letters(now) for copy in _copies(letter)]
    return sorted(copies, key=lambda copy: (copy.received_at, copy.username, copy.folder))


def verdicts(copies: Sequence[Copy]) -> Mapping[tuple[str, str], Counter[str]]:
    """By user name and folder, how many copies of each verdict a ledger must show."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for copy in copies:
        counts.setdefault((copy.username, copy.folder), Counter())[copy.verdict] += 1
    return counts


def news(now: datetime) -> Draft:
    """The customer's answer that comes while one watches: the newest of its conversation."""
    turn = said.Turn(
        "customer", 0, "{rep}, good news: the board has agreed, all {count} of them.\n"
        "The order follows tomorrow. Could you hold the delivery date?"
    )  # fmt: skip
    return answer(
        BOARD, turn, now.astimezone(LAURA.zone).replace(microsecond=0), letters(BOARD, now)
    )


def order(now: datetime, before: Draft) -> Draft:
    """What the same customer writes next in that conversation, after the news."""
    turn = said.Turn("customer", 0, "{rep}, and here is the order: {count} {product}.", "quote.pdf")
    date = now.astimezone(LAURA.zone).replace(microsecond=0)
    return answer(BOARD, turn, date, [*letters(BOARD, now), before])


def _letters(now: datetime) -> Iterator[Letter]:
    for talk in TALKS:
        for draft in letters(talk, now):
            yield _letter(draft, "mirrored")
    for draft in internal(now, TEAM, said.INTERNAL):
        yield _letter(draft, "internal")
    yield from _private(now)
    yield from _newsletters(now)
    yield from _oddities(now)


def _letter(draft: Draft, verdict: Verdict, reaches: Sequence[Rep] | None = None) -> Letter:
    if reaches is None:
        addressed = {person.address for person in (*draft.to, *draft.cc, *draft.bcc)}
        reaches = [rep for rep in REPS if rep.address in addressed]
    return Letter(draft, verdict, reaches, render(draft))


def _copies(letter: Letter) -> Iterator[Copy]:
    sent = letter.draft.date
    for rep in REPS:
        if rep.address == letter.draft.sender.address:
            yield Copy(rep.address, "Sent", sent, letter.raw, letter.verdict)
    for rep in letter.reaches:
        # Each copy has its own trace, so that no two copies of a message are the same bytes.
        received_at = sent + timedelta(seconds=4 + 3 * REPS.index(rep))
        raw = _trace(letter.draft, rep, received_at) + letter.raw
        yield Copy(rep.address, "INBOX", received_at, raw, letter.verdict)


def _trace(draft: Draft, rep: Rep, received_at: datetime) -> bytes:
    domain = draft.sender.address.rpartition("@")[2]
    return (
        f"Return-Path: <{draft.sender.address}>\r\n"
        f"Delivered-To: {rep.address}\r\n"
        f"Received: from mail.{domain} by mx.tidewater.example with ESMTPS\r\n"
        f" for <{rep.address}>; {format_datetime(received_at)}\r\n"
    ).encode("ascii")


def _private(now: datetime) -> Iterator[Letter]:
    """Mail from people whom the CRM does not know, twice each, and two answers to it."""
    for number, (name, address, subject, text) in enumerate((*said.PRIVATE, *said.STRANGERS) * 2):
        rep = REPS[number % 2]
        draft = Draft(
            sender=Mailbox(name, address),
            to=[mailbox(rep)],
            subject=subject.format(rep=rep.given_name),
            text=f"{text}\n",
            date=at_work_before(now - timedelta(days=3 + number, hours=3), rep.zone),
            message_id=message_id(f"stranger/{number}", address.rpartition("@")[2]),
        )
        yield _letter(draft, "no_person")
        if number in (1, 3):
            reply = Draft(
                sender=mailbox(rep),
                to=[draft.sender],
                subject=f"Re: {draft.subject}",
                text="Yes! I will call you tonight.\n",
                date=draft.date + timedelta(minutes=40),
                message_id=message_id(f"stranger/{number}/reply", "tidewater.example"),
                references=[draft.message_id or ""],
            )
            yield _letter(reply, "no_person")


def _newsletters(now: datetime) -> Iterator[Letter]:
    for week in range(4):
        draft = Draft(
            sender=Mailbox("Warehouse Weekly", "editor@warehouse-weekly.example"),
            to=[Mailbox("Readers", "readers@warehouse-weekly.example")],
            subject=f"Warehouse Weekly: {('Cobots', 'Cold chains', 'Pallets', 'Peak season')[week]}",
            text="The five stories of the week, and a job page.\n",
            html="<html><body><h1>The week</h1><p>Five stories.</p></body></html>\n",
            date=at_work_before(now - timedelta(days=2 + 7 * week), ENGLAND),
            message_id=message_id(f"newsletter/{week}", "warehouse-weekly.example"),
            extra=[
                ("List-Id", "Warehouse Weekly <weekly.warehouse-weekly.example>"),
                ("List-Unsubscribe", "<https://warehouse-weekly.example/unsubscribe>"),
                ("Precedence", "bulk"),
            ],
        )
        yield _letter(draft, "no_person", reaches=REPS)


def _oddities(now: datetime) -> Iterator[Letter]:
    """One each of what no conversation has, and every mailbox does."""
    yield _letter(_away(now), "mirrored")
    yield _letter(_invitation(now), "mirrored")
    yield _letter(_scan_without_id(now), "mirrored")
    yield _letter(_to_150(now), "too_many_recipients")
    yield _letter(_from_last_year(now), "outside_window")
    yield _bounce(now)


def _away(now: datetime) -> Draft:
    """An out-of-office from a person is mail."""
    return Draft(
        sender=PRIYA.mailbox,
        to=[mailbox(BEN)],
        subject="Automatic reply: Would you talk to another customer of ours?",
        text="I am out of the office until Monday, without access to mail.\n\nPriya\n",
        date=at_work_before(now - timedelta(days=5), PRIYA.zone),
        message_id=message_id("away", "deltaclinics.example"),
        extra=[("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All")],
    )


def _invitation(now: datetime) -> Draft:
    meets = at_work(now + timedelta(days=5), DANIEL.zone).replace(minute=0, second=0)
    event = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Fischer Logistik//EN\r\nMETHOD:REQUEST\r\n"
        "BEGIN:VEVENT\r\nUID:depot-visit@fischer-logistik.example\r\n"
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}\r\nDTSTART:{meets:%Y%m%dT%H%M%S}\r\nDURATION:PT1H\r\n"
        "SUMMARY:Visit to the depot\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    return Draft(
        sender=DANIEL.mailbox,
        to=[mailbox(BEN)],
        subject="Invitation: visit to the depot",
        text="Ben, please accept, so that the gate knows your name.\n\nDaniel\n",
        date=at_work_before(now - timedelta(days=6), DANIEL.zone),
        message_id=message_id("invitation", "fischer-logistik.example"),
        attachments=[
            Attachment("invite.ics", "text/calendar; method=REQUEST; charset=utf-8", event.encode())
        ],
    )


def _scan_without_id(now: datetime) -> Draft:
    """From an office machine that writes no Message-ID, to both: still one message."""
    return Draft(
        sender=JAMES.mailbox,
        to=[mailbox(AIKO), mailbox(BEN)],
        subject="Scan from HARBOR-MFP-2",
        text="Number of pages: 1\nResolution: 300 dpi\n",
        date=at_work_before(now - timedelta(days=10), JAMES.zone),
        message_id=None,
        attachments=[Attachment("scan0042.pdf", "application/pdf", one_page_pdf("SIGNED ORDER"))],
        charset="us-ascii",
    )


def _to_150(now: datetime) -> Draft:
    """A known customer is among its recipients, and fifty too many others."""
    guests = [Mailbox("", f"visitor{number:03d}@fair-guests.example") for number in range(148)]
    return Draft(
        sender=Mailbox("Retail Logistics Fair", "visitors@retail-fair.example"),
        to=[*guests, TOM.mailbox, mailbox(BEN)],
        subject="Your tickets for the fair",
        text="Your tickets are waiting at the east entrance.\n",
        date=at_work_before(now - timedelta(days=21), ENGLAND),
        message_id=message_id("fair", "retail-fair.example"),
    )


def _from_last_year(now: datetime) -> Draft:
    return Draft(
        sender=LAURA.mailbox,
        to=[mailbox(AIKO)],
        subject="Nice to meet you",
        text="Hi Aiko,\n\nwe spoke at the fair. We are not there yet, but keep in touch.\n\nLaura\n",
        date=at_work_before(now - timedelta(days=400), LAURA.zone),
        message_id=message_id("last year", "harborcoffee.example"),
    )


def _bounce(now: datetime) -> Letter:
    """A delivery report (RFC 3464) about a mail of Aiko's to a mistyped address."""
    daemon = Mailbox("Mail Delivery System", "MAILER-DAEMON@mx.tidewater.example")
    failed = "laura.benett@harborcoffee.example"
    date = at_work_before(now - timedelta(days=26), AIKO.zone)
    draft = Draft(
        sender=daemon,
        to=[mailbox(AIKO)],
        subject="Undelivered Mail Returned to Sender",
        text=f"Your message could not be delivered to <{failed}>: user unknown.\n",
        date=date,
        message_id=message_id("bounce", "mx.tidewater.example"),
    )
    status = Message(policy=CRLF)
    status["Content-Type"] = "message/delivery-status"
    machine, recipient = Message(policy=CRLF), Message(policy=CRLF)
    machine["Reporting-MTA"] = "dns; mx.tidewater.example"
    machine["Arrival-Date"] = format_datetime(date)
    recipient["Final-Recipient"] = f"rfc822; {failed}"
    recipient["Action"] = "failed"
    recipient["Status"] = "5.1.1"
    recipient["Diagnostic-Code"] = f"smtp; 550 5.1.1 <{failed}>: Recipient address rejected"
    status.set_payload([machine, recipient])
    returned = Message(policy=CRLF)
    returned["Content-Type"] = "text/rfc822-headers"
    returned.set_payload(
        f"From: {AIKO.name} <{AIKO.address}>\nTo: <{failed}>\nSubject: Rollout plan\n"
        f"Message-ID: {message_id('mistyped', 'tidewater.example')}\n"
    )
    report = multipart(
        "report; report-type=delivery-status",
        "=_report",
        [text_part(draft.text, "us-ascii"), status, returned],
    )
    report["Date"] = format_datetime(date)
    report["From"] = f"{daemon.name} <{daemon.address}>"
    report["To"] = AIKO.address
    report["Subject"] = draft.subject
    report["Message-ID"] = draft.message_id or ""
    report["Auto-Submitted"] = "auto-replied"
    report["MIME-Version"] = "1.0"
    return Letter(draft, "report", [AIKO], report.as_bytes(policy=CRLF))
