"""The sealed credential of each mailbox, and which services have refused it.

Only one function refreshes a token: it claims the refresh by an update that is conditional on the
version it has read; the others read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailmirror.domain.mailbox import SIGN_IN_PAUSE, MailboxKey
from mailmirror.domain.oauth import Grant
from mailmirror.domain.problems import Code, Refused
from mailmirror.store import keys
from mailmirror.store.accounts import Account
from mailmirror.store.table import ConditionFailed, Item, Table, Update
from mailmirror.store.vault import Vault

CLAIM_LIFETIME = timedelta(seconds=30)
"""After which a claimed refresh that was not finished may be claimed again."""
_REFUSAL_LIFETIME = SIGN_IN_PAUSE - timedelta(minutes=2)
"""How long a refusal is remembered: 2 minutes less than SIGN_IN_PAUSE, so that the next hourly poll
is not skipped by clock jitter."""


@dataclass(frozen=True, slots=True)
class Password:
    """A password; `repr` does not show it."""

    password: str = field(repr=False)


Credential = Password | Grant


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential with its version and the refusals of the last hour."""

    credential: Credential
    version: int
    refusals: Mapping[str, Refused]
    """By the service that refused: `token`, `imap` or `smtp`."""


class Credentials:
    """The sealed credentials of mailboxes."""

    def __init__(self, table: Table, vault: Vault) -> None:
        self._table = table
        self._vault = vault

    def put(self, account: Account, key: MailboxKey, credential: Credential, now: datetime) -> None:
        """Seal and store a credential in place of an earlier one, without its refusals.

        Versions begin with the time, so that none is used twice, even after a deletion.
        """
        self._table.update(
            Update(
                keys.credential(key),
                "SET sealed = :sealed, version = if_not_exists(version, :first) + :one"
                " REMOVE claimed_until, refusals",
                {
                    ":sealed": self._seal(account, key, credential, now),
                    ":first": int(now.timestamp() * 1000),
                    ":one": 1,
                },
            )
        )

    def get(self, account: Account, key: MailboxKey, now: datetime) -> StoredCredential | None:
        """Read and unseal a credential. One read unit: a corrected password counts at once.

        Raises:
            cryptography.exceptions.InvalidTag: it was sealed for another mailbox.
        """
        item = self._table.get(keys.credential(key), consistent=True)
        if item is None:
            return None
        fields = self._vault.open(account, key.mailbox, item["sealed"], now)
        return StoredCredential(
            _credential(fields), int(item.get("version", 0)), _refusals(item, now)
        )

    def claim(self, key: MailboxKey, version: int, now: datetime) -> bool:
        """Claim the refresh of a token; False where it is claimed, or done already."""
        return self._write(
            key,
            version,
            "SET claimed_until = :until",
            {":until": keys.time_text(now + CLAIM_LIFETIME), ":now": keys.time_text(now)},
            " AND (attribute_not_exists(claimed_until) OR claimed_until <= :now)",
        )

    def replace(
        self, account: Account, key: MailboxKey, version: int, grant: Grant, now: datetime
    ) -> bool:
        """Store a refreshed grant, unless the user has signed in again since."""
        return self._write(
            key,
            version,
            "SET sealed = :sealed REMOVE claimed_until ADD version :one",
            {":sealed": self._seal(account, key, grant, now), ":one": 1},
        )

    def release(self, key: MailboxKey, version: int) -> None:
        """Release a claim: the provider could not be asked."""
        self._write(key, version, "REMOVE claimed_until", {})

    def refuse(
        self, key: MailboxKey, version: int, service: str, refused: Refused, now: datetime
    ) -> None:
        """Store that a service refused this credential: it is not tried again for an hour."""
        told = {**self._told(key), service: [refused.code.value, refused.detail, now.isoformat()]}
        expression = "SET refusals = :told REMOVE claimed_until"
        self._write(key, version, expression, {":told": told})

    def delete(self, key: MailboxKey) -> None:
        self._table.delete(keys.credential(key))

    def _told(self, key: MailboxKey) -> dict[str, list[str]]:
        item = self._table.get(keys.credential(key), consistent=True) or {}
        return dict(item.get("refusals", {}))

    def _seal(
        self, account: Account, key: MailboxKey, credential: Credential, now: datetime
    ) -> bytes:
        return self._vault.seal(account, key.mailbox, _fields(credential), now)

    def _write(
        self,
        key: MailboxKey,
        version: int,
        expression: str,
        values: Mapping[str, object],
        condition: str = "",
    ) -> bool:
        """Update a credential if its version is the one that was read."""
        same = "attribute_exists(pk) AND attribute_not_exists(version)"
        if version:
            same, values = "version = :version", {**values, ":version": version}
        try:
            self._table.update(Update(keys.credential(key), expression, values, same + condition))
        except ConditionFailed:
            return False
        return True


def _fields(credential: Credential) -> Mapping[str, str]:
    if isinstance(credential, Password):
        return {"password": credential.password}
    return {
        "refresh_token": credential.refresh_token,
        "access_token": credential.access_token,
        "issued_at": credential.issued_at.isoformat(),
        "expires_at": credential.expires_at.isoformat(),
    }


def _credential(fields: Mapping[str, str]) -> Credential:
    if "password" in fields:
        return Password(fields["password"])
    return Grant(
        fields["refresh_token"],
        fields["access_token"],
        datetime.fromisoformat(fields["issued_at"]),
        datetime.fromisoformat(fields["expires_at"]),
    )


def _refusals(item: Item, now: datetime) -> Mapping[str, Refused]:
    return {
        service: Refused(Code(code), detail)
        for service, (code, detail, at) in item.get("refusals", {}).items()
        if now - datetime.fromisoformat(at) < _REFUSAL_LIFETIME
    }
