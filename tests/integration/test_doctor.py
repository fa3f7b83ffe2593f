"""The doctor names why a mail server cannot be used: the stage, the cause, the remedy, its reader.

What servers say is from public reports and documentation; the source stands beside it.
"""

import base64
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pytest
import trustme

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.doctor import StageResult
from mailmirror.domain.problems import Code
from mailmirror.domain.server_causes import Diagnosis, ServerCause
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.examine_folders import FolderExaminer
from mailmirror.usecases.mailboxes.examine_mailbox import Examined
from tests.integration.doctors import (
    SECRET,
    answer_of,
    assert_named,
    examine,
    results,
    server,
    settings,
    stage,
)
from tests.integration.office import REP, Office
from tests.integration.test_imap_session import InTurn
from tests.servers.dovecot import Dovecot
from tests.servers.hostile import (
    DRIP,
    HANG_UP,
    POP3_GREETING,
    SILENCE,
    START_TLS,
    Answer,
    Hostile,
)
from tests.servers.memory_imap import MemoryImap
from tests.servers.postfix import Postfix
from tests.servers.scripted_smtp import ScriptedSmtp, reply

SOON = 2.0
"""Seconds for a server that does not answer."""

type Script = Mapping[str, Iterable[Answer]]


@pytest.fixture
def office(runtime: Runtime, authority: trustme.CA) -> Office:
    """An account of a deployment that trusts the tests' authority."""
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    networks = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    runtime.network_policy = NetworkPolicy(trust, networks)
    return Office(runtime)


