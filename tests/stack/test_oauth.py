"""Signing in at a provider through the deployed stack: begun by the CRM, ended by the browser."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import trustme

from commands.provider_file import ProviderFile
from local.stack import Stack
from mailmirror.api.decoding import typed
from mailmirror.domain.mailbox import Provider
from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.pages import CONNECTED
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.runtime import Runtime
from mailmirror.usecases.operating.accounts import set_return_urls
from mailmirror.usecases.operating.register_provider import SignInPlaces, register_provider
from tests.crm import SECONDS, Crm, Json, contact, user
from tests.servers.dovecot import Dovecot
from tests.servers.oidc import OidcServer
from tests.stack.feed import told
from tests.stack.mailing import letter
from tests.stack.team import SYNC_SECONDS, wait_until_healthy
from tests.stack.traces import Traces
from tests.stack.waiting import wait_for

REP, BOSS, KIM = "rep@oauth.example", "boss@oauth.example", "kim@customer-of-oauth.example"
BACK = "https://crm.example/settings"
LOGINS = dict.fromkeys((REP, BOSS), "never entered")


@dataclass(frozen=True, slots=True)
class Desk:
    """A CRM whose users sign in at the provider, and the mail server that takes its tokens."""

    crm: Crm
    oidc: OidcServer
    dovecot: Dovecot

    def authorize(self, **fields: object) -> requests.Response:
        asked = {"user_id": "rep", "provider": "google", "return_url": BACK, **fields}
        return self.crm.ask("POST", "/mailboxes/authorize", json=asked)

    def browse(self, address: str = REP, *, consent: bool = True, **fields: object) -> str:
        """Let a browser sign in, and return the callback's URL that it is sent to."""
        answer = self.authorize(**fields)
        assert answer.status_code == 200, answer.text
        return self.oidc.authorize(answer.json()["url"], address, consent)

    def call(self, path: str, **query: str) -> requests.Response:
        """A callback with a query of one's own."""
        return call(f"{self.crm.endpoint}/oauth/{path}/callback", params=query)


