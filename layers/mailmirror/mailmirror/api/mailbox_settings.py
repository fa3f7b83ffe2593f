"""What is set of a mailbox when it is connected, and later."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from mailmirror.api.decoding import Strict
from mailmirror.api.fields import Email, FolderName, Host, PasswordProvider, Printable
from mailmirror.domain.address import Address
from mailmirror.domain.limits import MAX_CHOSEN_FOLDERS, MAX_SENT_FOLDERS
from mailmirror.domain.mailbox import FolderScope, Security, Server, UserId
from mailmirror.domain.settings import MailboxSetting
from mailmirror.store.credentials import Password

if TYPE_CHECKING:  # what speaks IMAP and SMTP is loaded by `probe` alone
    from mailmirror.usecases.mailboxes.choose_folders import NamedFolders
    from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest


class ServerBody(Strict):
    """Where a mail server listens."""

    host: Host
    port: Annotated[int, Meta(ge=1, le=65535)]
    security: Security

    def server(self) -> Server:
        return Server(self.host, self.port, self.security)


FolderNames = Annotated[Sequence[FolderName], Meta(min_length=1, max_length=MAX_CHOSEN_FOLDERS)]
SentFolderNames = Annotated[Sequence[FolderName], Meta(max_length=MAX_SENT_FOLDERS)]


class ConnectBody(Strict):
    """The body of `POST /v1/mailboxes`."""

    user_id: Printable
    email: Email
    provider: PasswordProvider
    imap: ServerBody
    username: Printable
    password: Printable
    smtp: ServerBody | None = None
    folders: Annotated[
        FolderScope | FolderNames,
        Meta(description="Folders that are read: all that hold mail, Inbox and Sent, or these"),
    ] = FolderScope.ALL
    sent_folders: Annotated[
        SentFolderNames,
        Meta(description="Folders of sent mail, where they are not found by themselves"),
    ] = ()

    def request(self) -> "ConnectRequest":
        from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest

        return ConnectRequest(
            user=UserId(self.user_id),
            email=Address(self.email),
            imap=self.imap.server(),
            smtp=self.smtp.server() if self.smtp else None,
            username=self.username,
            credential=Password(self.password),
            folders=_folders(self.folders),
            sent_folders=tuple(map(str, self.sent_folders)),
        )


class SyncQuery(Strict):
    pass_: Annotated[
        Literal["full"] | None,
        Meta(description="Judge again all mail that is not mirrored, by its headers"),
    ] = msgspec.field(default=None, name="pass")


class AuditQuery(Strict):
    deep: Annotated[
        Literal["true"],
        Meta(description="Judge every message again, check what is stored of it, and repair"),
    ]


class ChangeBody(Strict):
    """The body of `PATCH /v1/mailboxes/{mailbox_id}`: what is left out stays as it is."""

    folders: Annotated[
        FolderScope | FolderNames | None,
        Meta(description="Folders that are read: all that hold mail, Inbox and Sent, or these"),
    ] = None
    sent_folders: Annotated[
        SentFolderNames | None,
        Meta(description="Folders of sent mail, where they are not found by themselves"),
    ] = None

    history_since: Annotated[
        date | None,
        Meta(description="The first day of mail that is read, in UTC; 1970-01-01 or later"),
    ] = None

    paused: Annotated[
        bool | None,
        Meta(description="Whether the mailbox is left unread until it is `false` again"),
    ] = None

    def named(self) -> Sequence[MailboxSetting]:
        """The settings that it gives a value."""
        return [one for one in MailboxSetting if getattr(self, one.value) is not None]

    @property
    def chooses_folders(self) -> bool:
        return self.folders is not None or self.sent_folders is not None

    def chosen(self) -> "tuple[NamedFolders, Sequence[str] | None]":
        named = None if self.folders is None else _folders(self.folders)
        sent = None if self.sent_folders is None else tuple(map(str, self.sent_folders))
        return named, sent


def _folders(named: FolderScope | Sequence[FolderName]) -> FolderScope | Sequence[str]:
    return named if isinstance(named, FolderScope) else tuple(map(str, named))


class DisconnectQuery(Strict):
    mail: Annotated[
        Literal["keep", "erase"], Meta(description="What becomes of the mirrored mail")
    ] = "keep"
