"""Find out which service answers at a port where a mail server was expected, and how it begins."""

import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from mailmirror.domain.limits import MAX_HEARD_LINE_BYTES
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.services import Service, service_of
from mailmirror.mail.connection import NetworkPolicy, limited

_LINE_SECONDS = 1.5
_TLS_AFTER_SECONDS = 3.5
"""A server that said nothing without TLS, and was connected to within half a second, is asked again
with TLS: for a slower one there is no time."""
_CONVERSATION_SECONDS, _AGAIN_SECONDS = 5.5, 4.0
"""How long a connection is used, after it was made: the first, and one that is made again."""
_REQUEST = b"HEAD / HTTP/1.0\r\n\r\n"
"""A web server waits for one; mail servers speak first."""


@dataclass(frozen=True, slots=True)
class Answering:
    service: Service | None
    """None where it is not known."""
    tls: bool
    """Whether it begins with TLS."""


def answering_service(server: Server, policy: NetworkPolicy) -> Answering | None:
    """Name the service that speaks at a port, with TLS or without; None where none is known.

    It takes up to nine seconds, beside those of the connections.
    """
    if server.security is Security.TLS:
        try:
            return Answering(_said(server, policy, tls=True), tls=True)
        except Refused as refusal:
            if refusal.code is not Code.TLS_FAILED:
                return None
    begun = time.monotonic()
    try:
        service = _said(server, policy, tls=False)
        if service or server.security is Security.TLS:
            return Answering(service, tls=False) if service else None
        if time.monotonic() - begun > _TLS_AFTER_SECONDS:
            return None
        return Answering(_said(server, policy, tls=True, seconds=_AGAIN_SECONDS), tls=True)
    except Refused as refusal:
        # Only a server that begins with TLS has a certificate.
        is_tls = refusal.code is Code.CERTIFICATE_INVALID
        return Answering(None, tls=True) if is_tls else None


_OF_ANOTHER_SERVICE = (
    Code.TLS_FAILED,
    Code.CONNECT_TIMEOUT,
    Code.CONNECTION_LOST,
    Code.PROTOCOL_ERROR,
    Code.STARTTLS_MISSING,
)
"""How a server is refused that may be another service than expected."""


class OtherService(Refused):
    """Another service answers: `another_service`, or `pop3_unsupported`."""

    def __init__(self, code: Code, service: Service, place: str) -> None:
        super().__init__(code, f"{service} at {place}")
        self.service = service


class OtherSecurity(Refused):
    """`tls_failed`: the service begins with TLS where STARTTLS was asked for, or the reverse."""

    def __init__(self, name: str, place: str, security: Security) -> None:
        how = "with" if security is Security.TLS else "without"
        super().__init__(Code.TLS_FAILED, f"{name} at {place} begins {how} TLS")
        self.security = security


def may_be_another_service(refusal: Refused) -> bool:
    """Whether a refusal can mean that another service answers than expected."""
    return refusal.code in _OF_ANOTHER_SERVICE


def named_by_service(
    refusal: Refused, server: Server, expected: Service, policy: NetworkPolicy
) -> Refused:
    """Find out which service answers where a server was refused, which takes up to nine seconds.

    Returns:
        An OtherService or OtherSecurity, or the refusal that is given.
    """
    place = f"{server.host}:{server.port}"
    found = answering_service(server, policy)
    if found is None:
        return refusal
    if found.service in (None, expected):
        if found.tls is (server.security is Security.TLS):
            return refusal
        security = Security.TLS if found.tls else Security.STARTTLS
        return OtherSecurity(found.service or "the server", place, security)
    of_mail = (expected, found.service) == (Service.IMAP, Service.POP3)
    code = Code.POP3_UNSUPPORTED if of_mail else Code.ANOTHER_SERVICE
    return OtherService(code, found.service, place)


def _said(
    server: Server, policy: NetworkPolicy, *, tls: bool, seconds: float = _CONVERSATION_SECONDS
) -> Service | None:
    plain = connection = policy.connect(server)
    try:
        with limited(seconds, plain):
            if tls:
                connection = policy.secure(plain, server.host)
            connection.settimeout(_LINE_SECONDS)
            line = _first_line(connection)
            if not line:
                with suppress(OSError):
                    connection.sendall(_REQUEST)
                line = _first_line(connection)
            return service_of(line)
    finally:
        connection.close()


def _first_line(connection: socket.socket) -> str:
    """What is said at once; empty where nothing is."""
    try:
        said = connection.recv(MAX_HEARD_LINE_BYTES)
    except OSError:
        return ""
    return said.partition(b"\n")[0].decode("utf-8", "replace")
