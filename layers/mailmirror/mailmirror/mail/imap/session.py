"""A session with an IMAP server: `EXAMINE` and `BODY.PEEK` only, but for the copy of what was sent.

It asks in ranges of UIDs. Nothing needs CONDSTORE, QRESYNC, ESEARCH or SPECIAL-USE: SPECIAL-USE is
asked for where it is offered, and the results of IMAP4rev2 are understood.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from imapclient import imap_utf7

from mailmirror.domain.limits import (
    MAX_DATES_BYTES,
    MAX_LISTED_MESSAGES,
    MAX_LONG_HEADER_BYTES,
    MAX_LONG_HEADERS_BYTES,
    MAX_MEAN_HEADER_BYTES,
)
from mailmirror.domain.mailbox import FolderRole, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.mail.imap import fetch_answers, opening
from mailmirror.mail.imap.client import BoundedClient
from mailmirror.mail.imap.fetch import fetch
from mailmirror.mail.imap.fetch_answers import START_BYTES
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.imap.folders import RemoteFolder, folders_named, roles
from mailmirror.mail.imap.heard import CommandRefused
from mailmirror.mail.imap.listing import list_folders
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.search import search_since
from mailmirror.mail.imap.sign_in import signed_in_client
from mailmirror.mail.mime.headers import HEADER_FIELDS
from mailmirror.mail.sasl import Login

_LISTED_LINE_BYTES = 64
"""Of a line that lists one UID."""
_HEADERS = f"BODY.PEEK[HEADER.FIELDS ({' '.join(HEADER_FIELDS).upper()})]"


class ImapSession:
    """A signed-in session. Use `sign_in`.

    Raises, from every method:
        Refused: `connection_lost`, `server_unavailable` or `protocol_error`; from the methods that
            fetch it is a FetchFailed.
    """

    def __init__(self, client: BoundedClient, sent_folders: Sequence[str] = ()) -> None:
        self._client = client
        self._sent_folders = sent_folders
        self._wire: dict[str, bytes] = {}
        """How LIST writes the names that are not ASCII."""

    @classmethod
    @contextmanager
    def sign_in(
        cls,
        server: Server,
        login: Login,
        policy: NetworkPolicy,
        seconds: float,
        sent_folders: Sequence[str] = (),
    ) -> Iterator["ImapSession"]:
        """Connect, start TLS and sign in; log out at the end.

        Parameters:
            seconds: how long the session may last, whatever the server does.
            sent_folders: the folders of sent mail, where a setting names them.

        Raises:
            Refused: the stage that failed, by its code.
        """
        with signed_in_client(server, login, policy, seconds) as client:
            yield cls(client, sent_folders)

    def folders(self) -> Sequence[RemoteFolder]:
        """Find the Inbox and the folder of sent mail, or those that the setting names.

        INBOX is there (RFC 9051 5.1) also where LIST names other folders only.
        """
        listed = list_folders(self._client)
        self._wire |= {one.name: one.wire for one in listed if not one.wire.isascii()}
        found = roles(listed, self._sent_folders)
        if listed and not any(one.name.upper() == "INBOX" for one in listed):
            return [RemoteFolder("INBOX", FolderRole.INBOX), *found]
        if all(folder.role is not FolderRole.INBOX for folder in found):
            raise Refused(Code.INBOX_NOT_FOUND)
        return found

    def named(self, names: Sequence[str]) -> tuple[str, ...]:
        """Find folders by the names that a person gives, and return the server's names.

        Raises:
            Refused: `folder_unknown`.
        """
        return folders_named(names, list_folders(self._client))

    def status(self, folder: RemoteFolder) -> Status | None:
        """Ask for a folder's STATUS; None where the server has no such folder any more."""
        return opening.status(self._client, self._names(folder))

    def examine(self, folder: RemoteFolder) -> Status:
        """Open a folder read-only.

        Raises:
            Refused: `folder_unknown`, where the setting names it and the server does not open it.
        """
        try:
            return opening.examine(self._client, self._names(folder))
        except CommandRefused as refused:
            if folder.name not in self._sent_folders:
                raise
            raise Refused(Code.FOLDER_UNKNOWN, refused.detail) from refused

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
        return UidSet.of(fetch(self._client, uids, ["UID"], budget, fetch_answers.listed, messages))

    def dates(self, uids: UidSet) -> Mapping[int, datetime]:
        """Fetch the INTERNALDATE of each UID; one that the server leaves out is not there."""
        return fetch(
            self._client,
            uids,
            ["INTERNALDATE"],
            min(200 * len(uids), MAX_DATES_BYTES),
            fetch_answers.dates,
        )

    def headers(self, uids: UidSet, seen_at: datetime) -> Mapping[int, FetchedHeader]:
        """Fetch what the rules need of each UID; one that the server leaves out is not there.

        Parameters:
            seen_at: when a copy arrived of which neither INTERNALDATE nor Date can be read.
        """
        budget = min(MAX_LONG_HEADER_BYTES * len(uids), MAX_LONG_HEADERS_BYTES)
        budget += MAX_MEAN_HEADER_BYTES * len(uids)
        asked = ["INTERNALDATE", "RFC822.SIZE", _HEADERS]
        return fetch(self._client, uids, asked, budget, fetch_answers.headers(seen_at))

    def header_starts(self, uid: int, seen_at: datetime) -> Mapping[int, FetchedHeader]:
        """Fetch the beginning of each field that the rules need, of one message.

        For a message whose fields are too long to be fetched whole. As much is fetched as
        `read_fields` reads, and so many bytes more that it can tell that there are more.
        """
        starts = [
            f"BODY.PEEK[HEADER.FIELDS ({name.upper()})]<0.{fetch_answers.START_BYTES}>"
            for name in HEADER_FIELDS
        ]
        budget = 2 * START_BYTES * len(starts)
        asked = ["INTERNALDATE", "RFC822.SIZE", *starts]
        return fetch(self._client, UidSet.of([uid]), asked, budget, fetch_answers.headers(seen_at))

    def bodies(self, sizes: Mapping[int, int]) -> Mapping[int, bytes]:
        """Fetch whole messages.

        Parameters:
            sizes: the RFC822.SIZE of each UID, which bounds what the server may send.
        """
        # Sizes may lie (Exchange estimates), hence the margin.
        budget = 2 * sum(sizes.values()) + (1 << 20) * len(sizes)
        return fetch(self._client, UidSet.of(sizes), ["BODY.PEEK[]"], budget, fetch_answers.bodies)

    def piece(self, uid: int, start: int, length: int) -> bytes | None:
        """Fetch `length` bytes of a message from `start` on, or what there is of them.

        None where the server leaves the message out.
        """
        asked = [f"BODY.PEEK[]<{start}.{length}>"]
        return fetch(self._client, UidSet.of([uid]), asked, 2 * length, fetch_answers.bodies).get(
            uid
        )

    def values_since(self, field: str, since: date, most: int) -> frozenset[str]:
        """The values of a header field in the newest messages of the examined folder.

        Parameters:
            since: the first INTERNALDATE that counts.
            most: how many messages are looked at.
        """
        with self._client.asking():
            found = search_since(self._client, since, most)
        asked = f"BODY.PEEK[HEADER.FIELDS ({field.upper()})]"
        values = fetch(
            self._client, UidSet.of(found), [asked], 4_096 * len(found), fetch_answers.field_values
        )
        return frozenset(values.values())

    def append(self, folder: RemoteFolder, raw: bytes, at: datetime) -> None:
        """Put a message into a folder, as read: the one change ever made to a mailbox."""
        with self._client.asking():
            self._client.append(self._names(folder)[0], raw, [b"\\Seen"], at)
