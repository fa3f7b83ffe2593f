"""The stages of examining a mail server: their order, what each needs, and how they are judged.

name ─► address ─► port ─► TLS ─► chain, name and dates of its certificate
                     ├─► greeting ─► capabilities ─► sign-in ─► folders, quota, or sender
                     └─ with STARTTLS: greeting ─► STARTTLS ─► TLS ─► capabilities
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mailmirror.domain.mailbox import Mailbox, MailboxState, Provider, Security
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.server_causes import Diagnosis, ServerCause, refined
from mailmirror.domain.services import Service


class ServerStage(StrEnum):
    """What is examined."""

    MAILBOX = "mailbox"
    """What is stored of a connected mailbox."""
    NAME = "name"
    ADDRESS = "address"
    """Whether this deployment may connect to the addresses of the name."""
    PORT = "port"
    GREETING = "greeting"
    STARTTLS = "starttls"
    TLS = "tls"
    CHAIN = "certificate_chain"
    HOST_NAME = "certificate_name"
    DATES = "certificate_dates"
    CAPABILITIES = "capabilities"
    LIMITS = "limits"
    SIGN_IN = "sign_in"
    FOLDERS = "folders"
    QUOTA = "quota"
    SENDER = "sender"


class StageResult(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    CUT_OFF = "cut_off"
    """It was not done, or not to its end; it counts as failed."""


NOT_PASSED = (StageResult.FAILED, StageResult.CUT_OFF)


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one stage."""

    stage: ServerStage
    result: StageResult
    code: Diagnosis | None = None
    """Why it is not as it should be; None where it is."""
    seen: str = ""
    """What the server has shown, safe to be shown on."""
    milliseconds: int = 0
    after: ServerStage | None = None
    """Of a stage that was not tried: the one that has failed before it."""


_CERTIFICATE = (ServerStage.CHAIN, ServerStage.HOST_NAME, ServerStage.DATES)
_FIRST = (ServerStage.NAME, ServerStage.ADDRESS, ServerStage.PORT)
_SECURED = (ServerStage.TLS, *_CERTIFICATE)
_LAST = {
    Service.IMAP: (ServerStage.SIGN_IN, ServerStage.FOLDERS, ServerStage.QUOTA),
    Service.SMTP: (ServerStage.LIMITS, ServerStage.SIGN_IN, ServerStage.SENDER),
}


def stages_of(service: Service, security: Security) -> Sequence[ServerStage]:
    """The stages of a server, in their order."""
    begins = (
        (*_SECURED, ServerStage.GREETING)
        if security is Security.TLS
        else (ServerStage.GREETING, ServerStage.STARTTLS, *_SECURED)
    )
    return (*_FIRST, *begins, ServerStage.CAPABILITIES, *_LAST[service])


def _needed(security: Security) -> Mapping[ServerStage, Sequence[ServerStage]]:
    """What must have passed before a stage can be tried.

    A certificate that fails is looked past for the greeting and what the server offers; credentials
    are never sent over a connection whose certificate was not verified. The quota is asked for once
    the folders were read; a folder that a person names and that is not there is looked past.
    """
    opened = ServerStage.TLS if security is Security.TLS else ServerStage.PORT
    begun = ServerStage.PORT if security is Security.TLS else ServerStage.STARTTLS
    return {
        ServerStage.ADDRESS: [ServerStage.NAME],
        ServerStage.PORT: [ServerStage.ADDRESS],
        ServerStage.GREETING: [opened],
        ServerStage.STARTTLS: [ServerStage.GREETING],
        ServerStage.TLS: [begun],
        **dict.fromkeys(_CERTIFICATE, (ServerStage.TLS,)),
        ServerStage.CAPABILITIES: [ServerStage.TLS, ServerStage.GREETING],
        ServerStage.LIMITS: [ServerStage.CAPABILITIES],
        ServerStage.SIGN_IN: [*_CERTIFICATE, ServerStage.CAPABILITIES],
        **dict.fromkeys((ServerStage.FOLDERS, ServerStage.SENDER), (ServerStage.SIGN_IN,)),
        ServerStage.QUOTA: [ServerStage.SIGN_IN, ServerStage.FOLDERS],
    }


