"""Which servers a domain may have that says nothing of them, by the names that administrators give.

The ports are those of RFC 8314 3: TLS from the start before STARTTLS.
"""

from collections.abc import Sequence

from mailmirror.domain.address import Address, domain_of
from mailmirror.domain.discovery import Candidate
from mailmirror.domain.findings import Origin
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.services import Service

_PORTS = {
    Service.IMAP: ((993, Security.TLS), (143, Security.STARTTLS)),
    Service.SMTP: ((465, Security.TLS), (587, Security.STARTTLS)),
    Service.POP3: ((995, Security.TLS), (110, Security.STARTTLS)),
}
_NAMES = {Service.IMAP: "imap", Service.SMTP: "smtp", Service.POP3: "pop"}


def guesses(service: Service, email: Address, exchangers: Sequence[str]) -> Sequence[Candidate]:
    """The servers to try, those with TLS from the start first.

    Parameters:
        exchangers: hosts that take in the domain's mail, and other names of them.
    """
    hosts = guessed_hosts(service, email, exchangers)
    return [
        Candidate(service, Server(host, port, security), Origin.GUESS, email)
        for port, security in _PORTS[service]
        for host in hosts
    ]


def guessed_hosts(service: Service, email: Address, exchangers: Sequence[str]) -> list[str]:
    """The hosts to try, each once."""
    domain = domain_of(email)
    named = [f"{_NAMES[service]}.{domain}", f"mail.{domain}", domain, *exchangers]
    return list(dict.fromkeys(named))