@pytest.fixture
def nowhere() -> Iterator[int]:
    """A port of this machine at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def at_imap(
    office: Office,
    authority: trustme.CA,
    script: Script | None = None,
    greeting: Answer = b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
    *,
    tls: bool = True,
    security: str = "tls",
    seconds: float = 20.0,
    others: Mapping[str, object] = MappingProxyType({}),
) -> Examined:
    """Have a scripted IMAP server examined."""
    with Hostile(script or {}, greeting, tls=tls, issuer=authority) as imap:
        return examine(office, {**settings(server(imap.port, security)), **others}, seconds)


def at_smtp(
    office: Office, nowhere: int, smtp: ScriptedSmtp, security: str = "tls", **others: object
) -> Examined:
    """Have a scripted submission server examined, beside an IMAP server that is not there."""
    body = settings(server(nowhere), server(smtp.port, security), **others)
    return examine(office, body)


# Everything as it should be


def test_real_servers_pass_every_stage_at_the_same_time(runtime: Runtime) -> None:
    with Dovecot({REP: SECRET}) as dovecot, Postfix(dovecot) as postfix:
        trust = ssl.create_default_context(cadata=dovecot.authority.read_text())
        trust.load_verify_locations(cadata=postfix.authority.read_text())
        runtime.network_policy = NetworkPolicy(trust, (ipaddress.ip_network("127.0.0.0/8"),))
        office = Office(runtime)
        dovecot.create(REP, "Trash")
        for n in range(3):
            dovecot.append(REP, "INBOX", f"Subject: {n}\r\n\r\n".encode())
        for imap, smtp in (
            (server(dovecot.imaps_port), server(postfix.submissions_port)),
            (
                server(dovecot.imap_port, "starttls"),
                server(postfix.submission_port, "starttls"),
            ),
        ):
            found = examine(office, settings(imap, smtp))
            for service in ("imap", "smtp"):
                assert set(results(found, service).values()) == {"ok"}
            assert found.result is StageResult.OK
    answer = answer_of(found)
    assert stage(answer, "smtp", "limits")["seen"].startswith("SIZE ")
    assert "IMAP4REV1" in stage(answer, "imap", "capabilities")["seen"]
    assert stage(answer, "imap", "starttls")["seen"] == "offered"
    assert answer["result"] == "ok"
    shown = {one["folder"]["name"]: one for one in answer["folders"]["folders"]}
    inbox, trash = shown["INBOX"], shown["Trash"]
    assert (inbox["folder"]["messages"], inbox["recent_messages"]) == (3, 3)
    assert (inbox["folder"]["read"], inbox["folder"]["found_by"]) == (True, "inbox")
    assert (trash["folder"]["read"], trash["folder"]["left_out"]["code"]) == (False, "trash")
    assert trash["folder"]["found_by"] in ("special_use", "name")
    assert shown["Sent"]["folder"]["role"] == "sent"


# From the name to the port


@pytest.mark.diagnoses("host_unknown")
def test_a_name_that_does_not_resolve_is_named_and_hides_nothing_of_the_other_server(
    office: Office, authority: trustme.CA
) -> None:
    with ScriptedSmtp(issuer=authority) as smtp:
        body = settings(server(993, host="imap.us.invalid"), server(smtp.port))
        found = examine(office, body)
    named = assert_named(found, "imap", "name", Code.HOST_UNKNOWN)
    assert (named["sell_number"], named["reader"]) == ("001", "user")
    assert set(results(found, "smtp").values()) == {"ok"}
    others = {one for name, one in results(found, "imap").items() if name != "name"}
    assert others == {"cut_off not_tried"}


@pytest.mark.diagnoses("host_not_allowed")
def test_an_address_that_may_not_be_reached_is_named_and_not_connected_to(
    office: Office, authority: trustme.CA
) -> None:
    office.runtime.network_policy = replace(office.runtime.network_policy, allowed=())
    with Hostile(issuer=authority) as imap:
        found = examine(office, settings(server(imap.port)))
        assert imap._listener.accepted == 0
    named = assert_named(found, "imap", "address", Code.HOST_NOT_ALLOWED)
    assert named["reader"] == "operator"
    assert "127.0.0.1" not in str(answer_of(found))


@pytest.mark.diagnoses("connect_refused")
def test_a_port_that_refuses_is_named(office: Office, nowhere: int) -> None:
    found = examine(office, settings(server(nowhere)))
    named = assert_named(found, "imap", "port", Code.CONNECT_REFUSED)
    assert named["sell_number"] == "002"
    assert named["seen"] == f"localhost:{nowhere}"


@pytest.mark.diagnoses("connect_timeout")
def test_a_host_that_does_not_answer_is_named(office: Office) -> None:
    policy = office.runtime.network_policy
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            office.runtime.network_policy = replace(
                policy,
                connect_seconds=0.2,
                lookup=lambda _, at: [(socket.AF_INET, ("127.0.0.1", at))],
            )
            found = examine(office, settings(server(port)))
    assert_named(found, "imap", "port", Code.CONNECT_TIMEOUT)


# Another service, or another security


@pytest.mark.diagnoses("pop3_unsupported")
@pytest.mark.parametrize("by", ["port", "greeting"])
def test_pop3_is_named_by_its_port_or_its_greeting(
    office: Office, authority: trustme.CA, by: str
) -> None:
    if by == "port":
        found = examine(office, settings(server(995)))
        assert_named(found, "imap", "port", Code.POP3_UNSUPPORTED)
    else:
        found = at_imap(office, authority, greeting=POP3_GREETING)
        named = assert_named(found, "imap", "greeting", Code.POP3_UNSUPPORTED)
        assert named["seen"].startswith("POP3 at localhost:")


@pytest.mark.diagnoses("another_service")
def test_a_web_server_at_the_port_is_named(office: Office, authority: trustme.CA) -> None:
    web = b"HTTP/1.1 400 Bad Request\r\nServer: web\r\n\r\n"
    found = at_imap(office, authority, greeting=web)
    named = assert_named(found, "imap", "greeting", Code.ANOTHER_SERVICE)
    assert named["seen"].startswith("a web server at localhost:")
    assert named["remedy"].startswith("Enter host and port of this `service`: `imap` is at 993")


@pytest.mark.diagnoses("servers_swapped")
def test_swapped_servers_are_named_at_both(office: Office, authority: trustme.CA) -> None:
    with Hostile(issuer=authority) as imap, ScriptedSmtp(issuer=authority) as smtp:
        found = examine(office, settings(server(smtp.port), server(imap.port)))
        assert smtp.sign_ins == []
        for service in ("imap", "smtp"):
            named = assert_named(found, service, "greeting", ServerCause.SERVERS_SWAPPED)
        assert named["remedy"].startswith("Enter host and port of `imap` under `smtp`")
        corrected = examine(office, settings(server(imap.port), server(smtp.port)))
    for service in ("imap", "smtp"):
        assert results(corrected, service)["sign_in"] == "ok"


@pytest.mark.diagnoses("tls_failed")
@pytest.mark.parametrize("begins_with_tls", [False, True])
def test_swapped_security_is_named_and_looked_past(
    office: Office, authority: trustme.CA, *, begins_with_tls: bool
) -> None:
    """The sign-in is tried as the server begins, over TLS that was verified."""
    security = "starttls" if begins_with_tls else "tls"
    with ScriptedSmtp(tls=begins_with_tls, issuer=authority) as smtp:
        body = settings(server(smtp.port), server(smtp.port, security))
        found = examine(office, body, seconds=8.0)
        assert smtp.sign_ins
        assert all(one.over_tls for one in smtp.sign_ins)
    at = "greeting" if begins_with_tls else "tls"
    named = assert_named(found, "smtp", at, Code.TLS_FAILED)
    how = "with" if begins_with_tls else "without"
    assert named["seen"].endswith(f"begins {how} TLS")
    said = results(found, "smtp")
    assert said["certificate_chain"] == said["sign_in"] == said["sender"] == "ok"


@pytest.mark.diagnoses("tls_failed")
def test_swapped_security_of_a_real_server_is_looked_past_to_its_folders(runtime: Runtime) -> None:
    with Dovecot({REP: SECRET}) as dovecot:
        trust = ssl.create_default_context(cadata=dovecot.authority.read_text())
        runtime.network_policy = NetworkPolicy(trust, (ipaddress.ip_network("127.0.0.0/8"),))
        office = Office(runtime)
        for swapped, at in (
            (server(dovecot.imap_port, "tls"), "tls"),
            (server(dovecot.imaps_port, "starttls"), "greeting"),
        ):
            found = examine(office, settings(swapped), seconds=8.0)
            assert_named(found, "imap", at, Code.TLS_FAILED)
            said = results(found, "imap")
            assert said["sign_in"] == said["folders"] == "ok"
            assert found.folders is not None


# TLS


@pytest.mark.diagnoses("starttls_missing")
def test_a_server_that_does_not_offer_starttls_is_given_no_credential(
    office: Office, authority: trustme.CA, nowhere: int
) -> None:
    with Hostile(tls=False, issuer=authority) as imap:
        found = examine(office, settings(server(imap.port, "starttls")))
        assert not any(b"LOGIN" in one for one in imap.received)
    named = assert_named(found, "imap", "starttls", Code.STARTTLS_MISSING)
    assert named["sell_number"] == "004"
    with ScriptedSmtp(tls=False, keywords_in_clear=("SIZE 1000",), issuer=authority) as smtp:
        found = at_smtp(office, nowhere, smtp, "starttls")
        assert smtp.sign_ins == []
    assert "SIZE" in assert_named(found, "smtp", "starttls", Code.STARTTLS_MISSING)["seen"]


@pytest.mark.diagnoses("starttls_stripped")
def test_an_offer_that_a_device_has_overwritten_is_named(
    office: Office, authority: trustme.CA, nowhere: int
) -> None:
    """As Cisco's PIX and ASA do: cisco.com, document 118550 on "XXXXXXXA" after EHLO."""
    with ScriptedSmtp(tls=False, keywords_in_clear=("XXXXXXXA", "SIZE"), issuer=authority) as smtp:
        found = at_smtp(office, nowhere, smtp, "starttls")
    named = assert_named(found, "smtp", "starttls", ServerCause.STARTTLS_STRIPPED)
    assert "XXXXXXXA" in named["seen"]
    assert '465 for SMTP with `"security": "tls"`' in named["remedy"]
    with ScriptedSmtp(issuer=authority) as smtp:
        assert results(at_smtp(office, nowhere, smtp, "tls"), "smtp")["sign_in"] == "ok"


