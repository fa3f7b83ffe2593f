"""How much a mailbox may send: a day and a minute, by the account's setting and its provider's."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import SendingFacts
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.outbounds import Limit


def limits_of(account: Account, facts: SendingFacts, now: datetime) -> list[Limit]:
    """The limits in force: the day is UTC's.

    Raises:
        Refused: the account sends no mail, which no time changes.
    """
    if not account.messages_a_day:
        raise Refused(Code.SENDING_OFF)
    return [
        Limit(f"day#{now:%Y-%m-%d}", min(account.messages_a_day, facts.a_day)),
        Limit(f"minute#{now:%Y-%m-%dT%H:%M}", facts.a_minute),
    ]


def check_limits(
    mailbox: Mailbox, limits: Sequence[Limit], now: datetime, runtime: Runtime
) -> None:
    """Check that one more message may be sent. One read unit a limit.

    Raises:
        Refused: which limit is reached, how much is left, and when it frees.
    """
    for limit in limits:
        if runtime.outbounds.sent_in(mailbox.key, limit.period) < limit.most:
            continue
        daily = limit.period.startswith("day#")
        start = now.replace(second=0, microsecond=0)
        if daily:
            start = start.replace(hour=0, minute=0)
        resets_at = start + (timedelta(days=1) if daily else timedelta(minutes=1))
        raise Refused(
            Code.DAILY_LIMIT_REACHED if daily else Code.RATE_LIMIT_REACHED,
            f"{limit.most} messages a {'day' if daily else 'minute'}",
            limit=limit.most,
            left=0,
            resets_at=f"{resets_at:%Y-%m-%dT%H:%M:%SZ}",
        )
