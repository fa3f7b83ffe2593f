"""An address's settings are found from what its domain publishes, and connect its mailbox."""

from collections.abc import Iterator

import pytest
import trustme

from mailmirror.domain.mailbox import Provider
from mailmirror.usecases.operating.register_provider import SignInPlaces, register_provider
from tests.integration.api_calls import Api, Json
from tests.integration.office import BOSS, REP, Office
from tests.integration.published_domain import (
    AUTOCONFIG,
    AUTOCONFIG_HTTP,
    DOMAIN,
    HERE,
    MAIL_NAMES,
    WEB_NAMES,
    WELL_KNOWN,
    Domain,
    client_config,
    detail,
    results,
)
from tests.integration.test_preview import whole_table
from tests.servers.dns_server import DnsServer
from tests.servers.dovecot import Dovecot
from tests.servers.ports import free_ports
from tests.servers.postfix import Postfix
from tests.servers.web import Redirect, Web

ICLOUD, SOFTBANK = "rep@icloud.com", "rep@i.softbank.jp"
PASSWORD = "rep's secret"
USERS = {REP: PASSWORD, BOSS: "boss's secret", "rep": PASSWORD, ICLOUD: PASSWORD}
POP3 = """
protocols = imap pop3
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {0}
  }}
  inet_listener pop3s {{
    port = {1}
    ssl = yes
  }}
}}
"""


@pytest.fixture(scope="module")
def pop3_ports() -> tuple[int, int]:
    pop3, pop3s = free_ports(2)
    return pop3, pop3s


@pytest.fixture(scope="module")
def imap_server(authority: trustme.CA, pop3_ports: tuple[int, int]) -> Iterator[Dovecot]:
    further = POP3.format(*pop3_ports)
    with Dovecot(USERS, issuer=authority, names=MAIL_NAMES, further=further) as server:
        yield server


@pytest.fixture(scope="module")
def postfix(imap_server: Dovecot, authority: trustme.CA) -> Iterator[Postfix]:
    with Postfix(imap_server, issuer=authority, names=MAIL_NAMES) as server:
        yield server


@pytest.fixture
def domain(office: Office, api: Api, authority: trustme.CA) -> Iterator[Domain]:
    """A domain that exists, and publishes nothing."""
    with DnsServer({DOMAIN: {}}) as dns, Web({}, authority, WEB_NAMES) as web:
        yield Domain.of(office, api, dns, web)


@pytest.fixture
def served(domain: Domain, imap_server: Dovecot, postfix: Postfix) -> Domain:
    """The same, where the usual ports lead to mail servers."""
    domain.leads.update(
        {
            993: imap_server.imaps_port,
            143: imap_server.imap_port,
            465: postfix.submissions_port,
            587: postfix.submission_port,
        }
    )
    return domain


def web_hosts(domain: Domain) -> None:
    """Let the names of the web server be known."""
    for name in WEB_NAMES:
        domain.publish(name, **HERE)


def mail_hosts(domain: Domain, *names: str) -> None:
    for name in names:
        domain.publish(f"{name}.{DOMAIN}", **HERE)


def test_autoconfig_over_https_connects_the_mailbox_as_it_is(served: Domain) -> None:
    web_hosts(served)
    mail_hosts(served, "imap", "smtp")
    served.web.pages[AUTOCONFIG] = client_config()
    found = served.discover()
    assert found["finding"]["code"] == "password"
    assert (found["origin"], found["confidence"]) == ("autoconfig", "high")
    assert found["settings"] == {
        "email": REP,
        "provider": "imap",
        "imap": {"host": f"imap.{DOMAIN}", "port": 993, "security": "tls"},
        "username": REP,
        "smtp": {"host": f"smtp.{DOMAIN}", "port": 465, "security": "tls"},
    }
    assert found["complete"]
    assert found["other_username"] is None
    assert results(found)[AUTOCONFIG] == "found"
    assert set(results(found)) >= {WELL_KNOWN, AUTOCONFIG_HTTP, f"imap.{DOMAIN}:993 (tls)"}
    assert served.connect(found, PASSWORD).status == 201


