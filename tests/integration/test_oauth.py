"""Signing in at a provider and what becomes of its tokens, with real servers at the other end."""

import base64
import json
import logging
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import trustme

from commands.provider_file import ProviderFile
from mailmirror.api.decoding import typed
from mailmirror.api.mailboxes import Mailbox as MailboxAnswer
from mailmirror.api.sign_ins import AuthorizeBody
from mailmirror.aws.queues import PollJob
from mailmirror.domain import ownership
from mailmirror.domain.doctor import StageResult
from mailmirror.domain.mailbox import (
    Mailbox,
    MailboxId,
    MailboxState,
    Provider,
    Security,
    Server,
    UserId,
)
from mailmirror.domain.oauth import Grant
from mailmirror.domain.outbound import OutboundState, Transport
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.mail.oauth import refresh
from mailmirror.mail.sasl import PasswordLogin
from mailmirror.mail.smtp.session import SubmissionSession
from mailmirror.runtime import Runtime
from mailmirror.store.credentials import StoredCredential
from mailmirror.store.table import Meter
from mailmirror.usecases.mailboxes import access_tokens, oauth_sign_in
from mailmirror.usecases.mailboxes.change_mailbox import disconnect
from mailmirror.usecases.mailboxes.examine_mailbox import examine_mailbox
from mailmirror.usecases.mailboxes.oauth_sign_in import (
    CallbackRequest,
    Outcome,
    begin_sign_in,
    finish_sign_in,
)
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.mailboxes.server_sign_in import signed_in
from mailmirror.usecases.operating.accounts import create_account, set_return_urls
from mailmirror.usecases.operating.register_provider import SignInPlaces, register_provider
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from mailmirror.usecases.sync.poll_mailboxes import poll_mailboxes
from tests.integration.api_calls import Api, call_outside, connect_body
from tests.integration.office import (
    BOSS,
    KIM,
    REP,
    Clock,
    Office,
    basis_of,
    letter,
    loopback,
    subjects,
)
from tests.integration.sending import accept, deliver_job
from tests.servers.dovecot import Dovecot
from tests.servers.hostile import Answer, Hostile
from tests.servers.mailbox_server import MailboxServer
from tests.servers.oidc import GMAIL, Claims, OidcServer
from tests.servers.postfix import Postfix
from tests.servers.scripted_smtp import ScriptedSmtp

GOOGLE, MICROSOFT = Provider.GOOGLE, Provider.MICROSOFT
CALLBACKS = {
    provider: f"https://mailmirror.example/live/oauth/{provider}/callback"
    for provider in (GOOGLE, MICROSOFT)
}
BACK = "https://crm.example/settings"
ELSEWHERE = "rep@second.example"
UPN = "rep.r@us.onmicrosoft.example"
"""Under which REP signs in at Microsoft."""
LOGINS = dict.fromkeys((REP, BOSS, ELSEWHERE, UPN), "never entered")
CLAIMS: Mapping[str, Claims] = {
    address: {
        "email": REP if address == UPN else address,
        "email_verified": True,
        "preferred_username": address,
    }
    for address in LOGINS
}
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
SMTP_AUTH_OFF = (
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
    " Visit https://aka.ms/smtp_auth_disabled for more information."
)


@dataclass(slots=True)
class Desk:
    """An account whose people sign in at the provider, and a mail server that takes its tokens."""

    office: Office
    oidc: OidcServer
    dovecot: Dovecot
    clock: Clock

    @property
    def runtime(self) -> Runtime:
        return self.office.runtime

    def register(
        self, provider: Provider = GOOGLE, smtp: Server | None = None, **others: object
    ) -> None:
        """Enter the account's client at a provider, whose servers are this machine's."""
        found = {
            "redirect_uri": CALLBACKS[provider],
            "authorize_url": self.oidc.authorize_url,
            "token_url": self.oidc.token_url,
            "userinfo_url": self.oidc.userinfo_url if provider is GOOGLE else "",
            "issuer": self.oidc.issuer,
            "imap": {"host": "localhost", "port": self.dovecot.imaps_port, "security": "tls"},
            "smtp": {"host": smtp.host, "port": smtp.port, "security": smtp.security}
            if smtp
            else None,
        }
        client = (self.oidc.client_id, self.oidc.client_secret)
        file = typed(found | others, ProviderFile)
        places = SignInPlaces.parse(provider, "common", "", file.urls(), file.servers())
        register_provider(self.office.account, *client, places, self.runtime)

    def begin(self, user: str = "rep", provider: str = GOOGLE, **fields: object) -> str:
        """Where the person is to sign in."""
        asked = {"user_id": user, "provider": provider, "return_url": BACK, **fields}
        request = typed(asked, AuthorizeBody).request()
        return begin_sign_in(self.office.account, request, self.runtime)

    def browse(self, url: str, address: str = REP, *, consent: bool = True) -> dict[str, str]:
        """Sign in there, and return what the browser brings to the callback."""
        return _query(self.oidc.authorize(url, address, consent))

    def finish(self, query: Mapping[str, str], provider: str = GOOGLE) -> Outcome:
        return finish_sign_in(CallbackRequest(provider, query), self.runtime)

    def refusal(self, query: Mapping[str, str], provider: str = GOOGLE) -> Refused:
        """Why a callback is refused, which the CRM is told at the return URL."""
        outcome = self.finish(query, provider)
        assert outcome.refused is not None
        assert (outcome.return_url, outcome.mailbox) == (BACK, None)
        return outcome.refused

    def refused(self, query: Mapping[str, str], provider: str = GOOGLE) -> Code:
        return self.refusal(query, provider).code

    def turned_away(self, query: Mapping[str, str], provider: str = GOOGLE) -> Code:
        """Why a callback is refused that leads nowhere."""
        with pytest.raises(Refused) as refused:
            self.finish(query, provider)
        return refused.value.code

    def sign_in(
        self, user: str = "rep", address: str = REP, provider: Provider = GOOGLE
    ) -> Mailbox:
        url = self.begin(user, provider, login_hint=address)
        outcome = self.finish(self.browse(url, address), provider)
        assert outcome.refused is None, outcome.refused
        assert (outcome.return_url, bool(outcome.mailbox)) == (BACK, True)
        return self.mailbox(outcome.mailbox or MailboxId(""))

    def synced(self) -> Mailbox:
        """REP's mailbox, signed in to and synced."""
        mailbox = self.sign_in()
        self.office.sync(mailbox)
        return mailbox

    def mailbox(self, id: MailboxId) -> Mailbox:
        found = self.runtime.mailboxes.find(self.office.account, id, consistent=True)
        assert found is not None
        return found

    @property
    def connected(self) -> list[Mailbox]:
        return self.runtime.mailboxes.list_all(self.office.account)

    def kept(self, mailbox: Mailbox) -> StoredCredential | None:
        account = self.runtime.accounts.find(self.office.account)
        assert account is not None
        return self.runtime.credentials.get(account, mailbox.key, self.runtime.now())

    def grant(self, mailbox: Mailbox) -> Grant:
        kept = self.kept(mailbox)
        assert kept is not None
        assert isinstance(kept.credential, Grant)
        return kept.credential

    def later(self, by: timedelta) -> None:
        """Let time pass, here and at the provider."""
        self.clock.advance(by)
        ahead = self.clock() - Clock()()
        self.oidc.skew(ahead.total_seconds())

    def poll(self, mailbox: Mailbox, queued: timedelta = timedelta()) -> None:
        """Poll a mailbox as a job does that was queued so long ago."""
        poll_mailboxes(PollJob([mailbox.key], self.runtime.now() - queued), self.runtime)

    def state(self, mailbox: Mailbox) -> tuple[MailboxState, Code | None]:
        """How it is doing, and the error as the API tells it, with a reason and a remedy."""
        report = read_mailbox(self.office.account, mailbox.key.mailbox, self.runtime)
        error = MailboxAnswer.of(report, Language.EN).error
        if error is None:
            return report.state, None
        explanation = PROBLEMS[error.code][Language.EN]
        assert (error.reason, error.remedy) == (explanation.reason, explanation.remedy)
        return report.state, error.code

    def folders(self, mailbox: Mailbox) -> int:
        """Sign in to the mail server, and count folders."""
        with signed_in(mailbox, self.runtime, 30) as session:
            return len(session.folders())

    def at_once(self, mailbox: Mailbox, times: int = 8) -> None:
        """Need the mailbox's token in several threads at the same moment."""
        with ThreadPoolExecutor(times) as pool:
            assert list(pool.map(self.folders, [mailbox] * times)) == [2] * times

    @property
    def refreshes(self) -> int:
        """How often the provider was asked for another access token."""
        return self.oidc.token_requests.get("refresh_token", 0)


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def with_query(url: str, **fields: str) -> str:
    """A URL some fields of whose query are others."""
    return f"{url.partition('?')[0]}?{urlencode(_query(url) | fields)}"


