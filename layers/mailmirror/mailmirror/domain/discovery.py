"""What is found out about an address before its mailbox is connected, and which source counts.

The order of the sources, from the one that counts most: the provider's own domain; a mail
exchanger (MX) or `autodiscover` name of a provider that signs people in by OAuth 2; the domain's
own autoconfig file over HTTPS; its SRV records (RFC 6186, RFC 8314); a mail exchanger of another
known provider; an autoconfig file over plain HTTP; names that are guessed. Of the servers that a
source names, the first that answers rightly counts.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailmirror.domain.address import Address, domain_of
from mailmirror.domain.findings import Confidence, Finding, Origin, Outcome, Stage
from mailmirror.domain.imap_answers import visible
from mailmirror.domain.known_providers import KnownProvider, SignIn
from mailmirror.domain.mailbox import Provider, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.services import Service

_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_MAX_HOST_CHARS = 253


def is_host(text: str) -> bool:
    """Tell whether a stranger's text is a host's name, in lower case, or an IPv4 address."""
    return len(text) <= _MAX_HOST_CHARS and _HOST.fullmatch(text) is not None


STAGES = {Service.IMAP: Stage.IMAP, Service.SMTP: Stage.SMTP, Service.POP3: Stage.POP3}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that may be the mailbox's, and who names it."""

    service: Service
    server: Server
    origin: Origin
    username: str

    @property
    def stage(self) -> Stage:
        return STAGES[self.service]

    @property
    def place(self) -> str:
        return f"{self.server.host}:{self.server.port} ({self.server.security})"


@dataclass(frozen=True, slots=True)
class Checked:
    """A server that was connected to, up to its greeting over TLS; no one signed in."""

    candidate: Candidate
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was asked, and what came."""

    stage: Stage
    asked: str
    result: Outcome | Code
    detail: str = ""

    @classmethod
    def of(cls, checked: Checked) -> "Tried":
        stage, place = checked.candidate.stage, checked.candidate.place
        if checked.refusal is None:
            return cls(stage, place, Outcome.FOUND)
        return cls(stage, place, checked.refusal.code, visible(checked.refusal.detail))


@dataclass(frozen=True, slots=True)
class Discovery:
    """The answer about an address."""

    email: Address
    finding: Finding
    imap: Candidate | None = None
    smtp: Candidate | None = None
    origin: Origin | None = None
    provider: KnownProvider | None = None
    tried: Sequence[Tried] = ()
    in_time: bool = True
    """Whether all was asked before the time was up."""
    obstacle: Tried | None = None
    """The server that is the mailbox's and cannot be used, and why."""

    @property
    def confidence(self) -> Confidence | None:
        """How sure the settings are; None where there are none."""
        if self.origin is Origin.MX and self.oauth is not None:
            return Confidence.HIGH
        return _CONFIDENCE[self.origin] if self.origin else None

    @property
    def oauth(self) -> Provider | None:
        """Where the person signs in in the browser."""
        return self.provider.oauth if self.provider else None

    @property
    def other_username(self) -> str | None:
        """The user name to try next, where no one has said which it is (RFC 6186 4)."""
        if self.imap is None or self.imap.origin not in (Origin.SRV, Origin.GUESS):
            return None
        return self.email.rpartition("@")[0]


_CONFIDENCE = {
    Origin.PROVIDER: Confidence.HIGH,
    Origin.AUTOCONFIG: Confidence.HIGH,
    Origin.MX: Confidence.MEDIUM,
    Origin.SRV: Confidence.MEDIUM,
    Origin.AUTODISCOVER: Confidence.MEDIUM,
    Origin.AUTOCONFIG_HTTP: Confidence.LOW,
    Origin.GUESS: Confidence.LOW,
}
_RANK = {origin: rank for rank, origin in enumerate(Origin)}
_OF_SIGN_IN = {
    SignIn.OAUTH: Finding.SIGN_IN,
    SignIn.PASSWORD: Finding.PASSWORD,
    SignIn.APP_PASSWORD: Finding.APP_PASSWORD,
    SignIn.ISSUED: Finding.ISSUED_SIGN_IN,
    SignIn.BRIDGE: Finding.BRIDGE_ONLY,
    SignIn.NONE: Finding.NO_IMAP,
}


