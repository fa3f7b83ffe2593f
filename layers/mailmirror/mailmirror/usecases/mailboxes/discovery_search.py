"""One search for an address's settings: what was asked, what came, and how much time is left."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial

from mailmirror.domain.address import Address, domain_of
from mailmirror.domain.discovery import Candidate, Checked, Discovery, Tried, best, conclude, ranked
from mailmirror.domain.findings import Finding, Outcome, Stage
from mailmirror.domain.imap_answers import visible
from mailmirror.domain.known_providers import KnownProvider
from mailmirror.domain.limits import MAX_CHECKED_SERVERS, MAX_DISCOVERY_BYTES
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.services import Service
from mailmirror.mail.byte_budget import ByteBudget
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.mail.dns_lookup import DnsLookups, DnsUnanswered, DomainMissing
from mailmirror.mail.server_check import check_server
from mailmirror.mail.web_file import NotFetched
from mailmirror.runtime import Runtime

_THREADS = 24
type Failure = DomainMissing | DnsUnanswered | NotFetched | Refused
"""What a step raises that has not found anything."""


@dataclass(slots=True)
class Search:
    """Nothing of it outlives the request."""

    email: Address
    pool: ThreadPoolExecutor
    policy: NetworkPolicy
    dns: DnsLookups
    budget: ByteBudget
    seconds: float
    until: float
    """By `time.monotonic`."""
    checked: list[Checked] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    listed: KnownProvider | None = None
    """The known provider that is behind the domain."""
    pop3_named: bool = False
    """Whether the domain itself names a POP3 server."""
    in_time: bool = True

    @classmethod
    def begin(cls, email: Address, runtime: Runtime, seconds: float) -> "Search":
        budget, until = ByteBudget(MAX_DISCOVERY_BYTES), time.monotonic() + seconds
        dns = DnsLookups(runtime.resolver, budget, until)
        policy = replace(runtime.network_policy, lookup=dns.endpoints)
        return cls(email, ThreadPoolExecutor(_THREADS), policy, dns, budget, seconds, until)

    @property
    def domain(self) -> str:
        return domain_of(self.email)

    @property
    def missing(self) -> list[Service]:
        """The services of which no server has answered rightly."""
        both = (Service.IMAP, Service.SMTP)
        return [one for one in both if best(one, self.checked) is None]

    def end(self, part: float) -> float:
        """When a step ends that begins now and has this part of the whole time."""
        return min(self.until, time.monotonic() + part * self.seconds)

    def note(self, stage: Stage, asked: str, result: Outcome | Code, detail: str = "") -> None:
        """Tell what was asked and what came, in printable words."""
        self.tried.append(Tried(stage, visible(asked), result, visible(detail)))

    def together[K, T](
        self, asked: Mapping[K, Callable[[], T]], end: float
    ) -> dict[K, T | Failure]:
        """Ask several things at once; what has not come at the end is left out of the answer."""
        futures = {key: self.pool.submit(ask) for key, ask in asked.items()}
        wait(futures.values(), timeout=max(0.0, end - time.monotonic()))
        found = dict[K, T | Failure]()
        for key, future in futures.items():
            if not future.done():
                future.cancel()
                self.in_time = False
                continue
            try:
                found[key] = future.result()
            except (DomainMissing, DnsUnanswered, NotFetched, Refused) as failure:
                self.in_time = self.in_time and not isinstance(failure, DnsUnanswered)
                found[key] = failure
        return found

    def check(self, candidates: Iterable[Candidate], part: float) -> None:
        """Connect to servers, the first ones of each service, and note what they said.

        One that was connected to before is not asked again.
        """
        known = {(one.candidate.service, one.candidate.server) for one in self.checked}
        some = [one for one in ranked(candidates) if (one.service, one.server) not in known]
        limited = [
            one
            for service in (Service.IMAP, Service.SMTP, Service.POP3)
            for one in [each for each in some if each.service is service][:MAX_CHECKED_SERVERS]
        ]
        end = self.end(part)
        answers = self.together(
            {one: partial(self._checked, one, end) for one in limited}, end + 0.2
        )
        unanswered = Refused(Code.CONNECT_TIMEOUT, "not asked to the end: the time is up")
        for one in limited:
            answer = answers.get(one)
            checked = answer if isinstance(answer, Checked) else Checked(one, unanswered)
            self.checked.append(checked)
            self.tried.append(Tried.of(checked))

    def _checked(self, candidate: Candidate, end: float) -> Checked:
        try:
            check_server(candidate, self.policy, end, self.budget)
        except Refused as refusal:
            return Checked(candidate, refusal)
        return Checked(candidate)

    def found(self, finding: Finding) -> Discovery:
        """The answer where no server was to be asked."""
        return Discovery(self.email, finding, tried=self.tried, in_time=self.in_time)

    def concluded(self) -> Discovery:
        return conclude(
            self.email,
            self.checked,
            listed=self.listed,
            pop3_named=self.pop3_named,
            tried=self.tried,
            in_time=self.in_time,
        )


def first_imap(candidates: Sequence[Candidate]) -> Candidate | None:
    """The IMAP server that a source prefers."""
    return next((one for one in candidates if one.service is Service.IMAP), None)
