"""OAuth 2 with a provider: authorisation code with PKCE (RFC 7636), refresh, and the profile.

requests-oauthlib is imported where it is used: it costs 0.2 s, and most calls need no token.
"""

import base64
import binascii
import json
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mailmirror.domain.limits import MAX_PROVIDER_ANSWER_BYTES
from mailmirror.domain.oauth import Grant, refusal
from mailmirror.domain.problems import Code, Refused

if TYPE_CHECKING:
    from requests import PreparedRequest, Response
    from requests_oauthlib import OAuth2Session

for _library in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_library).setLevel(logging.WARNING)  # their debug lines quote tokens

_ANSWER_SECONDS = 8
"""For one answer of the provider: a person waits."""
_PIECE_BYTES = 16 << 10
_MAX_TOKEN_LIFETIME = timedelta(days=1)
_DEFAULT_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Mailmirror as a provider knows it: one registration of one account's."""

    client_id: str
    client_secret: str
    redirect_uri: str
    authorize_url: str
    token_url: str
    userinfo_url: str

    def __repr__(self) -> str:
        return f"OAuthClient({self.client_id!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What the token endpoint gave for a code."""

    grant: Grant
    scopes: frozenset[str]
    """Granted; empty where the provider does not say, which means all (RFC 6749 5.1)."""
    claims: Mapping[str, object]
    """Of the ID token, not checked yet; empty without one."""


def new_verifier() -> str:
    """Make a PKCE code verifier."""
    from oauthlib.oauth2 import WebApplicationClient

    return str(WebApplicationClient("").create_code_verifier(64))


def authorization_url(
    client: OAuthClient,
    scopes: Sequence[str],
    state: str,
    verifier: str,
    extra: Mapping[str, str],
) -> str:
    """Where a person signs in."""
    from oauthlib.oauth2 import WebApplicationClient

    challenge = WebApplicationClient("").create_code_challenge(verifier, "S256")
    session = _session(client, None, scope=list(scopes))
    url, _ = session.authorization_url(
        client.authorize_url,
        state,
        code_challenge=challenge,
        code_challenge_method="S256",
        **extra,
    )
    return str(url)


def exchange(
    client: OAuthClient, code: str, verifier: str, trust: ssl.SSLContext, now: datetime
) -> Tokens:
    """Exchange an authorisation code for tokens.

    Raises:
        Refused: `code_refused`, or what the provider says.
    """
    with _session(client, trust) as session:
        fields = _ask(
            lambda: session.fetch_token(
                client.token_url,
                code=code,
                code_verifier=verifier,
                client_secret=client.client_secret,
                include_client_id=True,
                timeout=_ANSWER_SECONDS,
            ),
            grant_refused=Code.CODE_REFUSED,
        )
    if not fields.get("refresh_token"):
        raise Refused(Code.PROVIDER_MISCONFIGURED, "no refresh token was given")
    scope = fields.get("scope") or ()
    scopes = frozenset(scope.split() if isinstance(scope, str) else map(str, scope))
    return Tokens(_grant(fields, "", now), scopes, _claims(fields.get("id_token")))


def refresh(client: OAuthClient, grant: Grant, trust: ssl.SSLContext, now: datetime) -> Grant:
    """Get a new access token; the refresh token may be another from then on.

    Raises:
        Refused: what the provider says.
    """
    with _session(client, trust) as session:
        fields = _ask(
            lambda: session.refresh_token(
                client.token_url,
                refresh_token=grant.refresh_token,
                client_id=client.client_id,
                client_secret=client.client_secret,
                timeout=_ANSWER_SECONDS,
            )
        )
    return _grant(fields, grant.refresh_token, now)


def profile(client: OAuthClient, grant: Grant, trust: ssl.SSLContext) -> Mapping[str, object]:
    """Ask for the profile (OpenID Connect Core 5.3); empty where the provider has none.

    Raises:
        Refused: `provider_unavailable`.
    """
    if not client.userinfo_url:
        return {}
    import requests

    with _session(client, trust) as session:
        try:
            answer = session.request(
                "GET",
                client.userinfo_url,
                headers={"Authorization": f"Bearer {grant.access_token}"},
                withhold_token=True,
                timeout=_ANSWER_SECONDS,
            )
            answer.raise_for_status()
            fields = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise Refused(Code.PROVIDER_UNAVAILABLE, "profile") from error
    return fields if isinstance(fields, dict) else {}


