"""A session with an IMAP server: `EXAMINE` and `BODY.PEEK` only, but for the copy of what was sent.

It asks in ranges of UIDs. Nothing needs CONDSTORE, QRESYNC, ESEARCH or SPECIAL-USE: SPECIAL-USE is
asked for where it is offered, and the results of IMAP4rev2 are understood.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

from mailmirror.domain.address import Address
from mailmirror.domain.coverage_limits import Limit, limits_of
from mailmirror.domain.folder_choice import (
    FolderChoice,
    LeftOut,
    above,
    choose,
)
from mailmirror.domain.limits import (
    MAX_DATES_BYTES,
    MAX_HEADER_BYTES,
    MAX_LISTED_MESSAGES,
    MAX_LISTED_NAMESPACES,
    MAX_LONG_HEADER_BYTES,
    MAX_LONG_HEADERS_BYTES,
    MAX_MEAN_HEADER_BYTES,
)
from mailmirror.domain.mail_search import Sought
from mailmirror.domain.mailbox import READ_ALL, FolderRole, FolderRules, FolderScope, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.mail.imap import fetch_answers, opening
from mailmirror.mail.imap.client import BoundedClient
from mailmirror.mail.imap.fetch import fetch
from mailmirror.mail.imap.fetch_answers import START_BYTES
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.imap.folders import folders_named
from mailmirror.mail.imap.heard import CommandRefused
from mailmirror.mail.imap.listing import Listing, encoded_name, list_folders
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.search import search_addresses, search_message, search_since
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

    def __init__(self, client: BoundedClient, rules: FolderRules = READ_ALL) -> None:
        self._client = client
        self._rules = rules
        self._wire: dict[str, bytes] = {}
        """How LIST writes the names that are not in modified UTF-7."""
        self._told: Mapping[str, Status] = {}
        """What LIST has told of folders when it was asked for their STATUS."""
        self.found: Sequence[FolderChoice] = ()
        """The folders that `choices` has found last."""
        self._listing_found = Listing([])
        self._unreadable_folders = 0
        """How many it has listed in a way that cannot be read."""

    @classmethod
    @contextmanager
    def sign_in(
        cls,
        server: Server,
        login: Login,
        policy: NetworkPolicy,
        seconds: float,
        rules: FolderRules = READ_ALL,
    ) -> Iterator["ImapSession"]:
        """Connect, start TLS and sign in; log out at the end.

        Parameters:
            seconds: how long the session may last, whatever the server does.
            rules: which folders are read.

        Raises:
            Refused: the stage that failed, by its code.
        """
        with signed_in_client(server, login, policy, seconds) as client:
            yield cls(client, rules)

    def folders(self, *, with_status: bool = False) -> Sequence[FolderChoice]:
        """Find the folders that are read: the Inbox, `\\All` and sent mail come first.

        Parameters:
            with_status: whether `statuses` follows, which then needs no round trip where the server
                offers LIST-STATUS.

        Raises:
            Refused: `inbox_not_found`, where the server lists no folder that could be the Inbox.
        """
        found = self.choices(with_status=with_status)
        _inbox_of(found)
        return [one for one in found if one.left_out is None]

    def inbox(self) -> FolderChoice:
        """Find the Inbox, whether it is read or not.

        Raises:
            Refused: `inbox_not_found`.
        """
        return _inbox_of(self.choices())

    @property
    def told_by_list(self) -> Set[str]:
        """The folders of which LIST has told the STATUS."""
        return self._told.keys()

    @property
    def alive(self) -> bool:
        """Whether another command may be answered."""
        return self._client.alive

    def choices(self, *, with_status: bool = False) -> Sequence[FolderChoice]:
        """Find all folders, those that are not read with the reason."""
        listing = self._listing(self._rules.named, with_status=with_status)
        self._told, self._unreadable_folders = listing.statuses, listing.unreadable
        self._listing_found = listing
        self.found = choose(listing.folders, listing.namespaces, self._rules, gmail=self.is_gmail)
        return self.found

    def choices_by_default(self) -> Sequence[FolderChoice]:
        """The folders that `choices` has found last, as they are without the setting `folders`."""
        rules = replace(self._rules, folders=FolderScope.ALL)
        listing = self._listing_found
        return choose(listing.folders, listing.namespaces, rules, gmail=self.is_gmail)

    @property
    def is_gmail(self) -> bool:
        """Whether the server tells a message's labels (X-GM-EXT-1)."""
        return self._client.offers("X-GM-EXT-1")

    def limits(self, messages: Iterable[int]) -> Set[Limit]:
        """Within which limits the folders are read that `choices` has found last.

        Parameters:
            messages: EXISTS of each that is read.
        """
        return limits_of(
            self.found,
            self._rules.folders,
            messages,
            gmail=self.is_gmail,
            unreadable=self._unreadable_folders,
        )

    def named(self, names: Sequence[str], *, beside_inbox: bool = False) -> tuple[str, ...]:
        """Find folders by the names that a person gives, and return the server's names.

        Parameters:
            beside_inbox: whether the Inbox is none of them.

        Raises:
            Refused: `folder_unknown`.
        """
        listed = self._listing(names).folders
        return folders_named(names, [x for x in listed if not (beside_inbox and x.is_inbox)])

    def _listing(self, named: Iterable[str], *, with_status: bool = False) -> Listing:
        """List all folders, and by its prefix each namespace that the server leaves out of them.

        One round trip more for each of these, as few servers have any. Where the server refuses to
        list one that is the user's, the folder above it stands for it: it is read, or named as one
        that fails.

        Parameters:
            named: the names of folders that a person or a setting gives.
        """
        listing = list_folders(self._client, with_status=with_status)
        spaces = listing.namespaces
        for prefix in spaces.not_listed(listing.folders, named)[:MAX_LISTED_NAMESPACES]:
            try:
                listing += list_folders(self._client, prefix, with_status=with_status)
            except CommandRefused:
                listing += Listing([above(prefix)] if prefix in spaces.personal else [])
        self._wire |= {
            one.name: one.wire
            for one in listing.folders
            if one.wire and one.wire != encoded_name(one.name)
        }
        return listing

    def statuses(self, folders: Iterable[FolderChoice]) -> Mapping[str, Status | None]:
        """The STATUS of folders by name; None where the server has no such folder any more.

        One round trip a hundred; none for those that LIST has told.
        """
        asked = {one.name: self._names(one) for one in folders}
        told = {name: self._told[name] for name in asked if name in self._told}
        rest = {name: written for name, written in asked.items() if name not in told}
        return {**told, **opening.statuses(self._client, rest, answers=bool(told))}

    def examine(self, folder: FolderChoice) -> Status:
        """Open a folder read-only.

        Raises:
            CommandRefused: `folder_refused`, or `folder_unknown` where a setting names the folder:
                the server does not open it.
        """
        try:
            return opening.examine(self._client, self._names(folder))
        except CommandRefused as refused:
            is_named = folder.name in self._rules.named
            code = Code.FOLDER_UNKNOWN if is_named else Code.FOLDER_REFUSED
            raise CommandRefused(code, refused.detail) from refused

    def _names(self, folder: FolderChoice) -> Sequence[bytes]:
        """How a folder's name may be written: as LIST did, else in modified UTF-7, else in UTF-8.

        IMAP4rev2 has UTF-8 (RFC 9051 5.1); servers of other versions send it against the rules.
        """
        name = folder.name
        if name in self._wire:
            return [self._wire[name]]
        encoded = [encoded_name(name)]
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
        asked = [*self._of_copies(), _HEADERS]
        return fetch(self._client, uids, asked, budget, fetch_answers.headers(seen_at))

    def _of_copies(self) -> Sequence[str]:
        """What is asked for of each copy beside its header."""
        labels = ["X-GM-LABELS"] if self.is_gmail else []
        return ["FLAGS", "INTERNALDATE", "RFC822.SIZE", *labels]

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
        asked = [*self._of_copies(), *starts]
        return fetch(self._client, UidSet.of([uid]), asked, budget, fetch_answers.headers(seen_at))

    def header_blocks(self, sizes: Mapping[int, int]) -> Mapping[int, bytes]:
        """Fetch whole header blocks.

        Parameters:
            sizes: the RFC822.SIZE of each UID; a block is not longer.
        """
        budget = sum(min(size, MAX_HEADER_BYTES) for size in sizes.values())
        asked = ["BODY.PEEK[HEADER]"]
        return fetch(self._client, UidSet.of(sizes), asked, budget, fetch_answers.header_blocks)

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

    def count_since(self, since: date) -> int | None:
        """Count the messages of the examined folder that were received since a day.

        By SEARCH, which some servers answer incompletely; None where the server refuses it.

        Parameters:
            since: the first INTERNALDATE that counts.
        """
        try:
            with self._client.asking():
                return len(search_since(self._client, since, MAX_LISTED_MESSAGES))
        except CommandRefused:
            return None

    def storage(self) -> tuple[int, int] | None:
        """How many KB the mailbox takes, and how many it may (RFC 9208).

        None where the server does not say.

        Raises:
            Refused: the connection is lost.
        """
        if not self._client.offers("QUOTA"):
            return None
        try:
            with self._client.asking():
                _, quotas = self._client.get_quota_root("INBOX")
        except CommandRefused:
            return None
        storage = [one for one in quotas if str(one.resource).upper() == "STORAGE" and one.limit]
        fullest = max(storage, key=lambda one: one.usage / one.limit, default=None)
        return (fullest.usage, fullest.limit) if fullest else None

    def naming(self, addresses: Iterable[Address], since: date) -> UidSet:
        """Search the examined folder for messages that name addresses.

        Nothing depends on the answer: servers miss some, and one that refuses has found none.

        Parameters:
            since: the first INTERNALDATE that counts.
        """
        try:
            with self._client.asking():
                return search_addresses(self._client, addresses, since)
        except CommandRefused:
            return UidSet()

    def matching(self, sought: Sought) -> UidSet | None:
        """Search the examined folder for a message; what is found has to be compared.

        Returns:
            None where the server refuses to search.
        """
        return search_message(self._client, sought)

    def append(self, folder: FolderChoice, raw: bytes, at: datetime) -> None:
        """Put a message into a folder, as read: the one change ever made to a mailbox."""
        with self._client.asking():
            self._client.append(self._names(folder)[0], raw, [b"\\Seen"], at)


def _inbox_of(folders: Sequence[FolderChoice]) -> FolderChoice:
    for one in folders:
        if one.role is FolderRole.INBOX and one.left_out is not LeftOut.NOT_SELECTABLE:
            return one
    raise Refused(Code.INBOX_NOT_FOUND)
