"""What a grant is worth, whose a sign-in is, and why a provider refused one."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.mailbox import NEEDS_PERSON, Provider
from mailmirror.domain.oauth import SKEW, Grant, Identified, check_id_token, identify, refusal
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import SIGN_IN, AddressClaim
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISSUER, CLIENT, NONCE = "https://accounts.google.com", "mailmirror", "a nonce"
CLAIMS: dict[str, object] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "nonce": NONCE,
    "iat": NOW.timestamp(),
    "exp": (NOW + timedelta(hours=1)).timestamp(),
}


# What a grant is worth


def grant(life: timedelta) -> Grant:
    return Grant("refresh", "access", issued_at=NOW, expires_at=NOW + life)


@pytest.mark.parametrize(
    ("life", "fresh_for"),
    [
        (timedelta(hours=1), timedelta(minutes=55)),
        (timedelta(minutes=50), timedelta(minutes=45)),
        (timedelta(minutes=10), timedelta(minutes=9)),  # else it would hardly ever be fresh
        (timedelta(), timedelta()),
    ],
)
def test_a_token_is_replaced_five_minutes_before_its_end_but_not_before_nine_tenths_of_its_life(
    life: timedelta, fresh_for: timedelta
) -> None:
    moment = timedelta(seconds=1)
    assert not grant(life).is_fresh(NOW + fresh_for)
    assert grant(life).is_fresh(NOW + fresh_for - moment)
    assert not grant(life).is_valid(NOW + life)
    assert grant(life).is_valid(NOW + life - moment)


@given(life=st.timedeltas(timedelta(), timedelta(days=1)), after=st.timedeltas(timedelta()))
def test_what_is_fresh_is_valid(life: timedelta, after: timedelta) -> None:
    now = NOW + min(after, timedelta(days=2))
    assert grant(life).is_valid(now) or not grant(life).is_fresh(now)


def test_a_grant_shows_no_token() -> None:
    assert repr(grant(timedelta(hours=1))) == "Grant(…)"


# For whom an ID token is


def refused_claim(changed: Mapping[str, object] = {}, issuer: str = ISSUER) -> str | None:
    """Which claim an ID token is refused for; None where it is taken."""
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    try:
        check_id_token(claims, CLIENT, issuer, NONCE, NOW)
    except Refused as refused:
        return refused.detail if refused.code is Code.ID_TOKEN_INVALID else str(refused)
    return None


def seconds(**span: float) -> float:
    return (NOW + timedelta(**span)).timestamp()


def test_an_id_token_for_this_sign_in_is_taken() -> None:
    assert refused_claim() is None
    assert refused_claim({"iss": "accounts.google.com"}) is None, "Google's older spelling"
    assert refused_claim({"aud": ["another", CLIENT]}) is None


@pytest.mark.parametrize("iss", [None, "", 7, "https://accounts.google.com.evil.example", "null"])
def test_an_id_token_of_another_issuer_is_refused(iss: object) -> None:
    assert refused_claim({"iss": iss}) == "iss"


@pytest.mark.parametrize("aud", [None, "", "another", [], ["another"], {CLIENT: 1}, 7])
def test_an_id_token_for_another_client_is_refused(aud: object) -> None:
    assert refused_claim({"aud": aud}) == "aud"


@pytest.mark.parametrize("nonce", [None, "", "another", 0, [NONCE]])
def test_an_id_token_of_another_sign_in_is_refused(nonce: object) -> None:
    assert refused_claim({"nonce": nonce}) == "nonce"


@pytest.mark.parametrize("name", ["exp", "iat"])
@pytest.mark.parametrize("time", [None, "soon", True, 0, -1, 1e300, float("nan"), float("inf"), []])
def test_an_id_token_without_a_readable_time_is_refused(name: str, time: object) -> None:
    assert refused_claim({name: time}) == name


def test_the_providers_clock_may_be_five_minutes_off_and_no_more() -> None:
    skew = SKEW / timedelta(minutes=1)
    assert refused_claim({"iat": seconds(minutes=skew)}) is None
    assert refused_claim({"iat": seconds(minutes=skew, seconds=1)}) == "iat"
    assert refused_claim({"exp": seconds(minutes=-skew)}) is None
    assert refused_claim({"exp": seconds(minutes=-skew, seconds=-1)}) == "exp"


def test_microsofts_issuer_is_that_of_the_tokens_own_tenant() -> None:
    facts = SIGN_IN[Provider.MICROSOFT]
    ours = {"tid": "t-1", "iss": "https://login.microsoftonline.com/t-1/v2.0"}
    assert refused_claim(ours, facts.issuer) is None
    assert refused_claim({**ours, "tid": "t-2"}, facts.issuer) == "iss"
    assert refused_claim({"iss": ours["iss"]}, facts.issuer) == "iss"


# Whose it is


def test_google_tells_an_address_by_the_claim_email() -> None:
    claims = {"email": "Rep@US.example", "email_verified": True, "sub": "1"}
    claims |= {"preferred_username": "boss@us.example"}
    who = identify(claims, SIGN_IN[Provider.GOOGLE].address_claim)
    assert who == Identified(Address("rep@us.example"), tenant="", subject="1")


def test_microsoft_tells_it_by_the_user_name_for_an_administrator_can_enter_any_email() -> None:
    claims = {"email": "boss@us.example", "tid": "t-1", "sub": "1"}
    claim = SIGN_IN[Provider.MICROSOFT].address_claim
    assert identify(claims, claim) is None
    who = identify(claims | {"preferred_username": "rep@us.example"}, claim)
    mail = Address("boss@us.example")
    assert who == Identified(Address("rep@us.example"), tenant="t-1", subject="1", mail=mail)


@pytest.mark.parametrize("verified", [False, "false"])
def test_an_email_that_the_provider_denies_is_nobodys(verified: object) -> None:
    claims = {"email": "rep@us.example", "email_verified": verified}
    assert identify(claims, AddressClaim.EMAIL) is None


@pytest.mark.parametrize("value", [None, "", "rep", 7, ["rep@us.example"], "a@b@c", "rep@", "\0@x"])
def test_what_is_no_address_is_nobodys(value: object) -> None:
    assert identify({"email": value}, AddressClaim.EMAIL) is None


# Why a provider refused


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (50034, Code.USER_DISABLED),
        (50055, Code.PASSWORD_CHANGED),
        (50057, Code.USER_DISABLED),
        (50076, Code.MFA_REQUIRED),
        (50079, Code.MFA_REQUIRED),
        (50105, Code.BLOCKED_BY_POLICY),
        (50173, Code.PASSWORD_CHANGED),
        (53003, Code.BLOCKED_BY_POLICY),
        (65001, Code.CONSENT_MISSING),
        (70008, Code.GRANT_EXPIRED),
        (700082, Code.GRANT_EXPIRED),
        (700016, Code.PROVIDER_MISCONFIGURED),
        (7000215, Code.PROVIDER_MISCONFIGURED),
        (7000222, Code.PROVIDER_MISCONFIGURED),
        (90033, Code.PROVIDER_UNAVAILABLE),
        (90055, Code.PROVIDER_UNAVAILABLE),
        (500011, Code.PROVIDER_MISCONFIGURED),
        (650053, Code.PROVIDER_MISCONFIGURED),
        (50126, Code.PASSWORD_CHANGED),
        (135011, Code.BLOCKED_BY_POLICY),
        (530003, Code.BLOCKED_BY_POLICY),
        (53011, Code.BLOCKED_BY_POLICY),
        (53004, Code.MFA_REQUIRED),
        (500121, Code.MFA_REQUIRED),
    ],
)
def test_microsofts_number_tells_more_than_its_error(number: int, code: Code) -> None:
    description = f"AADSTS{number}: for a reason. Trace ID: 0 Timestamp: 2026-03-01 12:00:00Z"
    refused = refusal("invalid_grant", description)
    assert (refused.code, refused.detail) == (code, f"AADSTS{number}")


@pytest.mark.parametrize(
    ("error", "description", "code"),
    [
        ("invalid_grant", "", Code.GRANT_REVOKED),
        ("invalid_grant", "Token has been expired or revoked.", Code.GRANT_REVOKED),
        ("invalid_grant", "AADSTS99999: whatever that is", Code.GRANT_REVOKED),
        ("invalid_grant", "reauth related error (invalid_rapt)", Code.GRANT_EXPIRED),
        ("invalid_grant", "reauth related error (rapt_required)", Code.GRANT_EXPIRED),
        ("invalid_grant", "Account has been deleted", Code.USER_DISABLED),
        ("deleted_client", "The OAuth client was deleted.", Code.PROVIDER_MISCONFIGURED),
        ("disabled_client", "The OAuth client was disabled.", Code.PROVIDER_MISCONFIGURED),
        ("invalid_resource", "", Code.PROVIDER_MISCONFIGURED),
        ("interaction_required", "AADSTS530003: managed device", Code.BLOCKED_BY_POLICY),
        ("access_denied", "", Code.SIGN_IN_CANCELLED),
        ("access_denied", "AADSTS65004: User declined to consent.", Code.CONSENT_MISSING),
        ("consent_required", "", Code.CONSENT_MISSING),
        ("interaction_required", "", Code.MFA_REQUIRED),
        ("admin_policy_enforced", "", Code.BLOCKED_BY_POLICY),
        ("invalid_client", "", Code.PROVIDER_MISCONFIGURED),
        ("temporarily_unavailable", "", Code.PROVIDER_UNAVAILABLE),
        ("slow_down", "", Code.PROVIDER_UNAVAILABLE),
    ],
)
def test_an_error_without_a_known_number_is_reported_by_its_name(
    error: str, description: str, code: Code
) -> None:
    assert refusal(error, description).code is code


@given(error=st.text(), description=st.text())
def test_whatever_a_provider_says_is_reported_with_a_remedy_and_at_no_length(
    error: str, description: str
) -> None:
    refused = refusal(error, description)
    assert PROBLEMS[refused.code][Language.EN].remedy
    assert len(refused.detail) <= 64


def test_what_an_operator_or_the_provider_has_to_mend_costs_the_user_no_hour() -> None:
    """The sign-in is as good as before once they have."""
    for error in ("invalid_client", "server_error"):
        assert refusal(error).code not in NEEDS_PERSON
