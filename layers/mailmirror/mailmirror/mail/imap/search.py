"""SEARCH, in the answers of IMAP4rev1 and of IMAP4rev2."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from imapclient.datetime_util import format_criteria_date
from imapclient.exceptions import IMAPClientError

from mailmirror.domain.address import Address
from mailmirror.domain.mail_search import Sought
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.client import BoundedClient
from mailmirror.mail.imap.heard import CommandRefused

_ALL = re.compile(rb"\bALL ([0-9:,]+)", re.IGNORECASE)
"""The result in an ESEARCH response (RFC 9051 7.3.4), which IMAP4rev2 gives in place of SEARCH."""

_MAX_CRITERIA_OCTETS = 900
"""Of a command: servers refuse lines of some thousand (RFC 7162 4: 8,192; older ones 1,000)."""

_MAX_SOUGHT_CHARS = 100
"""Of a subject or Message-ID that is searched for: what is found is compared by the whole."""


def search_since(client: BoundedClient, since: date, most: int) -> list[int]:
    """Return the greatest UIDs of the messages received since a day, in order.

    Parameters:
        since: the first INTERNALDATE that counts.
        most: how many UIDs are returned at most.
    """
    found = _search(client, "SINCE", format_criteria_date(since).decode())
    return found.newest(most)[::-1]


def search_addresses(client: BoundedClient, addresses: Iterable[Address], since: date) -> UidSet:
    """Return the UIDs of messages that name one of some addresses in From, To or Cc.

    A server may miss some: its SEARCH compares words, or encoded text. An address that ASCII
    cannot write is not searched for.

    Parameters:
        since: the first INTERNALDATE that counts.
    """
    found = UidSet()
    keys = (key for one in addresses if one.isascii() for key in _keys(one))
    for some in _commands(keys):
        criteria = ["OR"] * (len(some) - 1) + some
        found |= _search(client, "SINCE", format_criteria_date(since).decode(), *criteria)
    return found


def search_message(client: BoundedClient, sought: Sought) -> UidSet | None:
    """Return the UIDs of messages that may be the one that is sought.

    The server compares parts of fields, and may miss some. Where it refuses a subject beyond
    ASCII, it is asked without the subject.

    Returns:
        None where the server refuses to search, or nothing could be searched for.
    """
    for keys, literal in _ways(sought):
        try:
            with client.asking():
                return _search(client, *keys, literal=literal)
        except CommandRefused:
            continue
    return None


def _ways(sought: Sought) -> Iterator[tuple[Sequence[str], bytes | None]]:
    """The search keys of each command that may be tried, and the literal at its end."""
    if sought.message_id is not None:
        yield _with_text(["HEADER", "Message-ID"], sought.message_id)
        return
    keys: list[str] = []
    if sought.sender is not None and sought.sender.isascii():
        keys += ["FROM", _quoted(sought.sender)]
    if sought.since is not None:
        keys += ["SINCE", format_criteria_date(sought.since).decode()]
    if sought.date is not None:  # SENTSINCE disregards time and zone (RFC 9051 6.4.4)
        day, zones = sought.date.date(), timedelta(days=2)
        keys += ["SENTSINCE", format_criteria_date(day - zones).decode()]
        keys += ["SENTBEFORE", format_criteria_date(day + zones).decode()]
    if sought.subject:
        yield _with_text([*keys, "SUBJECT"], sought.subject)
    if keys and not (sought.subject and sought.subject.isascii()):
        yield keys, None


def _with_text(keys: Sequence[str], text: str) -> tuple[Sequence[str], bytes | None]:
    """Search keys that end with a text: quoted where it is plain ASCII, else a literal in UTF-8.

    A character that no header field can hold ends it.
    """
    printable = len(text)
    for place, character in enumerate(text[:_MAX_SOUGHT_CHARS]):
        if not character.isprintable():
            printable = place
            break
    text = text[: min(printable, _MAX_SOUGHT_CHARS)]
    if text.isascii():
        return [*keys, _quoted(text)], None
    return ["CHARSET", "UTF-8", *keys], text.encode("utf-8", "replace")


def _quoted(text: str) -> str:
    return BoundedClient.quoted(text.encode("ascii")).decode()


def _keys(address: Address) -> Iterator[str]:
    return (f"{field} {_quoted(address)}" for field in ("FROM", "TO", "CC"))


def _commands(keys: Iterable[str]) -> Iterator[list[str]]:
    """Divide search keys among commands."""
    some: list[str] = []
    size = 0
    for key in keys:
        length = len(key) + len("OR  ")
        if some and size + length > _MAX_CRITERIA_OCTETS:
            yield some
            some, size = [], 0
        some.append(key)
        size += length
    if some:
        yield some


def _search(client: BoundedClient, *criteria: str, literal: bytes | None = None) -> UidSet:
    """Parameters:
    literal: what follows the criteria as a literal (RFC 9051 4.3).
    """
    imap = client._imap
    for name in ("SEARCH", "ESEARCH"):
        imap.untagged_responses.pop(name, None)  # unsolicited
    imap.literal = literal
    typ, lines = imap.uid("SEARCH", *criteria)
    if typ != "OK":
        raise IMAPClientError(str(lines))
    found = UidSet.of({int(uid) for line in lines if line for uid in _numbers(line)})
    for line in imap.untagged_responses.pop("ESEARCH", []):
        if uids := _ALL.search(line if isinstance(line, bytes) else b""):
            found |= UidSet.parse(uids[1].decode())
    return found


def _numbers(line: bytes) -> list[bytes]:
    """The UIDs of one SEARCH line: several add up (RFC 3501 7), and `(MODSEQ 9)` may follow."""
    return line.partition(b"(")[0].split()
