"""A session with an IMAP server: `EXAMINE` and `BODY.PEEK` only, but for the copy of what was sent.

It asks in ranges of UIDs. Nothing needs CONDSTORE, QRESYNC, ESEARCH or SPECIAL-USE: SPECIAL-USE is
asked for where it is offered, and the results of IMAP4rev2 are understood.
"""

import imaplib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from imapclient import imap_utf7
from imapclient.exceptions import IMAPClientError
from imapclient.response_parser import parse_fetch_response

from mailmirror.domain.limits import (
    MAX_DATES_BYTES,
    MAX_FAILED_MESSAGE_LINES,
    MAX_FIELD_BYTES,
    MAX_LISTED_MESSAGES,
    MAX_LONG_HEADER_BYTES,
    MAX_LONG_HEADERS_BYTES,
    MAX_MEAN_HEADER_BYTES,
    MAX_UID,
    MAX_UIDVALIDITY,
)
from mailmirror.domain.mailbox import FolderRole, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.mail.imap.client import BoundedClient
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.imap.folders import RemoteFolder, roles
from mailmirror.mail.imap.listing import list_folders
from mailmirror.mail.imap.search import search_since
from mailmirror.mail.imap.sign_in import signed_in_client
from mailmirror.mail.mime.headers import HEADER_FIELDS
from mailmirror.mail.sasl import Login

_STATUS_ITEMS = ["UIDVALIDITY", "UIDNEXT", "MESSAGES"]
_MAX_COMMAND_BYTES = 7_500
"""Servers need not take longer commands (RFC 2683 3.2.1.5)."""
_LISTED_LINE_BYTES = 64
"""Of a line that lists one UID."""
_UID = re.compile(rb"\bUID ([0-9]{1,10})\b")
_START_BYTES = MAX_FIELD_BYTES + len(b"\r\n") + 1
"""Of a field that is fetched by itself: an empty line follows it."""
_HEADERS = f"BODY.PEEK[HEADER.FIELDS ({' '.join(HEADER_FIELDS).upper()})]"


@dataclass(frozen=True, slots=True)
class Status:
    """A folder's STATUS, or the answer to EXAMINE."""

    uidvalidity: int
    uidnext: int
    messages: int


class FetchFailed(Refused):
    """A FETCH that the server did not answer to its end.

    Parameters:
        refusal: what the server did.
        answered: what it returned of single messages before.
        alive: whether the session can be used further.
    """

    def __init__(self, refusal: Refused, answered: Mapping[int, Any], *, alive: bool) -> None:
        super().__init__(refusal.code, refusal.detail)
        self.answered = answered
        self.alive = alive