@pytest.mark.diagnoses("starttls_refused")
def test_an_offer_that_is_refused_is_named_with_the_servers_words(
    office: Office, authority: trustme.CA, nowhere: int
) -> None:
    # Postfix whose certificate cannot be loaded (postfix.org/TLS_README.html).
    said = {"STARTTLS": ["500 5.5.1 TLS not available: see the log"]}
    with ScriptedSmtp(said, tls=False, issuer=authority) as smtp:
        found = at_smtp(office, nowhere, smtp, "starttls")
    named = assert_named(found, "smtp", "tls", ServerCause.STARTTLS_REFUSED)
    assert "TLS not available" in named["seen"]
    assert '465 for SMTP with `"security": "tls"`' in named["remedy"]
    with ScriptedSmtp(issuer=authority) as smtp:
        assert results(at_smtp(office, nowhere, smtp, "tls"), "smtp")["sign_in"] == "ok"
    script: Script = {
        "CAPABILITY": [b"* CAPABILITY IMAP4rev1 STARTTLS\r\n<tag> OK done\r\n"],
        "STARTTLS": [b"<tag> NO no certificate\r\n"],
    }
    found = at_imap(office, authority, script, tls=False, security="starttls")
    assert_named(found, "imap", "tls", ServerCause.STARTTLS_REFUSED)


@pytest.mark.diagnoses("handshake_failed")
def test_a_handshake_that_breaks_off_is_named(office: Office, authority: trustme.CA) -> None:
    found = at_imap(office, authority, greeting=HANG_UP, tls=False, seconds=8.0)
    named = assert_named(found, "imap", "tls", ServerCause.HANDSHAKE_FAILED)
    assert named["sell_number"] == "008"


# The dialogue


@pytest.mark.diagnoses("protocol_error")
def test_a_server_of_an_unknown_protocol_is_named(office: Office, authority: trustme.CA) -> None:
    found = at_imap(office, authority, greeting=b"hello\r\n")
    named = assert_named(found, "imap", "greeting", Code.PROTOCOL_ERROR)
    assert named["sell_number"] == "003"
    assert "hello" in named["seen"]


@pytest.mark.diagnoses("connection_lost")
def test_a_server_that_hangs_up_is_named(office: Office, authority: trustme.CA) -> None:
    found = at_imap(office, authority, {"LIST": [HANG_UP]})
    assert_named(found, "imap", "folders", Code.CONNECTION_LOST)
    assert results(found, "imap")["sign_in"] == "ok"


