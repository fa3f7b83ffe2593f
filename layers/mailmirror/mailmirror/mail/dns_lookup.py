"""DNS look-ups about a domain, bounded in their time, number and size."""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, cast

import dns.exception
import dns.message
import dns.resolver
import dns.reversename
from dns.rdatatype import RdataType

from mailmirror.domain.discovery import is_host
from mailmirror.domain.limits import MAX_DNS_QUERIES, MAX_DNS_RECORDS
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.srv_records import SrvRecord
from mailmirror.mail.byte_budget import ByteBudget
from mailmirror.mail.connection import Endpoint

NO_HOST = ""
"""The root, as the target of an MX or SRV record: there is no such service (RFC 2782, 7505)."""
_QUERY_SECONDS = 3.0
"""For one look-up, with its repetitions."""


class DnsUnanswered(Exception):
    """No name server has answered in time, or none will be asked any more."""


class DomainMissing(Exception):
    """The name does not exist (NXDOMAIN)."""


@dataclass(slots=True)
class DnsLookups:
    """The look-ups of one request, by any number of threads."""

    resolver: dns.resolver.Resolver
    budget: ByteBudget
    until: float
    """Of `time.monotonic`."""
    asked: int = 0
    _endpoints: dict[str, Sequence[Endpoint] | Refused] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def exchangers(self, domain: str) -> Sequence[str]:
        """The hosts that take in a domain's mail, the preferred ones first (RFC 5321 5.1).

        An empty host says that the domain takes no mail (RFC 7505).

        Raises:
            DomainMissing, DnsUnanswered: nothing is known.
        """
        found = self._ask(domain, RdataType.MX)
        ordered = sorted(found, key=lambda one: (one.preference, one.exchange))
        hosts = [_host(one.exchange) for one in ordered]
        return [host for host in hosts if host == NO_HOST or is_host(host)]

    def services(self, name: str, domain: str) -> Sequence[SrvRecord]:
        """The SRV records of a service such as `_imaps`; none where there are none.

        Raises:
            DnsUnanswered: nothing is known.
        """
        try:
            found = self._ask(f"{name}._tcp.{domain}", RdataType.SRV)
        except DomainMissing:
            return []
        records = [
            SrvRecord(name, one.priority, one.weight, one.port, _host(one.target)) for one in found
        ]
        return [one for one in records if one.target == NO_HOST or is_host(one.target)]

    def alias(self, host: str) -> str:
        """The name that a host is an alias of (CNAME); empty where it is none.

        Raises:
            DnsUnanswered: nothing is known.
        """
        try:
            found = self._ask(host, RdataType.CNAME)
        except DomainMissing:
            return ""
        return _host(found[0].target) if found else ""

    def reverse_name(self, address: str) -> str:
        """The name of an address; empty where it has none, or nothing is known."""
        try:
            found = self._ask(str(dns.reversename.from_address(address)), RdataType.PTR)
        except (DomainMissing, DnsUnanswered, dns.exception.DNSException):
            return ""
        name = _host(found[0].target) if found else ""
        return name if is_host(name) and "." in name else ""

    def endpoints(self, host: str, port: int) -> Sequence[Endpoint]:
        """The addresses of a host, of IPv4 where it has any; a `lookup` of `NetworkPolicy`.

        Raises:
            Refused: `host_unknown`, or `connect_timeout` where no name server answers.
        """
        if (literal := _literal(host)) is not None:
            return [(literal, (host, port))]
        if host not in self._endpoints:
            try:
                self._endpoints[host] = self._addresses(host)
            except Refused as refusal:
                self._endpoints[host] = refusal
        found = self._endpoints[host]
        if isinstance(found, Refused):
            raise Refused(found.code, found.detail)
        return [(family, (address, port)) for family, (address, _) in found]

    def _addresses(self, host: str) -> Sequence[Endpoint]:
        try:
            for kind, family in (
                (RdataType.A, socket.AF_INET),
                (RdataType.AAAA, socket.AF_INET6),
            ):
                found = self._ask(host, kind)
                if found:
                    return [(family, (str(one.address), 0)) for one in found]
        except DomainMissing:
            pass
        except DnsUnanswered as error:
            raise Refused(Code.CONNECT_TIMEOUT, f"no address of {host} in time") from error
        raise Refused(Code.HOST_UNKNOWN, host)

    def _ask(self, name: str, kind: RdataType) -> Sequence[Any]:
        """The records of one kind, in their order; those of an alias are its target's.

        Raises:
            DomainMissing, DnsUnanswered: nothing is known.
        """
        seconds = min(_QUERY_SECONDS, self.until - time.monotonic())
        with self._lock:
            self.asked += 1
            if self.asked > MAX_DNS_QUERIES or seconds <= 0:
                raise DnsUnanswered
        try:
            answer = self.resolver.resolve(
                name, kind, lifetime=seconds, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN as error:
            self._count(*cast(Any, error).responses().values())
            raise DomainMissing from error
        except (dns.resolver.NoNameservers, dns.exception.Timeout, OSError) as error:
            raise DnsUnanswered from error
        except (dns.exception.DNSException, ValueError) as error:  # a name that none can have
            raise DomainMissing from error
        self._count(answer.response)
        return list(answer.rrset or ())[:MAX_DNS_RECORDS]

    def _count(self, *responses: dns.message.Message) -> None:
        for one in responses:
            self.budget.spend(len(one.wire or b""))


def _host(name: Any) -> str:
    """A host's name as servers are known by: in lower case, without its last dot."""
    return str(name.to_text()).lower().removesuffix(".")


def _literal(host: str) -> int | None:
    """The family of an IP address; None where the host is a name."""
    try:
        version = ip_address(host.partition("%")[0]).version
    except ValueError:
        return None
    return socket.AF_INET6 if version == 6 else socket.AF_INET