class ImapSession:
    """A signed-in session. Use `sign_in`.

    Raises, from every method:
        Refused: `connection_lost`, `server_unavailable` or `protocol_error`; from the methods that
            fetch it is a FetchFailed.
    """

    def __init__(self, client: BoundedClient) -> None:
        self._client = client
        self._wire: dict[str, bytes] = {}
        """How LIST writes the names that are not ASCII."""

    @classmethod
    @contextmanager
    def sign_in(
        cls, server: Server, login: Login, policy: NetworkPolicy, seconds: float
    ) -> Iterator["ImapSession"]:
        """Connect, start TLS and sign in; log out at the end.

        Parameters:
            seconds: how long the session may last, whatever the server does.

        Raises:
            Refused: the stage that failed, by its code.
        """
        with signed_in_client(server, login, policy, seconds) as client:
            yield cls(client)

    def folders(self) -> Sequence[RemoteFolder]:
        """Find the Inbox and the folder of sent mail.

        INBOX is there (RFC 9051 5.1) also where LIST names other folders only.
        """
        listed = list_folders(self._client)
        self._wire |= {one.name: one.wire for one in listed if not one.wire.isascii()}
        found = roles(listed)
        if listed and not any(one.name.upper() == "INBOX" for one in listed):
            return [RemoteFolder("INBOX", FolderRole.INBOX), *found]
        if all(folder.role is not FolderRole.INBOX for folder in found):
            raise Refused(Code.INBOX_NOT_FOUND)
        return found

    def status(self, folder: RemoteFolder) -> Status | None:
        """Ask for a folder's STATUS; None where the server has no such folder any more."""
        for name in self._names(folder):
            with self._client.asking():
                try:
                    answer = self._client.folder_status(name, _STATUS_ITEMS)
                except imaplib.IMAP4.abort:
                    raise
                except IMAPClientError:
                    said = self._client.heard.command(Code.PROTOCOL_ERROR)
                    if said.code is Code.SERVER_UNAVAILABLE:
                        raise
                    continue
            if b"UIDNEXT" not in answer and b"UIDVALIDITY" in answer:
                return self.examine(folder)
            return _status(answer, b"MESSAGES")
        return None

    def examine(self, folder: RemoteFolder) -> Status:
        """Open a folder read-only.

        UIDNEXT is optional in the answer before IMAP4rev2, and some servers give it nowhere: then
        it is one more than the greatest UID.
        """
        answer = self._examined(folder)
        if not answer.get(b"UIDNEXT"):
            with suppress(Refused), self._client.asking():
                name = self._names(folder)[0]
                answer |= self._client.folder_status(name, ["UIDNEXT"])
            if not self._client.alive:
                raise Refused(Code.CONNECTION_LOST)
        if b"UIDNEXT" not in answer:
            answer[b"UIDNEXT"] = self._greatest_uid() + 1 if answer.get(b"EXISTS") else 1
        return _status(answer, b"EXISTS")

    def _examined(self, folder: RemoteFolder) -> dict[bytes, Any]:
        *others, last = self._names(folder)
        for name in others:
            try:
                with self._client.asking():
                    return dict(self._client.select_folder(name, readonly=True))
            except Refused as refusal:
                if not self._client.alive or refusal.code is Code.SERVER_UNAVAILABLE:
                    raise
        with self._client.asking():
            return dict(self._client.select_folder(last, readonly=True))

    def _greatest_uid(self) -> int:
        imap = self._client._imap
        imap.untagged_responses.pop("FETCH", None)
        with self._client.asking():
            typ, text = imap.uid("FETCH", "*", "(UID)")
            if typ != "OK":
                raise IMAPClientError(str(text))
            return max(_listed([line for line in text if line]), default=0)

    def _names(self, folder: RemoteFolder) -> Sequence[bytes]:
        """How a folder's name may be written: as LIST did, else in modified UTF-7, else in UTF-8.

        IMAP4rev2 has UTF-8 (RFC 9051 5.1); servers of other versions send it against the rules.
        """
        name = folder.name
        if name in self._wire:
            return [self._wire[name]]
        encoded = [bytes(imap_utf7.encode(name))]
        return encoded if name.isascii() else [*encoded, name.encode()]

    def listed(self, uids: UidSet, messages: int) -> UidSet:
        """List which of these UIDs the examined folder has.

        By FETCH: the SEARCH of some servers leaves messages out, which would be lost.

        Parameters:
            messages: how many messages may be listed, which bounds the answer.
        """
        messages = min(messages, MAX_LISTED_MESSAGES)
        budget = _LISTED_LINE_BYTES * messages
        return UidSet.of(self._fetch(uids, ["UID"], budget, _listed, messages))

    def dates(self, uids: UidSet) -> Mapping[int, datetime]:
        """Fetch the INTERNALDATE of each UID; one that the server leaves out is not there."""
        return self._fetch(uids, ["INTERNALDATE"], min(200 * len(uids), MAX_DATES_BYTES), _dates)

    def headers(self, uids: UidSet, seen_at: datetime) -> Mapping[int, FetchedHeader]:
        """Fetch what the rules need of each UID; one that the server leaves out is not there.

        Parameters:
            seen_at: when a copy arrived of which neither INTERNALDATE nor Date can be read.
        """
        budget = min(MAX_LONG_HEADER_BYTES * len(uids), MAX_LONG_HEADERS_BYTES)
        budget += MAX_MEAN_HEADER_BYTES * len(uids)
        asked = ["INTERNALDATE", "RFC822.SIZE", _HEADERS]
        return self._fetch(uids, asked, budget, _headers(seen_at))

    def header_starts(self, uid: int, seen_at: datetime) -> Mapping[int, FetchedHeader]:
        """Fetch the beginning of each field that the rules need, of one message.

        For a message whose fields are too long to be fetched whole. As much is fetched as
        `read_fields` reads, and so many bytes more that it can tell that there are more.
        """
        starts = [
            f"BODY.PEEK[HEADER.FIELDS ({name.upper()})]<0.{_START_BYTES}>" for name in HEADER_FIELDS
        ]
        budget = 2 * _START_BYTES * len(starts)
        asked = ["INTERNALDATE", "RFC822.SIZE", *starts]
        return self._fetch(UidSet.of([uid]), asked, budget, _headers(seen_at))

    def bodies(self, sizes: Mapping[int, int]) -> Mapping[int, bytes]:
        """Fetch whole messages.

        Parameters:
            sizes: the RFC822.SIZE of each UID, which bounds what the server may send.
        """
        # Sizes may lie (Exchange estimates), hence the margin.
        budget = 2 * sum(sizes.values()) + (1 << 20) * len(sizes)
        return self._fetch(UidSet.of(sizes), ["BODY.PEEK[]"], budget, _bodies)

    def piece(self, uid: int, start: int, length: int) -> bytes | None:
        """Fetch `length` bytes of a message from `start` on, or what there is of them.

        None where the server leaves the message out.
        """
        asked = [f"BODY.PEEK[]<{start}.{length}>"]
        return self._fetch(UidSet.of([uid]), asked, 2 * length, _bodies).get(uid)

    def values_since(self, field: str, since: date, most: int) -> frozenset[str]:
        """The values of a header field in the newest messages of the examined folder.

        Parameters:
            since: the first INTERNALDATE that counts.
            most: how many messages are looked at.
        """
        with self._client.asking():
            found = search_since(self._client, since, most)
        asked = f"BODY.PEEK[HEADER.FIELDS ({field.upper()})]"
        values = self._fetch(UidSet.of(found), [asked], 4_096 * len(found), _field_values)
        return frozenset(values.values())

    def append(self, folder: RemoteFolder, raw: bytes, at: datetime) -> None:
        """Put a message into a folder, as read: the one change ever made to a mailbox."""
        with self._client.asking():
            self._client.append(self._names(folder)[0], raw, [b"\\Seen"], at)

    def _fetch[T](
        self,
        uids: UidSet,
        data: list[str],
        budget: int,
        read: Callable[[list[Any]], Mapping[int, T]],
        messages: int | None = None,
    ) -> Mapping[int, T]:
        """FETCH in ranges. IMAPClient's own `fetch` sends and filters UIDs one by one.

        Unsolicited answers about other messages are ignored.

        Parameters:
            read: turns the lines of the answer into what is wanted of each UID.
            messages: how many messages may be listed, where that is not all of `uids`.

        Raises:
            FetchFailed: with what was returned before.
        """
        found: dict[int, T] = {}
        imap = self._client._imap
        for some in _commands(uids):
            imap.untagged_responses.pop("FETCH", None)  # unsolicited
            answered = False
            try:
                with self._client.asking(budget, len(some) if messages is None else messages):
                    tag = imap._command("UID", "FETCH", str(some), f"({' '.join(data)})")
                    typ, text = imap._command_complete("FETCH", tag)
                    answered = True
                    if typ != "OK":
                        raise IMAPClientError(str(text))  # its response code, RFC 5530
                    lines = imap.untagged_responses.pop("FETCH", [])
                    found |= _of(some, read(lines))
            except Refused as refusal:
                alive = answered or self._client.alive
                most = MAX_FAILED_MESSAGE_LINES * (len(some) if messages is None else messages)
                lines = _whole_answers(imap.untagged_responses.pop("FETCH", [])[:most])
                with suppress(Refused), self._client.asking():
                    found |= _of(some, read(lines))
                raise FetchFailed(refusal, found, alive=alive) from refusal
        return found


