"""A message being sent: the states of its recipients, and every transition between them.

Each recipient:

    waiting ─► submitting ─► sent ─► delayed ─► delivered ─► complained ─► bounced
       ▲           │  └► unknown: no reply came, so the server may have accepted it
       └ transient ┘
         refusal   └► failed: refused for good

`submitting` is stored before the last byte that a server needs to accept the message, and the
server's reply after: a function that finds `submitting` must not send again. A reply or a
notification of SES only moves a recipient forward, so it may arrive twice and in any order. The
state of the message follows from its recipients. When the next job comes, when the copy is
appended to Sent, and what a crash leaves behind is decided in `usecases.sending.send_message`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.mailbox import AccountId, MailboxKey, UserId
from mailmirror.domain.threads import ThreadId

GIVE_UP_AFTER = timedelta(days=1)
_RETRY_MINUTES = (1, 2, 5, 10, 20, 40, 60)
"""Until the next attempt, by the number of attempts; the last one repeats."""
_SENT_CHECK_MINUTES = (1, 5, 15, 60)
"""Until Sent is searched again for a message whose outcome is unknown."""


class Transport(StrEnum):
    SMTP = "smtp"
    """Through the mailbox's own submission server."""
    SES = "ses"


class RecipientState(StrEnum):
    WAITING = "waiting"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    FAILED = "failed"


_RANK = {state: rank for rank, state in enumerate(RecipientState)}
_OPEN = frozenset({RecipientState.WAITING, RecipientState.SUBMITTING})
_NOT_ACCEPTED = _OPEN | {RecipientState.UNKNOWN, RecipientState.FAILED}

Refusals = Mapping[str, tuple[DeliveryCode, str]]
"""By address: why a server, or Mailmirror itself, refuses, and the server's reply."""


