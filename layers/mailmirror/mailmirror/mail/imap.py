"""A session with an IMAP server: `EXAMINE` and `BODY.PEEK` only, but for the copy of what was sent.

It asks in ranges of UIDs. The plain path, without CONDSTORE, QRESYNC, ESEARCH or SPECIAL-USE, is
the only one.
"""

import imaplib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from imapclient import imap_utf7
from imapclient.exceptions import IMAPClientError
from imapclient.response_parser import parse_fetch_response

from mailmirror.domain.mailbox import FolderRole, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.connection import Reach
from mailmirror.mail.folders import Listed, RemoteFolder, roles
from mailmirror.mail.headers import HEADER_FIELDS
from mailmirror.mail.imap_client import BoundedClient, signed_in_client
from mailmirror.mail.sasl import Login

_STATUS_ITEMS = ["UIDVALIDITY", "UIDNEXT", "MESSAGES"]
_COMMAND_BYTES = 7_500
"""Servers need not take longer commands (RFC 2683 3.2.1.5)."""
_MOST_LISTED = 64 << 20
_HEADERS = f"BODY.PEEK[HEADER.FIELDS ({' '.join(HEADER_FIELDS).upper()})]"


@dataclass(frozen=True, slots=True)
class Status:
    """What STATUS or EXAMINE say of a folder."""

    uidvalidity: int
    uidnext: int
    messages: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the header pass fetches of a copy."""

    received_at: datetime
    size: int
    """RFC822.SIZE, in bytes."""
    header: bytes


class ImapSession:
    """A signed-in session. Use `sign_in`.

    Raises, from every method:
        Refused: `connection_lost`, `server_unavailable` or `protocol_error`.
    """

    def __init__(self, client: BoundedClient) -> None:
        self._client = client

    @classmethod
    @contextmanager
    def sign_in(
        cls, server: Server, login: Login, reach: Reach, seconds: float
    ) -> Iterator["ImapSession"]:
        """Connect, start TLS and sign in; log out at the end.

        Parameters:
            seconds: how long the session may last, whatever the server does.

        Raises:
            Refused: the stage that failed, by its code.
        """
        with signed_in_client(server, login, reach, seconds) as client:
            yield cls(client)

    def folders(self) -> Sequence[RemoteFolder]:
        """Find the Inbox and the folder of sent mail."""
        with self._client.asking():
            listed = [
                Listed(frozenset(flags), (delimiter or b"").decode("ascii", "replace"), decoded)
                for flags, delimiter, name in self._client.list_folders()
                if (decoded := _decoded(name)) is not None
            ]
        found = roles(listed)
        if all(folder.role is not FolderRole.INBOX for folder in found):
            raise Refused(Code.INBOX_NOT_FOUND)
        return found

    def status(self, folder: RemoteFolder) -> Status | None:
        """Ask for a folder's STATUS; None where the server has no such folder any more."""
        with self._client.asking():
            try:
                answer = self._client.folder_status(imap_utf7.encode(folder.name), _STATUS_ITEMS)
            except imaplib.IMAP4.abort:
                raise
            except IMAPClientError:
                return None
        return _status(answer, b"MESSAGES")

    def examine(self, folder: RemoteFolder) -> Status:
        """Open a folder read-only."""
        with self._client.asking():
            answer = self._client.select_folder(imap_utf7.encode(folder.name), readonly=True)
        if b"UIDNEXT" not in answer:  # optional in the answer to EXAMINE before IMAP4rev2
            status = self.status(folder)
            if status is None:
                raise Refused(Code.PROTOCOL_ERROR, "no UIDNEXT")
            return status
        return _status(answer, b"EXISTS")

    def uids(self, first: int, last: int) -> UidSet:
        """List the UIDs of the examined folder from `first` to `last`, by SEARCH."""
        if first > last:
            return UidSet()
        with self._client.asking():
            answer = self._client.search(["UID", f"{first}:{last}"])
        return UidSet.of(int(uid) for uid in answer) & UidSet.span(first, last)

    def dates(self, uids: UidSet) -> Mapping[int, datetime]:
        """Fetch the INTERNALDATE of each UID; one that the server leaves out is not there.

        A range also lists what is in it: some servers' SEARCH leaves messages out.
        """
        answer = self._fetch(uids, ["INTERNALDATE"], min(200 * len(uids), _MOST_LISTED))
        return {
            uid: received
            for uid, items in answer.items()
            if (received := _received(items)) is not None
        }

    def headers(self, uids: UidSet) -> Mapping[int, Fetched]:
        """Fetch what the rules need of each UID; one that the server leaves out is not there."""
        budget = (256 << 10) * min(len(uids), 64) + (32 << 10) * len(uids)
        answer = self._fetch(uids, ["INTERNALDATE", "RFC822.SIZE", _HEADERS], budget)
        return {
            uid: Fetched(received, int(items.get(b"RFC822.SIZE", 0)), header)
            for uid, items in answer.items()
            if (received := _received(items)) is not None
            and (header := _literal(items, b"BODY[HEADER.FIELDS")) is not None
        }

    def bodies(self, sizes: Mapping[int, int]) -> Mapping[int, bytes]:
        """Fetch whole messages.

        Parameters:
            sizes: the RFC822.SIZE of each UID, which bounds what the server may send.
        """
        # Sizes may lie (Exchange estimates), hence the margin.
        budget = 2 * sum(sizes.values()) + (1 << 20) * len(sizes)
        answer = self._fetch(UidSet.of(sizes), ["BODY.PEEK[]"], budget)
        return _literals(answer)

    def piece(self, uid: int, start: int, length: int) -> bytes | None:
        """Fetch `length` bytes of a message from `start` on, or what there is of them.

        None where the server leaves the message out.
        """
        asked = [f"BODY.PEEK[]<{start}.{length}>"]
        return _literals(self._fetch(UidSet.of([uid]), asked, 2 * length)).get(uid)

    def values_since(self, field: str, since: date, most: int) -> frozenset[str]:
        """What a header field says in the newest messages of the examined folder.

        Parameters:
            since: the first INTERNALDATE that counts.
            most: how many messages are looked at.
        """
        with self._client.asking():
            found = sorted(int(uid) for uid in self._client.search(["SINCE", since]))[-most:]
        asked = f"BODY.PEEK[HEADER.FIELDS ({field.upper()})]"
        answer = self._fetch(UidSet.of(found), [asked], 4_096 * len(found))
        values = (_literal(items, b"BODY[HEADER.FIELDS") or b"" for items in answer.values())
        return frozenset(
            value.partition(b":")[2].strip().decode("ascii", "replace") for value in values
        )

    def append(self, folder: RemoteFolder, raw: bytes, at: datetime) -> None:
        """Put a message into a folder, as read: the one change ever made to a mailbox."""
        with self._client.asking():
            self._client.append(imap_utf7.encode(folder.name), raw, [b"\\Seen"], at)

    def _fetch(
        self, uids: UidSet, data: list[str], budget: int
    ) -> Mapping[int, Mapping[bytes, Any]]:
        """FETCH in ranges. IMAPClient's own `fetch` sends and filters UIDs one by one.

        What the server tells unasked of other messages is passed over.
        """
        found: dict[int, Mapping[bytes, Any]] = {}
        for some in _commands(uids):
            with self._client.asking(budget, len(some)):
                imap = self._client._imap
                tag = imap._command("UID", "FETCH", str(some), f"({' '.join(data)})")
                typ, answer = imap._command_complete("FETCH", tag)
                if typ != "OK":
                    raise IMAPClientError("FETCH")
                _, lines = imap._untagged_response(typ, answer, "FETCH")
                parsed = parse_fetch_response(lines, normalise_times=False, uid_is_key=True)
            found |= {int(uid): items for uid, items in parsed.items() if int(uid) in some}
        return found


