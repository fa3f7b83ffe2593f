"""What an operator may enter of an OAuth client, and what is refused before it is kept."""

from collections.abc import Mapping

import pytest

from commands.provider_file import ProviderFile
from mailmirror.api.decoding import typed
from mailmirror.domain.mailbox import Provider, Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import SIGN_IN
from mailmirror.usecases.operating.register_provider import SignInPlaces

API = "https://api.us.example/live"
IMAP: Mapping[str, object] = {"host": "imap.us.example", "port": 993, "security": "tls"}


def parsed(provider: str = "google", tenant: str = "common", **others: object) -> SignInPlaces:
    file = typed(others, ProviderFile)
    return SignInPlaces.parse(provider, tenant, API, file.urls(), file.servers())


def refused(provider: str = "google", tenant: str = "common", **others: object) -> Refused:
    with pytest.raises(Refused) as refusal:
        parsed(provider, tenant, **others)
    return refusal.value


def test_a_provider_is_where_it_says_itself_and_browsers_return_to_the_deployment() -> None:
    places, facts = parsed(), SIGN_IN[Provider.GOOGLE]
    assert places.redirect_uri == f"{API}/oauth/google/callback"
    assert (places.token_url, places.issuer) == (facts.token_url, facts.issuer)
    assert (places.imap, places.smtp) == (facts.imap, facts.smtp)


def test_a_file_may_name_other_places() -> None:
    places = parsed(
        redirect_uri="https://mail.us.example/oauth/google/callback",
        authorize_url="https://127.0.0.1:8443/authorize?prompt=login",
        token_url="https://127.0.0.1:8443/token",
        userinfo_url="",
        issuer="https://127.0.0.1:8443",
        imap=IMAP,
        smtp=None,
    )
    assert places.redirect_uri == "https://mail.us.example/oauth/google/callback"
    assert places.authorize_url == "https://127.0.0.1:8443/authorize?prompt=login"
    assert (places.token_url, places.userinfo_url) == ("https://127.0.0.1:8443/token", "")
    assert (places.imap, places.smtp) == (Server("imap.us.example", 993, Security.TLS), None)


@pytest.mark.parametrize("provider", ["yahoo", "imap", "Google", ""])
def test_a_provider_is_one_that_signs_people_in(provider: str) -> None:
    refusal = refused(provider)
    assert refusal.code is Code.PROVIDER_UNSUPPORTED
    assert "google or microsoft" in refusal.detail


@pytest.mark.parametrize(
    "tenant",
    [
        "common",
        "organizations",
        "consumers",
        "9188040d-6c67-4c5b-b112-36a304b66dad",
        "9188040D-6C67-4C5B-B112-36A304B66DAD",
        "us.example",
        "us-team.onmicrosoft.com",
    ],
)
def test_a_tenant_is_part_of_microsofts_urls(tenant: str) -> None:
    places = parsed("microsoft", tenant)
    assert places.token_url == f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"


@pytest.mark.parametrize(
    "tenant", ["", "a b/..", "..", "common/", "us", "us.example\n", "-us.example", "ſ.example"]
)
def test_what_is_no_tenant_is_in_no_url(tenant: str) -> None:
    refusal = refused("microsoft", tenant)
    assert refusal.code is Code.INVALID_FIELD
    assert refusal.detail.startswith("tenant ")


def test_a_tenant_is_nothing_to_google() -> None:
    assert parsed("google", "").token_url == SIGN_IN[Provider.GOOGLE].token_url


def test_a_name_that_is_not_known_is_no_name_misspelt_and_passed_over() -> None:
    refusal = refused(nonsense=1)
    assert refusal.code is Code.INVALID_FIELD
    assert refusal.detail == "nonsense: no such field"


@pytest.mark.parametrize("field", ["authorize_url", "token_url", "userinfo_url", "issuer"])
@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/token",
        "http://127.0.0.1/token",
        "//us.example/token",
        "https://",
        "https:///token",
        "https://[us.example/token",
        "https://us.example:0/token",
        "https://us.example:port/token",
        "https://user:word@us.example/token",
        "https://us.example/token#part",
        "https://us.example/a token",
        "https://us.example/token\n",
    ],
)
def test_codes_tokens_and_the_clients_secret_go_out_by_tls_alone(field: str, url: str) -> None:
    refusal = refused(**{field: url})
    assert refusal.code is Code.INVALID_FIELD
    assert refusal.detail.startswith(f"{field}: an https URL")


@pytest.mark.parametrize("field", ["authorize_url", "token_url", "issuer"])
def test_only_a_profile_can_be_none(field: str) -> None:
    assert refused(**{field: ""}).detail.startswith(f"{field}: ")


def test_a_tenant_is_put_into_urls_that_are_entered_and_cannot_spoil_them() -> None:
    url = "https://login.us.example/{tenant}/token"
    assert parsed(tenant="team", token_url=url).token_url == "https://login.us.example/team/token"
    assert refused(tenant="a b", token_url=url).detail.startswith("token_url: ")


def test_a_browser_comes_back_without_tls_to_this_machine_alone() -> None:
    here = "http://localhost:8080/oauth/google/callback"
    assert parsed(redirect_uri=here).redirect_uri == here
    for url in ("http://us.example/oauth/google/callback", "", f"{here}#part"):
        assert refused(redirect_uri=url).detail.startswith("redirect_uri: ")


@pytest.mark.parametrize(
    ("server", "code", "detail"),
    [
        ("imap.us.example", Code.INVALID_FIELD, "imap: "),
        (None, Code.MISSING_FIELD, "imap"),
        ({"host": "x"}, Code.MISSING_FIELD, "imap.port"),
        (dict(IMAP) | {"user": "ann"}, Code.INVALID_FIELD, "imap.user"),
        (dict(IMAP) | {"host": ""}, Code.MISSING_FIELD, "imap.host"),
        (dict(IMAP) | {"host": "imaps://us.example"}, Code.INVALID_FIELD, "imap.host"),
        (dict(IMAP) | {"host": 7}, Code.INVALID_FIELD, "imap.host"),
        (dict(IMAP) | {"port": "993"}, Code.INVALID_FIELD, "imap.port"),
        (dict(IMAP) | {"port": True}, Code.INVALID_FIELD, "imap.port"),
        (dict(IMAP) | {"port": 0}, Code.INVALID_FIELD, "imap.port"),
        (dict(IMAP) | {"port": 65536}, Code.INVALID_FIELD, "imap.port"),
        (dict(IMAP) | {"security": "ssl"}, Code.INVALID_FIELD, "imap.security: "),
        (dict(IMAP) | {"security": []}, Code.INVALID_FIELD, "imap.security: "),
    ],
)
def test_a_server_has_a_host_a_port_and_tls(server: object, code: Code, detail: str) -> None:
    refusal = refused(imap=server)
    assert refusal.code is code
    assert refusal.detail.startswith(detail)


def test_a_submission_server_is_looked_at_as_well() -> None:
    assert refused(smtp={"host": "x"}).detail == "smtp.port"