def test_the_user_name_is_the_one_that_the_file_says(served: Domain) -> None:
    web_hosts(served)
    mail_hosts(served, "imap", "smtp")
    served.web.pages[WELL_KNOWN] = client_config(
        username="%EMAILLOCALPART%", socket_type="STARTTLS"
    )
    served.web.pages[WELL_KNOWN] = client_config(
        username="%EMAILLOCALPART%", socket_type="STARTTLS", ports=(143, 587)
    )
    found = served.discover()
    assert found["settings"]["username"] == "rep"
    assert found["settings"]["imap"]["security"] == "starttls"
    assert served.connect(found, PASSWORD).status == 201


def test_srv_records_connect_the_mailbox_as_it_is(served: Domain) -> None:
    mail_hosts(served, "imap", "smtp")
    served.publish(f"_imap._tcp.{DOMAIN}", SRV=[f"0 1 143 imap.{DOMAIN}."])
    served.publish(f"_imaps._tcp.{DOMAIN}", SRV=[f"0 1 993 imap.{DOMAIN}."])
    served.publish(f"_submission._tcp.{DOMAIN}", SRV=[f"0 1 587 smtp.{DOMAIN}."])
    found = served.discover()
    assert (found["origin"], found["confidence"]) == ("srv", "medium")
    assert found["settings"]["imap"] == {
        "host": f"imap.{DOMAIN}",
        "port": 993,
        "security": "tls",
    }
    assert found["settings"]["smtp"]["port"] == 587
    assert found["other_username"] == "rep"
    assert served.connect(found, PASSWORD).status == 201
    named = {**found["settings"], "username": found["other_username"]}
    assert served.connect({"settings": named}, PASSWORD).status == 201


def test_usual_names_are_tried_and_the_first_that_answers_rightly_connects(
    served: Domain,
) -> None:
    mail_hosts(served, "mail", "mx")
    served.publish(DOMAIN, MX=[f"10 mx.{DOMAIN}."])
    served.leads[(f"mail.{DOMAIN}", 993)] = served.leads[465]  # SMTP where IMAP is expected
    found = served.discover()
    assert (found["origin"], found["confidence"]) == ("guess", "low")
    assert found["settings"]["imap"] == {"host": f"mx.{DOMAIN}", "port": 993, "security": "tls"}
    assert found["settings"]["smtp"]["host"] == f"mail.{DOMAIN}"
    told = results(found, "imap")
    assert told[f"imap.{DOMAIN}"] == "no_host"
    assert told[f"mail.{DOMAIN}:993 (tls)"] == "protocol_error"
    assert served.connect(found, PASSWORD).status == 201


def test_a_hosters_own_name_is_tried_where_the_domain_is_an_alias(served: Domain) -> None:
    """Its certificate is not of the customer's domain."""
    served.publish(DOMAIN, MX=[f"10 {DOMAIN}."], **HERE)
    served.publish("1.0.0.127.in-addr.arpa", PTR=["server7.hoster.example."])
    served.publish("server7.hoster.example", **HERE)
    found = served.discover()
    assert found["settings"]["imap"]["host"] == "server7.hoster.example"
    place = f"{DOMAIN}:993 (tls)"
    assert results(found, "imap")[place] == "certificate_invalid"
    assert f"imap.{DOMAIN}, smtp.{DOMAIN}, mail.{DOMAIN} and " in detail(found, place)
    assert served.connect(found, PASSWORD).status == 201


def test_what_counts_more_is_answered_though_a_guess_would_do(served: Domain) -> None:
    web_hosts(served)
    mail_hosts(served, "imap", "smtp", "mail")
    served.web.pages[AUTOCONFIG_HTTP] = client_config(imap=f"mail.{DOMAIN}")
    found = served.discover()
    assert (found["origin"], found["confidence"]) == ("autoconfig_http", "low")
    served.publish(f"_imaps._tcp.{DOMAIN}", SRV=[f"0 1 993 imap.{DOMAIN}."])
    assert served.discover()["origin"] == "srv"
    served.web.pages[AUTOCONFIG] = client_config(imap=f"mail.{DOMAIN}")
    found = served.discover()
    assert found["origin"] == "autoconfig"
    assert found["settings"]["imap"]["host"] == f"mail.{DOMAIN}"


