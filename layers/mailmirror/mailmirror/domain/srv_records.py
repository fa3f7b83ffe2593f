"""SRV records of mail services (RFC 6186; `_submissions` by RFC 8314 5.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailmirror.domain.address import Address
from mailmirror.domain.discovery import Candidate
from mailmirror.domain.findings import Origin
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.services import Service

SRV_NAMES: dict[str, tuple[Service, Security]] = {
    "_imaps": (Service.IMAP, Security.TLS),
    "_imap": (Service.IMAP, Security.STARTTLS),
    "_submissions": (Service.SMTP, Security.TLS),
    "_submission": (Service.SMTP, Security.STARTTLS),
    "_pop3s": (Service.POP3, Security.TLS),
    "_pop3": (Service.POP3, Security.STARTTLS),
}
"""What is asked, below `_tcp.<domain>`; TLS from the start is preferred (RFC 8314 3)."""


@dataclass(frozen=True, slots=True)
class SrvRecord:
    """An SRV record (RFC 2782)."""

    name: str
    """One of `SRV_NAMES`."""
    priority: int
    weight: int
    port: int
    target: str
    """Without its last dot; empty where the service is not there (RFC 6186 3.4)."""


def srv_candidates(records: Iterable[SrvRecord], email: Address) -> Sequence[Candidate]:
    """The servers that the records name: by priority, then with TLS first, then by weight.

    The weight is taken for an order, for the answer shall be the same each time.
    """
    names = list(SRV_NAMES)
    usable = [one for one in records if one.target and one.port]
    usable.sort(key=lambda one: (one.priority, names.index(one.name), -one.weight, one.target))
    found = []
    for one in usable:
        service, security = SRV_NAMES[one.name]
        server = Server(one.target, one.port, security)
        found.append(Candidate(service, server, Origin.SRV, email))
    return found
