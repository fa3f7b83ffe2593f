"""What a domain publishes about its mail: MX and SRV records, and autoconfig files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from mailmirror.domain.autoconfig import read_config
from mailmirror.domain.discovery import Candidate
from mailmirror.domain.findings import Finding, Origin, Outcome, Stage
from mailmirror.domain.known_providers import KnownProvider, provider_of_exchangers
from mailmirror.domain.limits import MAX_AUTOCONFIG_BYTES, MAX_EXCHANGERS
from mailmirror.domain.srv_records import SRV_NAMES, SrvRecord, srv_candidates
from mailmirror.mail.autoconfig_file import NotAutoconfig, parse_autoconfig
from mailmirror.mail.dns_lookup import NO_HOST, DomainMissing
from mailmirror.mail.web_file import NotFetched, WebFiles
from mailmirror.usecases.mailboxes.discovery_search import Search

_DNS_PART, _FILES_PART = 0.25, 0.25
"""Of the whole time."""
_AUTODISCOVER = "autodiscover.outlook.com"
"""What customers of Microsoft 365 make `autodiscover.<domain>` an alias of, whatever filters the
mail that comes in."""
_MICROSOFT_EXCHANGER = "mail.protection.outlook.com"


@dataclass(frozen=True, slots=True)
class Published:
    """What DNS says of a domain's mail."""

    exchangers: Sequence[str]
    """The hosts that take it in, the preferred ones first."""
    provider: KnownProvider | None
    """Who is behind them."""
    origin: Origin
    """Which record says so."""
    services: Sequence[Candidate]
    """The servers that SRV records name."""
    finding: Finding | None = None
    """What there is to say at once: no such domain, or one that takes no mail."""


def ask_dns(search: Search) -> Published:
    """Ask for all records of a domain that say anything of its mail servers, at once."""
    domain, dns = search.domain, search.dns
    asked: dict[str, Callable[[], object]] = {
        "mx": partial(dns.exchangers, domain),
        "alias": partial(dns.alias, f"autodiscover.{domain}"),
        **{name: partial(dns.services, name, domain) for name in SRV_NAMES},
    }
    found = search.together(asked, search.end(_DNS_PART))
    exchangers, finding = _exchangers(search, found.get("mx"))
    if finding is not None:
        return Published(exchangers, None, Origin.MX, [], finding)
    services = _services(search, found)
    provider = provider_of_exchangers(exchangers)
    if provider is None and found.get("alias") == _AUTODISCOVER:
        search.note(Stage.AUTODISCOVER, f"autodiscover.{domain}", Outcome.FOUND, _AUTODISCOVER)
        provider = provider_of_exchangers([_MICROSOFT_EXCHANGER])
        return Published(exchangers, provider, Origin.AUTODISCOVER, services)
    return Published(exchangers, provider, Origin.MX, services)


def _exchangers(search: Search, answer: object) -> tuple[Sequence[str], Finding | None]:
    if isinstance(answer, DomainMissing):
        search.note(Stage.MX, search.domain, Outcome.NOTHING)
        return [], Finding.DOMAIN_UNKNOWN
    if not isinstance(answer, list):
        search.note(Stage.MX, search.domain, Outcome.UNANSWERED)
        return [], None
    hosts = [host for host in answer if host]
    shown = ", ".join(hosts[:MAX_EXCHANGERS])
    search.note(Stage.MX, search.domain, Outcome.FOUND if hosts else Outcome.NOTHING, shown)
    return hosts, Finding.NO_MAIL if answer == [NO_HOST] else None


def _services(search: Search, found: Mapping[str, object]) -> Sequence[Candidate]:
    records = list[SrvRecord]()
    for name in SRV_NAMES:
        asked, answer = f"{name}._tcp.{search.domain}", found.get(name)
        if isinstance(answer, list):
            shown = ", ".join(f"{one.target or '-'}:{one.port}" for one in answer)
            search.note(Stage.SRV, asked, Outcome.FOUND if answer else Outcome.NOTHING, shown)
            records += answer
        else:
            search.note(Stage.SRV, asked, Outcome.UNANSWERED)
    return srv_candidates(records, search.email)


def get_files(search: Search) -> Mapping[Origin, Sequence[Candidate]]:
    """Get the autoconfig files of a domain at once; of two over HTTPS the first readable counts.

    As Thunderbird asks for them; the file over plain HTTP is one of another origin.
    """
    query = f"?emailaddress={quote(search.email, safe='@')}"
    end = search.end(_FILES_PART)
    web = WebFiles(search.policy, search.budget, end, MAX_AUTOCONFIG_BYTES)
    urls = {
        f"https://autoconfig.{search.domain}/mail/config-v1.1.xml": Origin.AUTOCONFIG,
        f"https://{search.domain}/.well-known/autoconfig/mail/config-v1.1.xml": Origin.AUTOCONFIG,
        f"http://autoconfig.{search.domain}/mail/config-v1.1.xml": Origin.AUTOCONFIG_HTTP,
    }
    answers = search.together({url: partial(web.get, url + query) for url in urls}, end + 0.2)
    found = dict[Origin, Sequence[Candidate]]()
    for url, origin in urls.items():
        candidates = _read(search, url, answers.get(url), origin)
        if candidates:
            found.setdefault(origin, candidates)
    return found


def _read(search: Search, url: str, answer: object, origin: Origin) -> Sequence[Candidate]:
    """The servers of a file; why there are none is noted."""
    if isinstance(answer, NotFetched):
        search.note(Stage.AUTOCONFIG, url, answer.result, answer.detail)
        return []
    if not isinstance(answer, bytes):
        search.note(Stage.AUTOCONFIG, url, Outcome.UNANSWERED)
        return []
    try:
        usable, unusable = read_config(parse_autoconfig(answer), search.email, origin)
    except NotAutoconfig as error:
        search.note(Stage.AUTOCONFIG, url, error.outcome)
        return []
    search.note(Stage.AUTOCONFIG, url, Outcome.FOUND if usable or unusable else Outcome.NOTHING)
    for one in unusable:
        search.note(Stage.AUTOCONFIG, one.place, one.outcome)
    return usable