@pytest.mark.diagnoses("server_unavailable", "too_many_connections", "throttled", "over_quota")
@pytest.mark.parametrize(
    ("said", "cause"),
    [
        # RFC 5530 3
        ("NO [UNAVAILABLE] User's backend is down for maintenance", Code.SERVER_UNAVAILABLE),
        # Gmail (MailKit#377, wildduck#35)
        (
            "NO [ALERT] Too many simultaneous connections. (Failure)",
            ServerCause.TOO_MANY_CONNECTIONS,
        ),
        # Dovecot (doc.dovecot.org, mail_max_userip_connections)
        (
            "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded",
            ServerCause.TOO_MANY_CONNECTIONS,
        ),
        # Gmail (support.google.com/a/answer/1071518)
        (
            "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
            ServerCause.THROTTLED,
        ),
        # Exchange Online (imap_tools#135)
        (
            "NO Request is throttled. Suggested Backoff Time: 299961 milliseconds",
            ServerCause.THROTTLED,
        ),
        # RFC 9208 4.3
        ("NO [OVERQUOTA] Sorry, your mailbox is full", ServerCause.OVER_QUOTA),
    ],
)
def test_a_server_that_serves_no_one_for_now_is_named_by_its_words(
    office: Office, authority: trustme.CA, said: str, cause: Diagnosis
) -> None:
    refused = f"<tag> {said}\r\n".encode()
    named = assert_named(at_imap(office, authority, {"LOGIN": [refused]}), "imap", "sign_in", cause)
    assert said.partition(" ")[2] in named["seen"]


@pytest.mark.diagnoses("too_many_connections", "server_unavailable")
@pytest.mark.parametrize(
    ("said", "cause"),
    [
        # Postfix (postfix.org, smtpd_client_connection_count_limit)
        (
            "421 4.7.0 mx.x.example Error: too many connections from 127.0.0.1",
            ServerCause.TOO_MANY_CONNECTIONS,
        ),
        # Exchange Online (aka.ms/concurrent_sending)
        ("432 4.3.2 Concurrent connections limit exceeded.", ServerCause.TOO_MANY_CONNECTIONS),
        # RFC 5321 3.1
        ("421 4.3.2 Service not available, closing channel", Code.SERVER_UNAVAILABLE),
    ],
)
def test_a_greeting_that_serves_no_one_for_now_is_named(
    office: Office, authority: trustme.CA, nowhere: int, said: str, cause: Diagnosis
) -> None:
    with ScriptedSmtp({"GREETING": [said]}, issuer=authority) as smtp:
        found = at_smtp(office, nowhere, smtp)
    named = assert_named(found, "smtp", "greeting", cause)
    assert said in named["seen"]
    refused = f"* BYE {said[10:]}\r\n".encode()
    found = at_imap(office, authority, greeting=refused)
    assert_named(found, "imap", "greeting", cause)


@pytest.mark.parametrize(
    ("capability", "result"),
    [
        ([HANG_UP], "failed connection_lost"),
        ([DRIP], "cut_off time_is_up"),
        ([SILENCE], "cut_off time_is_up"),
        ([b"<tag> BAD what?\r\n"], "failed protocol_error"),
        ([b"* BYE too busy\r\n"], "failed server_unavailable"),
        ([b"* CAPABILITY POP3\r\n<tag> OK done\r\n"], "failed protocol_error"),
    ],
)
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_server_that_greets_and_fails_at_its_capabilities_is_named_there(
    office: Office,
    authority: trustme.CA,
    capability: Sequence[Answer],
    result: str,
    security: str,
) -> None:
    """The greeting is as it should be, and so are host and port."""
    begins_with_tls = security == "tls"
    found = at_imap(
        office,
        authority,
        {"CAPABILITY": capability},
        b"* OK hi\r\n",
        tls=begins_with_tls,
        security=security,
        seconds=SOON,
    )
    said = results(found, "imap")
    assert said["greeting"] == "ok"
    assert said["capabilities" if begins_with_tls else "starttls"] == result
    if begins_with_tls and result.startswith("failed"):
        assert stage(answer_of(found), "imap", "sign_in")["after"] == "capabilities"


def test_a_server_that_hangs_up_after_starttls_is_named_at_its_capabilities(
    office: Office, authority: trustme.CA
) -> None:
    script: Script = {
        "CAPABILITY": InTurn(
            [b"* CAPABILITY IMAP4rev1 STARTTLS\r\n<tag> OK done\r\n"], [HANG_UP], [HANG_UP]
        ),
        "STARTTLS": [b"<tag> OK begin\r\n", START_TLS],
    }
    found = at_imap(office, authority, script, tls=False, security="starttls")
    said = results(found, "imap")
    assert (said["greeting"], said["starttls"], said["tls"]) == ("ok", "ok", "ok")
    assert said["capabilities"] == "failed connection_lost"


