"""Enter an OAuth client of an account's: an operator's command."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from mailmirror.domain.mailbox import AccountId, Provider, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import SIGN_IN
from mailmirror.runtime import Runtime
from mailmirror.store.providers import Registration

_TENANTS = ("common", "organizations", "consumers")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"({_LABEL}\.)+{_LABEL}", re.IGNORECASE | re.ASCII)
_LOOPBACK = ("localhost", "127.0.0.1")
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class SignInPlaces:
    """A provider's endpoints and servers, and the redirect URI."""

    provider: Provider
    tenant: str
    redirect_uri: str
    authorize_url: str
    token_url: str
    userinfo_url: str
    issuer: str
    imap: Server
    smtp: Server | None

    @classmethod
    def parse(
        cls,
        provider: str,
        tenant: str,
        endpoint: str,
        urls: Mapping[str, str] = _NOTHING,
        servers: Mapping[str, Server | None] = _NOTHING,
    ) -> "SignInPlaces":
        """Read what an operator enters.

        Parameters:
            tenant: Microsoft's: `common`, `organizations`, `consumers`, or a tenant's id or domain.
            endpoint: the base URL of the deployment's API.
            urls, servers: other than the provider's own, by their names here: for a sovereign
                cloud, a custom domain's `redirect_uri`, or a provider of one's own.

        Raises:
            Refused: no such provider, or the detail names what is wrong.
        """
        if provider not in SIGN_IN:
            raise Refused(Code.PROVIDER_UNSUPPORTED, f"{provider}: google or microsoft")
        known = Provider(provider)
        facts = SIGN_IN[known]
        _ensure_tenant(known, tenant)

        def url(field: str, own: str) -> str:
            return _https(field, urls.get(field, own), tenant)

        callback = f"{endpoint}/oauth/{known}/callback"
        has_profile = urls.get("userinfo_url", facts.userinfo_url) != ""
        return cls(
            provider=known,
            tenant=tenant,
            redirect_uri=_redirect_uri(urls.get("redirect_uri", callback)),
            authorize_url=url("authorize_url", facts.authorize_url),
            token_url=url("token_url", facts.token_url),
            userinfo_url=url("userinfo_url", facts.userinfo_url) if has_profile else "",
            issuer=url("issuer", facts.issuer),
            imap=servers.get("imap") or facts.imap,
            smtp=servers.get("smtp", facts.smtp),
        )


def register_provider(
    id: AccountId, client_id: str, client_secret: str, places: SignInPlaces, runtime: Runtime
) -> Registration:
    """Store the registration, its secret sealed.

    Raises:
        Refused: there is no such account.
    """
    account = runtime.accounts.find(id)
    if account is None:
        raise Refused(Code.NOT_FOUND, f"account {id}")
    registration = Registration(
        provider=places.provider,
        client_id=client_id,
        client_secret=client_secret,
        redirect_uri=places.redirect_uri,
        tenant=places.tenant,
        authorize_url=places.authorize_url,
        token_url=places.token_url,
        userinfo_url=places.userinfo_url,
        issuer=places.issuer,
        imap=places.imap,
        smtp=places.smtp,
    )
    runtime.providers.put(account, registration, runtime.now())
    return registration


def _ensure_tenant(provider: Provider, tenant: str) -> None:
    if provider is not Provider.MICROSOFT or tenant in _TENANTS:
        return
    if not (_GUID.fullmatch(tenant) or _DOMAIN.fullmatch(tenant)) or len(tenant) > 253:
        raise Refused(
            Code.INVALID_FIELD,
            f"tenant {tenant!r}: {', '.join(_TENANTS)}, or a directory's id or domain name",
        )


def _https(field: str, url: str, tenant: str) -> str:
    """Check that a URL is https: codes, tokens and the client's secret are sent there."""
    text = url.replace("{tenant}", tenant)
    parts = _plain_url(text)
    if parts is None or parts.scheme != "https":
        raise Refused(Code.INVALID_FIELD, f"{field}: an https URL without user and fragment")
    return text


def _redirect_uri(text: str) -> str:
    parts = _plain_url(text)
    at_home = parts and parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts is None or not (parts.scheme == "https" or at_home):
        raise Refused(Code.INVALID_FIELD, "redirect_uri: an https URL without user and fragment")
    return text


def _plain_url(text: str) -> SplitResult | None:
    """Parse a URL with a host, without user and fragment; None where it is not valid."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    written = text.isascii() and text.isprintable() and " " not in text
    whole = written and parts.hostname and port != 0
    return parts if whole and "@" not in parts.netloc and "#" not in text else None
