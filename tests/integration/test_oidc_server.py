"""The OpenID provider that other tests sign in at, and the mail servers that take its tokens."""

import base64
import hashlib
import json
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from tests.servers.dovecot import Dovecot
from tests.servers.oidc import GMAIL, Claims, NotAuthorized, OidcServer
from tests.servers.postfix import Postfix

REP, BOSS = "rep@us.example", "boss@us.example"
USERS: dict[str, Claims] = {REP: {"sub": "1", "tid": "tenant-1"}, BOSS: {}}
CALLBACK = "https://crm.example/oauth/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcServer]:
    with OidcServer(USERS, [CALLBACK]) as running:
        yield running


@pytest.fixture(scope="module")
def dovecot(provider: OidcServer) -> Iterator[Dovecot]:
    with Dovecot({REP: "rep's", BOSS: "boss's"}, oauth=provider.oauth()) as running:
        yield running


def request_url(server: OidcServer, **changed: str) -> str:
    asked = {
        "client_id": server.client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": f"openid email profile offline_access {GMAIL}",
        "state": "a state",
        "code_challenge": CHALLENGE.decode("ascii"),
        "code_challenge_method": "S256",
    }
    return f"{server.authorize_url}?{urlencode(asked | changed)}"


def answered(callback: str) -> dict[str, str]:
    assert callback.startswith(f"{CALLBACK}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}


def ask(server: OidcServer, url: str, **form: str) -> requests.Response:
    client = {"client_id": server.client_id, "client_secret": server.client_secret}
    return requests.post(url, form | client, verify=str(server.authority), timeout=30)


def exchange(server: OidcServer, code: str, verifier: str = VERIFIER) -> requests.Response:
    form = {"code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
    return ask(server, server.token_url, grant_type="authorization_code", **form)


def refresh(server: OidcServer, token: str) -> requests.Response:
    return ask(server, server.token_url, grant_type="refresh_token", refresh_token=token)


def sign_in(server: OidcServer, user: str = REP) -> dict[str, Any]:
    """The tokens of a user who has just signed in and consented."""
    code = answered(server.authorize(request_url(server), user))["code"]
    tokens: dict[str, Any] = exchange(server, code).json()
    return tokens


def claims_of(tokens: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(tokens["id_token"].split(".")[1] + "==")
    )
    return payload


def test_a_code_is_exchanged_once_and_only_by_who_asked_for_it(provider: OidcServer) -> None:
    callback = answered(provider.authorize(request_url(provider)))
    assert callback["state"] == "a state"
    tokens = exchange(provider, callback["code"])
    assert tokens.status_code == 200
    assert GMAIL in tokens.json()["scope"].split()
    assert tokens.json()["refresh_token"]
    assert exchange(provider, callback["code"]).json()["error"] == "invalid_grant"
    other = answered(provider.authorize(request_url(provider)))["code"]
    assert exchange(provider, other, "w" * 43).json()["error"] == "invalid_grant"


def test_who_says_no_or_asks_without_a_challenge_gets_no_code(provider: OidcServer) -> None:
    refused = answered(provider.authorize(request_url(provider), consent=False))
    assert refused["error"] == "access_denied"
    assert refused["state"] == "a state"
    bare = request_url(provider, code_challenge="", code_challenge_method="")
    assert answered(provider.authorize(bare))["error"] == "invalid_request"
    with pytest.raises(NotAuthorized, match="redirect_uri"):
        provider.authorize(request_url(provider, redirect_uri="https://else.example/"))


def test_an_id_token_says_who_signed_in(provider: OidcServer) -> None:
    provider.set_claims(BOSS, email="alias@us.example", email_verified=False, name="Boss")
    said = claims_of(sign_in(provider))
    assert (said["sub"], said["tid"], said["email"]) == ("1", "tenant-1", REP)
    said = claims_of(sign_in(provider, BOSS))
    assert (said["email"], said["email_verified"]) == ("alias@us.example", False)
    assert (said["iss"], said["aud"]) == (provider.issuer, provider.client_id)


def test_a_refresh_token_is_good_once_and_its_reuse_ends_all(provider: OidcServer) -> None:
    first = sign_in(provider)
    second = refresh(provider, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert refresh(provider, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(provider, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_may_be_good_for_ever() -> None:
    with OidcServer(USERS, [CALLBACK], rotate=False) as provider:
        token = sign_in(provider)["refresh_token"]
        for _ in range(2):
            assert refresh(provider, token).json().get("refresh_token", token) == token


def test_what_is_revoked_is_refreshed_no_more(provider: OidcServer) -> None:
    mine, other = sign_in(provider), sign_in(provider, BOSS)
    provider.revoke(REP)
    assert refresh(provider, mine["refresh_token"]).json()["error"] == "invalid_grant"
    kept = refresh(provider, other["refresh_token"]).json()
    assert ask(provider, provider.revocation_url, token=kept["refresh_token"]).status_code == 200
    assert refresh(provider, kept["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_token_request_is_counted_and_may_be_answered_as_told(provider: OidcServer) -> None:
    token = sign_in(provider)["refresh_token"]
    before = provider.token_requests["refresh_token"]
    told = {"error": "invalid_grant", "error_description": "AADSTS50076: …", "error_codes": [50076]}
    provider.answer_next_token_request(400, told)
    provider.answer_next_token_request(503, "<html>")
    assert refresh(provider, token).json() == told
    assert refresh(provider, token).text == "<html>"
    assert refresh(provider, token).status_code == 200
    assert provider.token_requests["refresh_token"] == before + 3


def test_a_clock_may_be_ahead(provider: OidcServer) -> None:
    now = claims_of(sign_in(provider))["iat"]
    provider.skew(86_400)
    try:
        assert 86_400 <= claims_of(sign_in(provider))["iat"] - now < 86_500
    finally:
        provider.skew(0)


def imap_sign_in(server: Dovecot, mechanism: str, user: str, token: str) -> None:
    trust = ssl.create_default_context(cafile=str(server.authority))
    with IMAPClient(server.host, server.imaps_port, ssl_context=trust) as client:
        method = client.oauth2_login if mechanism == "XOAUTH2" else client.oauthbearer_login
        method(user, token)
        client.select_folder("INBOX", readonly=True)


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_dovecot_takes_a_token_while_it_is_good(
    provider: OidcServer, dovecot: Dovecot, mechanism: str
) -> None:
    token = sign_in(provider)["access_token"]
    imap_sign_in(dovecot, mechanism, REP, token)
    with pytest.raises(IMAPClientError):
        imap_sign_in(dovecot, mechanism, BOSS, token)
    with pytest.raises(IMAPClientError):
        imap_sign_in(dovecot, mechanism, REP, "no token")
    provider.skew(3601)
    try:
        with pytest.raises(IMAPClientError):
            imap_sign_in(dovecot, mechanism, REP, token)
    finally:
        provider.skew(0)
    imap_sign_in(dovecot, mechanism, REP, token)
    provider.revoke(REP)
    with pytest.raises(IMAPClientError):
        imap_sign_in(dovecot, mechanism, REP, token)


def test_dovecot_takes_passwords_beside_tokens(dovecot: Dovecot) -> None:
    trust = ssl.create_default_context(cafile=str(dovecot.authority))
    with IMAPClient(dovecot.host, dovecot.imaps_port, ssl_context=trust) as client:
        assert {b"AUTH=PLAIN", b"AUTH=XOAUTH2", b"AUTH=OAUTHBEARER"} <= {*client.capabilities()}
        client.login(REP, dovecot.users[REP])


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_postfix_takes_a_token_while_it_is_good(
    provider: OidcServer, dovecot: Dovecot, mechanism: str
) -> None:
    token = sign_in(provider)["access_token"]
    said = {
        "XOAUTH2": f"user={REP}\x01auth=Bearer {token}\x01\x01",
        "OAUTHBEARER": f"n,a={REP},\x01auth=Bearer {token}\x01\x01",
    }[mechanism]
    command = f"AUTH {mechanism} {b64encode(said.encode()).decode('ascii')}"
    with Postfix(dovecot) as server:
        trust = ssl.create_default_context(cafile=str(server.authority))
        for reply in (235, 334):
            with smtplib.SMTP_SSL(server.host, server.submissions_port, context=trust) as client:
                client.ehlo()
                assert mechanism in client.esmtp_features["auth"].split()
                code, challenge = client.docmd(command)
                assert code == reply
                if code == 334:
                    assert json.loads(base64.b64decode(challenge))["status"]
                    empty = "" if mechanism == "XOAUTH2" else "AQ=="
                    assert client.docmd(empty)[0] == 535
            provider.revoke(REP)