def _session(
    client: OAuthClient, trust: ssl.SSLContext | None, scope: list[str] | None = None
) -> "OAuth2Session":
    from requests.adapters import HTTPAdapter
    from requests_oauthlib import OAuth2Session

    class Trusting(HTTPAdapter):
        """An adapter with the deployment's TLS context and a bound on answers, which come whole."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, ssl_context=trust, **kwargs)

        def send(self, request: "PreparedRequest", *args: Any, **kwargs: Any) -> "Response":
            answer = super().send(request, *args, **(kwargs | {"stream": True}))
            read = bytearray()
            for piece in answer.iter_content(_PIECE_BYTES):
                read += piece
                if len(read) > MAX_PROVIDER_ANSWER_BYTES:
                    answer.close()
                    raise Refused(Code.PROVIDER_UNAVAILABLE, "the answer is too long")
            answer._content = bytes(read)
            return answer

    # Without scopes, so that answers which grant others raise nothing here: the caller looks.
    session = OAuth2Session(client.client_id, redirect_uri=client.redirect_uri, scope=scope)
    session.trust_env = False
    session.max_redirects = 0  # a 307 would take code and secret to another host
    session.mount("https://", Trusting())
    for hook in ("access_token_response", "refresh_token_response"):
        session.register_compliance_hook(hook, _readable)
    return session


def _readable(answer: "Response") -> "Response":
    """Keep from the library what is no answer of a token endpoint (RFC 6749 5)."""
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Refused(Code.PROVIDER_UNAVAILABLE, f"HTTP {answer.status_code}")
    try:
        fields = answer.json()
    except ValueError as error:
        raise Refused(Code.PROVIDER_UNAVAILABLE, f"HTTP {answer.status_code}") from error
    if not isinstance(fields, dict):
        raise Refused(Code.PROVIDER_UNAVAILABLE, "no object")
    if "error" in fields:
        # Google may give its hint in a field of its own.
        hints = (fields.get(name) for name in ("error_description", "error_subtype"))
        raise _ProviderError(str(fields["error"]), " ".join(str(one) for one in hints if one))
    return answer


class _ProviderError(Exception):
    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def _ask(
    request: Callable[[], Mapping[str, Any]], grant_refused: Code | None = None
) -> Mapping[str, Any]:
    """Ask the token endpoint; what the libraries raise can quote tokens and is not kept."""
    import requests
    from oauthlib.oauth2 import OAuth2Error

    try:
        fields = request()
    except _ProviderError as error:
        found = refusal(error.error, error.description)
        if grant_refused and found.code is Code.GRANT_REVOKED:
            raise Refused(grant_refused, found.detail) from None
        raise found from None
    except (requests.RequestException, OAuth2Error) as error:
        raise Refused(Code.PROVIDER_UNAVAILABLE, type(error).__name__) from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        raise Refused(Code.PROVIDER_UNAVAILABLE, "the answer cannot be read") from None
    if not isinstance(fields.get("access_token"), str):
        raise Refused(Code.PROVIDER_UNAVAILABLE, "no access token")
    return fields


def _grant(fields: Mapping[str, Any], refresh_token: str, now: datetime) -> Grant:
    """From the seconds that the token lives, not from a clock of the provider's."""
    try:
        life = timedelta(seconds=float(fields["expires_in"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        life = _DEFAULT_LIFE
    return Grant(
        refresh_token=str(fields.get("refresh_token") or refresh_token),
        access_token=fields["access_token"],
        issued_at=now,
        expires_at=now + max(timedelta(), min(life, _MAX_TOKEN_LIFETIME)),
    )


def _claims(id_token: object) -> Mapping[str, object]:
    """Read the claims of a JWT; empty where it is none."""
    parts = id_token.split(".") if isinstance(id_token, str) else []
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