@pytest.fixture(scope="module")
def oidc() -> Iterator[OidcServer]:
    with OidcServer(CLAIMS, list(CALLBACKS.values())) as server:
        yield server


@pytest.fixture
def dovecot(oidc: OidcServer) -> Iterator[Dovecot]:
    with Dovecot(LOGINS, oauth=oidc.oauth()) as server:
        yield server


@pytest.fixture
def imap_server(dovecot: Dovecot) -> MailboxServer:
    """The server that the account's mailboxes are on, and trust."""
    return dovecot


@pytest.fixture
def by_passwords(desk: Desk) -> Iterator[Dovecot]:
    """A server at which REP signs in by a password."""
    with Dovecot({REP: "secret"}) as server:
        trust(desk.runtime, server)
        yield server


@pytest.fixture
def outgoing(dovecot: Dovecot) -> Iterator[Postfix]:
    with Postfix(dovecot) as server:
        yield server


@pytest.fixture
def desk(office: Office, oidc: OidcServer, dovecot: Dovecot, clock: Clock) -> Iterator[Desk]:
    trust(office.runtime, oidc)
    set_return_urls(office.account, f"{BACK}, https://crm.example/other", office.runtime)
    desk = Desk(office, oidc, dovecot, clock)
    desk.register()
    yield desk
    oidc.skew(0)
    for user, claims in CLAIMS.items():
        oidc.set_claims(user, **claims)


@pytest.fixture
def sending(desk: Desk, outgoing: Postfix) -> Desk:
    """The same, with a submission server."""
    trust(desk.runtime, outgoing)
    desk.register(smtp=submission(outgoing.submission_port, Security.STARTTLS))
    return desk


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[Server]:
    """Every mail server that is connected to from now on."""
    made: list[Server] = []
    connect = NetworkPolicy.connect

    def noted(policy: NetworkPolicy, server: Server) -> Any:
        made.append(server)
        return connect(policy, server)

    monkeypatch.setattr(NetworkPolicy, "connect", noted)
    return made


def trust(
    runtime: Runtime, server: OidcServer | Postfix | ScriptedSmtp | Hostile | Dovecot
) -> None:
    runtime.network_policy.trust.load_verify_locations(cadata=server.authority.read_text())


def submission(port: int, security: Security) -> Server:
    return Server("localhost", port, security)


# Signing in


def test_a_sign_in_connects_syncs_and_sends_by_token(sending: Desk, outgoing: Postfix) -> None:
    sending.dovecot.deliver(REP, letter(1))
    mailbox = sending.synced()
    sent = deliver_job(accept(sending.office, subject="By token"), sending.runtime)
    assert (mailbox.provider, mailbox.email, mailbox.owner) == (GOOGLE, REP, "rep")
    assert sent.state is OutboundState.SENT
    assert len(outgoing.await_received(KIM)) == 1
    assert "sasl_method=XOAUTH2, sasl_username=rep@us.example" in outgoing.log()
    assert subjects(sending.office.card("rep", "kim")) == ["By token", "Letter 1"]
    assert sending.state(mailbox) == (MailboxState.HEALTHY, None)


def test_where_only_oauthbearer_is_offered_it_is_spoken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.servers.dovecot._OAUTH_MECHANISMS", "oauthbearer")
    with Dovecot(LOGINS, oauth=desk.oidc.oauth()) as dovecot, Postfix(dovecot) as postfix:
        desk.runtime.network_policy.trust.load_verify_locations(
            cadata=dovecot.authority.read_text()
        )
        trust(desk.runtime, postfix)
        imap = {"host": "localhost", "port": dovecot.imaps_port, "security": "tls"}
        desk.register(smtp=submission(postfix.submissions_port, Security.TLS), imap=imap)
        dovecot.deliver(REP, letter(1))
        desk.synced()
        sent = deliver_job(accept(desk.office, subject="By token"), desk.runtime)
        assert sent.state is OutboundState.SENT
        assert "sasl_method=OAUTHBEARER" in postfix.log()
    assert subjects(desk.office.card("rep", "kim")) == ["By token", "Letter 1"]


def test_the_browser_is_sent_off_with_a_challenge_and_without_a_secret(desk: Desk) -> None:
    url = desk.begin(login_hint="Rep@US.example")
    asked = _query(url)
    assert url.startswith(f"{desk.oidc.authorize_url}?")
    assert asked["redirect_uri"] == CALLBACKS[GOOGLE]
    assert asked["response_type"] == "code"
    assert set(asked["scope"].split()) == {"openid", "email", GMAIL}
    assert (asked["access_type"], asked["prompt"]) == ("offline", "consent")
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    assert asked["login_hint"] == REP
    assert not {"code_verifier", "client_secret"} & set(asked)
    again = _query(desk.begin())
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 32
        assert asked[name] != again[name]


def test_google_says_by_its_email_who_signed_in(desk: Desk) -> None:
    desk.oidc.set_claims(REP, preferred_username=BOSS)
    assert desk.sign_in().email == REP


def test_microsoft_says_it_by_its_user_name_and_never_by_its_email(desk: Desk) -> None:
    desk.register(MICROSOFT)
    desk.oidc.set_claims(REP, email=BOSS)
    # This server knows no choice of accounts.
    url = with_query(desk.begin(provider=MICROSOFT), prompt="consent")
    outcome = desk.finish(desk.browse(url), MICROSOFT)
    assert outcome.mailbox is not None
    mailbox = desk.mailbox(outcome.mailbox)
    assert (mailbox.email, mailbox.provider) == (REP, MICROSOFT)
    desk.office.sync(mailbox)
    assert desk.state(mailbox) == (MailboxState.HEALTHY, None)


def signed_in_at_microsoft(desk: Desk, login: str, hint: str = "") -> Outcome:
    """What becomes of a sign-in; this server knows no choice of accounts."""
    desk.register(MICROSOFT)
    fields = {"login_hint": hint} if hint else {}
    url = with_query(desk.begin(provider=MICROSOFT, **fields), prompt="consent")
    return desk.finish(desk.browse(url, login), MICROSOFT)