@pytest.mark.parametrize(
    ("exchanger", "provider"),
    [
        ("aspmx.l.google.com.", "google"),
        ("smtp.google.com.", "google"),
        ("us-example.mail.protection.outlook.com.", "microsoft"),
        ("us-example.a-v1.mx.microsoft.", "microsoft"),
    ],
)
def test_an_own_domain_at_google_or_microsoft_is_signed_in_to_in_the_browser(
    domain: Domain, exchanger: str, provider: str
) -> None:
    domain.publish(DOMAIN, MX=[f"1 {exchanger}"])
    refused = domain.discover()
    assert refused["finding"]["code"] == "sign_in_not_set_up"
    assert refused["authorize"] is None
    assert "make provider" in refused["finding"]["remedy"]
    places = SignInPlaces.parse(provider, "common", "https://api.example")
    register_provider(domain.office.account, "id", "secret", places, domain.runtime)
    found = domain.discover()
    assert found["finding"]["code"] == "sign_in"
    assert (found["origin"], found["confidence"]) == ("mx", "high")
    assert found["authorize"] == {"provider": provider, "login_hint": REP}
    page = domain.api.answered(
        "POST", "/v1/mailboxes/authorize", body={**found["authorize"], "user_id": "rep"}
    )
    assert page.status == 200
    assert page.body["url"].startswith("https://")
    assert domain.policy.reached == []
    assert not domain.web.requests


def test_microsoft_behind_a_filter_is_known_by_its_autodiscover_alias(domain: Domain) -> None:
    domain.publish(DOMAIN, MX=["1 mx1.filter.example."])
    domain.publish(f"autodiscover.{DOMAIN}", CNAME=["autodiscover.outlook.com."])
    found = domain.discover()
    assert (found["provider"], found["origin"]) == ("Microsoft", "autodiscover")
    assert found["confidence"] == "medium"
    assert found["settings"] is None


@pytest.mark.parametrize("host", ["imap.gmail.com", "outlook.office365.com"])
def test_a_file_that_names_google_or_microsoft_leads_to_their_sign_in(
    domain: Domain, host: str
) -> None:
    web_hosts(domain)
    domain.web.pages[AUTOCONFIG] = client_config(imap=host, authentication="OAuth2")
    found = domain.discover()
    assert found["finding"]["code"] == "sign_in_not_set_up"
    assert found["origin"] == "autoconfig"
    assert domain.policy.reached.count((host, 993)) == 0


def test_a_file_that_names_a_server_counts_more_than_records_that_name_google(
    served: Domain,
) -> None:
    web_hosts(served)
    mail_hosts(served, "imap", "smtp")
    served.publish(f"_imaps._tcp.{DOMAIN}", SRV=["0 1 993 imap.gmail.com."])
    served.web.pages[AUTOCONFIG_HTTP] = client_config()
    found = served.discover()
    assert (found["origin"], found["provider"]) == ("srv", "Google")
    served.web.pages[AUTOCONFIG] = client_config()
    found = served.discover()
    assert (found["origin"], found["finding"]["code"]) == ("autoconfig", "password")


def test_googles_server_is_signed_in_to_in_the_browser_where_the_one_named_first_fails(
    served: Domain,
) -> None:
    web_hosts(served)
    mail_hosts(served, "smtp")
    served.web.pages[AUTOCONFIG] = client_config()
    served.publish("imap.gmail.com", **HERE)
    served.publish(f"_imaps._tcp.{DOMAIN}", SRV=["0 1 993 imap.gmail.com."])
    found = served.discover()
    assert (found["origin"], found["provider"]) == ("srv", "Google")
    assert found["finding"]["code"] == "sign_in_not_set_up"
    assert results(found, "imap")[f"imap.{DOMAIN}:993 (tls)"] == "host_unknown"


def test_a_large_providers_address_asks_no_server(domain: Domain) -> None:
    found = domain.discover("rep@gmail.com")
    assert (found["origin"], found["confidence"], found["provider"]) == (
        "provider",
        "high",
        "Google",
    )
    assert found["settings"]["imap"]["host"] == "imap.gmail.com"
    assert found["password_page"] == "https://myaccount.google.com/apppasswords"
    assert domain.dns.asked == []
    assert domain.policy.reached == []


def test_an_app_password_connects_where_the_provider_wants_one(served: Domain) -> None:
    for name in ("imap.mail.me.com", "smtp.mail.me.com"):
        served.publish(name, **HERE)
    served.office.tell("user.upserted", id="rep", name="rep", emails=[REP, ICLOUD])
    found = served.discover(ICLOUD)
    assert found["finding"]["code"] == "app_password"
    assert found["password_page"] == "https://account.apple.com"
    assert "`password_page`" in found["finding"]["remedy"]
    assert served.connect(found, PASSWORD).status == 201


