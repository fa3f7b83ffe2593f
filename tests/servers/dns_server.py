"""An authoritative name server on loopback, over UDP and TCP, with the records of a test.

with DnsServer({"us.example": {"MX": ["10 mx.us.example."]}}) as server:
    server.resolver().resolve("us.example", "MX")
"""

import socketserver
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

from tests.servers.ports import free_ports

type Records = Mapping[str, Sequence[str]]
"""Of one name, by type, as a zone file has them."""


@dataclass(slots=True)
class DnsServer:
    """A server for the time of a `with` block. Its records may be changed while it runs."""

    names: dict[str, Records]
    silent: set[str] = field(default_factory=set)
    """Names about which it says nothing, not even that they do not exist."""
    truncates: bool = False
    """Whether over UDP it says only that the answer does not fit (RFC 1035 4.2.1)."""
    asked: list[tuple[str, str, str]] = field(init=False, default_factory=list)
    """Transport, name and type of each query."""
    port: int = field(init=False)
    _servers: list[socketserver.BaseServer] = field(init=False, default_factory=list)

    def __enter__(self) -> Self:
        (self.port,) = free_ports(1)
        at = ("127.0.0.1", self.port)
        server = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                wire, connection = self.request
                if answer := server.answer(wire, "udp"):
                    connection.sendto(answer, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                (size,) = struct.unpack("!H", self.rfile.read(2))
                if answer := server.answer(self.rfile.read(size), "tcp"):
                    self.wfile.write(struct.pack("!H", len(answer)) + answer)

        self._servers = [
            socketserver.ThreadingUDPServer(at, Udp),
            socketserver.ThreadingTCPServer(at, Tcp),
        ]
        for one in self._servers:
            threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in self._servers:
            one.shutdown()
            one.server_close()

    def resolver(self) -> dns.resolver.Resolver:
        """A resolver that asks this server alone."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self.port
        return resolver

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((transport, name, kind))
        if name in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        if self.truncates and transport == "udp":
            answer.flags |= dns.flags.TC
            return answer.to_wire()
        self._fill(answer, name, kind)
        return answer.to_wire(max_size=65_535)

    def _fill(self, answer: Any, name: str, kind: str) -> None:
        if not any(one == name or one.endswith(f".{name}") for one in self.names):
            answer.set_rcode(dns.rcode.NXDOMAIN)
            return
        records = self.names.get(name, {})
        for each in dict.fromkeys([kind, "CNAME"]):
            if each in records:
                answer.answer.append(
                    dns.rrset.from_text_list(f"{name}.", 60, "IN", each, records[each])
                )
        if "CNAME" in records and kind != "CNAME":
            self._fill(answer, records["CNAME"][0].rstrip("."), kind)