# The sign-in


@pytest.mark.diagnoses(
    "sign_in_failed",
    "app_password_required",
    "password_expired",
    "imap_disabled",
    "administrator_needed",
    "server_alert",
    "user_disabled",
    "mailbox_not_opened",
)
@pytest.mark.parametrize(
    ("said", "cause", "reader"),
    [
        # RFC 5530 3; Gmail with a wrong password or an ordinary one
        # (support.google.com/mail/answer/7126229)
        ("NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", Code.SIGN_IN_FAILED, "user"),
        # Gmail (support.google.com/accounts/answer/185833)
        (
            "NO [ALERT] Application-specific password required:"
            " https://support.google.com/accounts/answer/185833 (Failure)",
            Code.APP_PASSWORD_REQUIRED,
            "user",
        ),
        # RFC 5530 3
        ("NO [EXPIRED] Your password has expired", Code.PASSWORD_EXPIRED, "user"),
        # Gmail (support.google.com/mail/answer/7126229)
        (
            "NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings"
            " page and enable your account for IMAP access. (Failure)",
            Code.IMAP_DISABLED,
            "administrator",
        ),
        # RFC 5530 3
        ("NO [CONTACTADMIN] Ask the help desk", Code.ADMINISTRATOR_NEEDED, "administrator"),
        # Gmail (support.google.com/mail/answer/78754)
        (
            "NO [WEBALERT https://accounts.google.com/signin/continue] Web login required.",
            Code.SERVER_ALERT,
            "user",
        ),
        ("NO Your account is locked", Code.USER_DISABLED, "administrator"),
        # Exchange (learn.microsoft.com, "User is authenticated but not connected")
        ("BAD User is authenticated but not connected.", Code.MAILBOX_NOT_OPENED, "administrator"),
    ],
)
def test_a_refused_sign_in_is_named_by_the_servers_words_and_who_can_mend_it(
    office: Office, authority: trustme.CA, said: str, cause: Diagnosis, reader: str
) -> None:
    refused = f"<tag> {said}\r\n".encode()
    found = at_imap(office, authority, {"LOGIN": [refused]})
    named = assert_named(found, "imap", "sign_in", cause)
    assert named["reader"] == reader
    assert results(found, "imap")["folders"] == "cut_off not_tried"


@pytest.mark.diagnoses("sign_in_failed")
@pytest.mark.parametrize("service", ["imap", "smtp"])
def test_real_servers_refuse_a_wrong_password(runtime: Runtime, service: str) -> None:
    with Dovecot({REP: "another"}) as dovecot, Postfix(dovecot) as postfix:
        trust = ssl.create_default_context(cadata=dovecot.authority.read_text())
        trust.load_verify_locations(cadata=postfix.authority.read_text())
        runtime.network_policy = NetworkPolicy(trust, (ipaddress.ip_network("127.0.0.0/8"),))
        body = settings(server(dovecot.imaps_port), server(postfix.submissions_port))
        found = examine(Office(runtime), body)
    assert assert_named(found, service, "sign_in", Code.SIGN_IN_FAILED)["sell_number"] == "009"
    assert results(found, "smtp")["limits"] == "ok"


def test_a_known_provider_is_named_with_the_page_where_its_users_mend_it(
    office: Office, authority: trustme.CA
) -> None:
    refused = b"<tag> NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"
    login = {"email": "ann@gmail.com", "username": "ann@gmail.com"}
    found = at_imap(office, authority, {"LOGIN": [refused]}, others=login)
    named = assert_named(found, "imap", "sign_in", Code.SIGN_IN_FAILED)
    assert named["page"] == "https://myaccount.google.com/apppasswords"
    assert answer_of(found)["provider"] == "Google"


@pytest.mark.diagnoses("sign_in_with_provider")
def test_basic_sign_in_that_microsoft_has_switched_off_is_named(
    office: Office, authority: trustme.CA
) -> None:
    """learn.microsoft.com, "Deprecation of Basic authentication in Exchange Online"."""
    greeting = b"* OK The Microsoft Exchange IMAP4 service is ready. [TQBYADQA]\r\n"
    script = {"LOGIN": [b"<tag> NO LOGIN failed.\r\n"]}
    found = at_imap(office, authority, script, greeting)
    assert_named(found, "imap", "sign_in", Code.SIGN_IN_WITH_PROVIDER)