@pytest.mark.parametrize("login", [REP, UPN])
@pytest.mark.parametrize("hint", [REP, ""])
def test_a_sign_in_name_that_is_not_the_mail_address_connects_the_mailbox_of_the_address(
    desk: Desk, login: str, hint: str
) -> None:
    """The server takes the token under `login`: the address, or the sign-in name alone."""
    desk.oidc.set_claims(REP, preferred_username=UPN)
    outcome = signed_in_at_microsoft(desk, login, hint)
    assert outcome.mailbox is not None, outcome.refused
    mailbox = desk.mailbox(outcome.mailbox)
    assert (mailbox.email, mailbox.username) == (REP, login)
    desk.office.sync(mailbox)
    assert desk.state(mailbox) == (MailboxState.HEALTHY, None)


@pytest.mark.parametrize(
    ("mail", "code"),
    [(BOSS, Code.ADDRESS_OF_ANOTHER_USER), (KIM, Code.ADDRESS_OF_PERSON)],
)
def test_a_colleague_whose_sign_in_name_the_crm_does_not_know_keeps_their_mail(
    desk: Desk, mail: str, code: Code
) -> None:
    """REP begins with the colleague's sign-in name as the hint, and passes the link on."""
    desk.oidc.set_claims(UPN, preferred_username=UPN, email=mail)
    outcome = signed_in_at_microsoft(desk, UPN, hint=UPN)
    assert outcome.refused is not None
    assert outcome.refused.code is code
    assert desk.connected == []


def test_a_sign_in_name_given_as_the_hint_does_not_become_the_address(desk: Desk) -> None:
    outcome = signed_in_at_microsoft(desk, UPN, hint=UPN)
    assert outcome.mailbox is not None, outcome.refused
    assert desk.mailbox(outcome.mailbox).email == REP


def test_a_mailbox_that_a_colleague_may_open_is_connected_where_the_crm_gives_it_to_the_user(
    desk: Desk,
) -> None:
    desk.oidc.set_claims(REP, preferred_username="assistant@us.example", email="a@us.example")
    outcome = signed_in_at_microsoft(desk, REP, hint=REP)
    assert outcome.mailbox is not None, outcome.refused
    assert desk.mailbox(outcome.mailbox).email == REP


@pytest.mark.parametrize(
    ("claims", "hint"),
    [
        ({"preferred_username": ELSEWHERE, "email": ELSEWHERE}, REP),
        ({"preferred_username": ELSEWHERE, "email": ELSEWHERE}, ""),
        ({"preferred_username": ELSEWHERE, "email": ""}, REP),
        ({"preferred_username": ELSEWHERE, "email": REP}, "other@second.example"),
    ],
)
def test_another_persons_sign_in_brings_no_mail_to_the_user_who_began_it(
    desk: Desk, claims: Claims, hint: str
) -> None:
    desk.oidc.set_claims(ELSEWHERE, **claims)
    outcome = signed_in_at_microsoft(desk, ELSEWHERE, hint)
    assert outcome.refused is not None
    assert outcome.refused.code is Code.ADDRESS_MISMATCH
    assert desk.connected == []


def test_the_providers_word_on_a_mail_address_proves_nothing_where_the_server_takes_another_name(
    desk: Desk,
) -> None:
    claims = ownership.Claims({UserId("rep"): set()})
    outcome = signed_in_at_microsoft(desk, UPN, hint=REP)
    assert outcome.mailbox is not None
    mailbox = desk.mailbox(outcome.mailbox)
    assert ownership.proof_of(mailbox, claims) is None
    named = replace(mailbox, username=REP)
    assert ownership.proof_of(named, claims) is ownership.Proof.PROVIDER


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"user_id": "unknown"}, Code.USER_UNKNOWN),
        ({"user_id": "a#b"}, Code.USER_UNKNOWN),
        ({"user_id": None}, Code.MISSING_FIELD),
        ({"user_id": ["rep"]}, Code.INVALID_FIELD),
        ({"provider": "microsoft"}, Code.PROVIDER_NOT_CONFIGURED),
        ({"provider": "imap"}, Code.PROVIDER_UNSUPPORTED),
        ({"provider": None}, Code.MISSING_FIELD),
        ({"login_hint": "rep"}, Code.INVALID_EMAIL),
        ({"return_url": f"{BACK}\r\nX: y"}, Code.INVALID_FIELD),
        ({"return_url": "x" * 2_001}, Code.INVALID_FIELD),
    ],
)
def test_what_cannot_be_begun_is_refused_before_any_browser_leaves(
    desk: Desk, asked: Mapping[str, object], code: Code
) -> None:
    fields = {"user_id": "rep", "provider": "google", "return_url": BACK, **asked}
    with pytest.raises(Refused) as refused:
        begin_sign_in(desk.office.account, typed(fields, AuthorizeBody).request(), desk.runtime)
    assert refused.value.code is code


NOT_LISTED = [
    "https://crm.example",
    "https://crm.example/",
    "https://crm.example/settings/",
    "https://crm.example/settingsx",
    "https://crm.example/SETTINGS",
    "https://crm.example.evil.example/settings",
    "https://crm.example@evil.example/settings",
    "https://crm.example:444/settings",
    "https://crm.example/settings/../evil",
    "https://crm.example/settings/%2e%2e/evil",
    "https://crm.example/settings#https://evil.example",
    "https://crm.example/settings;x",
    "https://crm.example\\@evil.example/settings",
    "http://crm.example/settings",
    " https://crm.example/settings",
    "//crm.example/settings",
    "javascript:alert(1)//https://crm.example/settings",
]


def test_a_browser_is_sent_back_only_to_what_is_on_the_list(desk: Desk) -> None:
    for url in NOT_LISTED:
        with pytest.raises(Refused) as refused:
            desk.begin(return_url=url)
        assert refused.value.code is Code.RETURN_URL_NOT_ALLOWED, url


def test_a_listed_url_may_have_a_query_and_its_list_may_be_taken_back(desk: Desk) -> None:
    assert desk.begin(return_url=f"{BACK}?tab=mail")
    set_return_urls(desk.office.account, "", desk.runtime)
    with pytest.raises(Refused) as refused:
        desk.begin()
    assert refused.value.code is Code.RETURN_URL_NOT_ALLOWED


# Who comes back


def test_a_callback_counts_once_though_two_bring_it_at_the_same_moment(desk: Desk) -> None:
    query = desk.browse(desk.begin())

    def bring(_: int) -> Code | None:
        try:
            refused = desk.finish(query).refused
        except Refused as refusal:
            return refusal.code
        return refused.code if refused else None

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(bring, range(4)))
    assert sorted(told, key=str) == [None, *[Code.STATE_UNKNOWN] * 3]
    assert desk.turned_away(query) is Code.STATE_UNKNOWN
    assert len(desk.connected) == 1


FORGED = [
    "",
    ".",
    "x",
    "{account}",
    "{account}.",
    ".{secret}",
    "{account}.{secret}x",
    "{account}.{other}",
    "{account}#account.{secret}",
    "{account}.{secret}." + "x" * 200,
    "{account}.é",
    "{account}.\0",
]


def test_a_forged_state_is_nobodys_and_spoils_no_true_one(desk: Desk) -> None:
    query = desk.browse(desk.begin())
    account, _, secret = query["state"].partition(".")
    for forged in FORGED:
        state = forged.format(account=account, secret=secret, other="x" * 43)
        assert desk.turned_away({**query, "state": state}) is Code.STATE_UNKNOWN, state
    assert desk.connected == []
    assert desk.finish(query).mailbox


