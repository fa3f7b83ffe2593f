"""A message being sent: the state machine, whole, and nowhere else.

Of each recipient:

    waiting ─► submitting ─► sent ─► delayed ─► delivered ─► complained ─► bounced
       ▲           │  └► unknown: we cannot know whether the server took it
       └ transient ┘
         refusal   └► failed: refused for good

`submitting` is written before the last byte that a server needs to take the message, and its
answer after: whoever finds it later must not send again. What comes from outside (a server's
answer, SES's notifications) only ever moves a recipient forward, so that it may come twice and in
any order. The state of the whole message follows from its recipients'.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.mailbox import AccountId, MailboxKey, UserId
from mailmirror.domain.threads import ThreadId

GIVE_UP_AFTER = timedelta(days=1)
_PAUSES = (1, 2, 5, 10, 20, 40, 60)
"""Minutes until the next attempt; the last one again and again."""
_LOOKS = (1, 5, 15, 60)
"""Minutes until Sent is looked at again for a message of which we cannot know."""


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


class OutboundState(StrEnum):
    ACCEPTED = "accepted"
    SENDING = "sending"
    """An attempt is under way, or the next one is waited for."""
    UNKNOWN = "unknown"
    """A server may have taken it; it is not sent again by itself."""
    SENT = "sent"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    """It left, and at least one recipient will not get it."""
    FAILED = "failed"
    """It left for nobody."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Recipient:
    address: str
    """As it was written, its domain in A-labels."""
    state: RecipientState = RecipientState.WAITING
    code: DeliveryCode | None = None
    reply: str = ""
    """The server's own words."""

    def moved(self, state: RecipientState, code: DeliveryCode | None, reply: str) -> "Recipient":
        """The recipient after news from outside, which never moves one back."""
        if _RANK[state] <= _RANK[self.state]:
            return self
        return replace(self, state=state, code=code, reply=reply)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who sends a message now: one at a time."""

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
    """Whether it has been put on its cards."""
    in_sent: bool = False
    """Whether a copy lies in Sent, or the server files its own, or there is no such folder."""
    looks: int = 0
    """How often Sent was looked at since the outcome became unknown."""
    lease: Lease | None = None

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
        """The addresses that no server has taken or refused yet."""
        return self._in(RecipientState.WAITING)

    @property
    def submitting(self) -> list[str]:
        """The addresses for which a server's answer is not known."""
        return self._in(RecipientState.SUBMITTING)

    @property
    def unclear(self) -> list[str]:
        return self._in(RecipientState.UNKNOWN)

    @property
    def has_left(self) -> bool:
        """Whether a server has taken it for anybody."""
        kept = (RecipientState.WAITING, RecipientState.FAILED, RecipientState.SUBMITTING)
        return any(one.state not in (*kept, RecipientState.UNKNOWN) for one in self.recipients)

    @property
    def can_be_cancelled(self) -> bool:
        return not self.cancelled and {one.state for one in self.recipients} == {
            RecipientState.WAITING
        }

    def _in(self, state: RecipientState) -> list[str]:
        return [one.address for one in self.recipients if one.state is state]

    def begun(self, lease: Lease, now: datetime) -> "Outbound":
        """An attempt begins.

        Raises:
            BeingSent: another is at it, or its author has taken it back.
        """
        if self.lease == lease:
            return self  # written before, by a request whose answer was lost
        if self.cancelled or (self.lease is not None and now < self.lease.until):
            raise BeingSent(self.id)
        return replace(self, lease=lease, attempts=self.attempts + 1, next_attempt_at=None)

    def ended(self, lease: Lease) -> "Outbound":
        """An attempt has ended; where another has begun since, that one goes on."""
        return replace(self, lease=None) if self.lease == lease else self

    def begin_submission(self, addresses: Collection[str], lease: Lease) -> "Outbound":
        """The last byte is about to be written for these recipients.

        Raises:
            BeingSent: by another than the lease's holder, who must not write it.
        """
        if self.lease != lease:
            raise BeingSent(self.id)
        return self._each(addresses, RecipientState.WAITING, RecipientState.SUBMITTING)

    def not_taken(self, addresses: Collection[str]) -> "Outbound":
        """The server has not taken what was about to be handed over."""
        return self._each(addresses, RecipientState.SUBMITTING, RecipientState.WAITING)

    def lost_sight(self) -> "Outbound":
        """No answer came for what was handed over, and none will."""
        unknown = Recipient("", RecipientState.UNKNOWN, DeliveryCode.OUTCOME_UNKNOWN)
        return replace(
            self,
            recipients=tuple(
                replace(unknown, address=one.address)
                if one.state is RecipientState.SUBMITTING
                else one
                for one in self.recipients
            ),
        )

    def told(
        self,
        addresses: Iterable[str],
        state: RecipientState,
        code: DeliveryCode | None = None,
        reply: str = "",
    ) -> "Outbound":
        """News from outside of some recipients; addresses are compared without case."""
        named = {address.casefold() for address in addresses}
        return replace(
            self,
            recipients=tuple(
                one.moved(state, code, reply) if one.address.casefold() in named else one
                for one in self.recipients
            ),
        )

    def put_off(
        self, refusals: Mapping[str, tuple[DeliveryCode, str]], now: datetime
    ) -> "Outbound":
        """Refused for now: the next attempt comes after a pause, or never, a day after the Date."""
        at = now + timedelta(minutes=_PAUSES[min(self.attempts, len(_PAUSES)) - 1])
        late = at > self.date + GIVE_UP_AFTER
        recipients = []
        for one in self.recipients:
            if one.state is RecipientState.WAITING and one.address in refusals:
                code, reply = refusals[one.address]
                state = RecipientState.FAILED if late else RecipientState.WAITING
                ours = code is DeliveryCode.INTERNAL_ERROR
                final = DeliveryCode.TIMED_OUT if late and not ours else code
                one = replace(one, state=state, code=final, reply=reply)
            recipients.append(one)
        return replace(self, recipients=tuple(recipients), next_attempt_at=None if late else at)

    def failed_here(self, now: datetime) -> "Outbound":
        """An attempt has ended by a failure of our own: the next comes after a pause.

        What was handed over meanwhile is unclear, and looked for; a day after the Date nothing is
        tried any more.
        """
        after = self
        if after.waiting:
            told = dict.fromkeys(after.waiting, (DeliveryCode.INTERNAL_ERROR, ""))
            after = after.put_off(told, now)
        if after.submitting or after.unclear:
            after = after.lost_sight().looked_in_vain(now)
        if after.has_left and now > after.date + GIVE_UP_AFTER:
            after = replace(after, in_sent=True)
        return after

    def refused(self, refusals: Mapping[str, tuple[DeliveryCode, str]]) -> "Outbound":
        """Refused for good."""
        return replace(
            self,
            recipients=tuple(
                replace(
                    one,
                    state=RecipientState.FAILED,
                    code=refusals[one.address][0],
                    reply=refusals[one.address][1],
                )
                if one.address in refusals and one.state is RecipientState.WAITING
                else one
                for one in self.recipients
            ),
        )

    def looked_in_vain(self, now: datetime) -> "Outbound":
        """Sent did not have it: look again later, a few times."""
        pause = timedelta(minutes=_LOOKS[self.looks]) if self.looks < len(_LOOKS) else None
        return replace(self, looks=self.looks + 1, next_attempt_at=now + pause if pause else None)

    def _each(
        self, addresses: Collection[str], old: RecipientState, new: RecipientState
    ) -> "Outbound":
        return replace(
            self,
            recipients=tuple(
                replace(one, state=new) if one.address in addresses and one.state is old else one
                for one in self.recipients
            ),
        )


class BeingSent(Exception):
    """Another function sends this message now."""
