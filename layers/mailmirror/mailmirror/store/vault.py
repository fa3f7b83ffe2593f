"""Secrets, sealed.

A webhook's secret is sealed by KMS itself. What signs in to mailboxes is sealed by AES-GCM with a
data key per account, which KMS seals; the account and what it is for are associated data, so that
a sealed credential moved to another item does not open. What a function may unseal, its policy
says by the encryption context's `purpose`.
"""

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mailmirror.domain.mailbox import AccountId
from mailmirror.store.accounts import Account

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
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

    def webhook_secrets(self, account: Account, now: datetime) -> Sequence[bytes]:
        """The secrets with one of which an event may be signed now."""
        sealed = [account.webhook_secret, *account.former_secrets_at(now)]
        return [self._unseal(account.id, WEBHOOK, one, now) for one in sealed]

    def new_data_key(self, account: AccountId) -> bytes:
        """Make the data key of an account's credentials; return it sealed."""
        answer = self._client.generate_data_key_without_plaintext(
            KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=_context(account, CREDENTIALS)
        )
        return answer["CiphertextBlob"]

    def seal(self, account: Account, what: str, fields: Mapping[str, str], now: datetime) -> bytes:
        """Seal fields with the account's data key.

        Parameters:
            what: which of the account's secrets it is; it opens as that and as no other.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = json.dumps(dict(fields)).encode()
        return nonce + self._cipher(account, now).encrypt(nonce, plain, _associated(account, what))

    def open(self, account: Account, what: str, sealed: bytes, now: datetime) -> dict[str, str]:
        """Open what `seal` made.

        Raises:
            cryptography.exceptions.InvalidTag: it was sealed for another account, or as another.
        """
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        plain = self._cipher(account, now).decrypt(nonce, text, _associated(account, what))
        fields: dict[str, str] = json.loads(plain)
        return fields

    def signature_key(self, account: Account, now: datetime) -> bytes:
        """The key by which an account signs the messages that it sends."""
        return hmac.digest(self._data_key(account, now), b"mailmirror message signature", "sha256")

    def proof_key(self, account: Account, now: datetime) -> bytes:
        """The key under which codes that prove an address are digested."""
        return hmac.digest(self._data_key(account, now), b"mailmirror address proof", "sha256")

    def _cipher(self, account: Account, now: datetime) -> "AESGCM":
        # Most functions open no credential, and `webhook` asks KMS alone: 40 ms saved.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._data_key(account, now))

    def _data_key(self, account: Account, now: datetime) -> bytes:
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


def _associated(account: Account, what: str) -> bytes:
    return f"{account.id}#{what}".encode()
