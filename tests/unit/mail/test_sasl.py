"""How a token is presented to a mail server, and what the server's refusal says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.sasl import PasswordLogin, TokenExchange, TokenLogin, token_refusal

SERVER = Server("server.example.com", 143, Security.STARTTLS)
TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
"""Of the example in RFC 7628 4.1."""


def exchange(*offered: str, username: str = "user@example.com") -> TokenExchange:
    return TokenExchange.choose(TokenLogin(username, TOKEN), SERVER, set(offered).__contains__)


# Presenting


def test_oauthbearer_is_said_as_the_rfc_says_it() -> None:
    said = exchange("PLAIN", "OAUTHBEARER")
    assert said.mechanism == "OAUTHBEARER"
    assert said.first == (
        b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
        b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    )
    assert said.last == b"\x01", "RFC 7628 3.2.3"


def test_xoauth2_is_said_as_google_and_microsoft_say_it() -> None:
    said = exchange("XOAUTH2")
    assert said.mechanism == "XOAUTH2"
    assert said.first == f"user=user@example.com\1auth=Bearer {TOKEN}\1\1".encode()
    assert said.last == b""


def test_of_both_the_providers_own_is_taken() -> None:
    assert exchange("OAUTHBEARER", "XOAUTH2").mechanism == "XOAUTH2"


@pytest.mark.parametrize("offered", [(), ("PLAIN", "LOGIN")])
def test_a_token_is_never_presented_as_a_password(offered: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        exchange(*offered)
    assert refused.value.code is Code.SIGN_IN_UNSUPPORTED


def test_a_comma_or_an_equals_sign_in_a_name_is_escaped_where_it_has_a_meaning() -> None:
    name = "a=b,c@例え.example"
    assert exchange("OAUTHBEARER", username=name).first.startswith(
        "n,a=a=3Db=2Cc@例え.example,\1host=".encode()
    )
    assert exchange("XOAUTH2", username=name).first.startswith(f"user={name}\1".encode())


def test_no_text_form_shows_a_token_or_a_password() -> None:
    for shown in (
        TokenLogin("rep", TOKEN),
        PasswordLogin("rep", TOKEN),
        exchange("XOAUTH2"),
        exchange("OAUTHBEARER"),
    ):
        assert TOKEN not in repr(shown)
        assert TOKEN not in str(shown)


# Being refused


def told(challenge: bytes) -> tuple[Code, str]:
    refused = token_refusal(challenge)
    return refused.code, refused.detail


def test_googles_challenge_is_read() -> None:
    said = b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}'
    assert told(said) == (Code.TOKEN_REFUSED, "status 400, wants https://mail.google.com/")


def test_the_rfcs_challenge_is_read() -> None:
    said = (
        b'{"status":"invalid_token","scope":"example_scope",'
        b'"openid-configuration":"https://example.com/.well-known/openid-configuration"}'
    )
    assert told(said) == (Code.TOKEN_REFUSED, "status invalid_token, wants example_scope")


@pytest.mark.parametrize("status", ["insufficient_scope", "403", 403])
def test_a_token_that_may_not_read_mail_lacks_consent(status: object) -> None:
    assert told(json.dumps({"status": status}).encode())[0] is Code.CONSENT_MISSING


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"no JSON",
        b"\xff\xfe",
        b"[]",
        b'"status"',
        b"null",
        b"{}",
        b"[" * 100_000,
        b"9" * 5_000,
    ],
)
def test_a_challenge_that_says_nothing_refuses_too(challenge: bytes) -> None:
    assert told(challenge) == (Code.TOKEN_REFUSED, "status unknown")


@pytest.mark.exceeds("MAX_CHALLENGE_CHARS")
def test_a_challenge_is_reported_shortly_and_without_control_characters() -> None:
    said = {"status": "4\r\n\x1b[31m00", "scope": "\u202e" + "x" * 1_000_000}
    _, detail = told(json.dumps(said).encode())
    assert len(detail) == 100
    assert detail.startswith("status 4???[31m00, wants ?xxx")


@given(st.binary() | st.recursive(st.text(), lambda each: st.dictionaries(st.text(), each)))
def test_whatever_a_server_says_the_detail_is_short_and_printable(said: bytes | object) -> None:
    refused = token_refusal(said if isinstance(said, bytes) else json.dumps(said).encode())
    assert refused.code in (Code.TOKEN_REFUSED, Code.CONSENT_MISSING)
    assert refused.detail.isprintable()
    assert len(refused.detail) <= 100