def _of[T](uids: UidSet, told: Mapping[int, T]) -> Mapping[int, T]:
    return {uid: one for uid, one in told.items() if uid in uids}


def _whole_answers(lines: list[Any]) -> list[Any]:
    """Without the last message's answer, where it was cut off after a literal."""
    whole = len(lines)
    while whole and isinstance(lines[whole - 1], tuple):
        whole -= 1
    return lines[:whole]


def _listed(lines: list[Any]) -> dict[int, None]:
    """The UIDs alone, twenty times as fast as by a parser of whole answers."""
    found = (_UID.search(line) for line in lines if isinstance(line, bytes))
    return {int(uid[1]): None for uid in found if uid}


def _parsed(lines: list[Any]) -> Iterator[tuple[int, Mapping[bytes, Any]]]:
    answer = parse_fetch_response(lines, normalise_times=False, uid_is_key=True)
    return ((int(uid), items) for uid, items in answer.items())


def _dates(lines: list[Any]) -> dict[int, datetime]:
    return {
        uid: received for uid, items in _parsed(lines) if (received := _received(items)) is not None
    }


def _headers(seen_at: datetime) -> Callable[[list[Any]], dict[int, FetchedHeader]]:
    def read(lines: list[Any]) -> dict[int, FetchedHeader]:
        return {
            uid: FetchedHeader.dated(_received(items), _size(items), header, seen_at)
            for uid, items in _parsed(lines)
            if (header := _joined(_literals(items, b"BODY[HEADER.FIELDS"))) is not None
        }

    return read


