"""Accounts, their settings and their API keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mailmirror.domain.deals import DealPolicy
from mailmirror.domain.mailbox import AccountId, Mailbox, MailboxId, UserId
from mailmirror.domain.passes import Basis
from mailmirror.domain.settings import DeletedMail, Setting
from mailmirror.domain.words.explanation import Language
from mailmirror.store import keys
from mailmirror.store.table import Put, Table, Update

_BLOCKS = "blocks#"
"""What the attributes of the account begin with that hold, by user, the version of their blocks and
how many there are."""


@dataclass(frozen=True, slots=True)
class Account:
    id: AccountId
    name: str
    webhook_secret: bytes
    """Sealed; see `vault`."""
    data_key: bytes
    """The key of the account's credentials, sealed."""
    deal_policy: DealPolicy = DealPolicy.ONE_OPEN_DEAL
    max_recipients: int = 100
    deleted_mail: DeletedMail = DeletedMail.KEEP
    mailboxes_per_user: int = 1
    messages_a_day: int = 300
    """How many messages a mailbox may send."""
    language: Language = Language.EN
    """Of answers where a request names none, and of what is sent to persons by mail."""
    rules_line: int = 0
    """The line of the log at which a setting was last changed that mail depends on."""
    policy_line: int = 0
    """The line at which that was `deal_policy`."""
    return_urls: frozenset[str] = frozenset()
    """Where a browser may be sent after a sign-in: without query and fragment."""
    codes_mailbox: MailboxId | None = None
    """Which mailbox sends the codes that prove addresses."""
    former_secrets: Mapping[bytes, datetime] = field(default_factory=dict)
    """Webhook secrets that were replaced, sealed, and when each ends."""
    blocks: Mapping[UserId, int] = field(default_factory=dict)
    """The versions of what users have blocked, or had."""
    blocking: frozenset[UserId] = frozenset()
    """The users who have blocked anything."""

    def setting(self, name: Setting) -> int | str:
        """The value of a setting."""
        value: int | str = getattr(self, name.value)
        return value

    def basis(self, line: int, mailbox: Mailbox) -> Basis:
        """What verdicts about a mailbox are given under.

        Parameters:
            line: of the log, up to which people are known.
        """
        follows = self.deleted_mail is DeletedMail.FOLLOW
        blocks = self.blocks.get(mailbox.owner, 0)
        return Basis.of(line, mailbox, self.max_recipients, follows=follows, blocks=blocks)

    def former_secrets_at(self, now: datetime) -> Mapping[bytes, datetime]:
        """Those that are still valid."""
        return {sealed: end for sealed, end in self.former_secrets.items() if now < end}


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str
    name: str
    digest: str
    """SHA-256 of the secret, in hexadecimal."""
    created_at: str
    revoked_at: str | None


