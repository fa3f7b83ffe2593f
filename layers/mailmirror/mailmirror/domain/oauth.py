"""OAuth 2 sign-ins: grants, identities, and the reasons for a refusal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailmirror.domain.address import Address, normalise
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import AddressClaim

SIGN_IN_LIFETIME = timedelta(minutes=10)
"""How long a person has at the provider."""
SKEW = timedelta(minutes=5)
"""How far the provider's clock may be off ours."""
_EARLIEST = timedelta(minutes=5)
"""How long before its end an access token is replaced, at most a tenth of its life."""
_STATE = re.compile(r"([0-9a-f]{12})\.[A-Za-z0-9_-]{43}")
"""An account's id, which a function's policy expects to look like one, and a secret."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens of a sign-in. `repr` shows none of them."""

    refresh_token: str
    access_token: str
    issued_at: datetime
    expires_at: datetime

    def __repr__(self) -> str:
        return "Grant(…)"

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether the access token need not be replaced yet."""
        early = min(_EARLIEST, (self.expires_at - self.issued_at) / 10)
        return now < self.expires_at - early

    def is_valid(self, now: datetime) -> bool:
        return now < self.expires_at


@dataclass(frozen=True, slots=True)
class Identified:
    """Who has signed in."""

    address: Address
    tenant: str
    """Microsoft's `tid`; empty elsewhere."""
    subject: str


def account_of(state: str) -> AccountId | None:
    """The account of which a sign-in was begun with this state; None where it can be of none."""
    found = _STATE.fullmatch(state)
    return AccountId(found[1]) if found else None


def check_id_token(
    claims: Mapping[str, object], client_id: str, issuer: str, nonce: str, now: datetime
) -> None:
    """Check the claims of an ID token that came straight from the token endpoint over TLS.

    So its signature need not be verified (OpenID Connect Core 3.1.3.7, 6).

    Parameters:
        issuer: expected, with `{tid}` for the token's own tenant.

    Raises:
        Refused: `id_token_invalid`; the detail names the claim.
    """
    expected = issuer.replace("{tid}", str(claims.get("tid", "")))
    issued_by = claims.get("iss")
    if issued_by not in (expected, expected.removeprefix("https://")):
        raise Refused(Code.ID_TOKEN_INVALID, "iss")
    audience = claims.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise Refused(Code.ID_TOKEN_INVALID, "aud")
    if claims.get("nonce") != nonce:
        raise Refused(Code.ID_TOKEN_INVALID, "nonce")
    if _time(claims, "exp") + SKEW < now:
        raise Refused(Code.ID_TOKEN_INVALID, "exp")
    if _time(claims, "iat") - SKEW > now:
        raise Refused(Code.ID_TOKEN_INVALID, "iat")


def identify(claims: Mapping[str, object], claim: AddressClaim) -> Identified | None:
    """Read the address from the claims of an ID token or a profile; None where there is none."""
    value = claims.get(claim)
    address = normalise(value) if isinstance(value, str) else None
    denied = claim is AddressClaim.EMAIL and claims.get("email_verified", True) in (False, "false")
    if address is None or denied:
        return None
    return Identified(address, str(claims.get("tid", "")), str(claims.get("sub", "")))


def _time(claims: Mapping[str, object], name: str) -> datetime:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1 << 36:
        raise Refused(Code.ID_TOKEN_INVALID, name)
    return datetime.fromtimestamp(value, UTC)


_AADSTS = re.compile(r"AADSTS(\d{4,7})")
_BY_AADSTS = {
    **dict.fromkeys(("70008", "70043", "700082", "700084", "50089"), Code.GRANT_EXPIRED),
    **dict.fromkeys(("50173", "50133", "50132", "50055"), Code.PASSWORD_CHANGED),
    **dict.fromkeys(
        ("50072", "50074", "50076", "50078", "50079", "50158", "53004"), Code.MFA_REQUIRED
    ),
    **dict.fromkeys(
        ("65001", "65004", "65005", "70011", "90093", "90094", "900941"), Code.CONSENT_MISSING
    ),
    **dict.fromkeys(
        ("50105", "50131", "53000", "53001", "53002", "53003", "53009", "530032", "530034"),
        Code.BLOCKED_BY_POLICY,
    ),
    **dict.fromkeys(("50034", "50053", "50057", "51004", "500011"), Code.USER_DISABLED),
    **dict.fromkeys(
        ("7000215", "7000222", "700016", "50011", "90002", "7000112"), Code.PROVIDER_MISCONFIGURED
    ),
    **dict.fromkeys(("90033", "50196", "90012"), Code.PROVIDER_UNAVAILABLE),
}
"""Microsoft Entra authentication error codes."""
_BY_ERROR = {
    "access_denied": Code.SIGN_IN_CANCELLED,
    "consent_required": Code.CONSENT_MISSING,
    "insufficient_scope": Code.CONSENT_MISSING,
    "invalid_scope": Code.CONSENT_MISSING,
    "interaction_required": Code.MFA_REQUIRED,
    "login_required": Code.GRANT_EXPIRED,
    "admin_policy_enforced": Code.BLOCKED_BY_POLICY,
    "org_internal": Code.BLOCKED_BY_POLICY,
    "invalid_client": Code.PROVIDER_MISCONFIGURED,
    "unauthorized_client": Code.PROVIDER_MISCONFIGURED,
    "redirect_uri_mismatch": Code.PROVIDER_MISCONFIGURED,
    "invalid_request": Code.PROVIDER_MISCONFIGURED,
    "unsupported_grant_type": Code.PROVIDER_MISCONFIGURED,
    "temporarily_unavailable": Code.PROVIDER_UNAVAILABLE,
    "server_error": Code.PROVIDER_UNAVAILABLE,
}
"""RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6, and Google's own."""


def refusal(error: str, description: str = "") -> Refused:
    """Say why a provider refused: in the answer of its token endpoint or in a callback.

    Parameters:
        error: the field `error`.
        description: `error_description`, in which Microsoft puts a number and Google a hint.
    """
    found = _AADSTS.search(description)
    if found and found[1] in _BY_AADSTS:
        return Refused(_BY_AADSTS[found[1]], found[0])
    if error == "invalid_grant":
        # Google: the organisation's rule on the length of sessions.
        code = Code.GRANT_EXPIRED if "invalid_rapt" in description else Code.GRANT_REVOKED
        return Refused(code, found[0] if found else error)
    known = _BY_ERROR.get(error)
    return Refused(known or Code.PROVIDER_UNAVAILABLE, found[0] if found else error[:64])