def test_a_state_of_no_sign_in_costs_no_write(desk: Desk) -> None:
    account = desk.office.account
    for state in (f"{account}.{'x' * 43}", f"0123456789ab.{'x' * 43}", "x"):
        desk.runtime.table.meter = Meter()
        assert desk.turned_away({"state": state, "code": "x"}) is Code.STATE_UNKNOWN
        assert desk.runtime.table.meter.write_units == 0


def test_a_state_counts_in_its_own_account_only(desk: Desk) -> None:
    query = desk.browse(desk.begin())
    other = create_account("Other", desk.runtime).account_id
    swapped = f"{other}.{query['state'].partition('.')[2]}"
    assert desk.turned_away({**query, "state": swapped}) is Code.STATE_UNKNOWN
    assert desk.runtime.mailboxes.list_all(other) == desk.connected == []


def test_a_state_counts_at_its_own_provider_only(desk: Desk) -> None:
    desk.register(MICROSOFT)
    query = desk.browse(desk.begin())
    for provider in (MICROSOFT, "imap", "else", ""):
        assert desk.turned_away(query, provider) is Code.STATE_UNKNOWN
    assert desk.connected == []


def test_a_sign_in_lasts_ten_minutes(desk: Desk) -> None:
    early, late = desk.browse(desk.begin()), desk.browse(desk.begin())
    desk.clock.advance(timedelta(minutes=10) - 30 * SECOND)
    # That clock is not this server's: the ID token is ten minutes old, and good for an hour.
    assert desk.finish(early).mailbox
    desk.clock.advance(MINUTE)
    assert desk.refused(late) is Code.STATE_EXPIRED
    assert desk.turned_away(late) is Code.STATE_UNKNOWN


def test_who_cancels_is_reported_so(desk: Desk) -> None:
    assert desk.refused(desk.browse(desk.begin(), consent=False)) is Code.SIGN_IN_CANCELLED
    assert desk.connected == []


@pytest.mark.parametrize("code", ["", "made up", "x" * 4_096])
def test_a_code_that_the_provider_never_gave_is_refused(desk: Desk, code: str) -> None:
    query = desk.browse(desk.begin())
    assert desk.refused({**query, "code": code}) is Code.CODE_REFUSED
    assert desk.connected == []


def test_a_code_of_another_sign_in_is_refused_for_it_has_another_challenge(desk: Desk) -> None:
    """Whoever plants their own code in somebody else's browser connects nothing there."""
    victim, attacker = desk.browse(desk.begin()), desk.browse(desk.begin("boss"), BOSS)
    assert desk.refused({**victim, "code": attacker["code"]}) is Code.CODE_REFUSED
    assert desk.connected == []


def test_another_address_than_the_expected_one_is_refused(desk: Desk) -> None:
    refused = desk.refusal(desk.browse(desk.begin(login_hint=REP), ELSEWHERE))
    assert refused.code is Code.ADDRESS_MISMATCH
    assert refused.detail == f"{ELSEWHERE} instead of {REP}"
    assert desk.finish(desk.browse(desk.begin(login_hint=REP.upper()))).mailbox


def test_a_link_that_was_passed_on_brings_no_colleagues_mail(desk: Desk) -> None:
    assert desk.refused(desk.browse(desk.begin("rep"), BOSS)) is Code.ADDRESS_OF_ANOTHER_USER
    assert desk.connected == []


def test_another_users_address_is_not_even_asked_for(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        desk.begin("rep", login_hint=BOSS)
    assert refused.value.code is Code.ADDRESS_OF_ANOTHER_USER


def test_without_an_expected_address_it_is_one_of_the_users_own(desk: Desk) -> None:
    """A stranger who is sent the link would connect their mail to whoever began it."""
    refused = desk.refusal(desk.browse(desk.begin(), ELSEWHERE))
    assert refused.code is Code.ADDRESS_MISMATCH
    assert refused.detail == f"{ELSEWHERE} instead of an address of the user's own"
    assert desk.connected == []


def test_a_mailbox_that_the_crm_calls_otherwise_is_connected_again_without_a_hint(
    desk: Desk,
) -> None:
    first = desk.finish(desk.browse(desk.begin(login_hint=ELSEWHERE), ELSEWHERE)).mailbox
    assert desk.finish(desk.browse(desk.begin(), ELSEWHERE)).mailbox == first


def not_begun(desk: Desk, user: str, hint: str) -> Code:
    with pytest.raises(Refused) as refused:
        desk.begin(user, login_hint=hint)
    return refused.value.code


def test_an_address_is_connected_once(desk: Desk) -> None:
    url = desk.begin("boss", login_hint=ELSEWHERE)
    desk.sign_in("rep", ELSEWHERE)
    assert desk.refused(desk.browse(url, ELSEWHERE)) is Code.ADDRESS_CONNECTED
    assert not_begun(desk, "boss", ELSEWHERE) is Code.ADDRESS_CONNECTED


def test_a_second_address_waits_until_the_first_is_disconnected(desk: Desk) -> None:
    url = desk.begin(login_hint=ELSEWHERE)
    first = desk.sign_in()
    assert desk.refused(desk.browse(url, ELSEWHERE)) is Code.MAILBOX_LIMIT
    assert not_begun(desk, "rep", ELSEWHERE) is Code.MAILBOX_LIMIT
    disconnect(desk.office.account, first.key.mailbox, desk.runtime)
    assert desk.sign_in(address=ELSEWHERE).email == ELSEWHERE


def test_an_address_that_the_provider_has_not_verified_is_none(desk: Desk) -> None:
    desk.oidc.set_claims(REP, email_verified=False)
    assert desk.refused(desk.browse(desk.begin())) is Code.ADDRESS_UNKNOWN
    assert desk.connected == []


def test_who_unticks_the_mail_has_not_consented(desk: Desk) -> None:
    url = with_query(desk.begin(), scope="openid email")
    assert desk.refused(desk.browse(url)) is Code.CONSENT_MISSING
    assert desk.connected == []


def test_a_mail_server_that_refuses_the_token_connects_nothing(desk: Desk) -> None:
    desk.oidc.set_claims(REP, email="who@us.example")  # a user whom that server does not know
    refused = desk.refusal(desk.browse(desk.begin(login_hint="who@us.example")))
    assert refused.code is Code.TOKEN_REFUSED
    assert refused.detail.startswith("imap: status ")
    assert desk.connected == []


# For whom an ID token is


def test_an_id_token_of_another_request_is_refused(desk: Desk) -> None:
    refused = desk.refusal(desk.browse(with_query(desk.begin(), nonce="another")))
    assert (refused.code, refused.detail) == (Code.ID_TOKEN_INVALID, "nonce")


def test_an_id_token_of_another_issuer_is_refused(desk: Desk) -> None:
    desk.register(issuer="https://accounts.google.com")
    refused = desk.refusal(desk.browse(desk.begin()))
    assert (refused.code, refused.detail) == (Code.ID_TOKEN_INVALID, "iss")


@pytest.mark.parametrize(
    ("seconds", "claim"),
    [(290, None), (310, "iat"), (-3_600 - 290, None), (-3_600 - 310, "exp")],
)
def test_the_providers_clock_may_be_five_minutes_off(
    desk: Desk, seconds: int, claim: str | None
) -> None:
    # The provider's own cookies live for an hour by the browser's clock, which is right.
    ahead = 400 if seconds < 0 else 0
    desk.clock.advance(ahead * SECOND)
    desk.oidc.skew(seconds + ahead)
    query = desk.browse(desk.begin())
    if claim is None:
        assert desk.finish(query).mailbox
        return
    refused = desk.refusal(query)
    assert (refused.code, refused.detail) == (Code.ID_TOKEN_INVALID, claim)
    assert desk.connected == []


@pytest.mark.parametrize(
    ("forged", "claim"),
    [
        ({"aud": "another client"}, "aud"),
        ({"aud": []}, "aud"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"exp": 1}, "exp"),
        ({"exp": "never"}, "exp"),
        (None, "iss"),
    ],
)
def test_an_id_token_for_somebody_else_or_none_is_refused(
    desk: Desk, forged: Mapping[str, object] | None, claim: str
) -> None:
    url = desk.begin()
    query = desk.browse(url)
    now = desk.runtime.now().timestamp()
    claims = {
        "iss": desk.oidc.issuer,
        "aud": desk.oidc.client_id,
        "nonce": _query(url)["nonce"],
        "iat": now,
        "exp": now + 3_600,
        "sub": "1",
        "email": REP,
        **(forged or {}),
    }
    answer = {"access_token": "a", "refresh_token": "r", "token_type": "Bearer"}
    answer |= {"id_token": jwt(claims)} if forged is not None else {}
    desk.oidc.answer_next_token_request(200, answer)
    refused = desk.refusal(query)
    assert (refused.code, refused.detail) == (Code.ID_TOKEN_INVALID, claim)
    assert desk.connected == []