def completed(
    steps: Iterable[Step], service: Service, security: Security, *, time_is_up: bool
) -> Sequence[Step]:
    """All stages of a server in their order; those that were not done are cut off and say why.

    Parameters:
        steps: those that were done, in any order.
        time_is_up: whether the examination was ended by its time. One that was not has ended at a
            stage that failed.
    """
    done = {one.stage: one for one in steps}
    expected = stages_of(service, security)
    needed = _needed(security)
    for place, stage in enumerate(expected):
        if stage in done:
            continue
        obstacles = [done[one] for one in needed.get(stage, ()) if done[one].result in NOT_PASSED]
        failed = next((one for one in obstacles if one.result is StageResult.FAILED), None)
        if failed is not None:
            after: ServerStage | None = failed.stage
        else:
            after = next((one.after for one in obstacles if one.after is not None), None)
        if after is None and not time_is_up:
            after = _last_failed([done[one] for one in expected[:place]]) or _last_failed(
                done.values()
            )
        code = ServerCause.TIME_IS_UP if after is None else ServerCause.NOT_TRIED
        done[stage] = Step(stage, StageResult.CUT_OFF, code, after=after)
    # A server that begins otherwise than the settings say has a stage more.
    others = [one for one in done.values() if one.stage not in expected]
    return [*(done[stage] for stage in expected), *others]


_AFTER_CAPABILITIES = (*_LAST[Service.IMAP], *_LAST[Service.SMTP])


def cause_at(stage: ServerStage, refusal: Refused) -> Diagnosis:
    """Return the diagnosis of a refusal at a stage; see `refined`.

    A server that has told its capabilities speaks the expected protocol: what it refuses after
    them is its owner's to mend, and no fault of the settings.
    """
    cause = refined(refusal)
    if cause is Code.PROTOCOL_ERROR and stage in _AFTER_CAPABILITIES:
        return ServerCause.COMMAND_REFUSED
    return cause


def _last_failed(steps: Iterable[Step]) -> ServerStage | None:
    failed = [one.stage for one in steps if one.result is StageResult.FAILED]
    return failed[-1] if failed else None


def judged(steps: Iterable[Step]) -> StageResult:
    """The result of the whole; what was cut off counts as failed."""
    results = {one.result for one in steps}
    if not results.isdisjoint(NOT_PASSED):
        return StageResult.FAILED
    return StageResult.WARNING if StageResult.WARNING in results else StageResult.OK


def with_swap(steps: Sequence[Step]) -> Sequence[Step]:
    """The steps of a server where the other service's server is, each in the other's place."""
    return [
        replace(one, code=ServerCause.SERVERS_SWAPPED)
        if one.code is Code.ANOTHER_SERVICE and one.result is StageResult.FAILED
        else one
        for one in steps
    ]


_TESTING_LIFE = (timedelta(days=6, hours=12), timedelta(days=8))
"""When the grants of a Google app in testing end: 7 days after the sign-in
(developers.google.com/identity/protocols/oauth2, "Refresh token expiration"), noticed by the next
refresh, an hour later at the most."""
_OF_THE_GRANT = (Code.GRANT_REVOKED, Code.GRANT_EXPIRED)
_RESULTS = {
    MailboxState.HEALTHY: StageResult.OK,
    MailboxState.FIRST_SYNC: StageResult.WARNING,
    MailboxState.INCOMPLETE: StageResult.WARNING,
    MailboxState.PAUSED: StageResult.WARNING,
}
_SIGN_IN_STATES = (MailboxState.REAUTH_REQUIRED, MailboxState.SIGN_IN_NEEDED)


def mailbox_step(
    mailbox: Mailbox,
    state: MailboxState,
    problem: Code | None,
    failing_since: datetime | None,
    seen: str,
) -> Step:
    """What is stored of a connected mailbox, as a stage.

    Parameters:
        problem: what keeps it from being read, or from sending.
        failing_since: since when.
        seen: how far its first sync is, or the server's words.
    """
    result = _RESULTS.get(state, StageResult.FAILED)
    code: Diagnosis | None = problem
    if state is MailboxState.FIRST_SYNC:
        code = ServerCause.FIRST_SYNC
    elif state is MailboxState.PAUSED:
        code = Code.MAILBOX_PAUSED
    elif _ended_in_testing(mailbox, problem, failing_since):
        code = ServerCause.APP_IN_TESTING
    elif state in _SIGN_IN_STATES and mailbox.provider is not Provider.IMAP:
        code, seen = ServerCause.SAME_ACCOUNT_NEEDED, f"{mailbox.email}: {problem or state}"
    return Step(ServerStage.MAILBOX, result, code, seen)


def _ended_in_testing(
    mailbox: Mailbox, problem: Code | None, failing_since: datetime | None
) -> bool:
    """Whether Google's grant has ended as those of an app in testing do."""
    if mailbox.provider is not Provider.GOOGLE or failing_since is None:
        return False
    least, most = _TESTING_LIFE
    return problem in _OF_THE_GRANT and least <= failing_since - mailbox.connected_at <= most
