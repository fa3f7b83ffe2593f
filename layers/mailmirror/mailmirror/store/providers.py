"""An account's OAuth clients: one registration a provider, its secret sealed."""

from dataclasses import asdict, dataclass
from datetime import datetime

from mailmirror.domain.mailbox import AccountId, Provider, Server
from mailmirror.store import keys
from mailmirror.store.accounts import Account
from mailmirror.store.mailboxes import read_server
from mailmirror.store.table import Put, Table
from mailmirror.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Registration:
    """What the operator entered. Its text form shows no secret."""

    provider: Provider
    client_id: str
    client_secret: str
    redirect_uri: str
    tenant: str
    authorize_url: str
    token_url: str
    userinfo_url: str
    issuer: str
    imap: Server
    smtp: Server | None

    def __repr__(self) -> str:
        return f"Registration({self.provider})"


class ProviderStore:
    def __init__(self, table: Table, vault: Vault) -> None:
        self._table = table
        self._vault = vault

    def put(self, account: Account, registration: Registration, now: datetime) -> None:
        """Keep a registration in place of an earlier one."""
        fields = asdict(registration)
        secret = {"client_secret": fields.pop("client_secret")}
        sealed = self._vault.seal(account, _what(registration.provider), secret, now)
        key = keys.provider(account.id, registration.provider)
        self._table.put(
            Put({**key, **fields, "provider": registration.provider.value} | {"sealed": sealed})
        )

    def is_registered(self, account: AccountId, provider: Provider) -> bool:
        """Tell whether the account has an OAuth client there. Half a read unit."""
        return self._table.get(keys.provider(account, provider)) is not None

    def find(self, account: Account, provider: Provider, now: datetime) -> Registration | None:
        """Read and unseal a registration. Half a read unit."""
        item = self._table.get(keys.provider(account.id, provider))
        if item is None:
            return None
        secret = self._vault.open(account, _what(provider), item["sealed"], now)
        return Registration(
            provider=provider,
            client_id=item["client_id"],
            client_secret=secret["client_secret"],
            redirect_uri=item["redirect_uri"],
            tenant=item["tenant"],
            authorize_url=item["authorize_url"],
            token_url=item["token_url"],
            userinfo_url=item["userinfo_url"],
            issuer=item["issuer"],
            imap=read_server(item["imap"]),
            smtp=read_server(item["smtp"]) if item.get("smtp") else None,
        )


def _what(provider: Provider) -> str:
    return f"provider#{provider}"