def test_a_large_providers_domain_is_known_where_the_resolver_denies_it(domain: Domain) -> None:
    found = domain.discover(ICLOUD)
    assert found["finding"]["code"] == "server_refused"
    assert found["provider"] == "iCloud"
    assert results(found)["imap.mail.me.com:993 (tls)"] == "host_unknown"


def test_an_issued_user_name_is_put_into_the_settings(served: Domain) -> None:
    for name in ("imap.softbank.jp", "smtp.softbank.jp"):
        served.publish(name, **HERE)
    served.office.tell("user.upserted", id="rep", name="rep", emails=[REP, SOFTBANK])
    found = served.discover(SOFTBANK)
    assert found["finding"]["code"] == "issued_sign_in"
    assert found["password_page"]
    named = {**found["settings"], "username": "rep"}
    assert served.connect({"settings": named}, PASSWORD).status == 201


@pytest.mark.parametrize(
    ("email", "finding"),
    [("rep@proton.me", "bridge_only"), ("rep@tuta.com", "no_imap"), ("rep@hey.com", "no_imap")],
)
def test_a_provider_without_imap_is_named_with_why(
    domain: Domain, email: str, finding: str
) -> None:
    found = domain.discover(email)
    assert (found["finding"]["code"], found["settings"]) == (finding, None)
    assert "another address" in found["finding"]["remedy"]
    domain.publish(DOMAIN, MX=["10 mail.protonmail.ch."])
    assert domain.discover()["finding"]["code"] == "bridge_only"


def test_pop3_alone_is_told_until_its_administrator_switches_imap_on(
    domain: Domain, imap_server: Dovecot, pop3_ports: tuple[int, int]
) -> None:
    mail_hosts(domain, "mail")
    domain.leads.update({110: pop3_ports[0], 995: pop3_ports[1]})
    found = domain.discover()
    assert (found["finding"]["code"], found["settings"]) == ("pop3_only", None)
    assert results(found, "pop3")[f"mail.{DOMAIN}:995 (tls)"] == "found"
    assert results(found, "pop3")[f"mail.{DOMAIN}:110 (starttls)"] == "found"
    assert "port 993" in found["finding"]["remedy"]
    domain.leads[993] = imap_server.imaps_port
    found = domain.discover()
    assert found["finding"]["code"] == "password"
    assert domain.connect(found, PASSWORD).status == 201


@pytest.mark.parametrize("by", ["srv", "file"])
def test_a_domain_that_names_pop3_alone_is_told(domain: Domain, by: str) -> None:
    web_hosts(domain)
    if by == "srv":
        domain.publish(f"_pop3s._tcp.{DOMAIN}", SRV=[f"0 1 995 pop.{DOMAIN}."])
        domain.publish(f"_imaps._tcp.{DOMAIN}", SRV=["0 0 0 ."])
    else:
        domain.web.pages[AUTOCONFIG] = client_config(kind="pop3")
    assert domain.discover()["finding"]["code"] == "pop3_only"


def test_a_domain_that_is_unknown_or_takes_no_mail_is_told_at_once(served: Domain) -> None:
    domain = served
    domain.publish("silent.example", MX=["0 ."])
    assert domain.discover("rep@us.exampel")["finding"]["code"] == "domain_unknown"
    refused = domain.discover("rep@silent.example")["finding"]
    assert refused["code"] == "no_mail"
    assert "one of a domain that has mailboxes" in refused["remedy"]
    assert domain.discover("rep@localhost")["finding"]["code"] == "domain_unknown"
    assert domain.policy.reached == []
    mail_hosts(domain, "mail")
    assert domain.connect(domain.discover(), PASSWORD).status == 201


def test_an_address_that_is_corrected_is_found(served: Domain) -> None:
    mail_hosts(served, "mail")
    wrong = served.discover("rep@us.exampel")
    assert wrong["finding"]["remedy"] == "Correct the address."
    assert served.connect(served.discover(REP), PASSWORD).status == 201


