"""Which source of an address's settings counts, and what a domain's records and files mean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins

from mailmirror.api.decoding import typed
from mailmirror.api.discoveries import DiscoveredSettings
from mailmirror.api.mailbox_settings import ConnectBody
from mailmirror.domain.address import Address, normalise_domain
from mailmirror.domain.autoconfig import ClientConfig, ConfigServer, read_config
from mailmirror.domain.discovery import (
    Candidate,
    Checked,
    Discovery,
    best,
    conclude,
    is_host,
    of_provider,
    ranked,
)
from mailmirror.domain.findings import Confidence, Finding, Origin, Outcome
from mailmirror.domain.known_providers import (
    KNOWN_PROVIDERS,
    KnownProvider,
    SignIn,
    Username,
    provider_of_domain,
    provider_of_exchangers,
    provider_of_server,
)
from mailmirror.domain.mailbox import Provider, Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import SIGN_IN
from mailmirror.domain.server_guesses import guesses
from mailmirror.domain.services import Service
from mailmirror.domain.srv_records import SrvRecord, srv_candidates

REP = Address("rep@us.example")
IMAPS = Server("imap.us.example", 993, Security.TLS)


def candidate(
    origin: Origin, host: str = "imap.us.example", service: Service = Service.IMAP
) -> Candidate:
    return Candidate(service, Server(host, 993, Security.TLS), origin, REP)


def concluded(*checked: Checked, pop3_named: bool = False, in_time: bool = True) -> Finding:
    return conclude(
        REP, checked, listed=None, pop3_named=pop3_named, tried=[], in_time=in_time
    ).finding


def failing(code: Code, origin: Origin = Origin.GUESS) -> Checked:
    return Checked(candidate(origin), Refused(code))


@given(st.permutations([candidate(origin, f"{origin.value}.us.example") for origin in Origin]))
def test_the_order_in_which_sources_answer_decides_nothing(some: list[Candidate]) -> None:
    assert [one.origin for one in ranked(some)] == list(Origin)
    assert best(Service.IMAP, map(Checked, some)) == candidate(
        Origin.PROVIDER, "provider.us.example"
    )


def test_a_server_that_two_sources_name_is_asked_once() -> None:
    (one,) = ranked([candidate(Origin.GUESS), candidate(Origin.SRV)])
    assert one.origin is Origin.SRV


def test_a_source_whose_server_fails_gives_way_to_the_next() -> None:
    checked = [failing(Code.CONNECT_REFUSED, Origin.AUTOCONFIG), Checked(candidate(Origin.GUESS))]
    found = conclude(REP, checked, listed=None, pop3_named=True, tried=[], in_time=True)
    assert (found.finding, found.origin) == (Finding.PASSWORD, Origin.GUESS)
    assert found.confidence is Confidence.LOW
    assert found.other_username == "rep"


@pytest.mark.parametrize(
    ("checked", "finding"),
    [
        (failing(Code.CONNECT_REFUSED), Finding.NOT_FOUND),
        (failing(Code.CERTIFICATE_INVALID), Finding.SERVER_REFUSED),
        (failing(Code.SIGN_IN_UNSUPPORTED), Finding.SERVER_REFUSED),
        (failing(Code.CONNECT_REFUSED, Origin.SRV), Finding.SERVER_REFUSED),
        (Checked(candidate(Origin.GUESS, service=Service.POP3)), Finding.POP3_ONLY),
        (Checked(candidate(Origin.GUESS, service=Service.SMTP)), Finding.NOT_FOUND),
    ],
)
def test_what_fails_is_named_where_it_is_the_domains_mail_server(
    checked: Checked, finding: Finding
) -> None:
    assert concluded(checked) is finding


def test_pop3_that_a_domain_names_counts_more_than_a_guess_that_fails() -> None:
    assert concluded(failing(Code.CERTIFICATE_INVALID), pop3_named=True) is Finding.POP3_ONLY
    named = failing(Code.CONNECT_REFUSED, Origin.AUTOCONFIG)
    assert concluded(named, pop3_named=True) is Finding.SERVER_REFUSED


def test_nothing_that_was_not_asked_counts_as_not_found() -> None:
    assert concluded(in_time=False) is Finding.UNANSWERED


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        *[(domain, "Google") for domain in ("gmail.com", "googlemail.com")],
        *[(domain, "Microsoft") for domain in ("outlook.com", "hotmail.co.jp", "live.com")],
        ("us.onmicrosoft.com", "Microsoft"),
        *[(domain, "iCloud") for domain in ("icloud.com", "me.com", "mac.com")],
        ("yahoo.com", "Yahoo"),
        ("yahoo.co.jp", "Yahoo! JAPAN"),
        ("aol.com", "AOL"),
        ("zoho.com", "Zoho (com)"),
        ("fastmail.com", "Fastmail"),
        ("gmx.de", "GMX"),
        ("web.de", "WEB.DE"),
        ("t-online.de", "Telekom"),
        ("mail.ru", "Mail.ru"),
        ("yandex.ru", "Yandex"),
        ("163.com", "NetEase 163"),
        ("126.com", "NetEase 126"),
        ("yeah.net", "NetEase Yeah"),
        ("qq.com", "QQ Mail"),
        ("naver.com", "Naver"),
        ("hanmail.net", "Daum"),
        ("nifty.com", "@nifty"),
        ("biglobe.ne.jp", "BIGLOBE"),
        ("us.sakura.ne.jp", "Sakura"),
        ("ocn.ne.jp", "OCN"),
        ("a1.so-net.ne.jp", "So-net"),
        ("ezweb.ne.jp", "au"),
        ("docomo.ne.jp", "docomo"),
        ("i.softbank.jp", "SoftBank"),
        ("proton.me", "Proton"),
        ("tutanota.com", "Tuta"),
    ],
)
def test_a_large_provider_is_known_by_its_domain(domain: str, name: str) -> None:
    found = provider_of_domain(domain)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("aspmx.l.google.com", "Google"),
        ("alt1.aspmx.l.google.com", "Google"),
        ("us-example.mail.protection.outlook.com", "Microsoft"),
        ("us-example.a-v1.mx.microsoft", "Microsoft"),
        ("mx.zoho.eu", "Zoho (eu), own domain"),
        ("in1-smtp.messagingengine.com", "Fastmail"),
        ("mx00.ionos.de", "IONOS"),
        ("mxbiz1.qq.com", "Tencent Exmail"),
        ("mail.protonmail.ch", "Proton"),
    ],
)
def test_a_provider_is_known_by_the_exchangers_of_its_customers(host: str, name: str) -> None:
    found = provider_of_exchangers(["mx.us.example", host])
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "host", ["notgoogle.com", "google.com.us.example", "mx.microsoft.us.example", "mx.us.example"]
)
def test_a_host_that_is_only_called_like_a_provider_is_none(host: str) -> None:
    assert provider_of_exchangers([host]) is None
    assert provider_of_domain(host) is None


@pytest.mark.parametrize("known", KNOWN_PROVIDERS, ids=lambda one: one.name)
def test_each_entry_of_the_list_is_whole(known: KnownProvider) -> None:
    domains = [one.removeprefix(".") for one in (*known.domains, *known.exchangers)]
    assert domains
    for one in domains:
        assert normalise_domain(one) == one
    named = [other for other in KNOWN_PROVIDERS if set(other.domains) & set(known.domains)]
    assert named in ([known], [])
    imap, smtp = known.servers("us.example")
    has_servers = known.sign_in in (SignIn.PASSWORD, SignIn.APP_PASSWORD, SignIn.ISSUED)
    if has_servers or imap or smtp:
        assert imap is not None
        assert smtp is not None
        assert (imap.port, imap.security) == (993, Security.TLS)
        tls = smtp.security is Security.TLS
        assert smtp.port == (465 if tls else 587)
        assert is_host(imap.host)
        assert is_host(smtp.host)
    if known.sign_in in (SignIn.APP_PASSWORD, SignIn.ISSUED):
        assert known.page.startswith("https://")
    assert (known.sign_in is SignIn.OAUTH) is (known.oauth is not None)


@pytest.mark.parametrize("provider", [Provider.GOOGLE, Provider.MICROSOFT])
def test_the_list_and_the_facts_of_sign_ins_name_the_same_servers(provider: Provider) -> None:
    found = provider_of_server(SIGN_IN[provider].imap.host)
    assert found is not None
    assert found.oauth is provider
    if found.imap is not None:
        assert (found.imap, found.smtp) == (SIGN_IN[provider].imap, SIGN_IN[provider].smtp)
    assert provider_of_server("imap.us.example") is None


def test_a_user_name_is_what_the_provider_takes() -> None:
    assert Username.LOCAL_PART.of(REP) == "rep"
    yahoo = provider_of_domain("yahoo.co.jp")
    assert yahoo is not None
    found = of_provider(yahoo, Address("rep@yahoo.co.jp"), Origin.PROVIDER)
    assert found.imap is not None
    assert found.imap.username == "rep"


@pytest.mark.parametrize("name", ["_imaps", "_imap", "_submissions", "_submission"])
def test_a_service_that_is_not_there_gives_no_server(name: str) -> None:
    assert srv_candidates([SrvRecord(name, 0, 0, 0, "")], REP) == []


def test_srv_records_count_by_priority_then_tls_then_weight() -> None:
    records = [
        SrvRecord("_imap", 0, 9, 143, "a.us.example"),
        SrvRecord("_imaps", 10, 9, 993, "b.us.example"),
        SrvRecord("_imaps", 0, 1, 993, "c.us.example"),
        SrvRecord("_imaps", 0, 5, 993, "d.us.example"),
    ]
    found = [one.server.host[0] for one in srv_candidates(records, REP)]
    assert found == ["d", "c", "a", "b"]
    assert [one.server.host[0] for one in srv_candidates(records[::-1], REP)] == found


def test_guesses_begin_with_tls_and_name_each_host_once() -> None:
    found = guesses(Service.IMAP, REP, ["mail.us.example", "mx.us.example"])
    assert [(one.server.host, one.server.port) for one in found] == [
        (host, port)
        for port in (993, 143)
        for host in ("imap.us.example", "mail.us.example", "us.example", "mx.us.example")
    ]


def entry(**fields: Any) -> ConfigServer:
    given: dict[str, Any] = {
        "kind": "imap",
        "host": "imap.us.example",
        "port": "993",
        "socket": "SSL",
        "username": "%EMAILADDRESS%",
        "authentications": ["password-cleartext"],
    }
    return ConfigServer(**(given | fields))


def read(**fields: object) -> Candidate | Outcome | None:
    """What an entry of a file means."""
    usable, unusable = read_config(ClientConfig([entry(**fields)]), REP, Origin.AUTOCONFIG)
    if usable:
        return usable[0]
    return unusable[0].outcome if unusable else None


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("%EMAILADDRESS%", REP),
        ("%EMAILLOCALPART%", "rep"),
        ("%EMAILLOCALPART%+%EMAILDOMAIN%", "rep+us.example"),
        ("us-%EMAILLOCALPART%", "us-rep"),
        ("%REALNAME%", REP),
        ("", REP),
        ("a\nb", REP),
    ],
)
def test_a_user_name_is_filled_in_or_the_address(username: str, expected: str) -> None:
    found = read(username=username)
    assert isinstance(found, Candidate)
    assert found.username == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"host": "imap.%EMAILDOMAIN%"}, IMAPS),
        ({"host": " IMAP.us.example. ", "port": " 993 "}, IMAPS),
        ({"socket": "STARTTLS", "port": "143"}, Server(IMAPS.host, 143, Security.STARTTLS)),
    ],
)
def test_a_server_is_read_as_it_is_written(fields: dict[str, object], expected: Server) -> None:
    found = read(**fields)
    assert isinstance(found, Candidate)
    assert found.server == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"socket": "plain"}, Outcome.NO_TLS),
        ({"socket": ""}, Outcome.NO_TLS),
        ({"authentications": ["GSSAPI", "NTLM"]}, Outcome.SIGN_IN_UNUSABLE),
        ({"authentications": ["OAuth2"]}, Outcome.SIGN_IN_UNUSABLE),
        ({"kind": "exchange"}, None),
        ({"host": ""}, None),
        ({"host": "a b"}, None),
        ({"host": "a" * 254}, None),
        ({"host": "[::1]"}, None),
        ({"port": "0"}, None),
        ({"port": "65536"}, None),
        ({"port": "٩٩٣"}, None),
    ],
)
def test_a_server_that_cannot_be_connected_is_none(
    fields: dict[str, object], expected: Outcome | None
) -> None:
    assert read(**fields) is expected


@given(
    st.one_of(st.text(), st.sampled_from(["imap.us.example", "10.0.0.1", "a" * 254])),
    st.one_of(st.text(), st.sampled_from(["993", "143"])),
    st.one_of(st.text(), st.sampled_from(["SSL", "STARTTLS"])),
    st.one_of(st.text(), st.sampled_from(["%EMAILADDRESS%" * 30, "%EMAILLOCALPART%"])),
    st.one_of(st.text(), st.sampled_from(["imap", "smtp", "pop3"])),
)
def test_any_text_in_a_file_gives_settings_that_may_be_sent_or_none(
    host: str, port: str, socket: str, username: str, kind: str
) -> None:
    found = read(host=host, port=port, socket=socket, username=username, kind=kind)
    if isinstance(found, Candidate) and found.service is not Service.POP3:
        discovery = Discovery(REP, Finding.PASSWORD, found, origin=found.origin)
        settings = to_builtins(DiscoveredSettings.of(discovery))
        request = typed({**settings, "user_id": "rep", "password": "p"}, ConnectBody).request()
        assert (request.imap, request.username) == (found.server, found.username)
