"""Discoveries: an address's settings, as they were found."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Self

from msgspec import Meta, Struct

from mailmirror.api.decoding import Strict
from mailmirror.api.fields import Email
from mailmirror.domain.findings import Confidence, Finding, Origin, Outcome, Stage
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code
from mailmirror.domain.words.discovery import FINDINGS, OUTCOMES
from mailmirror.domain.words.explanation import Explanation, Language
from mailmirror.domain.words.problems import PROBLEMS

if TYPE_CHECKING:  # the rules and the list of providers are loaded by `probe` alone
    from mailmirror.domain.discovery import Discovery, Tried


class DiscoverBody(Strict):
    """The body of `POST /v1/mailboxes/discover`."""

    email: Email


class DiscoveredServer(Struct, frozen=True):
    host: str
    port: int
    security: Security

    @classmethod
    def of(cls, server: Server) -> Self:
        return cls(server.host, server.port, server.security)


class DiscoveredSettings(Struct, frozen=True):
    """With `user_id` and `password` the body of `POST /v1/mailboxes`."""

    email: str
    provider: str
    imap: DiscoveredServer
    username: str
    smtp: DiscoveredServer | None
    """Null where no server to send by was found: the mailbox is read all the same."""

    @classmethod
    def of(cls, found: "Discovery") -> "DiscoveredSettings | None":
        if found.imap is None:
            return None
        return cls(
            email=found.email,
            provider="imap",
            imap=DiscoveredServer.of(found.imap.server),
            username=found.imap.username,
            smtp=DiscoveredServer.of(found.smtp.server) if found.smtp else None,
        )


class Authorize(Struct, frozen=True):
    """With `user_id` the body of `POST /v1/mailboxes/authorize`."""

    provider: str
    login_hint: str


class FindingWords(Struct, frozen=True):
    code: Finding
    reason: str
    remedy: str

    @classmethod
    def of(cls, code: Finding, language: Language) -> "FindingWords":
        said = FINDINGS[code][language]
        return cls(code, said.reason, said.remedy)


class TriedSource(Struct, frozen=True):
    stage: Stage
    asked: str
    """A domain, a DNS name, a URL, or host, port and security of a server."""
    result: Annotated[str, Meta(description="What came; `explanations` has its words")]
    detail: str

    @classmethod
    def of(cls, one: "Tried") -> "TriedSource":
        return cls(one.stage, one.asked, one.result.value, one.detail)


class Obstacle(Struct, frozen=True):
    """The mailbox's server that cannot be used as it is."""

    stage: Stage
    asked: str
    code: str
    reason: str
    remedy: str
    detail: str

    @classmethod
    def of(cls, one: "Tried", language: Language) -> "Obstacle":
        said = _words(one.result, language)
        return cls(one.stage, one.asked, one.result.value, said.reason, said.remedy, one.detail)


class ResultWords(Struct, frozen=True):
    reason: str
    remedy: str


class DiscoveryAnswer(Struct, frozen=True):
    email: str
    finding: FindingWords
    settings: DiscoveredSettings | None
    """Null where nothing is to be entered, or nothing was found."""
    authorize: Authorize | None
    """Null where no sign-in in the browser is possible."""
    origin: Origin | None
    confidence: Confidence | None
    provider: str | None
    """The name of a known provider."""
    password_page: str | None
    """Where the provider makes app passwords, or has its switch for IMAP."""
    other_username: Annotated[
        str | None,
        Meta(description="What to try where `username` is refused and no source has named it"),
    ]
    obstacle: Obstacle | None
    complete: bool
    """Whether all was asked before the time was up."""
    tried: Sequence[TriedSource]
    explanations: Mapping[str, ResultWords]
    """By result."""

    @classmethod
    def of(cls, found: "Discovery", language: Language) -> "DiscoveryAnswer":
        provider = found.provider
        signs_in = found.oauth if found.finding is Finding.SIGN_IN else None
        return cls(
            email=found.email,
            finding=FindingWords.of(found.finding, language),
            settings=DiscoveredSettings.of(found),
            authorize=Authorize(signs_in.value, found.email) if signs_in else None,
            origin=found.origin,
            confidence=found.confidence,
            provider=provider.name if provider else None,
            password_page=(provider.page or None) if provider else None,
            other_username=found.other_username,
            obstacle=Obstacle.of(found.obstacle, language) if found.obstacle else None,
            complete=found.in_time,
            tried=[TriedSource.of(one) for one in found.tried],
            explanations=_explanations(found, language),
        )


def _explanations(found: "Discovery", language: Language) -> Mapping[str, ResultWords]:
    words = {one.result: _words(one.result, language) for one in found.tried}
    return {code.value: ResultWords(said.reason, said.remedy) for code, said in words.items()}


def _words(result: Outcome | Code, language: Language) -> Explanation:
    if isinstance(result, Outcome):
        return OUTCOMES[result][language]
    return PROBLEMS[result][language]
