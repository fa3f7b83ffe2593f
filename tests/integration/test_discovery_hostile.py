"""What strangers publish about a domain is bounded, and named where it is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from mailmirror.domain.findings import Finding, Outcome
from mailmirror.domain.limits import (
    MAX_AUTOCONFIG_BYTES,
    MAX_CERTIFICATE_NAME_CHARS,
    MAX_CERTIFICATE_NAMES,
    MAX_CHECKED_SERVERS,
    MAX_DISCOVERY_BYTES,
    MAX_DNS_QUERIES,
    MAX_DNS_RECORDS,
    MAX_EXCHANGERS,
    MAX_REDIRECTS,
)
from mailmirror.domain.problems import Code
from tests.integration.api_calls import Api
from tests.integration.office import Office
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
from tests.servers import scripted_smtp as smtp
from tests.servers.dns_server import DnsServer
from tests.servers.hostile import DRIP, HANG_UP, SILENCE, Answer, Hostile
from tests.servers.scripted_smtp import ScriptedSmtp
from tests.servers.web import Page, Pieces, Redirect, Status, Web, drip, hundred_megabytes

OTHER = "www.other.example"
INSIDE = "inside.us.example"
CAPABILITY = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n<tag> OK done\r\n"


@pytest.fixture
def domain(office: Office, api: Api, authority: trustme.CA) -> Iterator[Domain]:
    """A domain whose web server is known; no port leads to a mail server."""
    with DnsServer({}) as dns, Web({}, authority, WEB_NAMES) as web:
        for name in WEB_NAMES:
            dns.names[name] = HERE
        yield Domain.of(office, api, dns, web)


@pytest.fixture
def imap(domain: Domain, authority: trustme.CA) -> Iterator[Hostile]:
    """An IMAP server at the usual port, as far as discovery asks it."""
    script = {"CAPABILITY": [CAPABILITY]}
    with Hostile(script, issuer=authority, names=MAIL_NAMES) as server:
        domain.leads[993] = server.port
        yield server


def mail_host(domain: Domain, name: str = "imap") -> str:
    """Let a host be named by a SRV record."""
    host = f"{name}.{DOMAIN}"
    domain.publish(host, **HERE)
    domain.publish(f"_imaps._tcp.{DOMAIN}", SRV=[f"0 1 993 {host}."])
    return host


@pytest.mark.parametrize("host", [INSIDE, "10.0.0.1", "169.254.169.254"])
def test_settings_that_point_inside_are_named_and_not_answered(domain: Domain, host: str) -> None:
    domain.publish(INSIDE, A=["10.0.0.1"])
    domain.web.pages[AUTOCONFIG] = client_config(imap=host, smtp=host)
    found = domain.discover()
    assert (found["finding"]["code"], found["settings"]) == ("server_refused", None)
    assert found["obstacle"]["code"] == "host_not_allowed"
    assert found["obstacle"]["asked"] == f"{host}:993 (tls)"
    assert "public" in found["obstacle"]["remedy"]


def test_records_that_point_inside_are_named(domain: Domain) -> None:
    domain.publish(INSIDE, A=["192.168.0.7"])
    domain.publish(f"_imaps._tcp.{DOMAIN}", SRV=[f"0 1 993 {INSIDE}."])
    domain.publish(f"mail.{DOMAIN}", A=["127.0.0.1", "10.0.0.1"])
    told = results(domain.discover(), "imap")
    assert told[f"{INSIDE}:993 (tls)"] == "host_not_allowed"
    assert told[f"mail.{DOMAIN}:993 (tls)"] == "host_not_allowed"


@pytest.mark.parametrize(
    ("to", "result"),
    [
        (f"https://{INSIDE}/config.xml", "host_not_allowed"),
        ("https://169.254.169.254/latest/meta-data/", "host_not_allowed"),
        (f"https://{OTHER}:8443/config.xml", "redirect_refused"),
        (f"http://{OTHER}/config.xml", "redirect_refused"),
        (f"https://user:secret@{OTHER}/config.xml", "redirect_refused"),
        ("file:///etc/passwd", "redirect_refused"),
        ("https://[::1", "redirect_refused"),
        (f"https://{OTHER}/a b", "redirect_refused"),
        ("", "redirect_refused"),
        ("https://no.such.example/config.xml", "nothing"),
    ],
)
def test_a_redirect_leads_to_a_public_web_server_over_tls_or_nowhere(
    domain: Domain, to: str, result: str
) -> None:
    domain.publish(INSIDE, A=["10.0.0.1"])
    domain.web.pages[AUTOCONFIG] = Redirect(to)
    domain.web.pages[f"https://{OTHER}/config.xml"] = client_config()
    found = domain.discover()
    assert results(found)[AUTOCONFIG] == result
    assert found["finding"]["code"] == "not_found"
    assert not [url for url in domain.web.requests if OTHER in url]


@pytest.mark.exceeds("MAX_REDIRECTS")
def test_a_few_redirects_are_followed_and_more_are_not(domain: Domain, imap: Hostile) -> None:
    mail_host(domain)
    for number in range(MAX_REDIRECTS):
        domain.web.pages[f"https://{OTHER}/{number}"] = Redirect(f"/{number + 1}")
    domain.web.pages[f"https://{OTHER}/{MAX_REDIRECTS}"] = client_config()
    domain.web.pages[AUTOCONFIG] = Redirect(f"https://{OTHER}/0")
    domain.web.pages[WELL_KNOWN] = Redirect(f"https://{OTHER}/1")
    found = domain.discover()
    assert results(found)[AUTOCONFIG] == "redirect_refused"
    assert results(found)[WELL_KNOWN] == "found"
    assert found["origin"] == "autoconfig"


def test_a_file_over_plain_http_may_lead_to_one_over_tls_and_counts_little(
    domain: Domain, imap: Hostile
) -> None:
    mail_host(domain)
    domain.dns.names.pop(f"_imaps._tcp.{DOMAIN}")
    domain.web.pages[AUTOCONFIG_HTTP] = Redirect(f"https://{OTHER}/config.xml")
    domain.web.pages[f"https://{OTHER}/config.xml"] = client_config()
    found = domain.discover()
    assert (found["origin"], found["confidence"]) == ("autoconfig_http", "low")


@pytest.mark.exceeds("MAX_AUTOCONFIG_BYTES")
def test_a_file_of_a_hundred_megabytes_is_cut(domain: Domain, imap: Hostile) -> None:
    mail_host(domain)
    domain.web.pages[AUTOCONFIG] = Pieces(hundred_megabytes)
    found = domain.discover()
    assert results(found)[AUTOCONFIG] == "file_too_large"
    assert found["origin"] == "srv"
    assert domain.web.sent < 100 * MAX_AUTOCONFIG_BYTES


def test_a_file_that_is_too_large_is_replaced(domain: Domain, imap: Hostile) -> None:
    domain.publish(f"imap.{DOMAIN}", **HERE)
    domain.web.pages[AUTOCONFIG] = client_config() + b" " * MAX_AUTOCONFIG_BYTES
    assert results(domain.discover())[AUTOCONFIG] == "file_too_large"
    domain.web.pages[AUTOCONFIG] = client_config()
    assert domain.discover()["origin"] == "autoconfig"


@pytest.mark.exceeds("MAX_DISCOVERY_BYTES")
def test_all_that_is_read_has_one_bound(domain: Domain, authority: trustme.CA) -> None:
    long = b"* OK " + b"x" * (MAX_DISCOVERY_BYTES + 1) + b"\r\n"
    host = mail_host(domain)
    with Hostile(greeting=long, issuer=authority, names=MAIL_NAMES) as server:
        domain.leads[993] = server.port
        found = domain.discover()
    place = f"{host}:993 (tls)"
    assert results(found, "imap")[place] == "protocol_error"
    assert detail(found, place) == f"more than {MAX_DISCOVERY_BYTES} bytes in all"


DTD = b'<!DOCTYPE clientConfig [<!ENTITY a "x">]>'
LAUGHS = (
    b'<!DOCTYPE clientConfig [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(20))
    + b"]><clientConfig>&u;</clientConfig>"
)
OUTSIDE = (
    b'<!DOCTYPE clientConfig [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    b"<clientConfig>&a;</clientConfig>"
)


@pytest.mark.parametrize(
    ("page", "result"),
    [
        (DTD + client_config().partition(b"?>")[2], "file_with_dtd"),
        (LAUGHS, "file_with_dtd"),
        (OUTSIDE, "file_with_dtd"),
        (b"<!doctype html><html><body>Welcome</body></html>", "file_unreadable"),
        (b"<html>", "file_unreadable"),
        (b"", "file_unreadable"),
        (b"\x1f\x8b\x08\x00", "file_unreadable"),
        (b"<?xml version='1.0' encoding='no-such'?><clientConfig/>", "file_unreadable"),
        (b"<clientConfig/>", "nothing"),
        (Status(404), "nothing"),
        (Status(500), "unanswered"),
        (client_config(socket_type="plain"), "found"),
    ],
)
def test_a_file_that_is_not_used_is_named_and_once_corrected_it_counts(
    domain: Domain, imap: Hostile, page: Page, result: str
) -> None:
    domain.publish(f"imap.{DOMAIN}", **HERE)
    domain.web.pages[AUTOCONFIG] = page
    found = domain.discover()
    assert results(found)[AUTOCONFIG] == result
    assert found["origin"] == "guess"
    assert found["explanations"][result]["remedy"]
    domain.web.pages[AUTOCONFIG] = client_config()
    assert domain.discover()["origin"] == "autoconfig"


@pytest.mark.parametrize(
    ("page", "result"),
    [
        (client_config(socket_type="plain", ports=(143, 25)), "no_tls"),
        (client_config(authentication="GSSAPI"), "sign_in_unusable"),
        (client_config(authentication="OAuth2"), "sign_in_unusable"),
    ],
)
def test_a_server_of_a_file_that_cannot_be_used_is_named_until_it_is_corrected(
    domain: Domain, imap: Hostile, page: bytes, result: str
) -> None:
    domain.publish(f"imap.{DOMAIN}", **HERE)
    domain.web.pages[AUTOCONFIG] = page
    found = domain.discover()
    assert result in results(found, "autoconfig").values()
    remedy = found["explanations"][result]["remedy"]
    assert "`socketType`" in remedy or "`password-cleartext`" in remedy
    domain.web.pages[AUTOCONFIG] = client_config()
    assert domain.discover()["origin"] == "autoconfig"


@pytest.mark.parametrize("at", [AUTOCONFIG, AUTOCONFIG_HTTP])
def test_a_web_server_that_drips_costs_a_part_of_the_time(
    domain: Domain, imap: Hostile, at: str
) -> None:
    mail_host(domain)
    domain.web.pages[at] = Pieces(drip)
    found = domain.within(2.0)
    assert (found.finding, found.origin) == (Finding.PASSWORD, "srv")
    assert [one.result for one in found.tried if one.asked == at] == [Outcome.UNANSWERED]


@pytest.mark.parametrize(
    ("greeting", "code"),
    [(DRIP, Code.CONNECT_TIMEOUT), (SILENCE, Code.CONNECT_TIMEOUT), (HANG_UP, Code.PROTOCOL_ERROR)],
)
def test_a_mail_server_that_drips_is_named_and_no_one_waits(
    domain: Domain, authority: trustme.CA, greeting: Answer, code: Code
) -> None:
    mail_host(domain)
    with Hostile(greeting=greeting, issuer=authority, names=MAIL_NAMES) as server:
        domain.leads[993] = server.port
        found = domain.within(2.0)
    assert found.finding is Finding.SERVER_REFUSED
    assert found.obstacle is not None
    assert found.obstacle.result is code
    assert found.imap is not None


def test_a_server_that_answers_again_is_found_again(domain: Domain, imap: Hostile) -> None:
    mail_host(domain)
    port, domain.leads[993] = domain.leads[993], 1
    found = domain.discover()
    assert found["finding"]["code"] == "server_refused"
    assert found["obstacle"]["code"] == "connect_refused"
    places = [one["asked"] for one in found["tried"] if one["stage"] == "imap"]
    assert places.count(f"imap.{DOMAIN}:993 (tls)") == 1  # a guess too, and not asked again
    assert found["settings"]["imap"]["host"] == f"imap.{DOMAIN}"
    domain.leads[993] = port
    assert domain.discover()["finding"]["code"] == "password"


def test_a_name_server_that_is_silent_is_named_until_it_answers(
    domain: Domain, imap: Hostile
) -> None:
    mail_host(domain)
    domain.dns.silent |= {DOMAIN, f"_imaps._tcp.{DOMAIN}", f"imap.{DOMAIN}"}
    found = domain.within(1.5)
    told = {one.asked: one.result for one in found.tried}
    assert told[DOMAIN] is told[f"_imaps._tcp.{DOMAIN}"] is Outcome.UNANSWERED
    assert (found.finding, found.in_time) == (Finding.UNANSWERED, False)
    domain.dns.silent.clear()
    assert domain.discover()["finding"]["code"] == "password"


@pytest.mark.exceeds("MAX_CERTIFICATE_NAMES")
def test_of_a_certificate_with_a_thousand_names_a_few_are_told(
    domain: Domain, authority: trustme.CA
) -> None:
    host = mail_host(domain)
    names = [f"customer{n}.hoster.example" for n in range(1_000)]
    with Hostile(issuer=authority, names=names) as server:
        domain.leads[993] = server.port
        found = domain.discover()
    assert found["obstacle"]["code"] == "certificate_invalid"
    assert found["obstacle"]["asked"] == f"{host}:993 (tls)"
    shown = ", ".join(names[:MAX_CERTIFICATE_NAMES])
    assert f"the certificate is of {shown} and 997 more" in found["obstacle"]["detail"]
    assert "customer3." not in str(found)


@pytest.mark.exceeds("MAX_CERTIFICATE_NAME_CHARS")
def test_a_long_name_of_a_certificate_is_cut(domain: Domain, authority: trustme.CA) -> None:
    mail_host(domain)
    name = ".".join(["a" * 50] * 4)
    with Hostile(issuer=authority, names=[name]) as server:
        domain.leads[993] = server.port
        found = domain.discover()
    assert found["obstacle"]["detail"].endswith(f" of {name[:MAX_CERTIFICATE_NAME_CHARS]}")


def test_a_certificate_of_an_unknown_authority_is_named(domain: Domain) -> None:
    mail_host(domain)
    with Hostile(names=MAIL_NAMES, issuer=trustme.CA()) as server:
        domain.leads[993] = server.port
        found = domain.discover()
        assert server.received == []
    assert found["obstacle"]["code"] == "certificate_invalid"
    assert f"of imap.{DOMAIN}, " in found["obstacle"]["detail"]


def test_a_server_that_takes_no_password_is_named(domain: Domain, authority: trustme.CA) -> None:
    mail_host(domain)
    script = {"CAPABILITY": [b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n<tag> OK done\r\n"]}
    with Hostile(script, issuer=authority, names=MAIL_NAMES) as server:
        domain.leads[993] = server.port
        found = domain.discover()
        assert not [one for one in server.received if b"LOGIN " in one or b"AUTHENTICATE" in one]
    assert found["obstacle"]["code"] == "sign_in_unsupported"


@pytest.mark.parametrize(
    ("server", "code"),
    [
        ({"keywords": ["PIPELINING"]}, "sign_in_unsupported"),
        ({"keywords": ["AUTH GSSAPI"]}, "sign_in_unsupported"),
        ({"keywords_in_clear": ["PIPELINING"], "tls": False}, "starttls_missing"),
        ({"script": {"GREETING": ["421 4.3.2 busy"]}}, "server_unavailable"),
        ({"script": {"GREETING": ["554 5.7.1 no"]}}, "protocol_error"),
        ({"script": {"EHLO": [smtp.HANG_UP]}}, "connection_lost"),
        ({"script": {"GREETING": [smtp.reply(220, *["x" * 8_000] * 150)]}}, "protocol_error"),
    ],
)
def test_a_submission_server_that_cannot_be_used_is_named(
    domain: Domain, imap: Hostile, authority: trustme.CA, server: dict[str, Any], code: str
) -> None:
    mail_host(domain)
    domain.publish("localhost", **HERE)
    name, port = ("_submissions", 465) if server.get("tls", True) else ("_submission", 587)
    domain.publish(f"{name}._tcp.{DOMAIN}", SRV=[f"0 1 {port} localhost."])
    with ScriptedSmtp(**server, issuer=authority) as submission:
        domain.leads[port] = submission.port
        found = domain.discover()
        assert submission.sign_ins == []
    assert (found["finding"]["code"], found["settings"]["smtp"]) == ("password", None)
    assert (found["obstacle"]["stage"], found["obstacle"]["code"]) == ("smtp", code)


def test_words_of_strangers_are_printable_and_few(domain: Domain, authority: trustme.CA) -> None:
    mail_host(domain)
    greeting = b"* BYE \x1b[31m\xff\x00" + b"x" * 5_000 + b"\r\n"
    with Hostile(greeting=greeting, issuer=authority, names=MAIL_NAMES) as server:
        domain.leads[993] = server.port
        found = domain.discover()
    said = found["obstacle"]["detail"]
    assert found["obstacle"]["code"] == "server_unavailable"
    assert said.isprintable()
    assert len(said) <= 300


@pytest.mark.exceeds("MAX_DNS_RECORDS", "MAX_CHECKED_SERVERS")
def test_of_many_records_the_first_servers_are_asked(domain: Domain) -> None:
    hosts = [f"h{n:03}.{DOMAIN}" for n in range(5 * MAX_DNS_RECORDS)]
    for host in hosts:
        domain.publish(host, **HERE)
    for name in ("_imaps", "_imap"):
        records = [f"0 1 993 {host}." for host in hosts]
        domain.publish(f"{name}._tcp.{DOMAIN}", SRV=records)
    told = results(domain.discover(), "imap")
    asked = [place for place in told if place.startswith("h0")]
    assert len(asked) == MAX_CHECKED_SERVERS < 2 * MAX_DNS_RECORDS


@pytest.mark.exceeds("MAX_EXCHANGERS")
def test_of_many_exchangers_the_preferred_ones_are_tried(domain: Domain) -> None:
    hosts = [f"mx{n}.{DOMAIN}" for n in range(MAX_EXCHANGERS + 1)]
    for host in hosts:
        domain.publish(host, **HERE)
    domain.publish(DOMAIN, MX=[f"{n} {host}." for n, host in enumerate(hosts)])
    told = results(domain.discover(), "imap")
    asked = [host for host in hosts if f"{host}:993 (tls)" in told]
    assert asked == hosts[:MAX_EXCHANGERS]


@pytest.mark.exceeds("MAX_DNS_QUERIES")
def test_name_servers_are_asked_so_often_at_most(domain: Domain) -> None:
    """Each host that is named costs two queries where it has no address."""
    for service in ("_imap", "_imaps", "_submission", "_submissions"):
        hosts = [f"{service[1:]}{n}.{DOMAIN}" for n in range(MAX_DNS_RECORDS)]
        for host in hosts:
            domain.publish(host, TXT=["none"])
        domain.publish(f"{service}._tcp.{DOMAIN}", SRV=[f"0 1 993 {host}." for host in hosts])
    found = domain.discover()
    assert len(domain.dns.asked) == MAX_DNS_QUERIES
    assert found["finding"]["code"] == "server_refused"