def jwt(claims: Mapping[str, object]) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.x"


# A token and its end


def test_a_token_is_replaced_a_little_before_its_end_and_not_earlier(desk: Desk) -> None:
    mailbox = desk.sign_in()
    before, asked = desk.grant(mailbox), desk.refreshes
    life = before.expires_at - before.issued_at
    desk.later(life - 6 * MINUTE)
    desk.folders(mailbox)
    assert (desk.grant(mailbox), desk.refreshes) == (before, asked)
    desk.later(2 * MINUTE)
    desk.at_once(mailbox)
    after = desk.grant(mailbox)
    assert desk.refreshes - asked == 1
    assert after.access_token != before.access_token
    assert after.expires_at - before.expires_at > life - 6 * MINUTE


def test_an_expired_token_is_replaced_once_though_eight_need_it_at_the_same_moment(
    desk: Desk,
) -> None:
    mailbox = desk.sign_in()
    asked = desk.refreshes
    desk.later(2 * HOUR)
    desk.at_once(mailbox)
    assert desk.refreshes - asked == 1


def test_the_rotated_refresh_token_is_kept_and_used_next(desk: Desk) -> None:
    mailbox = desk.sign_in()
    seen = {desk.grant(mailbox).refresh_token}
    for rotated in (2, 3, 4):  # this server revokes everything when an old one comes again
        desk.later(2 * HOUR)
        assert desk.folders(mailbox) == 2
        seen.add(desk.grant(mailbox).refresh_token)
        assert len(seen) == rotated


def test_a_provider_that_gives_no_other_refresh_token_means_the_same(desk: Desk) -> None:
    mailbox = desk.sign_in()
    asked = desk.refreshes
    desk.later(2 * HOUR)
    desk.oidc.answer_next_token_request(200, {"access_token": "of no use", "expires_in": 3_599})
    assert desk.folders(mailbox) == 2
    assert desk.refreshes - asked == 2


def test_a_live_token_that_the_server_refuses_is_replaced_once(
    desk: Desk, reached: list[Server]
) -> None:
    mailbox = desk.synced()
    asked = desk.refreshes
    reached.clear()
    desk.oidc.skew(3_700)  # so it has ended there, and not yet here
    desk.poll(mailbox)
    assert (desk.refreshes - asked, len(reached)) == (1, 2)
    assert desk.state(mailbox) == (MailboxState.HEALTHY, None)


def test_while_the_provider_is_down_a_token_that_still_lives_is_used(desk: Desk) -> None:
    mailbox = desk.synced()
    before, asked = desk.grant(mailbox), desk.refreshes
    desk.later(before.expires_at - before.issued_at - 4 * MINUTE)
    desk.oidc.answer_next_token_request(503, "<html>Service Unavailable</html>")
    desk.poll(mailbox)
    assert desk.refreshes - asked == 1
    assert desk.grant(mailbox) == before
    assert desk.state(mailbox) == (MailboxState.HEALTHY, None)
    desk.poll(mailbox)
    assert desk.refreshes - asked == 2, "nobody holds the claim any more"
    assert desk.grant(mailbox) != before


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (503, "<html>Service Unavailable</html>"),
        (500, {"error": "invalid_grant"}),
        (429, {"error": "slow_down"}),
        (200, "<html>Welcome to our Wi-Fi</html>"),
        (200, "[]"),
        (200, "[" * 100_000),
        (200, {}),
        (200, {"access_token": 7}),
        (200, {"access_token": "a", "scope": 7}),
        (200, '{"access_token": "a", "expires_in": 1e999}'),
        (400, {"error": ["invalid_grant"]}),
        (400, {"error": "invalid_client", "error_description": "AADSTS7000222: secret expired"}),
    ],
)
def test_what_is_no_answer_costs_no_sign_in_and_is_asked_again(
    desk: Desk, reached: list[Server], status: int, answer: str | Mapping[str, object]
) -> None:
    mailbox = desk.synced()
    desk.later(2 * HOUR)
    reached.clear()
    desk.oidc.answer_next_token_request(status, answer)
    desk.poll(mailbox)
    expired = "7000222" in str(answer)
    code = Code.PROVIDER_MISCONFIGURED if expired else Code.PROVIDER_UNAVAILABLE
    assert desk.state(mailbox) == (MailboxState.FAILING, code)
    assert reached == []
    desk.poll(mailbox)
    assert desk.state(mailbox) == (MailboxState.HEALTHY, None)


def test_who_signs_in_anew_while_a_token_is_refreshed_is_not_overtaken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = desk.sign_in()
    desk.later(2 * HOUR)

    def overtaken(*asked: Any) -> Grant:
        desk.sign_in()
        return refresh(*asked)

    monkeypatch.setattr(access_tokens, "refresh", overtaken)
    account = desk.runtime.accounts.find(desk.office.account)
    kept = desk.kept(mailbox)
    assert account is not None
    assert kept is not None
    used = access_tokens.fresh_grant(account, mailbox, kept, desk.runtime)
    assert used == desk.kept(mailbox)


# A grant and its end


def test_a_revoked_grant_asks_for_the_person_and_is_tried_once_an_hour(
    sending: Desk, reached: list[Server]
) -> None:
    mailbox = sending.synced()
    sending.oidc.revoke(REP)
    sending.later(2 * HOUR)
    asked = sending.refreshes
    reached.clear()
    sending.poll(mailbox)
    assert sending.state(mailbox) == (MailboxState.REAUTH_REQUIRED, Code.GRANT_REVOKED)
    assert sending.refreshes - asked == 1

    sending.later(30 * MINUTE)
    sending.poll(mailbox)
    sending.office.sync(mailbox)
    failed = deliver_job(accept(sending.office), sending.runtime)
    assert failed.state is OutboundState.FAILED
    assert (sending.refreshes - asked, reached) == (1, [])
    assert sending.state(mailbox) == (MailboxState.REAUTH_REQUIRED, Code.GRANT_REVOKED)

    sending.later(31 * MINUTE)
    sending.poll(mailbox)
    sending.office.sync(mailbox)
    sending.poll(mailbox)
    assert (sending.refreshes - asked, reached) == (2, [])


