"""Settings that a server refused connect the mailbox once they are corrected as the remedy says.

The ports that remedies name are those of real servers: here each leads to a server on loopback.
"""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from botocore.exceptions import EndpointConnectionError

from mailmirror.domain.mailbox import Server
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.runtime import Runtime
from tests.integration.api_calls import Answered, Api, Json, ProbeClient, connect_body, run_probe
from tests.integration.office import KIM, MARCH, REP, Clock, Office, letter, loopback, subjects
from tests.servers.dovecot import Dovecot
from tests.servers.hostile import SILENCE, Hostile
from tests.servers.mailbox_server import MailboxServer
from tests.servers.scripted_smtp import ScriptedSmtp

IMAP, IMAP_STARTTLS, SMTP, SMTP_STARTTLS = 993, 143, 465, 587
NO_SERVER = 2525
CONNECTING = "mailmirror.usecases.mailboxes.connect_mailbox"
SECURITY = {IMAP: "tls", IMAP_STARTTLS: "starttls", SMTP: "tls", SMTP_STARTTLS: "starttls"}


@pytest.fixture
def ports(
    office: Office, imap_server: MailboxServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[int, int]]:
    """Where the ports of this machine lead; to a port without a server where none is named."""
    connect = NetworkPolicy.connect
    with ExitStack() as servers:
        leads = {IMAP: imap_server.imaps_port, IMAP_STARTTLS: imap_server.imap_port}
        for port, tls in ((SMTP, True), (SMTP_STARTTLS, False)):
            server = servers.enter_context(ScriptedSmtp(tls=tls))
            trust(office.runtime, server.authority)
            leads[port] = server.port

        def led(policy: NetworkPolicy, server: Server) -> Any:
            return connect(policy, replace(server, port=leads.get(server.port, 1)))

        monkeypatch.setattr(NetworkPolicy, "connect", led)
        yield leads


def trust(runtime: Runtime, authority: Path) -> None:
    runtime.network_policy.trust.load_verify_locations(cadata=authority.read_text())


def at(port: int, security: str = "", host: str = "localhost") -> Json:
    """A server's settings as a person enters them; the security is the port's."""
    return {"host": host, "port": port, "security": security or SECURITY[port]}


def connecting(api: Api, server: MailboxServer, imap: Json, **others: object) -> Answered:
    return api.answered("POST", "/v1/mailboxes", body=connect_body(server, imap=imap, **others))


def refusal(answered: Answered, code: str, stage: str) -> Answered:
    """A refusal, which leaves no mailbox; its detail begins with the server that it is about."""
    assert (answered.status, answered.code) == (422, code), answered
    assert answered.body["detail"].partition(":")[0] == stage
    return answered


def of_service(remedy: str, service: str) -> list[int]:
    """The ports that a remedy names for a service."""
    part = re.search(rf"\b{service}\b[^;.]*?(\d+)[^\d,;.]+(\d+)", remedy, re.IGNORECASE)
    assert part is not None, remedy
    return [int(part[1]), int(part[2])]


def test_host_unknown_with_the_right_name_it_is_connected(
    api: Api, ports: Mapping[int, int], imap_server: MailboxServer
) -> None:
    wrong = at(IMAP, host="imap.us.invalid")
    refused = refusal(connecting(api, imap_server, wrong), "host_unknown", "imap")
    assert refused.remedy.startswith("Correct the host's name;")
    assert connecting(api, imap_server, at(IMAP)).status == 201


def test_connect_refused_the_ports_that_the_remedy_names_are_answered(
    api: Api, ports: Mapping[int, int], imap_server: MailboxServer
) -> None:
    wrong = at(NO_SERVER, "tls")
    refused = refusal(connecting(api, imap_server, wrong), "connect_refused", "imap")
    named = {
        int(port): security for port, security in re.findall(r"(\d+) \((\w+)\)", refused.remedy)
    }
    assert named == {IMAP: "tls", IMAP_STARTTLS: "starttls"}
    for port, security in named.items():
        assert connecting(api, imap_server, at(port, security)).status == 201
    refused = refusal(connecting(api, imap_server, at(IMAP), smtp=wrong), "connect_refused", "smtp")
    for port in of_service(refused.remedy, "SMTP"):
        assert connecting(api, imap_server, at(IMAP), smtp=at(port)).status == 201


