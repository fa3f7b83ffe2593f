"""A secret that a server repeats is hidden in every form, and other words are left."""

import html
import json
from base64 import b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mailmirror.mail.sasl import PasswordLogin, TokenLogin, token_refusal

REP = "rep@us.example"
SECRET = "hunter2-Geheim!"
LOGIN = PasswordLogin(REP, SECRET)
TOKEN = TokenLogin(REP, "ya29.a0AfH6SMBx-Zk_" + "".join(f"{n}qX" for n in range(60)))


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


PLAIN = encoded(f"\0{REP}\0{SECRET}")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"unknown command: AUTH PLAIN {PLAIN}", "unknown command: AUTH PLAIN …"),
        (f"unknown command: AUTH PLAIN {PLAIN[:-4]}...", "unknown command: AUTH PLAIN …..."),
        (f"unknown command: AUTH PLAIN {PLAIN.rstrip('=')}", "unknown command: AUTH PLAIN …"),
        (f"line too long <{PLAIN[8:32]}>", "line too long <…>"),
        (f"no such command: {PLAIN.upper()}", "no such command: …"),
        (f"no such pair ({encoded(f'{REP}:{SECRET}')})", "no such pair (…)"),
        (f"no such word ({encoded(SECRET)[:-3]})", "no such word (…)"),
    ],
)
def test_a_secret_is_hidden_as_base64_whole_or_cut(said: str, shown: str) -> None:
    assert LOGIN.redact(said) == shown


def test_a_secret_is_hidden_in_words_without_blanks() -> None:
    said = f"認証に失敗しました。パスワード{SECRET}をご確認ください"
    assert LOGIN.redact(said) == "認証に失敗しました。パスワード…をご確認ください"
    short = PasswordLogin(REP, "geheim")
    assert short.redact("パスワードgeheimは違います") == "パスワード…は違います"


@pytest.mark.parametrize(
    "said",
    ["first hunte\nr2-Geheim!", "5.7.8 first hunte\n5.7.8 r2-Geheim!", "first hunter2- Geheim!"],
)
def test_a_secret_is_hidden_that_is_broken_over_two_lines(said: str) -> None:
    assert LOGIN.redact(said).endswith("first …")


def test_an_encoded_secret_is_hidden_that_is_broken_over_two_lines() -> None:
    assert LOGIN.redact(f"5.5.2 what? {PLAIN[:20]}\n5.5.2 {PLAIN[20:]}") == "5.5.2 what? …"


@pytest.mark.parametrize("password", ['ab"cd\\ef', 'a"b', "カギ\"<かぎ>&/?!'", "with two  blanks%"])
def test_a_secret_is_hidden_as_protocols_and_programs_write_it(password: str) -> None:
    login = PasswordLogin(REP, password)
    for form in (
        password,
        password.replace("\\", "\\\\").replace('"', '\\"'),
        json.dumps(password)[1:-1],
        html.escape(password),
        html.escape(password).replace("&#x27;", "&#39;"),
        quote(password, safe=""),
        quote(password).lower(),
        quote_plus(password),
        password.encode().hex(),
        password.encode().hex().upper(),
    ):
        assert login.redact(f"refused: [{form}]") == "refused: […]", form


@pytest.mark.parametrize("form", [SECRET.upper(), SECRET.lower()])
def test_a_secret_is_hidden_in_another_case(form: str) -> None:
    assert LOGIN.redact(f"NO SUCH USER AND WORD: {form}") == "NO SUCH USER AND WORD: …"


@pytest.mark.parametrize(
    ("password", "shown"),
    [
        ("x", "no server at max.example: exceeded, serverside"),
        ("server", "no … at max.example: exceeded, serverside"),
        ("max", "no server at ….example: exceeded, serverside"),
        ("123", "no server at max.example: exceeded, serverside"),
    ],
)
def test_a_short_password_that_is_a_word_leaves_the_words_in_which_it_is(
    password: str, shown: str
) -> None:
    said = "no server at max.example: exceeded, serverside"
    assert PasswordLogin(REP, password).redact(said) == shown


def test_a_token_is_hidden_whole_cut_and_encoded() -> None:
    token = TOKEN.token
    xoauth2 = encoded(f"user={REP}\1auth=Bearer {token}\1\1")
    bearer = encoded(f"n,a={REP},\1host=imap.us.example\1port=993\1auth=Bearer {token}\1\1")
    for form in (token, token[:40], token[40:80], xoauth2, xoauth2[60:90], bearer, bearer[100:]):
        assert TOKEN.redact(f"AUTHENTICATE ({form}) refused") == "AUTHENTICATE (…) refused"


def test_a_token_that_a_challenge_repeats_is_hidden_before_the_challenge_is_cut() -> None:
    said = json.dumps({"status": "400", "scope": f"of {TOKEN.token}"}).encode()
    assert token_refusal(said, TOKEN.redact).detail == "status 400, wants of …"


@given(st.text(min_size=1), st.text())
def test_any_secret_is_hidden_where_it_stands_between_blanks(secret: str, around: str) -> None:
    assume(secret.strip())
    assume("…" not in secret)
    redacted = PasswordLogin(REP, secret).redact(f"{around} {secret} {around}")
    assert secret not in redacted.replace("…", " … ").split()