def test_the_poll_that_is_due_an_hour_later_tries_though_its_job_is_quick_this_time(
    desk: Desk,
) -> None:
    mailbox = desk.synced()
    desk.oidc.revoke(REP)
    desk.later(2 * HOUR)
    asked = desk.refreshes
    desk.poll(mailbox, queued=20 * SECOND)
    entry = desk.runtime.due.find(mailbox)
    assert entry is not None
    desk.later(entry.due.due_at - desk.runtime.now())
    desk.poll(mailbox)
    assert desk.refreshes - asked == 2


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (50076, Code.MFA_REQUIRED),
        (50173, Code.PASSWORD_CHANGED),
        (700082, Code.GRANT_EXPIRED),
        (65001, Code.CONSENT_MISSING),
        (53003, Code.BLOCKED_BY_POLICY),
        (50057, Code.USER_DISABLED),
    ],
)
def test_microsofts_number_is_reported_as_what_only_the_person_can_mend(
    desk: Desk, number: int, code: Code
) -> None:
    mailbox = desk.synced()
    desk.later(2 * HOUR)
    asked = desk.refreshes
    said = {"error": "invalid_grant", "error_description": f"AADSTS{number}: Because. Trace ID: 0"}
    desk.oidc.answer_next_token_request(400, said)
    desk.poll(mailbox)
    desk.poll(mailbox)
    assert desk.state(mailbox) == (MailboxState.REAUTH_REQUIRED, code)
    assert desk.refreshes - asked == 1


def test_a_hint_in_a_field_of_its_own_counts_too(desk: Desk) -> None:
    mailbox = desk.synced()
    desk.later(2 * HOUR)
    said = {"error": "invalid_grant", "error_description": "Bad", "error_subtype": "rapt_required"}
    desk.oidc.answer_next_token_request(400, said)
    desk.poll(mailbox)
    assert desk.state(mailbox) == (MailboxState.REAUTH_REQUIRED, Code.GRANT_EXPIRED)


def test_signing_in_again_goes_on_where_it_stopped(desk: Desk) -> None:
    desk.dovecot.deliver(REP, letter(1))
    mailbox = desk.synced()
    (before,) = desk.office.card("rep", "kim")
    desk.oidc.revoke(REP)
    desk.later(2 * HOUR)
    desk.poll(mailbox)
    desk.dovecot.deliver(REP, letter(2))
    desk.later(30 * MINUTE)

    before_that = desk.runtime.due.find(mailbox)
    again = desk.sign_in()
    entry = desk.runtime.due.find(again)
    assert before_that
    assert entry
    assert entry.due.last_success_at == before_that.due.last_success_at
    assert desk.state(again) == (MailboxState.HEALTHY, None), "as of then"
    desk.office.sync(again)
    card = desk.office.card("rep", "kim")
    assert again.key == mailbox.key
    assert again.history_since == mailbox.history_since
    assert subjects(card) == ["Letter 2", "Letter 1"]
    assert card[1] == before
    assert desk.state(again) == (MailboxState.HEALTHY, None)
    assert all(one.audit.clean for one in audit_mailbox(again, desk.runtime).folders)


def test_a_server_that_refuses_every_token_is_given_two_and_then_left_alone_for_an_hour(
    desk: Desk, authority: trustme.CA
) -> None:
    challenge = base64.b64encode(b'{"status":"400","schemes":"Bearer"}')
    script: dict[str, list[Answer]] = {
        "CAPABILITY": [b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n<tag> OK done\r\n"],
        "AUTHENTICATE": [b"+ \r\n+ " + challenge + b"\r\n<tag> NO [AUTHENTICATIONFAILED] no\r\n"],
    }
    mailbox = desk.synced()
    with Hostile(script, issuer=authority) as server:
        trust(desk.runtime, server)
        moved = replace(mailbox, imap=replace(mailbox.imap, host=server.host, port=server.port))
        seen = desk.runtime.due.find(mailbox)
        assert seen is not None
        desk.runtime.mailboxes.connect(moved, mailbox.connected_at)
        basis = basis_of(moved, desk.runtime)
        desk.runtime.due.synced(mailbox, seen.seen, desk.runtime.now(), basis=basis)
        asked = desk.refreshes

        def attempts() -> tuple[int, int]:
            tried = sum(b" AUTHENTICATE XOAUTH2" in line for line in server.received)
            return desk.refreshes - asked, tried

        desk.poll(moved)
        assert attempts() == (1, 2)
        assert desk.state(moved) == (MailboxState.REAUTH_REQUIRED, Code.TOKEN_REFUSED)
        desk.later(30 * MINUTE)
        desk.poll(moved)
        desk.office.sync(moved)
        assert attempts() == (1, 2)
        desk.later(31 * MINUTE)
        desk.poll(moved)
        desk.poll(moved)
        assert attempts() == (3, 4), "the second has ended by now"


def test_where_smtp_auth_is_off_the_mailbox_is_read_and_ses_sends(
    desk: Desk, runtime: Runtime
) -> None:
    desk.dovecot.deliver(REP, letter(1))
    with ScriptedSmtp({"AUTH": [SMTP_AUTH_OFF]}) as server:
        trust(runtime, server)
        desk.register(smtp=submission(server.port, Security.TLS))
        mailbox = desk.synced()
        assert [each.mechanism for each in server.sign_ins] == ["XOAUTH2"]
        assert desk.state(mailbox) == (MailboxState.REAUTH_REQUIRED, Code.SMTP_AUTH_DISABLED)
        desk.poll(mailbox)
        assert desk.state(mailbox) == (MailboxState.REAUTH_REQUIRED, Code.SMTP_AUTH_DISABLED)
        assert subjects(desk.office.card("rep", "kim")) == ["Letter 1"]
        runtime.settings = replace(runtime.settings, ses_configuration_set="mailmirror")
        assert accept(desk.office, transport="auto").transport is Transport.SES
        server.script = {}
        assert desk.sign_in().key == mailbox.key
        assert accept(desk.office, transport="auto").transport is Transport.SMTP


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (SMTP_AUTH_OFF, Code.SMTP_AUTH_DISABLED),
        (
            "535 5.7.139 … user is locked by your organization's security defaults policy.",
            Code.SMTP_AUTH_DISABLED,
        ),
        (
            "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
            Code.SIGN_IN_FAILED,
        ),
        ("535 5.7.3 Authentication unsuccessful", Code.SIGN_IN_FAILED),
    ],
)
def test_a_wrong_password_is_not_told_as_smtp_auth_that_is_off(said: str, code: Code) -> None:
    with ScriptedSmtp({"AUTH": [said]}) as server:
        policy = loopback(server.authority)
        there, login = submission(server.port, Security.TLS), PasswordLogin(REP, "wrong")
        with pytest.raises(Refused) as refused, SubmissionSession.sign_in(there, login, policy, 10):
            pass
    assert refused.value.code is code


# Forgetting