@pytest.mark.diagnoses("smtp_auth_disabled")
def test_smtp_auth_that_is_switched_off_is_named(
    office: Office, authority: trustme.CA, nowhere: int
) -> None:
    """email-oauth2-proxy#193; learn.microsoft.com, "Enable or disable authenticated client SMTP
    submission (SMTP AUTH) in Exchange Online"."""
    off = (
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the"
        " Tenant. Visit https://aka.ms/smtp_auth_disabled for more information."
    )
    with ScriptedSmtp({"AUTH": [off]}, issuer=authority) as smtp:
        found = at_smtp(office, nowhere, smtp)
    named = assert_named(found, "smtp", "sign_in", Code.SMTP_AUTH_DISABLED)
    assert named["reader"] == "administrator"
    assert results(found, "smtp")["sender"] == "cut_off not_tried"


@pytest.mark.diagnoses("sign_in_unsupported")
def test_a_server_without_a_sign_in_by_password_is_named(
    office: Office, authority: trustme.CA, nowhere: int
) -> None:
    with ScriptedSmtp(keywords=("SIZE 1000",), issuer=authority) as smtp:
        found = at_smtp(office, nowhere, smtp)
    assert_named(found, "smtp", "sign_in", Code.SIGN_IN_UNSUPPORTED)
    assert stage(answer_of(found), "smtp", "limits")["seen"] == "SIZE 1000"


@pytest.mark.diagnoses("sign_in_name_differs")
def test_a_user_name_of_another_form_than_the_providers_is_named(
    office: Office, authority: trustme.CA
) -> None:
    """Yahoo! JAPAN wants the part before the @ (support.yahoo-net.jp, "IMAP")."""
    refused = b"<tag> NO [AUTHENTICATIONFAILED] Incorrect username or password.\r\n"
    login = {"email": "ann@yahoo.co.jp", "username": "ann@yahoo.co.jp"}
    found = at_imap(office, authority, {"LOGIN": [refused]}, others=login)
    named = assert_named(found, "imap", "sign_in", ServerCause.SIGN_IN_NAME_DIFFERS)
    assert "user names such as ann;" in named["seen"]
    assert named["remedy"].startswith("Enter the user name in this form")
    corrected = at_imap(office, authority, others=login | {"username": "ann"})
    assert results(corrected, "imap")["sign_in"] == "ok"


@pytest.mark.diagnoses("sign_in_unanswered")
def test_a_sign_in_that_is_not_answered_is_named(office: Office, authority: trustme.CA) -> None:
    found = at_imap(office, authority, {"LOGIN": [SILENCE]}, seconds=SOON)
    assert_named(found, "imap", "sign_in", Code.SIGN_IN_UNANSWERED)


PLAIN = base64.b64encode(f"\0{REP}\0{SECRET}".encode()).decode("ascii")


@pytest.mark.parametrize(
    "repeated",
    [
        f"no user with {SECRET} \x1b[31m",
        f"unknown command: AUTH PLAIN {PLAIN[:-4]}...",
        f"パスワード{SECRET}をご確認ください",
        f"no user with {SECRET.upper()}",
    ],
)
def test_what_the_server_repeats_of_a_password_is_not_shown(
    office: Office, authority: trustme.CA, nowhere: int, repeated: str
) -> None:
    def of_the_secret(text: str) -> bool:
        return any(one in text.casefold() for one in (SECRET, "horse", PLAIN[20:40].casefold()))

    assert of_the_secret(repeated)
    refused = f"<tag> NO [AUTHENTICATIONFAILED] {repeated}\r\n".encode()
    found = at_imap(office, authority, {"LOGIN": [refused]})
    named = assert_named(found, "imap", "sign_in", Code.SIGN_IN_FAILED)
    assert named["seen"].startswith("[AUTHENTICATIONFAILED] ")
    assert not of_the_secret(named["seen"])
    refused = f"<tag> NO [NOPERM] {repeated}\r\n".encode()
    found = at_imap(office, authority, {"LIST": [LISTED], "EXAMINE": [refused]})
    assert not of_the_secret(str(answer_of(found)))
    for command, at in (("AUTH", "sign_in"), ("MAIL", "sender")):
        with ScriptedSmtp({command: [f"535 5.7.8 {repeated}"]}, issuer=authority) as smtp:
            found = at_smtp(office, nowhere, smtp)
        assert stage(answer_of(found), "smtp", at)["seen"].startswith("535 5.7.8 ")
        assert not of_the_secret(str(answer_of(found)))


def test_a_password_on_two_lines_of_a_reply_is_not_shown(
    office: Office, authority: trustme.CA, nowhere: int
) -> None:
    half = len(SECRET) // 2
    said = reply(535, f"5.7.8 no pair with {SECRET[:half]}", f"5.7.8 {SECRET[half:]} here")
    with ScriptedSmtp({"AUTH": [said]}, issuer=authority) as smtp:
        found = at_smtp(office, nowhere, smtp)
    seen = stage(answer_of(found), "smtp", "sign_in")["seen"]
    assert seen == "535 5.7.8 no pair with … here"


# Folders, quota, sender


