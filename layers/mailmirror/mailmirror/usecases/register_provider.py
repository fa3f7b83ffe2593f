"""Enter an OAuth client of an account's: an operator's command."""

from collections.abc import Mapping
from typing import Any

from mailmirror.domain.mailbox import AccountId, Provider, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import SIGN_IN
from mailmirror.runtime import Runtime
from mailmirror.store.mailboxes import read_server
from mailmirror.store.providers import Registration


def register_provider(
    id: AccountId,
    provider: Provider,
    client_id: str,
    client_secret: str,
    tenant: str,
    endpoint: str,
    others: Mapping[str, Any],
    runtime: Runtime,
) -> Registration:
    """Keep what the provider knows Mailmirror by, its secret sealed.

    Parameters:
        tenant: Microsoft's: `common`, `organizations`, `consumers`, or a tenant's id.
        endpoint: the base URL of the deployment's API.
        others: URLs and servers other than the provider's own, by their names in `Registration`:
            for a sovereign cloud, a custom domain's `redirect_uri`, or a provider of one's own.

    Raises:
        Refused: there is no such account, or no such provider.
    """
    account = runtime.accounts.find(id)
    if account is None:
        raise Refused(Code.NOT_FOUND, f"account {id}")
    if provider not in SIGN_IN:
        raise Refused(Code.PROVIDER_UNSUPPORTED, provider)
    facts = SIGN_IN[provider]
    registration = Registration(
        provider=provider,
        client_id=client_id,
        client_secret=client_secret,
        redirect_uri=others.get("redirect_uri", f"{endpoint}/oauth/{provider}/callback"),
        tenant=tenant,
        authorize_url=others.get("authorize_url", facts.authorize_url).replace("{tenant}", tenant),
        token_url=others.get("token_url", facts.token_url).replace("{tenant}", tenant),
        userinfo_url=others.get("userinfo_url", facts.userinfo_url),
        issuer=others.get("issuer", facts.issuer),
        imap=read_server(others["imap"]) if "imap" in others else facts.imap,
        smtp=_smtp(others) if "smtp" in others else facts.smtp,
    )
    runtime.providers.put(account, registration, runtime.now())
    return registration


def _smtp(others: Mapping[str, Any]) -> Server | None:
    """None where the file says that there is none."""
    return read_server(others["smtp"]) if others["smtp"] else None