def test_disconnecting_forgets_the_grant(desk: Desk) -> None:
    mailbox = desk.synced()
    disconnect(desk.office.account, mailbox.key.mailbox, desk.runtime)
    asked = desk.refreshes
    assert desk.kept(mailbox) is None
    desk.later(2 * HOUR)
    desk.poll(mailbox)
    desk.office.sync(mailbox)
    with pytest.raises(Refused):
        desk.folders(mailbox)
    assert desk.refreshes == asked
    assert desk.state(mailbox) == (MailboxState.DISCONNECTED, None)


def test_what_was_read_before_a_disconnection_overwrites_nothing_that_came_after(
    desk: Desk,
) -> None:
    mailbox = desk.sign_in()
    before, account = desk.kept(mailbox), desk.runtime.accounts.find(desk.office.account)
    assert account is not None
    assert before is not None
    credentials, grant, now = desk.runtime.credentials, desk.grant(mailbox), desk.runtime.now()
    disconnect(desk.office.account, mailbox.key.mailbox, desk.runtime)
    assert not credentials.replace(account, mailbox.key, before.version, grant, now)
    assert desk.kept(mailbox) is None
    again = desk.sign_in()
    present = desk.kept(again)
    assert not credentials.claim(again.key, before.version, now)
    assert not credentials.replace(account, again.key, before.version, grant, now)
    credentials.refuse(again.key, before.version, "imap", Refused(Code.TOKEN_REFUSED), now)
    assert desk.kept(again) == present


def test_no_secret_is_kept_in_the_clear_logged_or_shown(
    sending: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    verifier = "a-verifier-" * 5
    monkeypatch.setattr(oauth_sign_in, "new_verifier", lambda: verifier)
    url = sending.begin()
    state = _query(url)["state"].partition(".")[2]
    at_begin = everything(sending)
    query = sending.browse(url)
    outcome = sending.finish(query)
    assert outcome.mailbox is not None
    mailbox = sending.mailbox(outcome.mailbox)
    first = sending.grant(mailbox)
    sending.later(2 * HOUR)
    sending.office.sync(mailbox)
    deliver_job(accept(sending.office), sending.runtime)
    second = sending.grant(mailbox)

    secrets = {
        "verifier": verifier,
        "client secret": sending.oidc.client_secret,
        "code": query["code"],
        **{f"access token {n}": one.access_token for n, one in enumerate((first, second))},
        **{f"refresh token {n}": one.refresh_token for n, one in enumerate((first, second))},
    }
    account = sending.runtime.accounts.find(sending.office.account)
    assert account is not None
    shown = repr(
        [
            sending.runtime.providers.find(account, GOOGLE, sending.runtime.now()),
            sending.kept(mailbox),
            outcome,
            mailbox,
        ]
    )
    places = {
        "the table before": at_begin,
        "the table": everything(sending),
        "the logs": caplog.text,
        "a text form": shown,
    }
    found = [
        f"{secret} in {place}"
        for secret, text in secrets.items()
        for place, whole in places.items()
        if text in whole
    ]
    assert found == []
    assert state not in at_begin


def everything(desk: Desk) -> str:
    """All that the table holds."""
    client: Any = desk.runtime._client("dynamodb")
    return repr(client.scan(TableName=desk.runtime.settings.table)["Items"])


# Signing in again, as the remedies of the API say


def told(desk: Desk, query: Mapping[str, str]) -> dict[str, str]:
    """The parameters of the return URL to which a callback sends the browser."""
    answered = call_outside(desk.runtime, "GET", "/oauth/google/callback", {}, query)
    assert answered.status == 303, answered
    return _query(answered.headers["Location"])


def begun(api: Api, **fields: str) -> str:
    """Begin from the CRM; where the person is to sign in."""
    body = {"user_id": "rep", "provider": "google", "return_url": BACK, **fields}
    answered = api.answered("POST", "/v1/mailboxes/authorize", body=body)
    assert answered.status == 200, answered
    return str(answered.body["url"])


def test_state_unknown_beginning_again_gives_a_link_that_works_once_more(
    desk: Desk, api: Api
) -> None:
    query = desk.browse(begun(api))
    assert told(desk, query)["status"] == "connected"
    refused = call_outside(desk.runtime, "GET", "/oauth/google/callback", {}, query)
    assert (refused.status, refused.code) == (400, "state_unknown")
    assert refused.remedy == "Begin again from the CRM; each link works once."
    assert told(desk, desk.browse(begun(api)))["status"] == "connected"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("state_expired", "Begin again from the CRM."),
        (
            "sign_in_cancelled",
            "Begin again, and allow the permissions that Mailmirror asks for.",
        ),
        ("code_refused", "Begin again from the CRM."),
    ],
)
def test_a_sign_in_that_is_begun_again_connects_after_it_was_refused(
    desk: Desk, api: Api, code: str, remedy: str
) -> None:
    query = desk.browse(begun(api), consent=code != "sign_in_cancelled")
    if code == "state_expired":
        desk.later(11 * MINUTE)
    if code == "code_refused":
        query["code"] = "made up"
    refused = told(desk, query)
    assert (refused["status"], refused["code"], refused["remedy"]) == ("refused", code, remedy)
    assert told(desk, desk.browse(begun(api)))["status"] == "connected"


@pytest.mark.parametrize("names_hint", [False, True])
def test_address_mismatch_the_expected_account_or_the_address_as_login_hint_connects(
    desk: Desk, api: Api, names_hint: bool
) -> None:
    refused = told(desk, desk.browse(begun(api), ELSEWHERE))
    assert (refused["status"], refused["code"]) == ("refused", "address_mismatch")
    assert "choose the expected account at the provider" in refused["remedy"]
    named = re.search(r"begin with the address that you want as `(\w+)`", refused["remedy"])
    assert named is not None
    hint, address = ({named[1]: ELSEWHERE}, ELSEWHERE) if names_hint else ({}, REP)
    assert told(desk, desk.browse(begun(api, **hint), address))["status"] == "connected"
    assert [one.email for one in desk.connected] == [address]


def test_provider_unsupported_the_calls_and_providers_of_the_remedy_are_taken(
    desk: Desk, api: Api, by_passwords: Dovecot
) -> None:
    body = {"user_id": "rep", "provider": "imap", "return_url": BACK}
    refused = api.answered("POST", "/v1/mailboxes/authorize", body=body)
    settings = connect_body(by_passwords, provider="yahoo")
    for one in (refused, api.answered("POST", "/v1/mailboxes", body=settings)):
        assert (one.status, one.code) == (422, "provider_unsupported")
    by_password, by_sign_in = re.findall(
        r"((?:`\w+`(?: or )?)+) by `POST (/v1/[\w/]+)`",
        refused.remedy.replace("`provider` ", ""),
    )
    assert by_sign_in == ("`google` or `microsoft`", "/v1/mailboxes/authorize")
    desk.register(MICROSOFT)
    for provider in re.findall(r"\w+", by_sign_in[0].replace(" or ", " ")):
        answered = api.answered("POST", by_sign_in[1], body=body | {"provider": provider})
        assert answered.status == 200
    settings["provider"] = by_password[0].strip("`")
    assert api.answered("POST", by_password[1], body=settings).status == 201


def test_provider_signs_in_in_the_browser_or_with_imap_and_an_app_password(
    desk: Desk, api: Api, by_passwords: Dovecot
) -> None:
    settings = connect_body(by_passwords, provider="google")
    refused = api.answered("POST", "/v1/mailboxes", body=settings)
    assert (refused.status, refused.code) == (422, "provider_signs_in")
    named = re.search(r"`POST (/v1/\S+)`, or use `(\w+)`", refused.remedy)
    assert named is not None
    body = {"user_id": "rep", "provider": "google"}
    assert api.answered("POST", named[1], body=body).status == 200
    settings["provider"] = named[2]
    assert api.answered("POST", "/v1/mailboxes", body=settings).status == 201


