"""One attempt at sending a message: what is stored of it, and what it needs to go out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.outbound import Attempt, Outbound, RecipientState, Refusals
from mailmirror.mail.mime.compose import bcc_value, with_field
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.outbounds import Stored


@dataclass(slots=True)
class Sending:
    stored: Stored
    attempt: Attempt
    mailbox: Mailbox
    account: Account
    token: str
    """The message token, as X-Mailmirror-Id has it."""
    wire: bytes
    """The message as it goes out: with the token, without Bcc."""
    runtime: Runtime

    @property
    def outbound(self) -> Outbound:
        return self.stored.outbound

    @property
    def sent_copy(self) -> bytes:
        """The message as the sender's own mailbox has it: with Bcc."""
        bcc = bcc_value(self.outbound.bcc)
        return with_field("Bcc", bcc, self.wire) if bcc else self.wire

    def store(self, change: Callable[[Outbound], Outbound]) -> None:
        """Store a transition, in one conditional write."""
        self.stored = self.runtime.outbounds.change(self.stored, change)

    def begin_submission(self, recipients: Sequence[str]) -> None:
        """Store that the last byte is about to be written.

        Raises:
            BeingSent: another attempt is under way; the last byte must not be written.
        """
        self.store(lambda one: one.begin_submission(recipients, self.attempt))

    def lose_outcome(self) -> None:
        """Store that no reply came for the recipients that were submitted."""
        now = self.runtime.now()
        self.store(lambda one: one.outcome_unknown().not_found_in_sent(now))

    def store_replies(
        self, accepted: dict[str, str], deferred: Refusals, refused: Refusals
    ) -> None:
        """Store the submission result of each recipient, in one write.

        An attempt that has been replaced may only add what a server accepted: the other recipients
        belong to the attempt that replaced it.

        Parameters:
            accepted: the server's reply by address.
        """
        now = self.runtime.now()

        def after(one: Outbound) -> Outbound:
            for address, reply in accepted.items():
                one = one.reported([address], RecipientState.SENT, None, reply)
            if one.attempt is None or one.attempt.token != self.attempt.token:
                return one
            one = one.not_accepted([*deferred, *refused]).refused(refused)
            return one.deferred(deferred, now) if deferred else one

        self.store(after)
