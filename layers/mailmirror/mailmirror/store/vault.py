"""Secrets, sealed.

A webhook's secret is sealed by KMS itself. A mailbox's credential is sealed by AES-GCM with a data
key per account, which KMS seals; the account and the mailbox are associated data, so that a
sealed credential moved to another item does not open. What a function may unseal, its policy
says by the encryption context's `purpose`.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailmirror.domain.mailbox import AccountId, MailboxKey
from mailmirror.store import keys
from mailmirror.store.accounts import Account
from mailmirror.store.table import Table, Update

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_UNSEALED_FOR = timedelta(minutes=5)
_NONCE_BYTES = 12
WEBHOOK, CREDENTIALS = "webhook", "credentials"


def _context(account: AccountId, purpose: str) -> dict[str, str]:
    return {"account": account, "purpose": purpose}


class Vault:
    """KMS, asked at most once an environment, account and purpose in five minutes."""

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        self._client = client
        self._key_id = key_id
        self._unsealed: dict[tuple[AccountId, str, bytes], tuple[bytes, datetime]] = {}

    def seal_webhook_secret(self, account: AccountId, secret: str) -> bytes:
        answer = self._client.encrypt(
            KeyId=self._key_id,
            Plaintext=secret.encode(),
            EncryptionContext=_context(account, WEBHOOK),
        )
        return answer["CiphertextBlob"]

    def webhook_secret(self, account: Account, now: datetime) -> bytes:
        return self._unseal(account.id, WEBHOOK, account.webhook_secret, now)

    def new_data_key(self, account: AccountId) -> bytes:
        """Make the data key of an account's credentials; return it sealed."""
        answer = self._client.generate_data_key_without_plaintext(
            KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=_context(account, CREDENTIALS)
        )
        return answer["CiphertextBlob"]

    def data_key(self, account: Account, now: datetime) -> bytes:
        return self._unseal(account.id, CREDENTIALS, account.data_key, now)

    def _unseal(self, account: AccountId, purpose: str, sealed: bytes, now: datetime) -> bytes:
        known = self._unsealed.get((account, purpose, sealed))
        if known is not None and now < known[1]:
            return known[0]
        answer = self._client.decrypt(
            KeyId=self._key_id, CiphertextBlob=sealed, EncryptionContext=_context(account, purpose)
        )
        self._unsealed[account, purpose, sealed] = (answer["Plaintext"], now + _UNSEALED_FOR)
        return answer["Plaintext"]


@dataclass(frozen=True, slots=True)
class Credential:
    """What signs in to a mailbox's servers. Its text form shows nothing."""

    password: str

    def __repr__(self) -> str:
        return "Credential(…)"


class Credentials:
    """The sealed credentials of mailboxes."""

    def __init__(self, table: Table, vault: Vault) -> None:
        self._table = table
        self._vault = vault

    def put(self, account: Account, key: MailboxKey, credential: Credential, now: datetime) -> None:
        """Seal and keep a credential in place of an earlier one. One write unit."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = json.dumps({"password": credential.password}).encode()
        cipher = AESGCM(self._vault.data_key(account, now))
        sealed = nonce + cipher.encrypt(nonce, plain, _associated(key))
        self._table.update(
            Update(keys.credential(key), "SET sealed = :sealed", {":sealed": sealed})
        )

    def get(self, account: Account, key: MailboxKey, now: datetime) -> Credential | None:
        """Read and unseal a credential. One read unit: a corrected password counts at once.

        Raises:
            cryptography.exceptions.InvalidTag: it was sealed for another mailbox.
        """
        item = self._table.get(keys.credential(key), consistent=True)
        if item is None:
            return None
        sealed: bytes = item["sealed"]
        cipher = AESGCM(self._vault.data_key(account, now))
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return Credential(**json.loads(cipher.decrypt(nonce, text, _associated(key))))

    def delete(self, key: MailboxKey) -> None:
        self._table.delete(keys.credential(key))


def _associated(key: MailboxKey) -> bytes:
    return f"{key.account}#{key.mailbox}".encode()