def _decoded(name: object) -> str | None:
    """A folder's name, from modified UTF-7 (RFC 3501 5.1.3); None where it is none."""
    try:
        return str(imap_utf7.decode(name))  # a number where the name is one
    except UnicodeError:
        return None


def _commands(uids: UidSet) -> Iterator[UidSet]:
    """Parts of a set, each short enough for a command."""
    ranges: list[tuple[int, int]] = []
    for one in uids.ranges:
        if len(ranges) * 22 > _COMMAND_BYTES:  # two numbers of ten digits, and signs
            yield UidSet(tuple(ranges))
            ranges = []
        ranges.append(one)
    if ranges:
        yield UidSet(tuple(ranges))


def _status(answer: Mapping[bytes, int], count: bytes) -> Status:
    try:
        return Status(int(answer[b"UIDVALIDITY"]), int(answer[b"UIDNEXT"]), int(answer[count]))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(Code.PROTOCOL_ERROR, "no UIDVALIDITY or UIDNEXT") from error


def _received(items: Mapping[bytes, Any]) -> datetime | None:
    received = items.get(b"INTERNALDATE")
    return received if isinstance(received, datetime) and received.tzinfo is not None else None


def _literal(items: Mapping[bytes, Any], prefix: bytes) -> bytes | None:
    for name, value in items.items():
        if name.upper().startswith(prefix) and isinstance(value, bytes):
            return value
    return None


def _literals(answer: Mapping[int, Mapping[bytes, Any]]) -> dict[int, bytes]:
    return {
        uid: literal
        for uid, items in answer.items()
        if (literal := _literal(items, b"BODY[]")) is not None
    }
