"""The acting user of a request, and what they may see."""

from dataclasses import dataclass

from mailmirror.domain.event_fields import is_id
from mailmirror.domain.mailbox import (
    AccountId,
    Mailbox,
    MailboxId,
    MailboxKey,
    MailboxStatus,
    UserId,
)
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Viewer:
    """An acting user, and the mailboxes of which they see the copies."""

    account: AccountId
    user: UserId
    mailboxes: list[Mailbox]

    @property
    def keys(self) -> list[MailboxKey]:
        return [mailbox.key for mailbox in self.mailboxes]


def viewer(account: AccountId, user: str | None, runtime: Runtime) -> Viewer:
    """Find the acting user.

    Raises:
        Refused: none is named, or the account has no such user.
    """
    if not user:
        raise Refused(Code.ACTING_USER_REQUIRED)
    if not is_id(user) or not runtime.people.user_exists(account, UserId(user)):
        raise Refused(Code.ACTING_USER_UNKNOWN)
    owned = runtime.mailboxes.owned_by(account, UserId(user))
    shown = [mailbox for mailbox in owned if mailbox.status is not MailboxStatus.ERASING]
    return Viewer(account, UserId(user), shown)


def own_mailbox(account: AccountId, user: str | None, id: str, runtime: Runtime) -> Mailbox:
    """Find a mailbox of the acting user's.

    Raises:
        Refused: `not_found`; the user owns no such mailbox.
    """
    for mailbox in viewer(account, user, runtime).mailboxes:
        if mailbox.key.mailbox == MailboxId(id):
            return mailbox
    raise Refused(Code.NOT_FOUND)
