"""An account of which the samples are true: who and what they speak of is there."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from local import samples
from local.samples import Event
from mailmirror.aws.queues import FeedJob
from mailmirror.domain.address import Address
from mailmirror.domain.mailbox import (
    Mailbox,
    MailboxId,
    MailboxKey,
    MailboxStatus,
    Security,
    Server,
    UserId,
)
from mailmirror.runtime import Runtime
from mailmirror.store.credentials import Password
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.mailboxes.change_mailbox import disconnect
from mailmirror.usecases.operating.accounts import NewAccount, create_account

ANN = Address("ann@us.example")
SERVER = Server("imap.us.example", 993, Security.TLS)
"""Nobody's for ever (RFC 2606): what would ask it is refused, and says so."""


@dataclass(frozen=True, slots=True)
class SampleAccount:
    """An account with Ann, her contact Kim, and her mailbox."""

    account: NewAccount
    mailbox: MailboxId

    def event(self, name: str) -> Event:
        """A sample, made true: about this account, with its key, and signed now."""
        event = samples.sample(name, self.account.account_id, self.mailbox)
        headers = event.get("headers", {})
        if "Authorization" in headers:
            event = samples.with_key(event, self.account.api_key)
        if "X-Mailmirror-Signature" in headers:
            event = samples.signed(event, self.account.webhook_secret, int(time.time()))
        return event

    def close(self, runtime: Runtime) -> None:
        """Let nobody poll the mailbox any more."""
        disconnect(self.account.account_id, self.mailbox, runtime)


def open_account(runtime: Runtime) -> SampleAccount:
    """Make an account, and tell it of whom the feed's sample tells."""
    new = create_account("samples", runtime)
    for record in samples.sample("apply-sqs", new.account_id)["Records"]:
        apply_event(FeedJob(new.account_id, json.loads(record["body"])["event"]), runtime)
    return SampleAccount(new, _connect(new, runtime))


def _connect(new: NewAccount, runtime: Runtime) -> MailboxId:
    """Connect Ann's mailbox as if its server had let us in."""
    account = runtime.accounts.find(new.account_id)
    assert account is not None
    now = datetime.now(UTC)
    key = MailboxKey(new.account_id, MailboxId(runtime.new_id()[:16]))
    mailbox = Mailbox(
        key=key,
        owner=UserId("ann"),
        email=ANN,
        imap=SERVER,
        smtp=None,
        username=ANN,
        history_since=now.date(),
        status=MailboxStatus.CONNECTED,
        slot=key.new_slot,
        connected_at=now,
    )
    runtime.credentials.put(account, key, Password("none that any server knows"), now)
    runtime.mailboxes.connect(mailbox, now)
    return key.mailbox
