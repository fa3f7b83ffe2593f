"""SEARCH, in the answers of IMAP4rev1 and of IMAP4rev2."""

import re
from collections.abc import Iterable, Iterator
from datetime import date

from imapclient.datetime_util import format_criteria_date
from imapclient.exceptions import IMAPClientError

from mailmirror.domain.address import Address
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.client import BoundedClient

_ALL = re.compile(rb"\bALL ([0-9:,]+)", re.IGNORECASE)
"""The result in an ESEARCH response (RFC 9051 7.3.4), which IMAP4rev2 gives in place of SEARCH."""

_MAX_CRITERIA_OCTETS = 900
"""Of a command: servers refuse lines of some thousand (RFC 7162 4: 8,192; older ones 1,000)."""


def search_since(client: BoundedClient, since: date, most: int) -> list[int]:
    """Return the greatest UIDs of the messages received since a day, in order.

    Parameters:
        since: the first INTERNALDATE that counts.
        most: how many UIDs are returned at most.
    """
    found = _search(client, "SINCE", format_criteria_date(since).decode())
    newest: list[int] = []
    for first, last in reversed(found.ranges):
        newest += range(last, max(first - 1, last - most + len(newest)), -1)
    return newest[::-1]


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


def _keys(address: Address) -> Iterator[str]:
    quoted = BoundedClient.quoted(address.encode("ascii")).decode()
    return (f"{field} {quoted}" for field in ("FROM", "TO", "CC"))


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


def _search(client: BoundedClient, *criteria: str) -> UidSet:
    imap = client._imap
    for name in ("SEARCH", "ESEARCH"):
        imap.untagged_responses.pop(name, None)  # unsolicited
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