def call(url: str, **parts: Any) -> requests.Response:
    """Ask for a page as a browser does that comes from the provider."""
    return requests.get(url, allow_redirects=False, timeout=SECONDS, **parts)


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def problem(answer: requests.Response, status: int, code: Code) -> Json:
    """The problem that an answer is, which leads a browser nowhere."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Location" not in answer.headers
    body: Json = answer.json()
    assert body["code"] == code
    assert (body["reason"], body["remedy"]) == (
        PROBLEMS[code][Language.EN].reason,
        PROBLEMS[code][Language.EN].remedy,
    )
    return body


@pytest.fixture(scope="module")
def oidc(stack: Stack, authority: trustme.CA) -> Iterator[OidcServer]:
    callback = f"{stack.endpoint}/oauth/google/callback"
    with OidcServer({each: {} for each in LOGINS}, [callback], certifier=authority) as server:
        yield server


@pytest.fixture(scope="module")
def dovecot(oidc: OidcServer, authority: trustme.CA) -> Iterator[Dovecot]:
    with Dovecot(LOGINS, oauth=oidc.oauth(), issuer=authority) as server:
        yield server


@pytest.fixture(scope="module")
def desk(new_crm: Callable[[], Crm], office: Runtime, oidc: OidcServer, dovecot: Dovecot) -> Desk:
    crm = new_crm()
    account = crm.account.account_id
    told(crm, user("rep", REP), user("boss", BOSS), contact("kim", KIM))
    others = {
        "authorize_url": oidc.authorize_url,
        "token_url": oidc.token_url,
        "userinfo_url": oidc.userinfo_url,
        "issuer": oidc.issuer,
        "imap": {"host": "localhost", "port": dovecot.imaps_port, "security": "tls"},
        "smtp": None,
    }
    client = (oidc.client_id, oidc.client_secret)
    file = typed(others, ProviderFile)
    places = SignInPlaces.parse(Provider.GOOGLE, "", crm.endpoint, file.urls(), file.servers())
    register_provider(account, *client, places, office)
    set_return_urls(account, BACK, office)
    return Desk(crm, oidc, dovecot)


def test_a_browser_comes_back_with_a_mailbox_that_the_schedule_then_syncs(
    desk: Desk, traces: Traces
) -> None:
    desk.dovecot.deliver(REP, letter(KIM, REP, subject="Before").as_bytes())
    callback = desk.browse(login_hint=REP)
    answer = call(callback)
    assert answer.status_code == 303, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    back, _, _ = answer.headers["Location"].partition("?")
    found = query_of(answer.headers["Location"])
    assert (back, found["status"], set(found)) == (BACK, "connected", {"status", "mailbox_id"})

    wait_until_healthy(desk.crm, found["mailbox_id"], 100)
    mailbox = desk.crm.get(f"/mailboxes/{found['mailbox_id']}")
    assert (mailbox["email"], mailbox["user_id"]) == (REP, "rep")
    assert (mailbox["provider"], mailbox["error"]) == ("google", None)
    assert [one["subject"] for one in desk.crm.card("contacts/kim", "rep")] == ["Before"]
    problem(call(callback), 400, Code.STATE_UNKNOWN)
    # Nothing that could be used again is kept or logged.
    given = query_of(callback)
    secrets = [given["code"], given["state"].partition(".")[2], desk.oidc.client_secret]
    assert traces.of(secrets) == []


@pytest.mark.parametrize(("tongue", "language"), [("ja-JP", Language.JA), ("", Language.EN)])
def test_a_browser_without_a_return_url_sees_a_page_in_its_language(
    desk: Desk, tongue: str, language: Language
) -> None:
    browser = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": tongue}
    callback = desk.browse(login_hint=REP, return_url=None)
    connected = call(callback, headers=browser)
    again = call(callback, headers=browser)
    used = PROBLEMS[Code.STATE_UNKNOWN][language]
    for answer, status, said in ((connected, 200, CONNECTED[language]), (again, 400, used)):
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert f'<html lang="{language}">' in answer.text
        assert escape(said.reason) in answer.text
        assert escape(said.remedy) in answer.text


def test_a_page_shows_a_providers_words_as_text(desk: Desk) -> None:
    url = desk.authorize(login_hint=REP, return_url=None).json()["url"]
    words = {"state": query_of(url)["state"], "error": "<script>alert(1)</script>"}
    answer = call(
        f"{desk.crm.endpoint}/oauth/google/callback", params=words, headers={"Accept": "text/html"}
    )
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_signing_in_again_is_the_same_mailbox_and_it_goes_on(desk: Desk) -> None:
    again = call(desk.browse(login_hint=REP, return_url=""))
    assert again.status_code == 200, again.text
    id = again.json()["mailbox_id"]
    assert call(desk.browse(login_hint=REP, return_url="")).json()["mailbox_id"] == id

    answer = desk.crm.ask("DELETE", f"/mailboxes/{id}", params={"mail": "keep"})
    assert (answer.status_code, answer.json()["state"]) == (202, "disconnected")
    assert call(desk.browse(login_hint=REP, return_url="")).json()["mailbox_id"] == id

    desk.dovecot.deliver(REP, letter(KIM, REP, subject="After").as_bytes())
    desk.crm.sync(id)
    wait_for(
        "the message that came after",
        lambda: [one["subject"] for one in desk.crm.card("contacts/kim", "rep")],
        lambda subjects: "After" in subjects,
        SYNC_SECONDS,
    )
    assert desk.crm.audit(id, "rep")["clean"] is True


@pytest.mark.parametrize(
    "state",
    [None, "", ".", "x", "x.y", "{account}", "{account}.", "{account}.made-up", "é.é", "." * 5_000],
)
def test_a_forged_state_is_a_problem_and_leads_nowhere(desk: Desk, state: str | None) -> None:
    given = {"code": "made up"}
    if state is not None:
        given["state"] = state.format(account=desk.crm.account.account_id)
    problem(desk.call("google", **given), 400, Code.STATE_UNKNOWN)


def test_a_state_of_another_provider_is_a_problem_too(desk: Desk) -> None:
    given = query_of(desk.browse("boss@oauth.example", user_id="boss"))
    for provider in ("microsoft", "else"):
        problem(desk.call(provider, **given), 400, Code.STATE_UNKNOWN)


@pytest.mark.parametrize("language", Language)
def test_a_refusal_comes_back_to_the_crm_with_its_reason_and_remedy(
    desk: Desk, language: Language
) -> None:
    callback = desk.browse(BOSS, consent=False, user_id="boss", return_url=f"{BACK}?tab=mail")
    answer = call(callback, headers={"Accept-Language": f"{language},en;q=0.5"})
    code = Code.SIGN_IN_CANCELLED
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].startswith(f"{BACK}?tab=mail&")
    told_back = query_of(answer.headers["Location"])
    detail = told_back.pop("detail")
    assert told_back == {
        "tab": "mail",
        "status": "refused",
        "code": code.value,
        "reason": PROBLEMS[code][language].reason,
        "remedy": PROBLEMS[code][language].remedy,
    }
    assert detail == "access_denied"
    problem(call(callback), 400, Code.STATE_UNKNOWN)


def test_who_named_no_return_url_is_reported_in_the_browser(desk: Desk) -> None:
    refused = call(desk.browse(BOSS, consent=False, user_id="boss", return_url=""))
    problem(refused, 422, Code.SIGN_IN_CANCELLED)
    passed_on = call(desk.browse(REP, user_id="boss", return_url=""))
    problem(passed_on, 409, Code.ADDRESS_OF_ANOTHER_USER)
    connected = call(desk.browse(BOSS, user_id="boss", return_url=""))
    assert connected.status_code == 200, connected.text
    assert connected.json()["status"] == "connected"
    assert desk.crm.get(f"/mailboxes/{connected.json()['mailbox_id']}")["email"] == BOSS


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (
            {"return_url": "https://crm.example.evil.example/settings"},
            422,
            "return_url_not_allowed",
        ),
        ({"return_url": f"{BACK}/../evil"}, 422, "return_url_not_allowed"),
        ({"user_id": "nobody"}, 422, "user_unknown"),
        ({"user_id": None}, 422, "missing_field"),
        ({"provider": "microsoft"}, 422, "provider_not_configured"),
        ({"provider": "imap"}, 422, "provider_unsupported"),
        ({"login_hint": "nobody"}, 422, "invalid_email"),
    ],
)
def test_what_cannot_be_begun_is_a_problem(
    desk: Desk, asked: Mapping[str, object], status: int, code: str
) -> None:
    problem(desk.authorize(**asked), status, Code(code))


def test_nobody_begins_without_a_key(desk: Desk) -> None:
    answer = desk.crm.ask("POST", "/mailboxes/authorize", key="mm_no_key", json={"user_id": "rep"})
    problem(answer, 401, Code.UNAUTHORIZED)