def test_return_url_not_allowed_a_listed_one_is_taken_and_one_that_the_operator_adds(
    desk: Desk, api: Api
) -> None:
    url = "https://crm.example/new"
    body = {"user_id": "rep", "provider": "google", "return_url": url}
    refused = api.answered("POST", "/v1/mailboxes/authorize", body=body)
    assert (refused.status, refused.code) == (422, "return_url_not_allowed")
    assert refused.remedy.startswith("Use a URL that is listed, or ask the stack's operator")
    assert begun(api, return_url=BACK)
    assert "`make return_urls`" in refused.remedy
    set_return_urls(desk.office.account, f"{BACK},{url}", desk.runtime)
    assert begun(api, return_url=url)


# The doctor


def doctored(api: Api, mailbox: Mailbox, language: str = "en") -> dict[str, Any]:
    """What the doctor says of a connected mailbox."""
    path = f"/v1/mailboxes/{mailbox.key.mailbox}/doctor"
    status, answer = api.ask("GET", path, language=language)
    assert status == 200, answer
    return answer


def of_stage(answer: Mapping[str, Any], service: str, name: str) -> dict[str, Any]:
    (stages,) = [one["stages"] for one in answer["servers"] if one["service"] == service]
    (found,) = [dict(one) for one in stages if one["stage"] == name]
    return found


def test_the_doctor_examines_a_mailbox_by_its_stored_token(sending: Desk, api: Api) -> None:
    mailbox = sending.synced()
    answer = doctored(api, mailbox)
    assert (answer["result"], answer["mailbox"]["result"]) == ("ok", "ok")
    results = {one["result"] for server in answer["servers"] for one in server["stages"]}
    assert results == {"ok"}
    assert sending.grant(mailbox).access_token not in str(answer)


def test_the_doctor_replaces_a_token_that_the_server_refuses_before_its_time(desk: Desk) -> None:
    mailbox = desk.synced()
    before = desk.grant(mailbox)
    account = desk.runtime.accounts.find(desk.office.account)
    assert account is not None
    spoilt = replace(before, access_token="spoilt")
    desk.runtime.credentials.put(account, mailbox.key, spoilt, desk.runtime.now())
    found = examine_mailbox(mailbox, desk.runtime)
    assert found.result is not StageResult.FAILED
    assert desk.grant(mailbox).access_token not in ("spoilt", before.access_token)


@pytest.mark.diagnoses("token_refused")
def test_the_doctor_names_a_server_that_refuses_every_token(desk: Desk, api: Api) -> None:
    mailbox = desk.synced()
    refused: list[Answer] = [b"<tag> NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"]
    offered: list[Answer] = [b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n<tag> OK done\r\n"]
    script = {"CAPABILITY": offered, "AUTHENTICATE": refused}
    with Hostile(script, b"* OK ready\r\n") as server:
        trust(desk.runtime, server)
        moved = replace(mailbox, imap=Server("localhost", server.port, Security.TLS))
        found = examine_mailbox(moved, desk.runtime)
    (imap,) = found.servers
    assert Code.TOKEN_REFUSED in [one.code for one in imap.steps]


@pytest.mark.diagnoses("grant_revoked", "same_account_needed")
def test_the_doctor_says_that_the_same_account_is_needed_again(desk: Desk, api: Api) -> None:
    mailbox = desk.synced()
    desk.later(2 * HOUR)
    desk.oidc.revoke(REP)
    desk.poll(mailbox)
    for language in ("en", "ja"):
        answer = doctored(api, mailbox, language)
        own = answer["mailbox"]
        assert (own["code"], own["result"]) == ("same_account_needed", "failed")
        assert own["seen"] == f"{REP}: grant_revoked"
        assert "POST /v1/mailboxes/authorize" in own["remedy"]
        assert of_stage(answer, "imap", "sign_in")["code"] == "grant_revoked"
        assert of_stage(answer, "imap", "capabilities")["result"] == "ok"
    again = desk.sign_in(address=own["seen"].partition(":")[0])
    assert of_stage(doctored(api, again), "imap", "sign_in")["result"] == "ok"


@pytest.mark.diagnoses("app_in_testing")
@pytest.mark.parametrize(("days", "named"), [(3, False), (7, True), (30, False)])
def test_the_doctor_knows_an_app_in_testing_by_the_seven_days(
    desk: Desk, api: Api, days: int, *, named: bool
) -> None:
    mailbox = desk.synced()
    desk.later(timedelta(days=days))
    desk.oidc.revoke(REP)
    desk.poll(mailbox)
    own = doctored(api, mailbox)["mailbox"]
    assert own["code"] == ("app_in_testing" if named else "same_account_needed")
    assert (own["reader"] == "operator") is named


@pytest.mark.diagnoses(
    "mfa_required",
    "password_changed",
    "grant_expired",
    "consent_missing",
    "blocked_by_policy",
    "user_disabled",
)
@pytest.mark.parametrize(
    ("number", "code", "reader"),
    [
        (50076, Code.MFA_REQUIRED, "user"),
        (50173, Code.PASSWORD_CHANGED, "user"),
        (700082, Code.GRANT_EXPIRED, "user"),
        (65001, Code.CONSENT_MISSING, "administrator"),
        (53003, Code.BLOCKED_BY_POLICY, "administrator"),
        (50057, Code.USER_DISABLED, "administrator"),
    ],
)
def test_the_doctor_names_why_microsoft_cannot_authenticate(
    desk: Desk, api: Api, number: int, code: Code, reader: str
) -> None:
    """The numbers: learn.microsoft.com, "Microsoft Entra authentication and authorization error
    codes"."""
    mailbox = desk.synced()
    desk.later(2 * HOUR)
    said = {"error": "invalid_grant", "error_description": f"AADSTS{number}: Because. Trace ID: 0"}
    desk.oidc.answer_next_token_request(400, said)
    texts = set()
    for language in ("en", "ja"):
        named = of_stage(doctored(api, mailbox, language), "imap", "sign_in")
        assert (named["code"], named["reader"]) == (code, reader)
        assert f"AADSTS{number}" in named["seen"]
        texts.add(named["reason"])
    assert len(texts) == 2


@pytest.mark.diagnoses("provider_unavailable", "provider_misconfigured")
@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (503, "temporarily_unavailable", Code.PROVIDER_UNAVAILABLE),
        (401, "invalid_client", Code.PROVIDER_MISCONFIGURED),
    ],
)
def test_the_doctor_names_a_provider_that_does_not_give_a_token(
    desk: Desk, api: Api, status: int, error: str, code: Code
) -> None:
    mailbox = desk.synced()
    desk.later(2 * HOUR)
    desk.oidc.answer_next_token_request(status, {"error": error})
    assert of_stage(doctored(api, mailbox), "imap", "sign_in")["code"] == code


@pytest.mark.diagnoses("provider_not_configured")
def test_the_doctor_names_a_provider_whose_client_is_gone(desk: Desk, api: Api) -> None:
    mailbox = desk.synced()
    desk.later(2 * HOUR)
    found = examine_mailbox(replace(mailbox, provider=MICROSOFT), desk.runtime)
    assert Code.PROVIDER_NOT_CONFIGURED in [one.code for one in found.servers[0].steps]
