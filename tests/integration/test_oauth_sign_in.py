"""Signing in at a provider, and what becomes of its tokens, against a real OIDC server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from mailmirror.domain.mailbox import Mailbox, MailboxId, MailboxState, Provider, UserId
from mailmirror.domain.oauth import Grant
from mailmirror.domain.outbound import OutboundState
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import Reach
from mailmirror.runtime import Runtime
from mailmirror.store.queues import PollJob
from mailmirror.usecases.accounts import create_account, set_return_urls
from mailmirror.usecases.audit_mailbox import audit_mailbox
from mailmirror.usecases.change_mailbox import disconnect
from mailmirror.usecases.oauth_sign_in import AuthorizeRequest, begin_sign_in, finish_sign_in
from mailmirror.usecases.poll_mailboxes import poll_mailboxes
from mailmirror.usecases.read_mailbox import MailboxReport, read_mailbox
from mailmirror.usecases.register_provider import register_provider
from mailmirror.usecases.sign_in import signed_in
from tests.integration.office import BOSS, KIM, REP, Clock, Office, letter, subjects
from tests.integration.sending import accept, deliver_job
from tests.servers.dovecot import Dovecot
from tests.servers.oidc import OidcServer
from tests.servers.postfix import Postfix

CALLBACK = "https://mailmirror.example/live/oauth/google/callback"
BACK = "https://crm.example/settings"
LOGINS = {REP: "unused", BOSS: "unused"}
CLAIMS: dict[str, dict[str, str | bool]] = {
    address: {"email": address, "email_verified": True, "preferred_username": address}
    for address in LOGINS
}


@pytest.fixture(scope="module")
def oidc() -> Iterator[OidcServer]:
    with OidcServer(CLAIMS, [CALLBACK]) as server:
        yield server


@dataclass
class Google:
    """An office whose provider is the OIDC server, and the mail servers that ask it."""

    office: Office
    oidc: OidcServer
    dovecot: Dovecot
    postfix: Postfix

    @property
    def runtime(self) -> Runtime:
        return self.office.runtime

    def begin(self, user: str = "rep", **fields: str) -> str:
        asked = {"user_id": user, "provider": "google", "return_url": BACK, **fields}
        return begin_sign_in(self.office.account, AuthorizeRequest.parse(asked), self.runtime)

    def browse(self, url: str, address: str = REP, *, consent: bool = True) -> dict[str, str]:
        """What a browser brings to the callback."""
        return dict(parse_qsl(urlsplit(self.oidc.authorize(url, address, consent)).query))

    def sign_in(self, user: str = "rep", address: str = REP, **fields: str) -> MailboxId:
        outcome = finish_sign_in(
            "google", self.browse(self.begin(user, **fields), address), self.runtime
        )
        assert outcome.refused is None, outcome.refused
        assert outcome.mailbox is not None
        return outcome.mailbox

    def refused(self, query: dict[str, str], provider: str = "google") -> Code:
        """With which code a callback is refused."""
        try:
            outcome = finish_sign_in(provider, query, self.runtime)
        except Refused as refusal:
            return refusal.code
        assert outcome.refused is not None
        assert outcome.return_url == BACK
        return outcome.refused.code

    def mailbox(self, id: MailboxId) -> Mailbox:
        found = self.runtime.mailboxes.find(self.office.account, id, consistent=True)
        assert found is not None
        return found

    def report(self, id: MailboxId) -> MailboxReport:
        return read_mailbox(self.office.account, id, self.runtime)

    def grant(self, id: MailboxId) -> Grant:
        account = self.runtime.accounts.find(self.office.account)
        assert account is not None
        kept = self.runtime.credentials.get(account, self.mailbox(id).key, self.runtime.now())
        assert kept is not None
        assert isinstance(kept.credential, Grant)
        return kept.credential

    def refreshes(self) -> int:
        return self.oidc.token_requests.get("refresh_token", 0)

    def poll(self, id: MailboxId) -> None:
        poll_mailboxes(PollJob([self.mailbox(id).key], self.runtime.now()), self.runtime)


@pytest.fixture
def google(runtime: Runtime, clock: Clock, oidc: OidcServer) -> Iterator[Google]:
    with (
        Dovecot(LOGINS, oauth=oidc.oauth()) as dovecot,
        Postfix(dovecot) as postfix,
    ):
        runtime.reach = Reach.make("127.0.0.0/8,::1/128", dovecot.authority.read_text())
        for authority in (postfix.authority, oidc.authority):
            runtime.reach.trust.load_verify_locations(cadata=authority.read_text())
        office = Office(runtime)
        set_return_urls(office.account, BACK, runtime)
        servers = {
            "imap": {"host": "localhost", "port": dovecot.imaps_port, "security": "tls"},
            "smtp": {"host": "localhost", "port": postfix.submission_port, "security": "starttls"},
        }
        urls = {
            "redirect_uri": CALLBACK,
            "authorize_url": oidc.authorize_url,
            "token_url": oidc.token_url,
            "userinfo_url": oidc.userinfo_url,
            "issuer": oidc.issuer,
        }
        register_provider(
            office.account, Provider.GOOGLE, oidc.client_id, oidc.client_secret, "", "",
            {**urls, **servers}, runtime,
        )  # fmt: skip
        yield Google(office, oidc, dovecot, postfix)


# Signing in


def test_a_sign_in_connects_syncs_and_sends_by_token(google: Google) -> None:
    google.dovecot.deliver(REP, letter(1))
    id = google.sign_in()
    mailbox = google.mailbox(id)
    google.office.sync(mailbox)
    message = deliver_job(accept(google.office, subject="By token"), google.runtime)

    assert (mailbox.provider, mailbox.email) == (Provider.GOOGLE, REP)
    assert message.state is OutboundState.SENT
    assert len(google.postfix.await_received(KIM)) == 1
    assert subjects(google.office.card("rep", "kim")) == ["By token", "Letter 1"]


def test_a_callback_counts_once(google: Google) -> None:
    query = google.browse(google.begin())
    assert finish_sign_in("google", query, google.runtime).mailbox
    assert google.refused(query) is Code.STATE_UNKNOWN


def test_a_forged_state_or_one_of_another_provider_or_account_is_nobodys(google: Google) -> None:
    query = google.browse(google.begin())
    account, _, secret = query["state"].partition(".")
    other = create_account("Other", google.runtime).account_id

    for state in ("", "x", f"{account}.", f"{account}.{secret}x", f"{other}.{secret}", "é.é"):
        assert google.refused({**query, "state": state}) is Code.STATE_UNKNOWN, state
    assert google.refused(query, "microsoft") is Code.STATE_UNKNOWN
    assert google.refused(query) is Code.STATE_UNKNOWN, "it was taken by the attempt before"
    assert google.runtime.mailboxes.list_all(google.office.account) == []


def test_a_sign_in_is_begun_for_ten_minutes(google: Google, clock: Clock) -> None:
    query = google.browse(google.begin())
    clock.advance(timedelta(minutes=11))
    assert google.refused(query) is Code.STATE_EXPIRED


def test_who_cancels_is_told_so(google: Google) -> None:
    assert google.refused(google.browse(google.begin(), consent=False)) is Code.SIGN_IN_CANCELLED


def test_another_address_than_the_expected_one_is_refused(google: Google) -> None:
    query = google.browse(google.begin(login_hint=REP), BOSS)
    assert google.refused(query) is Code.ADDRESS_MISMATCH


def test_a_link_passed_on_brings_no_colleagues_mail(google: Google) -> None:
    query = google.browse(google.begin("rep"), BOSS)
    assert google.refused(query) is Code.ADDRESS_OF_ANOTHER_USER


def test_an_address_that_the_provider_has_not_verified_is_none(google: Google) -> None:
    google.oidc.set_claims(REP, email=REP, email_verified=False)
    try:
        assert google.refused(google.browse(google.begin())) is Code.ADDRESS_UNKNOWN
    finally:
        google.oidc.set_claims(REP, **CLAIMS[REP])


def test_another_address_waits_until_the_first_is_disconnected(google: Google) -> None:
    second = "rep@second.example"
    google.oidc.set_claims(BOSS, email=second, email_verified=True)
    try:
        id = google.sign_in()
        assert google.refused(google.browse(google.begin(), BOSS)) is Code.MAILBOX_LIMIT
        disconnect(google.office.account, id, google.runtime)
        # The limit no longer stands in the way; that server knows no such user.
        refused = google.refused(google.browse(google.begin(), BOSS))
        assert refused is Code.TOKEN_REFUSED
    finally:
        google.oidc.set_claims(BOSS, **CLAIMS[BOSS])


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/other",
        "https://crm.example.evil.example/settings",
        "https://crm.example@evil.example/settings",
        "https://crm.example:444/settings",
        "https://crm.example/settings/../evil",
        "http://crm.example/settings",
        "//evil.example/settings",
    ],
)
def test_a_browser_is_sent_only_where_the_operator_has_allowed_it(google: Google, url: str) -> None:
    with pytest.raises(Refused) as refused:
        google.begin(return_url=url)
    assert refused.value.code is Code.RETURN_URL_NOT_ALLOWED


# Tokens


def test_a_token_is_refreshed_once_a_little_before_its_end_whoever_needs_it(
    google: Google, clock: Clock
) -> None:
    id = google.sign_in()
    before, asked = google.grant(id), google.refreshes()
    clock.advance(before.expires_at - before.issued_at - timedelta(minutes=4))

    def open_mailbox(_: int) -> int:
        with signed_in(google.mailbox(id), google.runtime, 30) as session:
            return len(session.folders())

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(open_mailbox, range(6))) == [2] * 6
    after = google.grant(id)
    assert google.refreshes() - asked == 1
    assert after.access_token != before.access_token
    assert after.refresh_token != before.refresh_token, "it was rotated"
    clock.advance(timedelta(hours=1))
    assert open_mailbox(0) == 2, "and the rotated one is used next"


def test_a_revoked_grant_asks_for_the_person_and_is_tried_once_an_hour(
    google: Google, clock: Clock
) -> None:
    id = google.sign_in()
    google.office.sync(google.mailbox(id))
    google.oidc.revoke(REP)
    clock.advance(timedelta(hours=2))
    asked = google.refreshes()
    google.poll(id)
    report = google.report(id)
    assert (report.state, report.problem) == (MailboxState.REAUTH_REQUIRED, Code.GRANT_REVOKED)

    google.poll(id)
    google.office.sync(google.mailbox(id))
    failed = deliver_job(accept(google.office), google.runtime)
    assert failed.state is OutboundState.FAILED
    assert google.refreshes() - asked == 1
    clock.advance(timedelta(minutes=61))
    google.poll(id)
    google.poll(id)
    assert google.refreshes() - asked == 2


def test_signing_in_again_goes_on_where_it_stopped(google: Google, clock: Clock) -> None:
    google.dovecot.deliver(REP, letter(1))
    id = google.sign_in()
    google.office.sync(google.mailbox(id))
    (first,) = google.office.card("rep", "kim")
    google.oidc.revoke(REP)
    clock.advance(timedelta(hours=2))
    google.poll(id)
    google.dovecot.deliver(REP, letter(2))

    google.oidc.skew(7_200)  # its clock has gone on as ours has
    try:
        assert google.sign_in() == id
    finally:
        google.oidc.skew(0)
    google.office.sync(google.mailbox(id))
    card = google.office.card("rep", "kim")
    assert subjects(card) == ["Letter 2", "Letter 1"]
    assert card[1].summary.message == first.summary.message
    assert google.report(id).state is MailboxState.HEALTHY
    assert all(one.audit.clean for one in audit_mailbox(google.mailbox(id), google.runtime))


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("50076", Code.MFA_REQUIRED),
        ("50173", Code.PASSWORD_CHANGED),
        ("700082", Code.GRANT_EXPIRED),
        ("65001", Code.CONSENT_MISSING),
        ("53003", Code.BLOCKED_BY_POLICY),
        ("50057", Code.USER_DISABLED),
    ],
)
def test_a_providers_number_is_told_as_the_particular_cause(
    google: Google, clock: Clock, number: str, code: Code
) -> None:
    id = google.sign_in()
    clock.advance(timedelta(hours=2))
    error = {"error": "invalid_grant", "error_description": f"AADSTS{number}: no."}
    google.oidc.answer_next_token_request(400, error)
    with pytest.raises(Refused) as refused, signed_in(google.mailbox(id), google.runtime, 30):
        pass
    assert refused.value.code is code


def test_while_the_provider_is_down_a_token_that_is_valid_is_used(
    google: Google, clock: Clock
) -> None:
    id = google.sign_in()
    grant = google.grant(id)
    clock.advance(grant.expires_at - grant.issued_at - timedelta(minutes=4))
    google.oidc.answer_next_token_request(503, {})
    with signed_in(google.mailbox(id), google.runtime, 30) as session:
        assert session.folders()


def test_nothing_kept_shows_a_token(google: Google) -> None:
    id = google.sign_in()
    grant = google.grant(id)
    item = google.runtime.table.get(
        {"pk": f"{google.office.account}#mailbox#{id}", "sk": "credential"}
    )
    for secret in (grant.access_token, grant.refresh_token):
        assert secret not in repr(grant)
        assert secret not in repr(item)


def test_a_user_that_the_crm_does_not_know_signs_in_nowhere(google: Google) -> None:
    with pytest.raises(Refused) as refused:
        google.begin(UserId("nobody"))
    assert refused.value.code is Code.USER_UNKNOWN
