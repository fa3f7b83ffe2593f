"""A message's headers: what the rules, identity and threads need to know of it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from itertools import chain

from mailmirror.domain.address import Address
from mailmirror.domain.identity import message_ids, normalise_message_id
from mailmirror.domain.limits import MAX_DATE_CHARS
from mailmirror.domain.message import Participant
from mailmirror.domain.message_token import FIELD as TOKEN
from mailmirror.mail.mime.addresses import read_mailboxes
from mailmirror.mail.mime.fields import Fields, decode_words, parameters, read_fields

HEADER_FIELDS: tuple[str, ...] = (
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Content-Type",
    "Auto-Submitted",
    "List-ID",
    "X-Original-From",
    "X-Original-Sender",
)
"""What the header pass fetches of each message."""

_NAMES = {name.lower() for name in HEADER_FIELDS}
_ADDRESS_FIELDS = ("from", "sender", "reply-to", "to", "cc", "bcc")
_ORIGINAL_FIELDS = ("x-original-from", "x-original-sender")
_VIA = re.compile(r"\bvia\b", re.IGNORECASE)
_REPORT_TYPES = {"", "delivery-status", "disposition-notification", "feedback-report"}
_DAEMONS = {"mailer-daemon", "postmaster"}

_ZONES = {"": 0, "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0}
_ZONES |= {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_ZONES |= {"BST": 1, "CET": 1, "MET": 1, "CEST": 2, "MEST": 2, "EET": 2, "EEST": 3, "MSK": 3}
_ZONES |= {"SGT": 8, "HKT": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13}
"""Names of zones that mail carries, those of RFC 5322 and others, in hours east of Greenwich."""
_CLOCK = re.compile(r"\b([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)(?:\.[0-9]{1,9})?")
_ZONE = re.compile(
    r"\s*(?:([ap])\.?m\.?(?=\W|\Z))?\s*(?:([a-z]+)\b)?\s*(?:([+-])([0-9]{1,2}):?([0-9]{2})?\b)?",
    re.IGNORECASE,
)
"""What follows a clock time: AM or PM, a zone's name, an offset (`GMT+0100`, `+01:00`)."""

_COMMENT = re.compile(r"\([^()]*\)")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?")
_YEAR_LAST = re.compile(r"\b(?:19|20)[0-9]{2}\Z")
_LOOSE_COLON = re.compile(r"\s*:\s*")


class UnreadableHeaders(Exception):
    """A message's headers cannot be understood even leniently."""


@dataclass(frozen=True, slots=True)
class MessageHeaders:
    """The headers of one message, decoded."""

    from_: tuple[Participant, ...]
    sender: tuple[Participant, ...]
    reply_to: tuple[Participant, ...]
    to: tuple[Participant, ...]
    cc: tuple[Participant, ...]
    bcc: tuple[Participant, ...]
    original: tuple[Participant, ...]
    """Who wrote it, where a mailing list or a provider has rewritten From."""
    subject: str
    date: datetime | None
    """Aware, in the sender's zone; None where it cannot be read."""
    message_id: str | None
    """Normalised, without its angle brackets; None where there is none."""
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    token: str
    """The value of X-Mailmirror-Id; see `domain.message_token`."""
    is_report: bool
    """Whether it is a mail system's report on another message. An out-of-office is none."""
    addresses_cut: bool
    """Whether only the beginning of an address field is read, so that there may be further
    participants."""

    @property
    def all_participants(self) -> Iterator[Participant]:
        """All of the address fields, and who wrote a message with another From; senders first."""
        senders = (self.from_, self.original, self.sender, self.reply_to)
        return chain(*senders, self.to, self.cc, self.bcc)

    @property
    def participants(self) -> frozenset[Address]:
        """The addresses of all participants."""
        return frozenset(one.address for one in self.all_participants)

    @property
    def recipients(self) -> int:
        """How many addresses stand in To, Cc and Bcc together."""
        return len({mailbox.address for mailbox in chain(self.to, self.cc, self.bcc)})


def parse_headers(raw: bytes) -> MessageHeaders:
    """Read a header block: one fetched by HEADER_FIELDS, or the start of a whole message.

    Raises:
        UnreadableHeaders: none of the fields stands in it, or there is an `@` in its address
            fields, yet not one address, and it is no report. `From: root` is readable.
    """
    return headers_of(read_fields(raw))


