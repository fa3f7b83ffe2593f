"""Mailboxes: owner, servers, window and status."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, replace
from datetime import date, datetime
from typing import Any

from mailmirror.domain.address import Address
from mailmirror.domain.changes import Change, ChangeKind
from mailmirror.domain.mailbox import (
    AccountId,
    FolderScope,
    FolderSetting,
    Mailbox,
    MailboxId,
    MailboxKey,
    MailboxStatus,
    Provider,
    Security,
    Server,
    UserId,
)
from mailmirror.domain.ownership import Claims, proof_of
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.slot import Slot
from mailmirror.store import keys
from mailmirror.store.change_log import ChangeLog
from mailmirror.store.due import DueEntry, DueStore
from mailmirror.store.table import ConditionFailed, Delete, Item, Put, Table, Update


class MailboxStore:
    def __init__(self, table: Table, log: ChangeLog, due: DueStore) -> None:
        self._table = table
        self._log = log
        self._due = due

    def connect(
        self,
        mailbox: Mailbox,
        now: datetime,
        known: DueEntry | None = None,
        head: int | None = None,
        *,
        joins_team: bool = True,
    ) -> None:
        """Store a mailbox, new or connected again; it is due at once.

        Parameters:
            known: its schedule entry, where it continues with the same server.
            head: the head of the change log, read before the owner of the address was looked up.
            joins_team: whether its address is not of the team without it.

        Its address joins the team in the same transaction, which also keeps an address from
        being connected twice.

        Raises:
            ConditionFailed: the address is connected by another mailbox, the mailbox is being
                changed at this moment, or the log has a further line.
        """
        key, asked_at = mailbox.key, mailbox.everything_asked_at
        audit_asked_at = mailbox.audit_asked_at
        item = {
            **keys.mailbox(key.account, key.mailbox),
            "epoch": key.epoch,
            "owner": mailbox.owner,
            "email": mailbox.email,
            "imap": asdict(mailbox.imap),
            "smtp": asdict(mailbox.smtp) if mailbox.smtp else None,
            "username": mailbox.username,
            "provider": mailbox.provider.value,
            "folders": _folders_item(mailbox.folders),
            "sent_folders": list(mailbox.sent_folders),
            "history_since": mailbox.history_since.isoformat(),
            "status": MailboxStatus.CONNECTED.value,
            "connected_at": keys.time_text(now),
            "slot": list(astuple(mailbox.slot)),
            "everything_asked_at": asked_at and keys.time_text(asked_at),
            "audit_asked_at": audit_asked_at and keys.time_text(audit_asked_at),
        }
        self._log.write(
            key.account,
            Change(ChangeKind.TEAM, gained={mailbox.email} if joins_team else frozenset()),
            [
                Put(item, "attribute_not_exists(pk) OR epoch = :epoch", {":epoch": key.epoch}),
                Put(
                    {
                        **keys.connected_address(key.account, mailbox.email),
                        "mailbox": key.mailbox,
                    },
                    "attribute_not_exists(pk) OR mailbox = :mailbox",
                    {":mailbox": key.mailbox},
                ),
                Put(
                    {
                        **keys.team_mailbox(key.account, key.mailbox),
                        "emails": {mailbox.email},
                        "owner": mailbox.owner,
                        "proven": proof_of(mailbox, Claims({})) is not None,
                    }
                ),
                Put(keys.owned_mailbox(key.account, mailbox.owner, key.mailbox)),
                self._due.first(key, mailbox.slot, now, known),
            ],
            now,
            head,
        )

    def set_folders(self, mailbox: Mailbox) -> None:
        """Store which folders are read. One write unit.

        Raises:
            Refused: the mailbox is not connected any more.
        """
        folders, sent = _folders_item(mailbox.folders), list(mailbox.sent_folders)
        self._set(mailbox, {"folders": folders, "sent_folders": sent})

    def set_window(self, mailbox: Mailbox) -> None:
        """Store the first day of the window. One write unit.

        Raises:
            Refused: the mailbox is not connected any more.
        """
        self._set(mailbox, {"history_since": mailbox.history_since.isoformat()})

    def ask_for_everything(self, mailbox: Mailbox, now: datetime) -> None:
        """Have a sync, whichever comes first, begin a pass over everything. One write unit.

        Raises:
            Refused: the mailbox is not connected any more.
        """
        self._set(mailbox, {"everything_asked_at": keys.time_text(now)})

    def ask_for_audit(self, mailbox: Mailbox, now: datetime) -> None:
        """Have a sync, whichever comes first, audit the whole mailbox deeply. One write unit.

        Raises:
            Refused: the mailbox is not connected any more.
        """
        self._set(mailbox, {"audit_asked_at": keys.time_text(now)})

    def _set(self, mailbox: Mailbox, values: Mapping[str, object]) -> None:
        try:
            self._table.update(
                Update(
                    keys.mailbox(mailbox.key.account, mailbox.key.mailbox),
                    "SET " + ", ".join(f"{name} = :{name}" for name in values),
                    {
                        **{f":{name}": value for name, value in values.items()},
                        ":epoch": mailbox.key.epoch,
                        ":connected": MailboxStatus.CONNECTED.value,
                    },
                    "epoch = :epoch AND #status = :connected",
                    {"#status": "status"},
                )
            )
        except ConditionFailed as error:
            raise Refused(Code.MAILBOX_DISCONNECTED) from error

    def find(
        self, account: AccountId, id: MailboxId, *, consistent: bool = False
    ) -> Mailbox | None:
        """Half a read unit, one if consistent."""
        item = self._table.get(keys.mailbox(account, id), consistent=consistent)
        return _mailbox(account, item) if item else None

    def find_many(self, mailboxes: list[MailboxKey]) -> list[Mailbox]:
        """Read mailboxes, consistently: one that was just connected must be found."""
        accounts = {key.mailbox: key.account for key in mailboxes}
        wanted = (keys.mailbox(key.account, key.mailbox) for key in mailboxes)
        items = self._table.get_many(wanted, consistent=True)
        return [_mailbox(accounts[item[keys.SK]], item) for item in items]

    def list_all(self, account: AccountId) -> list[Mailbox]:
        """All mailboxes of an account: half a read unit a 4 KB, some eight mailboxes."""
        items = self._table.query(keys.mailboxes(account))
        return [_mailbox(account, one) for one in items if not one[keys.SK].startswith(keys.OWNED)]

    def owned_by(self, account: AccountId, user: UserId) -> list[Mailbox]:
        """The mailboxes of which a user sees the copies, disconnected ones too.

        One read unit each, whatever the number of mailboxes in the account.
        """
        owned = self._table.query(
            keys.mailboxes(account), keys.owned_mailboxes(user), consistent=True
        )
        ids = [MailboxId(item[keys.SK].rpartition("#")[2]) for item in owned]
        found = self.find_many([MailboxKey(account, id) for id in ids])
        own = (mailbox for mailbox in found if mailbox.owner == user)
        return sorted(own, key=lambda mailbox: mailbox.key.mailbox)

    def disconnect(self, mailbox: Mailbox) -> None:
        """Stop syncing and delete the credential; the mail stays, and the time of its last success.

        Raises:
            ConditionFailed: it is being erased.
        """
        entry = self._due.find(mailbox)
        at = entry.due.last_success_at if entry else None
        success = {":at": keys.time_text(at)} if at else {}
        self._table.update(
            Update(
                keys.mailbox(mailbox.key.account, mailbox.key.mailbox),
                "SET #status = :disconnected" + (", last_success_at = :at" if success else ""),
                {
                    ":disconnected": MailboxStatus.DISCONNECTED.value,
                    ":epoch": mailbox.key.epoch,
                    **success,
                },
                "epoch = :epoch",
                {"#status": "status"},
            )
        )
        self._table.delete(keys.credential(mailbox.key))
        self._due.delete(mailbox)
        self._release_address(mailbox)

    def begin_erasing(self, mailbox: Mailbox, now: datetime) -> Mailbox:
        """Raise the epoch, so that no reader finds the mailbox's mail.

        Its schedule entry is written first, so that an erasure that is interrupted continues.

        Raises:
            ConditionFailed: it is being erased already, or is gone.
        """
        key = mailbox.key
        self._table.put(self._due.first(key, mailbox.slot, now))
        self._log.write(
            key.account,
            Change(ChangeKind.TEAM, gained=frozenset(), lost={mailbox.email}),
            [
                Update(
                    keys.mailbox(key.account, key.mailbox),
                    "SET #status = :erasing, epoch = :next",
                    {
                        ":erasing": MailboxStatus.ERASING.value,
                        ":next": key.epoch + 1,
                        ":epoch": key.epoch,
                    },
                    "epoch = :epoch",
                    {"#status": "status"},
                ),
                Delete(keys.team_mailbox(key.account, key.mailbox)),
            ],
            now,
        )
        self._table.delete(keys.credential(key))
        key = replace(key, epoch=key.epoch + 1)
        return replace(mailbox, key=key, status=MailboxStatus.ERASING)

    def forget(self, mailbox: Mailbox) -> None:
        """Delete the items of an erased mailbox.

        Its own item comes before its schedule entry: a poll deletes an entry without a mailbox.
        """
        key = mailbox.key
        self._table.delete(keys.audit_round(key))
        self._table.delete(keys.state(key))
        self._release_address(mailbox)
        self._table.delete(keys.mailbox(key.account, key.mailbox))
        self._table.delete(keys.owned_mailbox(key.account, mailbox.owner, key.mailbox))
        self._due.delete(mailbox)

    def _release_address(self, mailbox: Mailbox) -> None:
        key = keys.connected_address(mailbox.key.account, mailbox.email)
        self._table.delete(key, mailbox=mailbox.key.mailbox)


def _mailbox(account: AccountId, item: Item) -> Mailbox:
    return Mailbox(
        key=MailboxKey(account, MailboxId(item[keys.SK]), int(item["epoch"])),
        owner=UserId(item["owner"]),
        email=Address(item["email"]),
        imap=read_server(item["imap"]),
        smtp=read_server(item["smtp"]) if "smtp" in item else None,
        username=item["username"],
        history_since=date.fromisoformat(item["history_since"]),
        status=MailboxStatus(item["status"]),
        slot=Slot(*map(int, item["slot"])),
        connected_at=datetime.fromisoformat(item["connected_at"]),
        provider=Provider(item.get("provider", Provider.IMAP)),
        folders=_folders(item.get("folders", FolderScope.ALL.value)),
        sent_folders=tuple(item.get("sent_folders", ())),
        last_success_at=_time(item.get("last_success_at")),
        everything_asked_at=_time(item.get("everything_asked_at")),
        audit_asked_at=_time(item.get("audit_asked_at")),
    )


def _folders_item(folders: FolderSetting) -> str | list[str]:
    return folders.value if isinstance(folders, FolderScope) else list(folders)


def _folders(stored: str | Sequence[str]) -> FolderSetting:
    return FolderScope(stored) if isinstance(stored, str) else tuple(stored)


def read_server(item: Mapping[str, Any]) -> Server:
    """A server from its host, port and security, as an item has them."""
    return Server(item["host"], int(item["port"]), Security(item["security"]))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