class Accounts:
    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, account: Account, now: datetime) -> None:
        """Store a new account.

        Raises:
            ConditionFailed: the id is taken.
        """
        item = {
            **keys.account(account.id),
            "name": account.name,
            "webhook_secret": account.webhook_secret,
            "data_key": account.data_key,
            "deal_policy": account.deal_policy.value,
            "max_recipients": account.max_recipients,
            "mailboxes_per_user": account.mailboxes_per_user,
            "created_at": keys.time_text(now),
        }
        self._table.put(Put(item, "attribute_not_exists(pk)"))

    def find(self, id: AccountId, *, consistent: bool = False) -> Account | None:
        """Read an account. Half a read unit, one if consistent."""
        item = self._table.get(keys.account(id), consistent=consistent)
        if item is None:
            return None
        blocks = {
            UserId(name.removeprefix(_BLOCKS)): value
            for name, value in item.items()
            if name.startswith(_BLOCKS)
        }
        return Account(
            id=id,
            name=item["name"],
            webhook_secret=item["webhook_secret"],
            data_key=item["data_key"],
            deal_policy=DealPolicy(item["deal_policy"]),
            max_recipients=int(item["max_recipients"]),
            deleted_mail=DeletedMail(item.get("deleted_mail", DeletedMail.KEEP)),
            mailboxes_per_user=int(item["mailboxes_per_user"]),
            messages_a_day=int(item.get("messages_a_day", 300)),
            language=Language(item.get("language", Language.EN)),
            rules_line=int(item.get("rules_line", 0)),
            policy_line=int(item.get("policy_line", 0)),
            return_urls=frozenset(item.get("return_urls") or ()),
            codes_mailbox=MailboxId(item["codes_mailbox"]) if "codes_mailbox" in item else None,
            former_secrets={
                sealed: datetime.fromisoformat(end)
                for end, sealed in item.get("former_secrets", {}).items()
            },
            blocks={user: int(version) for user, (version, _) in blocks.items()},
            blocking=frozenset(user for user, (_, count) in blocks.items() if count),
        )

    @staticmethod
    def change(id: AccountId, changed: Mapping[Setting, int | str], line: int) -> Update:
        """The change of settings, which is written with its line of the log. One write unit.

        Parameters:
            line: the number of that line, where verdicts or matches depend on one of them.
        """
        values: dict[str, int | str] = {name.value: value for name, value in changed.items()}
        if any(one.changes_verdicts for one in changed):
            values["rules_line"] = line
        if Setting.DEAL_POLICY in changed:
            values["policy_line"] = line
        return Update(
            keys.account(id),
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            {f":{name}": value for name, value in values.items()},
            "attribute_exists(pk)",
            {f"#{name}": name for name in values},  # `language` is a reserved word
        )

    @staticmethod
    def change_blocks(id: AccountId, user: UserId, version: int, count: int) -> Update:
        """Name the version of what a user blocks, in the transaction that stores the blocks."""
        return Update(
            keys.account(id),
            "SET #blocks = :blocks",
            {":blocks": [version, count]},
            "attribute_exists(pk)",
            {"#blocks": f"{_BLOCKS}{user}"},
        )

    def set_return_urls(self, id: AccountId, urls: frozenset[str]) -> None:
        """Replace the list of return URLs.

        Raises:
            ConditionFailed: there is no such account.
        """
        update = "SET return_urls = :urls" if urls else "REMOVE return_urls"
        values = {":urls": set(urls)} if urls else {}
        self._table.update(Update(keys.account(id), update, values, "attribute_exists(pk)"))

    def replace_webhook_secret(
        self, account: Account, sealed: bytes, former: Mapping[bytes, datetime]
    ) -> None:
        """Store a new webhook secret, and the former ones that are still valid.

        Raises:
            ConditionFailed: the secret was replaced meanwhile.
        """
        values = {
            ":new": sealed,
            ":present": account.webhook_secret,
            ":former": {keys.time_text(end): one for one, end in former.items()},
        }
        self._table.update(
            Update(
                keys.account(account.id),
                "SET webhook_secret = :new, former_secrets = :former",
                values,
                "webhook_secret = :present",
            )
        )

    def set_codes_mailbox(self, id: AccountId, mailbox: MailboxId) -> None:
        """Name the mailbox that sends the codes which prove addresses.

        Raises:
            ConditionFailed: there is no such account.
        """
        update = "SET codes_mailbox = :mailbox"
        self._table.update(
            Update(keys.account(id), update, {":mailbox": mailbox}, "attribute_exists(pk)")
        )

    def add_key(self, account: AccountId, key: ApiKey) -> None:
        """Store the digest of an API key; the key itself is not stored."""
        item = {
            **keys.api_key(account, key.id),
            "name": key.name,
            "digest": key.digest,
            "created_at": key.created_at,
        }
        self._table.put(Put(item, "attribute_not_exists(pk)"))

    def find_key(self, account: AccountId, key_id: str) -> ApiKey | None:
        """Read an API key. One read unit: a revoked key must fail at the next call."""
        item = self._table.get(keys.api_key(account, key_id), consistent=True)
        return _api_key(item) if item else None

    def list_keys(self, account: AccountId) -> list[ApiKey]:
        partition = keys.account(account)[keys.PK]
        return [_api_key(item) for item in self._table.query(partition, keys.API_KEYS)]

    def revoke_key(self, account: AccountId, key_id: str, now: datetime) -> None:
        """Revoke an API key; it stays listed.

        Raises:
            ConditionFailed: there is no such key.
        """
        self._table.update(
            Update(
                keys.api_key(account, key_id),
                "SET revoked_at = if_not_exists(revoked_at, :now)",
                {":now": keys.time_text(now)},
                "attribute_exists(pk)",
            )
        )


def _api_key(item: dict[str, str]) -> ApiKey:
    return ApiKey(
        id=item[keys.SK].removeprefix(keys.API_KEYS),
        name=item["name"],
        digest=item["digest"],
        created_at=item["created_at"],
        revoked_at=item.get("revoked_at"),
    )