def headers_of(fields: Fields) -> MessageHeaders:
    """Read the fields of a header block, as `parse_headers` does.

    Raises:
        UnreadableHeaders: see there.
    """
    if not {field.name for field in fields.all} & _NAMES:
        raise UnreadableHeaders("none of the fields of a message")
    mailboxes: dict[str, tuple[Participant, ...]] = {}
    addresses_cut = not fields.cut.isdisjoint(_ADDRESS_FIELDS)
    for name in _ADDRESS_FIELDS:
        values = fields.every(name)
        last = len(values) - 1 if name in fields.cut else None
        read = [read_mailboxes(value, cut=n == last) for n, value in enumerate(values)]
        mailboxes[name] = tuple(chain.from_iterable(read))
    is_report = _is_report(fields, mailboxes["from"])
    # A host's daemon reports to its own postmaster with neither's domain.
    if not (is_report or addresses_cut or any(mailboxes.values())):
        written = chain.from_iterable(map(fields.every, _ADDRESS_FIELDS))
        if any("@" in decode_words(value) for value in written):
            raise UnreadableHeaders("no address in any address field")
    return MessageHeaders(
        from_=mailboxes["from"],
        sender=mailboxes["sender"],
        reply_to=mailboxes["reply-to"],
        to=mailboxes["to"],
        cc=mailboxes["cc"],
        bcc=mailboxes["bcc"],
        original=_original(fields, mailboxes["from"]),
        subject=decode_words(fields.first("subject")),
        date=next(filter(None, map(_read_date, fields.every("date"))), None),
        message_id=_message_id(fields),
        in_reply_to=tuple(_answered(fields, mailboxes.values())),
        references=tuple(message_ids(_text(fields, "references"))),
        token=fields.first(TOKEN.lower()),
        is_report=is_report,
        addresses_cut=addresses_cut,
    )


def _original(fields: Fields, senders: Sequence[Participant]) -> tuple[Participant, ...]:
    """Whom a list names as the sender, where From is its own: with List-ID, or `via` in a name."""
    if not fields.first("list-id") and not any(_VIA.search(one.name) for one in senders):
        return ()
    values = (value for name in _ORIGINAL_FIELDS for value in fields.every(name))
    return tuple(dict.fromkeys(chain.from_iterable(map(read_mailboxes, values))))


def _message_id(fields: Fields) -> str | None:
    """Return the Message-ID, None where there is none or its end is not read."""
    field = fields.first("message-id")
    if "message-id" in fields.cut and ">" not in field:
        return None
    return normalise_message_id(decode_words(field))


def _answered(fields: Fields, mailboxes: Iterable[Sequence[Participant]]) -> Iterator[str]:
    """The ids of In-Reply-To. Some programs write the address there of whom they answer."""
    addresses = {one.address for some in mailboxes for one in some}
    return (one for one in message_ids(_text(fields, "in-reply-to")) if one not in addresses)


def _text(fields: Fields, name: str) -> str:
    """All values of a field; programs write ids in words of RFC 2047, against the rules."""
    return " ".join(map(decode_words, fields.every(name)))


def _is_report(fields: Fields, senders: Sequence[Participant]) -> bool:
    content_type, attributes = parameters(fields.first("content-type"))
    report_type = attributes.get("report-type", "").strip().lower()
    if content_type == "multipart/report" and report_type in _REPORT_TYPES:
        return True
    submitted, _ = parameters(fields.first("auto-submitted"))
    if submitted in ("", "no") or "from" in fields.cut:
        return False
    return all(sender.address.rpartition("@")[0] in _DAEMONS for sender in senders)


def _read_date(field: str) -> datetime | None:
    """Return the instant of a Date field, None where it has none or is too long for one.

    A Date without a zone is taken as UTC, as RFC 5322 3.3 takes `-0000`: wrong by hours at most.
    """
    if len(field) > MAX_DATE_CHARS:
        return None
    text = _LOOSE_COLON.sub(":", _COMMENT.sub(" ", field)).strip()
    try:
        date = _iso_date(text) if _ISO.match(text) else _mail_date(text)
        # At the ends of the calendar a date may exist in its own zone alone.
        date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date


def _iso_date(text: str) -> datetime:
    date = datetime.fromisoformat(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _mail_date(text: str) -> datetime:
    """Read a date of RFC 5322, or one that is like it.

    Raises:
        ValueError, TypeError, IndexError, OverflowError: it cannot be read, or its zone.
    """
    clock = _CLOCK.search(text)
    if clock is None:
        raise ValueError("no time of day")
    found = parsedate_tz(text[: clock.end(1)])
    if found is None and (year := _YEAR_LAST.search(text, clock.end())):
        # As C's asctime: the year stands behind the time, and what is between is the zone.
        found = parsedate_tz(f"{text[: clock.end(1)]} {year[0]}")
        text = text[: year.start()]
    if found is None:
        raise ValueError("no date")
    year_, month, day, hour, minute, second = found[:6]
    half, offset = _zone(text[clock.end() :])
    if half and not 1 <= hour <= 12:
        half = ""
    hour = hour % 12 + 12 * (half == "p") if half else hour
    # RFC 5322 4.3: three digits count from 1900, as clocks did that missed 2000.
    year_ = year_ + 1900 if 100 <= year_ < 1000 else year_
    return datetime(year_, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset))


def _zone(text: str) -> tuple[str, timedelta]:
    """Return `a`, `p` or "", and a zone's offset from UTC.

    Raises:
        ValueError: it cannot be read.
    """
    read = _ZONE.match(text)
    assert read is not None
    half, name, sign, hours, minutes = (one or "" for one in read.groups())
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return half.lower(), -offset if sign == "-" else offset
    if name.upper() not in _ZONES:
        raise ValueError("an unknown zone")
    return half.lower(), timedelta(hours=_ZONES[name.upper()])