def test_connect_timeout_the_port_and_its_security_are_corrected(
    api: Api,
    ports: dict[int, int],
    imap_server: MailboxServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        Hostile(greeting=SILENCE, tls=False, issuer=trustme.CA()) as silent,
        monkeypatch.context() as patched,
    ):
        patched.setattr(f"{CONNECTING}.IMAP_SECONDS", 0.5)
        ports[NO_SERVER] = silent.port
        wrong = at(NO_SERVER, "tls")
        refused = refusal(connecting(api, imap_server, wrong), "connect_timeout", "imap")
    security, port = re.findall(r'`"(\w+)"` for (\d+)', refused.remedy)[0]
    assert connecting(api, imap_server, at(int(port), security)).status == 201


@pytest.mark.parametrize("service", ["imap", "smtp"])
def test_tls_failed_the_security_that_fits_the_detail_is_taken(
    api: Api,
    ports: Mapping[int, int],
    imap_server: MailboxServer,
    service: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for port, wrong in {
        "imap": {IMAP: "starttls", IMAP_STARTTLS: "tls"},
        "smtp": {SMTP: "starttls", SMTP_STARTTLS: "tls"},
    }[service].items():
        settings = {"imap": at(IMAP)} | {service: at(port, wrong)}
        with monkeypatch.context() as patched:
            patched.setattr(f"{CONNECTING}.{service.upper()}_SECONDS", 1.0)
            refused = refusal(connecting(api, imap_server, **settings), "tls_failed", service)
        begins = re.search(r"begins (with|without) TLS", refused.body["detail"])
        assert begins is not None, refused
        named = re.search(
            r'`"security": "(\w+)"` where .*with TLS.*ports 993 and 465, and `"(\w+)"` where it'
            r" begins without, as at 143 and 587",
            refused.remedy,
        )
        assert named is not None, refused.remedy
        settings[service] = at(port, named[1 if begins[1] == "with" else 2])
        assert connecting(api, imap_server, **settings).status == 201


def test_starttls_missing_the_security_and_the_ports_of_the_remedy_are_taken(
    api: Api, ports: dict[int, int], imap_server: MailboxServer
) -> None:
    with (
        Hostile(tls=False, issuer=trustme.CA()) as plain,
        ScriptedSmtp(tls=False, keywords_in_clear=("PIPELINING",)) as submission,
    ):
        ports |= {IMAP_STARTTLS: plain.port, SMTP_STARTTLS: submission.port}
        refused = refusal(
            connecting(api, imap_server, at(IMAP_STARTTLS)), "starttls_missing", "imap"
        )
        named = re.search(
            r'"security": "(\w+)"` with port (\d+) for IMAP and (\d+) for SMTP', refused.remedy
        )
        assert named is not None, refused.remedy
        right = at(int(named[2]), named[1])
        refusal(
            connecting(api, imap_server, right, smtp=at(SMTP_STARTTLS)), "starttls_missing", "smtp"
        )
        assert not [one for one in plain.received if b"LOGIN" in one.upper()]
    submitted = at(int(named[3]), named[1])
    assert connecting(api, imap_server, right, smtp=submitted).status == 201


def test_protocol_error_host_and_port_of_the_right_service_are_taken(
    api: Api, ports: dict[int, int], imap_server: MailboxServer, runtime: Runtime
) -> None:
    with Hostile(greeting=b"hello\r\n", tls=True, issuer=trustme.CA()) as odd:
        trust(runtime, odd.authority)
        ports[NO_SERVER] = odd.port
        wrong = at(NO_SERVER, "tls")
        refused = refusal(connecting(api, imap_server, wrong), "protocol_error", "imap")
    assert refused.remedy.startswith("Check that host and port are those of the right service;")
    assert connecting(api, imap_server, at(IMAP)).status == 201


def test_another_service_the_ports_of_the_server_with_which_the_detail_begins_are_taken(
    api: Api, ports: Mapping[int, int], imap_server: MailboxServer
) -> None:
    settings = {"imap": at(SMTP), "smtp": at(IMAP)}
    for service in ("imap", "smtp"):
        refused = refusal(connecting(api, imap_server, **settings), "another_service", service)
        settings[service] = at(of_service(refused.remedy, service)[0])
    assert connecting(api, imap_server, **settings).status == 201


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "other@us.example"}])
def test_sign_in_failed_with_the_right_name_and_password_it_is_connected(
    api: Api, ports: Mapping[int, int], imap_server: MailboxServer, wrong: Mapping[str, str]
) -> None:
    refused = refusal(connecting(api, imap_server, at(IMAP), **wrong), "sign_in_failed", "imap")
    assert refused.remedy.startswith("Correct them;")
    assert connecting(api, imap_server, at(IMAP)).status == 201


