"""Reaching a mail server: names, networks and TLS. Hosts come from strangers."""

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mailmirror.domain.mailbox import Server
from mailmirror.domain.problems import Code, Refused

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONNECT_SECONDS = 8.0
READ_SECONDS = 30.0
_POP3_PORTS = (110, 995)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom this deployment may talk to, and whose certificates it trusts.

    Make one an environment: a default context costs 20 to 30 ms of CPU.
    """

    trust: ssl.SSLContext
    allowed: Sequence[Network] = ()
    """Networks allowed beside the global ones."""

    @classmethod
    def make(cls, allowed: str = "", extra_authority: str | None = None) -> "Reach":
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
        """Open a plain connection to an address that was checked.

        The address checked is the address used: a name that resolves otherwise a moment later
        leads nowhere else.

        Raises:
            Refused: POP3, an unknown or forbidden host, or one that does not answer.
        """
        if server.port in _POP3_PORTS:
            raise Refused(Code.POP3_UNSUPPORTED, f"port {server.port}")
        refusal = Refused(Code.CONNECT_REFUSED, f"{server.host}:{server.port}")
        for family, address in self._addresses(server):
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.settimeout(CONNECT_SECONDS)
            try:
                connection.connect(address)
            except OSError as error:
                connection.close()
                if isinstance(error, TimeoutError):
                    refusal = Refused(Code.CONNECT_TIMEOUT, f"{server.host}:{server.port}")
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

    def _addresses(self, server: Server) -> Iterator[tuple[int, tuple[str, int]]]:
        try:
            found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Refused(Code.HOST_UNKNOWN, server.host) from error
        for *_, address in found:
            if not self._may_reach(str(address[0])):
                raise Refused(Code.HOST_NOT_ALLOWED, server.host)
        for family, _, _, _, address in found:
            yield family, address  # type: ignore[misc]

    def _may_reach(self, text: str) -> bool:
        address = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(
            address in network for network in self.allowed if network.version == address.version
        ):
            return True
        return address.is_global and not address.is_multicast


@contextmanager
def tls_stage(host: str) -> Iterator[None]:
    """Say what went wrong with TLS.

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


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Name the stage in a refusal's detail, as in `imap: imap.example:993`."""
    try:
        yield
    except Refused as refused:
        raise Refused(refused.code, f"{name}: {refused.detail}".rstrip(": ")) from refused