class OutboundState(StrEnum):
    ACCEPTED = "accepted"
    SENDING = "sending"
    """An attempt is under way, or the next one is scheduled."""
    UNKNOWN = "unknown"
    """A server may have accepted it; it is not sent again without a person."""
    SENT = "sent"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    """A server accepted it, and at least one recipient will not get it."""
    FAILED = "failed"
    """No server accepted it for anybody."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Recipient:
    address: str
    """As it was written, its domain in A-labels."""
    state: RecipientState = RecipientState.WAITING
    code: DeliveryCode | None = None
    reply: str = ""
    """The server's reply, code and text."""

    def moved(self, state: RecipientState, code: DeliveryCode | None, reply: str) -> "Recipient":
        """The recipient after a reply or notification, which never moves one back."""
        if _RANK[state] <= _RANK[self.state]:
            return self
        return replace(self, state=state, code=code, reply=reply)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One function's try at sending a message; at most one is under way."""

    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Outbound:
    account: AccountId
    id: MessageKey
    """Also the message's."""
    mailbox: MailboxKey
    user: UserId
    transport: Transport
    sender: str
    recipients: tuple[Recipient, ...]
    thread: ThreadId
    vertex: Vertex
    message_id: str
    date: datetime
    size: int
    """In bytes, as it goes over the wire."""
    bcc: tuple[str, ...] = ()
    attempts: int = 0
    next_attempt_at: datetime | None = None
    cancelled: bool = False
    indexed: bool = False
    """Whether it is on its cards."""
    in_sent: bool = False
    """Whether a copy is in Sent, or the server saves its own, or no such folder exists."""
    sent_checks: int = 0
    """How often Sent was searched since the outcome became unknown."""
    attempt: Attempt | None = None
    """The attempt that is under way."""

    @property
    def state(self) -> OutboundState:
        if self.cancelled:
            return OutboundState.CANCELLED
        states = {one.state for one in self.recipients}
        if not states.isdisjoint(_OPEN):
            return OutboundState.SENDING if self.attempts else OutboundState.ACCEPTED
        if RecipientState.UNKNOWN in states:
            return OutboundState.UNKNOWN
        if states == {RecipientState.FAILED}:
            return OutboundState.FAILED
        if not states.isdisjoint({RecipientState.BOUNCED, RecipientState.FAILED}):
            return OutboundState.BOUNCED
        if RecipientState.DELAYED in states:
            return OutboundState.DELAYED
        if RecipientState.SENT in states:
            return OutboundState.SENT
        return OutboundState.DELIVERED

    @property
    def waiting(self) -> list[str]:
        """The addresses that no server has accepted or refused yet."""
        return self._in(RecipientState.WAITING)

    @property
    def submitting(self) -> list[str]:
        """The addresses whose reply has not been stored."""
        return self._in(RecipientState.SUBMITTING)

    @property
    def unknown(self) -> list[str]:
        """The addresses for which a server may have accepted it."""
        return self._in(RecipientState.UNKNOWN)

    @property
    def accepted_by_server(self) -> bool:
        """Whether a server has accepted it for anybody."""
        return any(one.state not in _NOT_ACCEPTED for one in self.recipients)

    @property
    def can_be_cancelled(self) -> bool:
        states = {one.state for one in self.recipients}
        return not self.cancelled and states == {RecipientState.WAITING}

    def _in(self, state: RecipientState) -> list[str]:
        return [one.address for one in self.recipients if one.state is state]

    def begun(self, attempt: Attempt, now: datetime) -> "Outbound":
        """An attempt begins.

        Raises:
            BeingSent: another attempt is under way, or the author has cancelled the message.
        """
        if self.attempt == attempt:
            return self  # stored before, by a request whose answer was lost
        if self.cancelled or (self.attempt is not None and now < self.attempt.until):
            raise BeingSent(self.id)
        return replace(self, attempt=attempt, attempts=self.attempts + 1, next_attempt_at=None)

    def ended(self, attempt: Attempt) -> "Outbound":
        """An attempt has ended; where another has begun since, that one goes on."""
        return replace(self, attempt=None) if self.attempt == attempt else self

    def begin_submission(self, addresses: Collection[str], attempt: Attempt) -> "Outbound":
        """The last byte is about to be written for these recipients.

        Raises:
            BeingSent: another attempt is under way; this one must not write it.
        """
        if self.attempt != attempt:
            raise BeingSent(self.id)

        def change(one: Recipient) -> Recipient:
            return replace(one, state=RecipientState.SUBMITTING)

        return self._changed(addresses, RecipientState.WAITING, change)

    def not_accepted(self, addresses: Collection[str]) -> "Outbound":
        """The server has answered, and not accepted the message for these recipients."""

        def change(one: Recipient) -> Recipient:
            return replace(one, state=RecipientState.WAITING)

        return self._changed(addresses, RecipientState.SUBMITTING, change)

    def outcome_unknown(self) -> "Outbound":
        """No reply came for the recipients that were submitted, and none will."""

        def change(one: Recipient) -> Recipient:
            return Recipient(one.address, RecipientState.UNKNOWN, DeliveryCode.OUTCOME_UNKNOWN)

        return self._changed(self.submitting, RecipientState.SUBMITTING, change)

    def reported(
        self,
        addresses: Iterable[str],
        state: RecipientState,
        code: DeliveryCode | None = None,
        reply: str = "",
    ) -> "Outbound":
        """A reply or notification about some recipients; case of addresses is ignored."""
        named = {address.casefold() for address in addresses}
        return replace(
            self,
            recipients=tuple(
                one.moved(state, code, reply) if one.address.casefold() in named else one
                for one in self.recipients
            ),
        )

    def refused(self, refusals: Refusals) -> "Outbound":
        """Refused for good."""

        def change(one: Recipient) -> Recipient:
            code, reply = refusals[one.address]
            return replace(one, state=RecipientState.FAILED, code=code, reply=reply)

        return self._changed(refusals, RecipientState.WAITING, change)

    def deferred(self, refusals: Refusals, now: datetime) -> "Outbound":
        """Refused for now: the next attempt comes later, or never, a day after the Date."""
        pause = _RETRY_MINUTES[min(self.attempts, len(_RETRY_MINUTES)) - 1]
        at = now + timedelta(minutes=pause)
        if at > self.date + GIVE_UP_AFTER:
            final = {address: _given_up(*refusal) for address, refusal in refusals.items()}
            return replace(self.refused(final), next_attempt_at=None)

        def change(one: Recipient) -> Recipient:
            code, reply = refusals[one.address]
            return replace(one, code=code, reply=reply)

        changed = self._changed(refusals, RecipientState.WAITING, change)
        return replace(changed, next_attempt_at=at)

    def failed_here(self, now: datetime) -> "Outbound":
        """An attempt has ended by a failure of our own: the next comes after a pause.

        The outcome for recipients that were submitted is unknown. A day after the Date nothing is
        tried any more, the copy in Sent included.
        """
        after = self
        if after.waiting:
            ours = dict.fromkeys(after.waiting, (DeliveryCode.INTERNAL_ERROR, ""))
            after = after.deferred(ours, now)
        if after.submitting or after.unknown:
            after = after.outcome_unknown().not_found_in_sent(now)
        if after.accepted_by_server and now > after.date + GIVE_UP_AFTER:
            after = replace(after, in_sent=True)
        return after

    def not_found_in_sent(self, now: datetime) -> "Outbound":
        """Sent does not have it: it is searched again later, a few times."""
        at = None
        if self.sent_checks < len(_SENT_CHECK_MINUTES):
            at = now + timedelta(minutes=_SENT_CHECK_MINUTES[self.sent_checks])
        return replace(self, sent_checks=self.sent_checks + 1, next_attempt_at=at)

    def _changed(
        self,
        addresses: Collection[str],
        state: RecipientState,
        change: Callable[[Recipient], Recipient],
    ) -> "Outbound":
        """Change those of some recipients that are in a state."""
        return replace(
            self,
            recipients=tuple(
                change(one) if one.state is state and one.address in addresses else one
                for one in self.recipients
            ),
        )


def _given_up(code: DeliveryCode, reply: str) -> tuple[DeliveryCode, str]:
    ours = code is DeliveryCode.INTERNAL_ERROR
    return (code if ours else DeliveryCode.TIMED_OUT), reply


class BeingSent(Exception):
    """Another function sends this message now."""
