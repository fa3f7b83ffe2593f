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
    """The one that was authorised; Microsoft's is the sign-in name (UPN)."""
    tenant: str
    """Microsoft's `tid`; empty elsewhere."""
    subject: str
    mail: Address | None = None
    """Microsoft's mail address: the tenant's administrator can set it to anything, so it proves
    nothing alone."""


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
    mail = claims.get("email") if claim is AddressClaim.PREFERRED_USERNAME else None
    return Identified(
        address,
        tenant=str(claims.get("tid", "")),
        subject=str(claims.get("sub", "")),
        mail=normalise(mail) if isinstance(mail, str) else None,
    )


def _time(claims: Mapping[str, object], name: str) -> datetime:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1 << 36:
        raise Refused(Code.ID_TOKEN_INVALID, name)
    return datetime.fromtimestamp(value, UTC)


_AADSTS = re.compile(r"AADSTS(\d{4,7})")
_NUMBERS: dict[Code, tuple[int, ...]] = {
    Code.GRANT_EXPIRED: (70008, 70043, 700082, 700084, 50058, 50089),
    Code.PASSWORD_CHANGED: (50173, 50133, 50132, 50055, 50056, 50126, 50142, 50144),
    Code.MFA_REQUIRED: (50072, 50074, 50076, 50078, 50079, 50158, 53004, 500121),
    Code.CONSENT_MISSING: (65001, 65004, 65005, 70011, 90093, 90094, 90095, 900941),
    # The organisation's rules for devices, places and apps; those of 53… are conditional access.
    Code.BLOCKED_BY_POLICY: (
        *(50005, 50097, 50105, 50129, 50131, 50187, 135011, 500021, 500212, 500213),
        *(53000, 53001, 53002, 53003, 53009, 530032, 530034),
    ),
    Code.USER_DISABLED: (50034, 50053, 50057, 51004, 500571),
    # The operator's: the app, its secret, its redirect URI, or what it may ask for in the tenant.
    Code.PROVIDER_MISCONFIGURED: (
        *(7000112, 7000215, 7000216, 7000218, 7000222, 700016, 700027, 700030, 700054),
        *(50011, 50059, 50194, 500011, 500113, 650052, 650053, 650056, 650057),
        *(70001, 90002, 90014, 90019, 900023, 900144),
    ),
    Code.PROVIDER_UNAVAILABLE: (50196, 90006, 90012, 90024, 90025, 90033, 90036, 90055),
}
"""Microsoft Entra authentication and authorization error codes, by what they ask for."""
_BY_AADSTS = {str(number): code for code, numbers in _NUMBERS.items() for number in numbers}
_CONDITIONAL_ACCESS = re.compile(r"53\d{3,4}")
_BY_ERROR = {
    "access_denied": Code.SIGN_IN_CANCELLED,
    "consent_required": Code.CONSENT_MISSING,
    "insufficient_scope": Code.CONSENT_MISSING,
    "invalid_scope": Code.CONSENT_MISSING,
    "interaction_required": Code.MFA_REQUIRED,
    "login_required": Code.GRANT_EXPIRED,
    "admin_policy_enforced": Code.BLOCKED_BY_POLICY,
    "org_internal": Code.BLOCKED_BY_POLICY,
    **dict.fromkeys(
        (
            *("invalid_client", "deleted_client", "disabled_client", "unauthorized_client"),
            *("redirect_uri_mismatch", "invalid_request", "invalid_resource", "invalid_target"),
            *("unsupported_grant_type", "unsupported_response_type"),
        ),
        Code.PROVIDER_MISCONFIGURED,
    ),
    "temporarily_unavailable": Code.PROVIDER_UNAVAILABLE,
    "server_error": Code.PROVIDER_UNAVAILABLE,
}
"""RFC 6749 4.1.2.1 and 5.2, RFC 8707, OpenID Connect Core 3.1.2.6, Microsoft's and Google's own."""
_BY_HINT = (
    (re.compile(r"\b(?:invalid_rapt|rapt_required)\b"), Code.GRANT_EXPIRED),
    (
        re.compile(r"account (?:has been |was |is )?(?:deleted|disabled|suspended)", re.IGNORECASE),
        Code.USER_DISABLED,
    ),
)
"""Google's hints with `invalid_grant`; the first is the organisation's rule on how long sessions
last."""


def refusal(error: str, description: str = "") -> Refused:
    """Say why a provider refused: in the answer of its token endpoint or in a callback.

    Parameters:
        error: the field `error`.
        description: `error_description`, in which Microsoft puts a number and Google a hint.
    """
    found = _AADSTS.search(description)
    detail = found[0] if found else error[:64]
    if found and (code := _by_number(found[1])):
        return Refused(code, detail)
    if error == "invalid_grant":
        hinted = (code for pattern, code in _BY_HINT if pattern.search(description))
        return Refused(next(hinted, Code.GRANT_REVOKED), detail)
    return Refused(_BY_ERROR.get(error, Code.PROVIDER_UNAVAILABLE), detail)


def _by_number(number: str) -> Code | None:
    if _CONDITIONAL_ACCESS.fullmatch(number):
        return _BY_AADSTS.get(number, Code.BLOCKED_BY_POLICY)
    return _BY_AADSTS.get(number)
