"""Which copies under a further Message-ID, or another Date, are a message that was sent here.

Transports replace Message-ID and Date. Every recipient of a message of ours knows its message
token and the Message-ID that its transport gave it, and may copy both, with any From and any Date,
into mail of their own. So neither gives a copy the identity of what was sent here by itself:

    token      the copy has the Message-ID that was given here (only its Date was replaced: who
               copies that Message-ID and the Date has the identity without a token), or it lies in
               the mailbox's own sent mail, where strangers cannot write
    alias      the Message-ID is our transport's answer

and in both cases only a copy from the team, dated near the outbound. What is told apart here is
identity alone: a token that counts and an alias join threads in any folder.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.message_token import MessageToken
from mailmirror.domain.outbound import GIVE_UP_AFTER

CLOCK_ERROR = timedelta(hours=1)
"""How far the clock of a transport may be from ours."""
MAX_HAND_OVER = GIVE_UP_AFTER + timedelta(hours=1)
"""From the Date of an outbound until its last hand-over to a transport, which then gives it a Date:
attempts begin for GIVE_UP_AFTER and a quarter of an hour, and each lasts minutes. Neither limits on
sending nor the send queue make it longer: a message over a limit is not accepted, and one that has
waited longer is given up."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A further Message-ID of a message, and what the message's own Date is."""

    message: MessageKey
    date: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a copy shows of its origin."""

    own: Vertex
    """Of its own Message-ID."""
    from_team: bool
    """Whether From has an address of the team."""
    in_sent: bool
    """Whether it lies in the mailbox's own sent mail."""
    date: datetime | None
    """What the Date field says, where it can be read."""
    received_at: datetime
    """INTERNALDATE; it stands for a Date that cannot be read. It is not compared beside the Date:
    imports reset it, and recipients' servers may receive days later."""

    def _is_near(self, sent_at: datetime) -> bool:
        handed_over_at = self.date or self.received_at
        return -CLOCK_ERROR <= handed_over_at - sent_at <= MAX_HAND_OVER + CLOCK_ERROR


def token_counts(copy: Evidence, token: MessageToken) -> bool:
    """Tell whether a token, whose signature was checked, joins a copy with the thread it names."""
    return copy.from_team and copy._is_near(token.date)


def is_of_token(copy: Evidence, token: MessageToken) -> bool:
    """Tell whether a copy is the message that its token names."""
    return token_counts(copy, token) and (copy.own == token.vertex or copy.in_sent)


def is_of_alias(copy: Evidence, alias: Alias) -> bool:
    """Tell whether a copy is the message of which its Message-ID is an alias.

    Parameters:
        alias: stored from the answer of our transport, and from nothing else.
    """
    return copy.from_team and copy._is_near(alias.date)