def test_a_name_that_is_only_guessed_is_found_once_the_administrator_gives_it(
    served: Domain,
) -> None:
    found = served.discover()
    assert results(found)[f"mail.{DOMAIN}"] == "no_host"
    mail_hosts(served, "mail")
    assert served.connect(served.discover(), PASSWORD).status == 201


def test_an_address_is_written_into_a_url_as_it_is(domain: Domain) -> None:
    web_hosts(domain)
    domain.discover("rep+a&b#c@us.example")
    assert f"{AUTOCONFIG}?emailaddress=rep%2Ba%26b%23c@us.example" in domain.web.requests


def test_nothing_found_is_connected_with_what_the_administrator_says(served: Domain) -> None:
    served.publish("server7.hoster.example", **HERE)
    found = served.discover()
    assert (found["finding"]["code"], found["settings"]) == ("not_found", None)
    assert found["complete"]
    entered = {
        "email": REP,
        "provider": "imap",
        "imap": {"host": "server7.hoster.example", "port": 993, "security": "tls"},
        "username": REP,
    }
    assert served.connect({"settings": entered}, PASSWORD).status == 201


def test_where_only_reading_is_possible_the_obstacle_to_sending_is_named(served: Domain) -> None:
    web_hosts(served)
    mail_hosts(served, "imap", "smtp")
    served.web.pages[AUTOCONFIG] = client_config()
    served.leads[465] = served.leads[587] = 1
    found = served.discover()
    assert (found["finding"]["code"], found["settings"]["smtp"]) == ("password", None)
    obstacle = found["obstacle"]
    assert (obstacle["stage"], obstacle["code"]) == ("smtp", "connect_refused")
    assert obstacle["asked"] == f"smtp.{DOMAIN}:465 (tls)"
    assert served.connect(found, PASSWORD).status == 201


def test_each_text_is_in_the_language_that_is_asked_for(served: Domain) -> None:
    mail_hosts(served, "mail")
    english, japanese = served.discover(), served.discover(language="ja")
    assert english["finding"]["reason"].isascii()
    assert "メールサーバーが見つかりました" in japanese["finding"]["reason"]
    assert english["explanations"].keys() == japanese["explanations"].keys()
    for code, words in japanese["explanations"].items():
        assert not words["reason"].isascii(), code
    assert english["settings"] == japanese["settings"]


def test_a_discovery_stores_nothing_and_logs_no_address(
    served: Domain, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    web_hosts(served)
    mail_hosts(served, "imap", "smtp")
    served.web.pages[AUTOCONFIG] = client_config()
    before = whole_table(served.runtime)
    served.discover()
    assert whole_table(served.runtime) == before
    logged = capsys.readouterr()
    for said in (logged.out, logged.err, caplog.text):
        assert DOMAIN not in said


def test_a_web_server_hears_the_address_and_nothing_else(served: Domain) -> None:
    web_hosts(served)
    served.web.pages[AUTOCONFIG] = Redirect(WELL_KNOWN)
    served.web.pages[WELL_KNOWN] = client_config()
    served.discover()
    assert f"{AUTOCONFIG}?emailaddress={REP}" in served.web.requests
    names = {name for headers in served.web.headers for name in headers}
    assert names == {"Host", "Accept", "Accept-Encoding", "Connection", "User-Agent"}


def test_a_request_without_an_address_is_refused(domain: Domain) -> None:
    for body, code in (({"email": "rep"}, "invalid_email"), ({}, "missing_field")):
        answered = domain.api.answered("POST", "/v1/mailboxes/discover", body=body)
        assert (answered.status, answered.code) in ((422, code), (400, code))
    assert domain.dns.asked == []


def test_a_name_server_that_answers_by_tcp_is_heard(served: Domain) -> None:
    mail_hosts(served, "mail")
    served.dns.truncates = True
    found: Json = served.discover()
    assert found["finding"]["code"] == "password"
    assert {transport for transport, *_ in served.dns.asked} == {"udp", "tcp"}


def test_a_provider_is_configured_for_its_own_account_alone(domain: Domain) -> None:
    places = SignInPlaces.parse(Provider.GOOGLE, "", "https://api.example")
    register_provider(domain.office.account, "id", "secret", places, domain.runtime)
    other = Office(domain.runtime)
    assert domain.runtime.providers.is_registered(domain.office.account, Provider.GOOGLE)
    assert not domain.runtime.providers.is_registered(other.account, Provider.GOOGLE)
