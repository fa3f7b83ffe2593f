"""Connections to mail servers: names, networks and TLS. Hosts come from strangers."""

import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import cast

from mailmirror.domain.limits import MAX_HOST_ADDRESSES
from mailmirror.domain.mailbox import Server
from mailmirror.domain.problems import Code, Refused

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Endpoint = tuple[int, tuple[str, int]]
"""An address family, and an address with its port."""

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
_POP3_PORTS = (110, 995)
_LEADING_TO_IPV4 = (
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("::/96"),
    ipaddress.ip_network("::ffff:0:0:0/96"),
)
"""NAT64 (RFC 6052), the deprecated IPv4-compatible addresses (RFC 4291), and SIIT (RFC 2765)."""
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""What IANA assigns addresses of the Internet from; all other ranges have other uses, or none."""
_DOCUMENTATION = ipaddress.ip_network("3fff::/20")
"""RFC 9637; newer than the library's table."""


def refuse_pop3(server: Server) -> None:
    """Refuse the ports of POP3, whichever service is expected there.

    Raises:
        Refused: `pop3_unsupported`.
    """
    if server.port in _POP3_PORTS:
        raise Refused(Code.POP3_UNSUPPORTED, f"port {server.port}")


def system_lookup(host: str, port: int) -> Sequence[Endpoint]:
    """The addresses of a host, by the resolver of this system.

    Raises:
        Refused: `host_unknown`.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused(Code.HOST_UNKNOWN, host) from error
    # typeshed also has the addresses of other families than IPv4 and IPv6.
    return cast(Sequence[Endpoint], [(family, address) for family, _, _, _, address in found])


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Which networks this deployment may connect to, and which certificates it trusts.

    Make one an environment: a default context costs 20 to 30 ms of CPU.
    """

    trust: ssl.SSLContext
    allowed: Sequence[Network] = ()
    """Networks allowed beside the global ones."""
    lookup: Callable[[str, int], Sequence[Endpoint]] = system_lookup
    """Finds a host's addresses, or raises `Refused`; each is checked before one is connected to."""
    connect_seconds: float = CONNECT_SECONDS

    @classmethod
    def make(cls, allowed: str = "", extra_authority: str | None = None) -> "NetworkPolicy":
        """Trust the system's authorities.

        Parameters:
            allowed: networks in CIDR notation, separated by commas.
            extra_authority: PEM certificates to trust as well.
        """
        trust = ssl.create_default_context()
        if extra_authority:
            trust.load_verify_locations(cadata=extra_authority)
        networks = tuple(
            ipaddress.ip_network(text.strip()) for text in allowed.split(",") if text.strip()
        )
        return cls(trust, networks)

    def connect(self, server: Server) -> socket.socket:
        """Open a plain connection to a mail server; see `reach`.

        Raises:
            Refused: POP3, an unknown or forbidden host, or one that does not answer.
        """
        refuse_pop3(server)
        return self.reach(server)

    def reach(self, server: Server) -> socket.socket:
        """Open a plain connection to an address that was checked, at any port.

        The address checked is the address used: a name that resolves otherwise a moment later
        leads nowhere else.

        Raises:
            Refused: an unknown or forbidden host, or one that does not answer.
        """
        return self.open(server, self.permitted(server, self.lookup(server.host, server.port)))

    def open(self, server: Server, endpoints: Sequence[Endpoint]) -> socket.socket:
        """Open a plain connection to the first of a server's endpoints that answers.

        Parameters:
            endpoints: as `permitted` has returned them.

        Raises:
            Refused: `connect_refused` or `connect_timeout`.
        """
        refusal = Refused(Code.CONNECT_REFUSED, f"{server.host}:{server.port}")
        end = time.monotonic() + self.connect_seconds
        for family, address in islice(endpoints, MAX_HOST_ADDRESSES):
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.settimeout(max(min(0.5, self.connect_seconds), end - time.monotonic()))
            try:
                connection.connect(address)
            except OSError as error:
                connection.close()
                if isinstance(error, TimeoutError):
                    place = f"{server.host}:{server.port}"
                    refusal = Refused(Code.CONNECT_TIMEOUT, f"no connection to {place}")
                continue
            connection.settimeout(READ_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        raise refusal

    def secure(self, connection: socket.socket, host: str) -> ssl.SSLSocket:
        """Start TLS on a connection; the certificate must be the host's.

        Raises:
            Refused: the certificate does not verify, or the peer speaks no TLS.
        """
        connection.settimeout(CONNECT_SECONDS)
        with tls_stage(host):
            secured = self.trust.wrap_socket(connection, server_hostname=host)
        secured.settimeout(READ_SECONDS)
        return secured

    def permitted(self, server: Server, endpoints: Sequence[Endpoint]) -> Sequence[Endpoint]:
        """Return a server's endpoints, if each of them may be connected to.

        Raises:
            Refused: `host_not_allowed`.
        """
        for _, address in endpoints:
            if not self._may_reach(str(address[0])):
                raise Refused(Code.HOST_NOT_ALLOWED, server.host)
        return endpoints

    def _may_reach(self, text: str) -> bool:
        address = _embedded_ipv4(ipaddress.ip_address(text.partition("%")[0]))
        if any(address in one for one in self.allowed if one.version == address.version):
            return True
        if isinstance(address, ipaddress.IPv6Address):
            assigned = address in _GLOBAL_UNICAST and address not in _DOCUMENTATION
            return assigned and address.is_global
        return address.is_global and not address.is_multicast


def _embedded_ipv4(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that is connected to in the end: some IPv6 ranges lead to IPv4 addresses."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if any(address in network for network in _LEADING_TO_IPV4) and int(address) > 1:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@contextmanager
def tls_stage(host: str) -> Iterator[None]:
    """Turn errors of TLS into refusals.

    Raises:
        Refused: the certificate does not verify, or the peer speaks no TLS.
    """
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Refused(Code.CERTIFICATE_INVALID, f"{host}: {error.verify_message}") from error
    except TimeoutError as error:
        raise Refused(Code.TLS_FAILED, f"{host}: no answer") from error
    except (OSError, ValueError) as error:
        raise Refused(Code.TLS_FAILED, host) from error


@dataclass(slots=True)
class TimeLimit:
    """What it means that the time of a conversation is up."""

    code: Code = Code.CONNECT_TIMEOUT

    @contextmanager
    def signing_in(self) -> Iterator[None]:
        """Note that the server answers, and that the sign-in is what it does not answer.

        Many servers delay the answer to a wrong password, longer after each.
        """
        self.code = Code.SIGN_IN_UNANSWERED
        yield
        self.code = Code.CONNECT_TIMEOUT


def second_handle(connection: socket.socket) -> socket.socket:
    """Another handle of a connection, by which it can be ended.

    `socket.dup` would set whether reading blocks anew, for both handles, by the time-out that the
    connection had when its handle was made.
    """
    return socket.socket(fileno=os.dup(connection.fileno()))


@contextmanager
def limited(seconds: float, connection: socket.socket) -> Iterator[TimeLimit]:
    """End a conversation that lasts too long, however slowly the server drips its bytes.

    Parameters:
        connection: the conversation's, before TLS.

    Raises:
        Refused: `connect_timeout` or `sign_in_unanswered`, once the time was up.
    """
    expired = threading.Event()
    limit = TimeLimit()
    # Of our own: a TLS handshake takes the other descriptor from the plain socket at its start,
    # and gives out the socket that has it only at its end.
    held = second_handle(connection)

    def end() -> None:
        expired.set()
        with suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield limit
    except Refused as refusal:
        if expired.is_set():
            reached = "connected, but " if limit.code is Code.CONNECT_TIMEOUT else ""
            raise Refused(limit.code, f"{reached}not done in {seconds:.0f} s") from refusal
        raise
    finally:
        timer.cancel()
        timer.join()
        held.close()


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Name the stage in a refusal's detail, as in `imap: imap.example:993`."""
    try:
        yield
    except Refused as refused:
        raise Refused(refused.code, f"{name}: {refused.detail}".rstrip(": ")) from refused