@pytest.mark.diagnoses("inbox_not_found")
def test_a_mailbox_without_an_inbox_is_named(office: Office, authority: trustme.CA) -> None:
    found = at_imap(office, authority, {"EXAMINE": [b"<tag> NO no such mailbox\r\n"]})
    assert_named(found, "imap", "folders", Code.INBOX_NOT_FOUND)


@pytest.mark.diagnoses("command_refused")
@pytest.mark.parametrize(
    ("command", "answer", "at", "seen"),
    [
        # RFC 5530 3
        ("LIST", b"<tag> NO [SERVERBUG] no list\r\n", "folders", "[SERVERBUG] no list"),
        ("LIST", b"* LIST what\r\n<tag> OK done\r\n", "folders", "LIST cannot be read"),
        ("LOGIN", b"<tag> BAD what?\r\n", "sign_in", "what?"),
    ],
)
def test_what_a_server_refuses_after_its_capabilities_is_its_owners_to_mend(
    office: Office, authority: trustme.CA, command: str, answer: Answer, at: str, seen: str
) -> None:
    """Host and port are proven right by then."""
    found = at_imap(office, authority, {command: [answer]})
    named = assert_named(found, "imap", at, ServerCause.COMMAND_REFUSED)
    assert (named["reader"], named["sell_number"]) == ("server_owner", "003")
    assert named["seen"] == seen
    assert named["reason"].startswith("Host and port are right")
    assert named["remedy"].startswith("Show `stage` and `seen` to the server's owner")


def test_a_sender_that_no_smtp_answers_is_the_server_owners_to_mend(
    office: Office, authority: trustme.CA, nowhere: int
) -> None:
    with ScriptedSmtp({"MAIL": ["I speak no SMTP"]}, issuer=authority) as smtp:
        found = at_smtp(office, nowhere, smtp)
    assert_named(found, "smtp", "sender", ServerCause.COMMAND_REFUSED)


@pytest.mark.parametrize("command", ["EXAMINE", "LIST", "STATUS"])
@pytest.mark.parametrize("answer", [b"<tag> NO [SERVERBUG] no list\r\n", HANG_UP])
def test_the_quota_is_not_tried_where_the_folders_fail(
    office: Office, authority: trustme.CA, command: str, answer: Answer
) -> None:
    script: Script = {"EXAMINE": [b"<tag> NO no\r\n"], command: [answer]}
    found = at_imap(office, authority, script)
    assert results(found, "imap")["folders"].startswith("failed ")
    quota = stage(answer_of(found), "imap", "quota")
    assert (quota["result"], quota["code"], quota["after"]) == ("cut_off", "not_tried", "folders")


@pytest.mark.diagnoses("sent_not_found")
def test_a_mailbox_without_sent_mail_is_a_warning(office: Office, authority: trustme.CA) -> None:
    found = at_imap(office, authority)
    assert_named(found, "imap", "folders", Code.SENT_NOT_FOUND, StageResult.WARNING)
    assert found.result is StageResult.WARNING


LISTED = b'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Sent) "/" Sent\r\n<tag> OK done\r\n'


@pytest.mark.diagnoses("folder_refused")
def test_a_folder_that_cannot_be_opened_is_named_with_why(
    office: Office, authority: trustme.CA
) -> None:
    with MemoryImap({REP: SECRET}, authority) as imap:
        for name in ("Sent", "Locked"):
            imap.create(name)
        imap.answers["EXAMINE", "Locked"] = b"<tag> NO [NOPERM] not yours\r\n"
        found = examine(office, settings(server(imap.imaps_port)))
    assert_named(found, "imap", "folders", Code.FOLDER_REFUSED, StageResult.WARNING)
    shown = {one["folder"]["name"]: one for one in answer_of(found)["folders"]["folders"]}
    error = shown["Locked"]["error"]
    assert (error["code"], error["detail"]) == ("folder_refused", "[NOPERM] not yours")
    assert shown["INBOX"]["error"] is None


@pytest.mark.diagnoses("folder_unknown")
def test_a_folder_that_the_settings_name_and_that_is_not_there_is_named(
    office: Office, authority: trustme.CA
) -> None:
    found = at_imap(office, authority, {"LIST": [LISTED]}, others={"folders": ["Nowhere"]})
    named = assert_named(found, "imap", "folders", Code.FOLDER_UNKNOWN)
    assert '"Nowhere" is none of: INBOX, Sent' in named["seen"]
    names = [one["folder"]["name"] for one in answer_of(found)["folders"]["folders"]]
    assert names == ["INBOX", "Sent"]
    assert results(found, "imap")["quota"] == "ok"