def ends_at_once(provider: KnownProvider | None) -> bool:
    """Tell whether no server is to be asked: there is none, or the sign-in is in the browser."""
    return provider is not None and provider.sign_in in (SignIn.OAUTH, SignIn.BRIDGE, SignIn.NONE)


def of_provider(
    provider: KnownProvider, email: Address, origin: Origin, tried: Sequence[Tried] = ()
) -> Discovery:
    """The answer about an address of a provider of which no server is to be asked."""
    by_service = {one.service: one for one in candidates_of(provider, email, origin)}
    imap, smtp = by_service.get(Service.IMAP), by_service.get(Service.SMTP)
    finding = _OF_SIGN_IN[provider.sign_in]
    return Discovery(email, finding, imap, smtp, origin, provider, tried)


def candidates_of(provider: KnownProvider, email: Address, origin: Origin) -> Sequence[Candidate]:
    """The servers of a known provider, for one of its addresses."""
    imap, smtp = provider.servers(domain_of(email))
    username = provider.username.of(email)
    return [
        Candidate(service, server, origin, username)
        for service, server in ((Service.IMAP, imap), (Service.SMTP, smtp))
        if server is not None
    ]


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those that count most first; each server once. Within an origin their order stays."""
    found: dict[tuple[Service, Server], Candidate] = {}
    for one in sorted(candidates, key=lambda one: _RANK[one.origin]):
        found.setdefault((one.service, one.server), one)
    return list(found.values())


def best(service: Service, checked: Iterable[Checked]) -> Candidate | None:
    """The server that counts most of those that answered rightly."""
    working = [one.candidate for one in checked if one.refusal is None]
    return next((one for one in ranked(working) if one.service is service), None)


def conclude(
    email: Address,
    checked: Sequence[Checked],
    *,
    listed: KnownProvider | None,
    pop3_named: bool,
    tried: Sequence[Tried],
    in_time: bool,
) -> Discovery:
    """The answer, once the servers were asked.

    Parameters:
        listed: the known provider that is behind the domain.
        pop3_named: whether the domain itself names a POP3 server.
    """
    imap, smtp = best(Service.IMAP, checked), best(Service.SMTP, checked)
    if imap is not None:
        provider = listed if imap.origin in (Origin.PROVIDER, Origin.MX) else None
        finding = _OF_SIGN_IN[provider.sign_in] if provider else Finding.PASSWORD
        failing = None if smtp else _failing(Service.SMTP, checked)
        obstacle = Tried.of(failing) if failing else None
        return Discovery(
            email, finding, imap, smtp, imap.origin, provider, tried, in_time, obstacle
        )
    pop3 = pop3_named or best(Service.POP3, checked) is not None
    named = _failing(Service.IMAP, checked)
    if named is not None and not (pop3 and named.candidate.origin is Origin.GUESS):
        origin, obstacle = named.candidate.origin, Tried.of(named)
        imap = named.candidate if obstacle.result not in _USELESS else None
        finding = Finding.SERVER_REFUSED
        return Discovery(email, finding, imap, smtp, origin, listed, tried, in_time, obstacle)
    if pop3:
        return Discovery(email, Finding.POP3_ONLY, tried=tried, in_time=in_time)
    finding = Finding.NOT_FOUND if in_time else Finding.UNANSWERED
    return Discovery(email, finding, tried=tried, in_time=in_time)


def _failing(service: Service, checked: Sequence[Checked]) -> Checked | None:
    """The domain's server that fails: one that is named, else a guess that is a mail server."""
    failing = [
        one
        for one in checked
        if one.refusal is not None
        and one.candidate.service is service
        and (one.candidate.origin is not Origin.GUESS or one.refusal.code in _OF_MAIL_SERVERS)
    ]
    return min(failing, key=lambda one: _RANK[one.candidate.origin], default=None)


_OF_MAIL_SERVERS = (
    Code.CERTIFICATE_INVALID,
    Code.STARTTLS_MISSING,
    Code.SIGN_IN_UNSUPPORTED,
    Code.SERVER_UNAVAILABLE,
)
"""How a host is refused that is guessed and is a mail server all the same."""
_USELESS = (Code.HOST_NOT_ALLOWED, Code.POP3_UNSUPPORTED, Code.HOST_UNKNOWN)
"""Settings that are refused so would be refused again, whatever the server's owner does."""
