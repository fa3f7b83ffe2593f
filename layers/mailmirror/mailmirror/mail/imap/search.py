"""SEARCH, in the answers of IMAP4rev1 and of IMAP4rev2."""

import re
from datetime import date

from imapclient.datetime_util import format_criteria_date
from imapclient.exceptions import IMAPClientError

from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.client import BoundedClient

_ALL = re.compile(rb"\bALL ([0-9:,]+)", re.IGNORECASE)
"""The result in an ESEARCH response (RFC 9051 7.3.4), which IMAP4rev2 gives in place of SEARCH."""


def search_since(client: BoundedClient, since: date, most: int) -> list[int]:
    """Return the greatest UIDs of the messages received since a day, in order.

    Parameters:
        since: the first INTERNALDATE that counts.
        most: how many UIDs are returned at most.
    """
    imap = client._imap
    for name in ("SEARCH", "ESEARCH"):
        imap.untagged_responses.pop(name, None)  # unsolicited
    typ, lines = imap.uid("SEARCH", "SINCE", format_criteria_date(since).decode())
    if typ != "OK":
        raise IMAPClientError(str(lines))
    found = UidSet.of({int(uid) for line in lines if line for uid in _numbers(line)})
    for line in imap.untagged_responses.pop("ESEARCH", []):
        if uids := _ALL.search(line if isinstance(line, bytes) else b""):
            found |= UidSet.parse(uids[1].decode())
    newest: list[int] = []
    for first, last in reversed(found.ranges):
        newest += range(last, max(first - 1, last - most + len(newest)), -1)
    return newest[::-1]


def _numbers(line: bytes) -> list[bytes]:
    """The UIDs of one SEARCH line: several add up (RFC 3501 7), and `(MODSEQ 9)` may follow."""
    return line.partition(b"(")[0].split()