def _bodies(lines: list[Any]) -> dict[int, bytes]:
    return {
        uid: bodies[0] for uid, items in _parsed(lines) if (bodies := _literals(items, b"BODY[]"))
    }


def _field_values(lines: list[Any]) -> dict[int, str]:
    """The value of the one header field that was asked for."""
    return {
        uid: fields[0].partition(b":")[2].strip().decode("ascii", "replace")
        for uid, items in _parsed(lines)
        if (fields := _literals(items, b"BODY[HEADER.FIELDS"))
    }


def _joined(fields: list[bytes]) -> bytes | None:
    """One header block of several: each part ends with an empty line (RFC 9051 6.4.5.1)."""
    if len(fields) < 2:
        return fields[0] if fields else None
    return b"\r\n".join([*filter(None, map(_start, fields)), b"", b""])


def _start(field: bytes) -> bytes:
    """The beginning of a field, without the empty line after it.

    Where the end is not there, blanks make it longer than what is read of a field.
    """
    lines = field.strip(b"\r\n")
    is_cut = len(field) >= _START_BYTES or (lines and not field.endswith(b"\n"))
    return lines.ljust(MAX_FIELD_BYTES + 1) if is_cut else lines


def _commands(uids: UidSet) -> Iterator[UidSet]:
    """Parts of a set, each short enough for a command."""
    ranges: list[tuple[int, int]] = []
    for one in uids.ranges:
        if len(ranges) * 22 > _MAX_COMMAND_BYTES:  # two numbers of ten digits, and signs
            yield UidSet(tuple(ranges))
            ranges = []
        ranges.append(one)
    if ranges:
        yield UidSet(tuple(ranges))


def _status(answer: Mapping[bytes, int], count: bytes) -> Status:
    """Read numbers. UIDNEXT is never 0 (RFC 9051, 9) but where a server has made no UID yet."""
    try:
        status = Status(int(answer[b"UIDVALIDITY"]), int(answer[b"UIDNEXT"]), int(answer[count]))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(Code.PROTOCOL_ERROR, "no UIDVALIDITY or UIDNEXT") from error
    if status.uidnext == status.messages == 0:
        status = replace(status, uidnext=1)
    least = min(status.uidvalidity, status.uidnext - 1, status.messages)
    greatest = max(status.uidnext, status.messages)
    if least < 0 or greatest > MAX_UID or status.uidvalidity > MAX_UIDVALIDITY:
        raise Refused(Code.PROTOCOL_ERROR, "UIDVALIDITY, UIDNEXT or EXISTS cannot be true")
    return status


def _received(items: Mapping[bytes, Any]) -> datetime | None:
    received = items.get(b"INTERNALDATE")
    return received if isinstance(received, datetime) and received.tzinfo is not None else None


def _size(items: Mapping[bytes, Any]) -> int:
    """RFC822.SIZE, which is a hint; 0 where the server does not return it."""
    size = items.get(b"RFC822.SIZE")
    return size if isinstance(size, int) and size > 0 else 0


def _literals(items: Mapping[bytes, Any], prefix: bytes) -> list[bytes]:
    return [
        value
        for name, value in items.items()
        if name.upper().startswith(prefix) and isinstance(value, bytes)
    ]
