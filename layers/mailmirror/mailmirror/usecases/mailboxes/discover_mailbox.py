"""Find the settings of an address, before its mailbox is connected; nothing is stored or logged.

    known domain ─► MX, SRV, autodiscover ─► autoconfig files ─► named servers ─► guesses ─► POP3?
     │ done           │ Google, Microsoft: done                    │ done            │ done

What one step asks is asked at the same time, and each step has a part of the time: a person waits.
The search ends with the first step that leaves nothing to be found. No password is known here.
"""

from collections.abc import Sequence
from dataclasses import replace

from mailmirror.domain.address import Address, normalise_domain
from mailmirror.domain.discovery import (
    STAGES,
    Candidate,
    Discovery,
    candidates_of,
    ends_at_once,
    of_provider,
    ranked,
)
from mailmirror.domain.findings import Finding, Origin, Outcome, Stage
from mailmirror.domain.known_providers import provider_of_domain, provider_of_server
from mailmirror.domain.limits import MAX_EXCHANGERS
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.server_guesses import guessed_hosts, guesses
from mailmirror.domain.services import Service
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.discovery_search import Search, first_imap
from mailmirror.usecases.mailboxes.published_servers import ask_dns, get_files

SECONDS = 10.0
_LISTED_PART, _NAMED_PART, _HOSTS_PART, _GUESSES_PART, _POP3_PART = 0.2, 0.2, 0.1, 0.2, 0.15
"""Of the whole time."""


def discover_mailbox(
    account: AccountId, email: Address, runtime: Runtime, seconds: float = SECONDS
) -> Discovery:
    """Find an address's servers, and how its owner signs in to them.

    Parameters:
        seconds: how long it takes at most, whatever any server does.
    """
    search = Search.begin(email, runtime, seconds)
    with search.pool:
        found = _search(search)
    oauth = found.oauth if found.finding is Finding.SIGN_IN else None
    if oauth is None or runtime.providers.is_registered(account, oauth):
        return found
    return replace(found, finding=Finding.SIGN_IN_NOT_SET_UP)


def _search(search: Search) -> Discovery:
    search.listed = provider = provider_of_domain(search.domain)
    if provider is not None:
        search.note(Stage.PROVIDER, search.domain, Outcome.FOUND, provider.name)
        if ends_at_once(provider):
            return of_provider(provider, search.email, Origin.PROVIDER, search.tried)
        search.check(candidates_of(provider, search.email, Origin.PROVIDER), _LISTED_PART)
        if not search.missing:
            return search.concluded()
    if normalise_domain(search.domain) is None:  # without a dot it is of this network
        return search.found(Finding.DOMAIN_UNKNOWN)
    return _of_domain(search)


def _of_domain(search: Search) -> Discovery:
    """What the domain publishes, then what may be guessed."""
    published = ask_dns(search)
    if published.finding is not None:  # of a listed domain its servers say more than a resolver
        return search.concluded() if search.listed else search.found(published.finding)
    provider = published.provider
    if provider is not None and ends_at_once(provider):
        return of_provider(provider, search.email, published.origin, search.tried)
    named = [*published.services]
    if provider is not None and search.listed is None:
        search.listed = provider
        named += candidates_of(provider, search.email, published.origin)
    named += [one for some in get_files(search).values() for one in some]
    if (signed_in := _signed_in_at(search, first_imap(ranked(named)))) is not None:
        return signed_in
    search.pop3_named = any(one.service is Service.POP3 for one in named)
    search.check((one for one in named if one.service is not Service.POP3), _NAMED_PART)
    if search.missing:
        _guess(search, published.exchangers[:MAX_EXCHANGERS])
    found = search.concluded()
    return _signed_in_at(search, found.imap) or found


def _signed_in_at(search: Search, imap: Candidate | None) -> Discovery | None:
    """The answer where this IMAP server is one that people sign in to by OAuth 2."""
    provider = provider_of_server(imap.server.host) if imap else None
    if imap is None or provider is None:
        return None
    return of_provider(provider, search.email, imap.origin, search.tried)


def _guess(search: Search, exchangers: Sequence[str]) -> None:
    """Try the names that administrators give, then whether there is POP3 at least."""
    hosts = [*exchangers, *_reverse_names(search, exchangers)]
    _check_guesses(search, search.missing, hosts, _GUESSES_PART)
    if Service.IMAP in search.missing and not search.pop3_named:
        _check_guesses(search, [Service.POP3], hosts, _POP3_PART)


def _reverse_names(search: Search, exchangers: Sequence[str]) -> Sequence[str]:
    """What the addresses of the exchangers are called: at hosters, the server's own name.

    Its certificate is often of that name alone, where a customer's domain is an alias.
    """

    def reverse_name(host: str) -> str:
        _, (address, _) = search.dns.endpoints(host, 0)[0]
        return search.dns.reverse_name(address)

    asked = {host: (lambda host=host: reverse_name(host)) for host in exchangers}
    found = search.together(asked, search.end(_HOSTS_PART))
    return [name for name in found.values() if isinstance(name, str) and name]


def _check_guesses(
    search: Search, services: Sequence[Service], exchangers: Sequence[str], part: float
) -> None:
    """Check the guessed servers whose hosts there are; those that are not are named once."""
    hosts_of = {one: guessed_hosts(one, search.email, exchangers) for one in services}
    hosts = {host for some in hosts_of.values() for host in some}
    asked = {host: (lambda host=host: search.dns.endpoints(host, 0)) for host in hosts}
    found = search.together(asked, search.end(_HOSTS_PART))
    for service, named in hosts_of.items():
        for host in named:
            refusal = found.get(host)
            if isinstance(refusal, Refused):
                is_unknown = refusal.code is Code.HOST_UNKNOWN
                search.note(STAGES[service], host, Outcome.NO_HOST if is_unknown else refusal.code)
    some = [one for service in services for one in guesses(service, search.email, exchangers)]
    search.check((one for one in some if isinstance(found.get(one.server.host), list)), part)
