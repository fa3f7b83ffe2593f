"""Conversations as letters: signed, quoted and threaded as mail programs do it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random

from demo.clock import conversation
from demo.conversations import Script, Turn
from demo.files import attachment
from demo.mime import Draft, Mailbox, quoted_html
from demo.people import Customer, Rep

WEEKDAYS = "月火水木金土日"


@dataclass(frozen=True, slots=True)
class Talk:
    """A script, played by a customer and the rep who owns them."""

    customer: Customer
    script: Script
    days_ago: float
    """When it begins."""
    product: str
    count: int
    cc: Sequence[Mailbox] = ()
    """Who reads along, in every message of it."""
    address: int = 0
    """Which of their addresses the customer uses."""

    @property
    def writer(self) -> Mailbox:
        return Mailbox(self.customer.name, self.customer.addresses[self.address])


def mailbox(rep: Rep, language: str = "en") -> Mailbox:
    name = rep.japanese_name if language == "ja" and rep.japanese_name else rep.name
    return Mailbox(name, rep.address)


def message_id(key: str, domain: str) -> str:
    """A Message-ID that is the same at each run."""
    return f"<{sha256(key.encode()).hexdigest()[:24]}@{domain}>"


def letters(talk: Talk, now: datetime) -> list[Draft]:
    """Every message of a conversation, oldest first, the last at least two hours old."""
    customer, turns = talk.customer, talk.script.turns
    spread = Random(f"{customer.person_id}/{talk.script.subject}")
    gaps = [timedelta(hours=turn.hours, minutes=spread.randrange(3, 55)) for turn in turns]
    zones = [customer.zone if turn.by == "customer" else customer.owner.zone for turn in turns]
    start = now - timedelta(days=talk.days_ago)
    dates = conversation(start, gaps, zones, now - timedelta(hours=2))
    written: list[Draft] = []
    for turn, date in zip(turns, dates, strict=True):
        written.append(answer(talk, turn, date, written))
    return written


def answer(talk: Talk, turn: Turn, date: datetime, before: Sequence[Draft]) -> Draft:
    """The next letter of a conversation, after those `before` it."""
    customer, rep = talk.customer, mailbox(talk.customer.owner, talk.customer.language)
    sender, to = (talk.writer, rep) if turn.by == "customer" else (rep, talk.writer)
    subject = _filled(talk.script.subject, talk)
    body = f"{_filled(turn.text, talk)}\n\n{_signature(sender, talk)}\n"
    text, html = body, None
    if before:
        subject = f"Re: {subject}"
        quoting = _quoting(before[-1], customer.language)
        quoted = "\n".join(f"> {line}".rstrip() for line in before[-1].text.splitlines())
        text = f"{body}\n{quoting}\n{quoted}\n"
        if customer.writes_html and turn.by == "customer":
            html = quoted_html(body.splitlines(), quoting, before[-1].text)
    title = f"{customer.person_id} {talk.count} pieces".upper()
    return Draft(
        sender=sender,
        to=[to],
        cc=talk.cc,
        subject=subject,
        text=text,
        html=html,
        date=date,
        message_id=message_id(
            f"{customer.person_id}/{talk.script.subject}/{len(before)}",
            sender.address.rpartition("@")[2],
        ),
        references=[earlier.message_id for earlier in before if earlier.message_id],
        attachments=[attachment(turn.file, title)] if turn.file else [],
        charset=customer.charset,
        extra=[("User-Agent", "Mozilla Thunderbird")] if turn.by == "rep" else [],
    )


def _filled(text: str, talk: Talk) -> str:
    return text.format(
        customer=talk.customer.given_name,
        company=talk.customer.company,
        rep=talk.customer.owner.given_name,
        product=talk.product,
        count=talk.count,
    )


def _signature(sender: Mailbox, talk: Talk) -> str:
    company = talk.customer.company if sender == talk.writer else "Tidewater"
    return f"-- \n{sender.name}\n{company}"


def _quoting(draft: Draft, language: str) -> str:
    date, sender = draft.date, draft.sender
    if language == "ja":
        day = f"{date.year}年{date.month}月{date.day}日({WEEKDAYS[date.weekday()]})"
        return f"{day} {date:%H:%M} {sender.name} <{sender.address}>:"
    return f"On {date:%a, %d %b %Y at %H:%M}, {sender.name} <{sender.address}> wrote:"


def internal(
    now: datetime, team: Sequence[Rep], texts: Sequence[tuple[str, str]]
) -> Iterator[Draft]:
    """A question to a colleague and the answer, for each of the texts."""
    for number, (subject, text) in enumerate(texts):
        asks, answers = team[number % len(team)], team[(number + 1) % len(team)]
        gaps = [timedelta(0), timedelta(hours=1 + number)]
        start = now - timedelta(days=2 + 4.5 * number)
        asked, answered = conversation(
            start, gaps, [asks.zone, answers.zone], now - timedelta(hours=2)
        )
        first = message_id(f"internal/{number}", asks.address.rpartition("@")[2])
        yield Draft(
            mailbox(asks),
            [mailbox(answers)],
            subject,
            f"{text}\n\n{asks.given_name}\n",
            asked,
            first,
        )
        yield Draft(
            sender=mailbox(answers),
            to=[mailbox(asks)],
            subject=f"Re: {subject}",
            text=f"Fine with me.\n\n{answers.given_name}\n",
            date=answered,
            message_id=message_id(f"internal/{number}/1", "tidewater.example"),
            references=[first],
        )