@pytest.mark.diagnoses("over_quota")
def test_a_mailbox_that_is_full_is_a_warning_with_the_figures(
    office: Office, authority: trustme.CA
) -> None:
    """RFC 9208 4.1; the figures are in units of 1,024 bytes."""
    script = {
        "CAPABILITY": [b"* CAPABILITY IMAP4rev1 QUOTA\r\n<tag> OK done\r\n"],
        "LIST": [LISTED],
        "GETQUOTAROOT": [
            b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 512 512)\r\n<tag> OK done\r\n'
        ],
    }
    greeting = b"* OK ready\r\n"
    found = at_imap(office, authority, script, greeting)
    named = assert_named(found, "imap", "quota", ServerCause.OVER_QUOTA, StageResult.WARNING)
    assert named["seen"] == "512 of 512 KB"


@pytest.mark.diagnoses("sender_not_allowed")
@pytest.mark.parametrize(
    ("said", "cause"),
    [
        # Postfix (postfix.org, reject_sender_login_mismatch)
        (
            "553 5.7.1 <rep@us.example>: Sender address rejected: not owned by user",
            DeliveryCode.SENDER_NOT_ALLOWED,
        ),
        ("552 5.2.2 mailbox is full", ServerCause.OVER_QUOTA),
        ("451 4.3.2 try again later", Code.SERVER_UNAVAILABLE),
    ],
)
def test_a_sender_that_is_refused_is_named(
    office: Office, authority: trustme.CA, nowhere: int, said: str, cause: Diagnosis
) -> None:
    with ScriptedSmtp({"MAIL": [said]}, issuer=authority) as smtp:
        found = at_smtp(office, nowhere, smtp)
        assert smtp.messages == []
        assert smtp.commands[-3:] == [f"MAIL FROM:<{REP}>", "RSET", "quit"]
    named = assert_named(found, "smtp", "sender", cause)
    assert named["seen"] == said


# Bounds


@pytest.mark.diagnoses("time_is_up")
def test_what_there_was_no_time_for_is_named(office: Office, authority: trustme.CA) -> None:
    found = at_imap(office, authority, {"LIST": [DRIP]}, seconds=SOON)
    assert_named(found, "imap", "folders", ServerCause.TIME_IS_UP, StageResult.CUT_OFF)
    assert results(found, "imap")["quota"] == "cut_off time_is_up"
    assert found.result is StageResult.FAILED


def test_a_server_that_drips_its_greeting_is_ended_and_the_other_is_examined(
    office: Office, authority: trustme.CA
) -> None:
    with Hostile(greeting=DRIP, issuer=authority) as imap, ScriptedSmtp(issuer=authority) as smtp:
        found = examine(office, settings(server(imap.port), server(smtp.port)), SOON)
    assert results(found, "imap")["greeting"].partition(" ")[0] in ("failed", "cut_off")
    assert set(results(found, "smtp").values()) == {"ok"}


@pytest.mark.parametrize("at", ["before TLS", "LOGIN", "EXAMINE", "SEARCH"])
@pytest.mark.parametrize("turn", [SILENCE, DRIP])
def test_wherever_a_server_stops_answering_its_stage_is_named_and_the_others_are_examined(
    office: Office, authority: trustme.CA, at: str, turn: Answer
) -> None:
    name = "UID SEARCH" if at == "SEARCH" else at
    script: Script = {"LIST": [LISTED], name: [turn]}
    early = at == "before TLS"
    greeting = turn if early else b"* OK [CAPABILITY IMAP4rev1] ready\r\n"
    with (
        Hostile(script, greeting, tls=not early, issuer=authority) as imap,
        ScriptedSmtp(issuer=authority) as smtp,
    ):
        found = examine(office, settings(server(imap.port), server(smtp.port)), SOON)
    assert set(results(found, "smtp").values()) == {"ok"}
    stopped = {"before TLS": "tls", "LOGIN": "sign_in"}.get(at, "folders")
    stages = results(found, "imap")
    assert stages[stopped].partition(" ")[0] in ("failed", "cut_off")
    before = list(stages.values())[: list(stages).index(stopped)]
    assert set(before) == {"ok"}
    assert stage(answer_of(found), "imap", stopped)["reason"]


def test_a_name_server_that_is_silent_delays_the_answer_no_further(
    office: Office, authority: trustme.CA
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def silent(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
        asked.set()
        answered.wait()
        return []

    office.runtime.network_policy = replace(office.runtime.network_policy, lookup=silent)
    found = examine(office, settings(server(993)), seconds=0.2)
    assert asked.is_set()
    answered.set()
    assert_named(found, "imap", "name", ServerCause.TIME_IS_UP, StageResult.CUT_OFF)


@pytest.mark.diagnoses("internal_error")
def test_a_defect_fails_its_stage_and_not_the_other_server(
    office: Office, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defective(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(FolderExaminer, "examine", defective)
    with Hostile(issuer=authority) as imap, ScriptedSmtp(issuer=authority) as smtp:
        found = examine(office, settings(server(imap.port), server(smtp.port)))
    assert set(results(found, "smtp").values()) == {"ok"}
    assert Code.INTERNAL_ERROR in [one.code for one in found.servers[0].steps]
