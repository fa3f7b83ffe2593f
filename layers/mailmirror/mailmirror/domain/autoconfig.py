"""The settings in an autoconfig file, as Thunderbird's clients read it.

The format is described at
https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat: `clientConfig` has an
`emailProvider` with `incomingServer`s and `outgoingServer`s, the preferred ones first.
`mail.autoconfig_file` reads the bytes; here is what they mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailmirror.domain.address import Address, domain_of
from mailmirror.domain.discovery import Candidate, is_host
from mailmirror.domain.findings import Origin, Outcome
from mailmirror.domain.known_providers import provider_of_server
from mailmirror.domain.limits import MAX_VALUE_CHARS
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.services import Service

_SERVICES = {"imap": Service.IMAP, "pop3": Service.POP3, "smtp": Service.SMTP}
_SECURITY = {"ssl": Security.TLS, "starttls": Security.STARTTLS}
_BY_PASSWORD = {"password-cleartext", "plain", "password-encrypted", "secure", ""}
"""`plain` and `secure` are older names; a server that leaves it open is asked."""


@dataclass(frozen=True, slots=True)
class ConfigServer:
    """An `incomingServer` or `outgoingServer`, its texts as they stand there."""

    kind: str
    host: str
    port: str
    socket: str
    username: str
    authentications: Sequence[str]


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """The servers of a file: incoming, then outgoing, in its order."""

    servers: Sequence[ConfigServer]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A server of a file that cannot be connected."""

    place: str
    outcome: Outcome


def read_config(
    config: ClientConfig, email: Address, origin: Origin
) -> tuple[list[Candidate], list[Unusable]]:
    """The servers that may be connected, in the file's order, and why the others may not."""
    usable, unusable = list[Candidate](), list[Unusable]()
    for one in _each(config, email, origin):
        if isinstance(one, Candidate):
            usable.append(one)
        else:
            unusable.append(one)
    return usable, unusable


def _each(config: ClientConfig, email: Address, origin: Origin) -> Iterator[Candidate | Unusable]:
    for one in config.servers:
        service = _SERVICES.get(one.kind.strip().lower())
        host = _filled(one.host, email).strip().rstrip(".").lower()
        if service is None or not is_host(host) or not _is_port(one.port):
            continue
        security = _SECURITY.get(one.socket.strip().lower())
        place = f"{service} {host}:{one.port.strip()}"
        if security is None and service is not Service.POP3:
            yield Unusable(place, Outcome.NO_TLS)
        elif service is not Service.POP3 and not _can_sign_in(one, host):
            yield Unusable(place, Outcome.SIGN_IN_UNUSABLE)
        else:
            server = Server(host, int(one.port), security or Security.TLS)
            yield Candidate(service, server, origin, _username(one.username, email))


def _can_sign_in(one: ConfigServer, host: str) -> bool:
    """OAuth 2 is possible at Google and Microsoft alone."""
    named = {text.strip().lower() for text in one.authentications} or {""}
    return bool(named & _BY_PASSWORD) or provider_of_server(host) is not None


def _username(pattern: str, email: Address) -> str:
    """The user name; the address where the file leaves a part open, as `%REALNAME%`."""
    filled = _filled(pattern, email).strip()
    readable = 0 < len(filled) <= MAX_VALUE_CHARS and filled.isprintable()
    return filled if readable and "%" not in filled else email


def _filled(text: str, email: Address) -> str:
    local = email.rpartition("@")[0]
    for name, value in (
        ("%EMAILADDRESS%", email),
        ("%EMAILLOCALPART%", local),
        ("%EMAILDOMAIN%", domain_of(email)),
    ):
        text = text.replace(name, value)
    return text


def _is_port(text: str) -> bool:
    text = text.strip()
    return text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) < 65_536
