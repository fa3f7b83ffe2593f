"""What the real IMAP servers of the tests have in common: mail is put into them by IMAP itself."""

import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from imapclient import IMAPClient

from tests.servers.folder_state import FolderState, state


class MailboxServer(ABC):
    """A server on loopback whose users have an Inbox and a folder of sent mail."""

    __slots__ = ()

    users: Mapping[str, str]
    """Passwords by login name."""
    host: str
    imaps_port: int
    """TLS from the first byte."""
    imap_port: int
    """STARTTLS."""
    authority: Path
    """The certificate (PEM) of the authority that the server is certified by."""

    refused_in_names: ClassVar[str] = ""
    """Characters that no folder's name may have."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def named(self, folder: str) -> str:
        """Return the server's own name of a folder beside the Inbox."""
        return folder

    def append(
        self,
        user: str,
        folder: str,
        raw: bytes,
        received_at: datetime | None = None,
        flags: Iterable[str] = (),
    ) -> int:
        """Put a message into a folder, and return its UID."""
        with self.session(user) as client:
            answer: bytes = client.append(self.named(folder), raw, tuple(flags), received_at)
        return int(answer.partition(b"]")[0].split()[-1])

    def append_all(
        self, user: str, folder: str, messages: Iterable[tuple[bytes, datetime | None]]
    ) -> None:
        """Put many messages into a folder through one connection."""
        with self.session(user) as client:
            for raw, received_at in messages:
                client.append(self.named(folder), raw, (), received_at)

    def create(self, user: str, folder: str) -> None:
        """Create a folder, and subscribe to it."""
        with self.session(user) as client:
            client.create_folder(self.named(folder))
            client.subscribe_folder(self.named(folder))

    def open_once(self, user: str, folder: str) -> None:
        """Select a folder, as its user's mail program does.

        Courier gives an empty folder another UIDVALIDITY each second until then.
        """
        with self.session(user) as client:
            client.select_folder(self.named(folder))

    def expunge(self, user: str, folder: str, uids: Iterable[int]) -> None:
        """Remove messages for ever."""
        with self.session(user) as client:
            client.select_folder(self.named(folder))
            client.delete_messages(list(uids))
            client.uid_expunge(list(uids))

    def snapshot(self, user: str) -> dict[str, FolderState]:
        """Return all that the server says of a mailbox, by folder, without a change to it."""
        with self.session(user) as client:
            listed = client.list_folders()
            subscribed = {name for _, _, name in client.list_sub_folders()}
            return {
                name: state(client, name, name in subscribed, attributes)
                for attributes, _, name in listed
            }

    @abstractmethod
    def reset_uidvalidity(self, user: str, folder: str) -> None:
        """Give a folder a new UIDVALIDITY, and its messages the UIDs from 1 in reverse order.

        A program that takes an old UID for a new one finds another message. No session may be open.
        """

    def session(self, user: str) -> AbstractContextManager[IMAPClient]:
        """Return a connection of a user's, logged in."""
        return self.signed_in(user, self.users[user])

    @contextmanager
    def signed_in(self, name: str, password: str) -> Iterator[IMAPClient]:
        """Return a connection of this login name."""
        trust = ssl.create_default_context(cafile=str(self.authority))
        with IMAPClient(self.host, self.imaps_port, ssl_context=trust) as client:
            client.normalise_times = False
            client.login(name, password)
            yield client
