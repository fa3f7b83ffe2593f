"""Sign-ins that were begun: each is found by its state, and taken once."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime

from mailmirror.domain.mailbox import AccountId, Provider, UserId
from mailmirror.store import keys
from mailmirror.store.accounts import Account
from mailmirror.store.table import Put, Table
from mailmirror.store.vault import Vault


@dataclass(frozen=True, slots=True)
class SignIn:
    """For whom a browser was sent to a provider. Its text form shows no secret."""

    provider: Provider
    user: UserId
    login_hint: str
    """The address that is expected; empty where any will do."""
    return_url: str
    verifier: str
    """Of PKCE (RFC 7636)."""
    nonce: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"SignIn({self.provider}, {self.user!r})"


class SignInStore:
    def __init__(self, table: Table, vault: Vault) -> None:
        self._table = table
        self._vault = vault

    def put(self, account: Account, state: str, begun: SignIn, now: datetime) -> None:
        """Keep a sign-in under its state, of which only a hash is stored. One write unit."""
        digest = _digest(state)
        fields = {name: str(value) for name, value in asdict(begun).items()}
        fields["expires_at"] = begun.expires_at.isoformat()
        item = {
            **keys.sign_in(account.id, digest),
            "sealed": self._vault.seal(account, f"signin#{digest}", fields, now),
            keys.EXPIRES: int(begun.expires_at.timestamp()),
        }
        self._table.put(Put(item, "attribute_not_exists(pk)"))

    def is_begun(self, account: AccountId, state: str) -> bool:
        """Whether there is a sign-in of this state. One read unit."""
        key = keys.sign_in(account, _digest(state))
        return self._table.get(key, consistent=True) is not None

    def take(self, account: Account, state: str, now: datetime) -> SignIn | None:
        """Read a sign-in and delete it: only one of two callers gets it.

        One read unit and one write unit; no write where there is none, for states come from
        strangers.
        """
        digest = _digest(state)
        key = keys.sign_in(account.id, digest)
        item = self._table.get(key, consistent=True)
        if item is None or not self._table.delete(key):
            return None
        fields = self._vault.open(account, f"signin#{digest}", item["sealed"], now)
        return SignIn(
            provider=Provider(fields["provider"]),
            user=UserId(fields["user"]),
            login_hint=fields["login_hint"],
            return_url=fields["return_url"],
            verifier=fields["verifier"],
            nonce=fields["nonce"],
            expires_at=datetime.fromisoformat(fields["expires_at"]),
        )


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