@pytest.mark.parametrize("named", ["Sent", "Raus"])
def test_sent_not_found_a_folder_of_the_name_or_named_in_the_setting_is_found(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    with Dovecot({REP: "secret"}, folders=()) as server:
        runtime.network_policy = loopback(server.authority)
        office = Office(runtime)
        run_probe(runtime, monkeypatch)
        api = Api(office)
        server.create(REP, "Raus")
        server.append(REP, "Raus", letter(1, REP, [KIM]), MARCH)
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        path = f"/v1/mailboxes/{mailbox.key.mailbox}"
        told = api.get(path)
        assert (told["state"], told["error"]["code"]) == ("incomplete", "sent_not_found")
        remedy = told["error"]["remedy"]
        if named == "Sent":
            assert remedy.startswith("Name the folder of sent mail Sent in your mail program")
            with server.session(REP) as client:
                client.rename_folder("Raus", named)
        else:
            assert "set its name in `sent_folders`" in remedy
            assert "by `PATCH /v1/mailboxes/{mailbox_id}`" in remedy
            assert api.answered("PATCH", path, body={"sent_folders": [named]}).status == 200
        office.sync(mailbox)
        told = api.get(path)
        assert (told["state"], told.get("error")) == ("healthy", None)
        assert subjects(office.card("rep", "kim")) == ["Letter 1"]


@pytest.mark.parametrize("fault", ["it failed", "it was not reached"])
def test_probe_failed_tried_again_it_is_connected(
    api: Api, imap_server: MailboxServer, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def failing(*_: object, **__: object) -> Json:
        if fault == "it failed":
            return {"Payload": io.BytesIO(b'{"errorType": "x"}'), "FunctionError": "Unhandled"}
        raise EndpointConnectionError(endpoint_url="https://lambda")

    body = connect_body(imap_server)
    with monkeypatch.context() as patched:
        patched.setattr(ProbeClient, "invoke", failing)
        refused = api.answered("POST", "/v1/mailboxes", body=body)
    assert (refused.status, refused.code) == (502, "probe_failed")
    assert refused.remedy.startswith("Try again;")
    assert api.answered("POST", "/v1/mailboxes", body=body).status == 201


def test_host_not_allowed_a_network_that_the_operator_allows_is_connected(
    api: Api, imap_server: MailboxServer, runtime: Runtime
) -> None:
    allowed = runtime.network_policy
    runtime.network_policy = replace(allowed, allowed=())
    refused = connecting(api, imap_server, at(IMAP))
    refusal(refused, "host_not_allowed", "imap")
    assert "ask the stack's operator to allow its network" in refused.remedy
    runtime.network_policy = allowed
    body = connect_body(imap_server)
    assert api.answered("POST", "/v1/mailboxes", body=body).status == 201
