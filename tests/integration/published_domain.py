"""A domain of a test's own: its name server, its web server, and where its ports lead."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailmirror.domain.address import Address
from mailmirror.domain.discovery import Discovery
from mailmirror.domain.mailbox import Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import Endpoint, NetworkPolicy
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.discover_mailbox import discover_mailbox
from tests.integration.api_calls import Answered, Api, Json
from tests.integration.office import REP, Office, loopback
from tests.servers.dns_server import DnsServer
from tests.servers.web import Web

DOMAIN = "us.example"
MAIL_NAMES = (
    *(f"{name}.{DOMAIN}" for name in ("imap", "smtp", "mail", "mx", "pop")),
    *("server7.hoster.example", "imap.mail.me.com", "smtp.mail.me.com"),
    *("imap.gmail.com", "imap.softbank.jp", "smtp.softbank.jp", "localhost", "127.0.0.1"),
)
WEB_NAMES = (DOMAIN, f"autoconfig.{DOMAIN}", "www.other.example")
AUTOCONFIG = f"https://autoconfig.{DOMAIN}/mail/config-v1.1.xml"
WELL_KNOWN = f"https://{DOMAIN}/.well-known/autoconfig/mail/config-v1.1.xml"
AUTOCONFIG_HTTP = f"http://autoconfig.{DOMAIN}/mail/config-v1.1.xml"
HERE = {"A": ["127.0.0.1"]}
NO_PORT = 1
"""Where no server listens."""


@dataclass(frozen=True, slots=True)
class LedPolicy(NetworkPolicy):
    """Leads the ports of this machine to the tests' servers."""

    leads: Mapping[int | tuple[str, int], int] = field(default_factory=dict)
    """By port, or by host and port."""
    reached: list[tuple[str, int]] = field(default_factory=list)
    """Host and port of each connection that was asked for."""

    def reach(self, server: Server) -> socket.socket:
        self.reached.append((server.host, server.port))
        by_port = self.leads.get(server.port, NO_PORT)
        port = self.leads.get((server.host, server.port), by_port)
        return NetworkPolicy.reach(self, replace(server, port=port))


@dataclass(frozen=True, slots=True)
class Domain:
    """What is published, and how it is asked about."""

    office: Office
    api: Api
    dns: DnsServer
    web: Web
    leads: dict[int | tuple[str, int], int]
    policy: LedPolicy

    @classmethod
    def of(cls, office: Office, api: Api, dns: DnsServer, web: Web) -> "Domain":
        leads: dict[int | tuple[str, int], int] = {80: web.http_port, 443: web.https_port}
        trusting = loopback(web.authority)

        def known(host: str, port: int) -> Sequence[Endpoint]:
            """As connecting a mailbox looks names up."""
            if host not in dns.names:
                raise Refused(Code.HOST_UNKNOWN, host)
            return [(socket.AF_INET, ("127.0.0.1", port))]

        policy = LedPolicy(trusting.trust, trusting.allowed, known, leads=leads)
        office.runtime.network_policy = policy
        office.runtime.resolver = dns.resolver()
        return cls(office, api, dns, web, leads, policy)

    @property
    def runtime(self) -> Runtime:
        return self.office.runtime

    def publish(self, name: str, **records: Sequence[str]) -> None:
        """Publish records of a name beside those that there are."""
        self.dns.names[name] = {**self.dns.names.get(name, {}), **records}

    def discover(self, email: str = REP, language: str = "en") -> Json:
        answered = self.api.answered(
            "POST", "/v1/mailboxes/discover", language=language, body={"email": email}
        )
        assert answered.status == 200, answered
        return answered.body

    def within(self, seconds: float, email: str = REP) -> Discovery:
        """What is found in so many seconds."""
        return discover_mailbox(self.office.account, Address(email), self.runtime, seconds)

    def connect(self, found: Json, password: str, **others: object) -> Answered:
        """Connect a mailbox with the settings of an answer as they are."""
        body = {**found["settings"], "user_id": "rep", "password": password, **others}
        return self.api.answered("POST", "/v1/mailboxes", body=body)


def results(found: Json, stage: str = "") -> dict[str, str]:
    """What came of what was asked, at one stage or at all."""
    return {one["asked"]: one["result"] for one in found["tried"] if stage in ("", one["stage"])}


def detail(found: Json, asked: str) -> str:
    (said,) = {one["detail"] for one in found["tried"] if one["asked"] == asked}
    return str(said)


def client_config(
    imap: str = f"imap.{DOMAIN}",
    smtp: str = f"smtp.{DOMAIN}",
    socket_type: str = "SSL",
    username: str = "%EMAILADDRESS%",
    authentication: str = "password-cleartext",
    kind: str = "imap",
    ports: tuple[int, int] = (993, 465),
) -> bytes:
    """An autoconfig file."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="{DOMAIN}">
    <domain>{DOMAIN}</domain>
    <displayName>Us</displayName>
    <incomingServer type="{kind}">
      <hostname>{imap}</hostname><port>{ports[0]}</port><socketType>{socket_type}</socketType>
      <username>{username}</username><authentication>{authentication}</authentication>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>{smtp}</hostname><port>{ports[1]}</port><socketType>{socket_type}</socketType>
      <username>{username}</username><authentication>{authentication}</authentication>
    </outgoingServer>
  </emailProvider>
</clientConfig>
""".encode()
