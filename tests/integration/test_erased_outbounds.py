"""An erased mailbox leaves nothing of what was sent from it either."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.outbound import Attempt
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.change_mailbox import erase
from mailmirror.usecases.sending.index_outbound import index_on_cards
from tests.integration.office import Clock, Office
from tests.integration.sending import accept, connect_to_send, deliver_job
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_smtp import ScriptedSmtp


@pytest.fixture
def mailbox(office: Office, dovecot: Dovecot) -> Iterator[Mailbox]:
    with ScriptedSmtp({}) as server:
        yield connect_to_send(office, dovecot, server.port, server.authority, security="tls")


def swept(office: Office, mailbox: Mailbox) -> None:
    """Let an erasure go on."""
    office.sync(replace(mailbox, key=replace(mailbox.key, epoch=mailbox.key.epoch + 1)))


def is_there(office: Office, mailbox: Mailbox) -> bool:
    found = office.runtime.mailboxes.find(office.account, mailbox.key.mailbox, consistent=True)
    return found is not None


def left(mailbox: Mailbox, runtime: Runtime) -> list[str]:
    """Where mail of this mailbox lies: items and objects, by their keys."""
    items = runtime._client("dynamodb").scan(TableName=runtime.settings.table)["Items"]
    objects = runtime._client("s3").list_objects_v2(Bucket=runtime.settings.bucket)
    places = [item["pk"]["S"] for item in items]
    places += [one["Key"] for one in objects.get("Contents", ())]
    # That it exists, and what it sent in a day, tell nothing of anybody's mail.
    own = f"{mailbox.key.mailbox}.{mailbox.key.epoch}"
    return [place for place in places if own in place]


def test_outbounds_drafts_and_entries_are_erased_with_the_mailbox(
    office: Office, mailbox: Mailbox, runtime: Runtime
) -> None:
    deliver_job(accept(office, subject="Sent"), runtime)
    accept(office, subject="Waits")
    assert left(mailbox, runtime)

    erase(office.account, mailbox.owner, mailbox.key.mailbox, runtime)
    swept(office, mailbox)

    assert not is_there(office, mailbox)
    assert left(mailbox, runtime) == []


def test_what_is_being_sent_meanwhile_is_swept_when_its_sender_has_ended(
    office: Office, mailbox: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    account = runtime.accounts.find(office.account)
    assert account is not None
    outbound = accept(office)
    stored = runtime.outbounds.find(outbound.mailbox, outbound.id)
    assert stored is not None
    lease = Attempt("a sender", runtime.now() + timedelta(minutes=6))
    runtime.outbounds.change(stored, lambda one: one.begun(lease, runtime.now()))
    raw = runtime.objects.get_draft(outbound.mailbox, outbound.id)
    assert raw is not None

    erase(office.account, mailbox.owner, mailbox.key.mailbox, runtime)
    swept(office, mailbox)
    assert is_there(office, mailbox)
    index_on_cards(raw, mailbox, account, outbound.date, runtime)
    clock.advance(timedelta(minutes=7))
    swept(office, mailbox)

    assert not is_there(office, mailbox)
    assert left(mailbox, runtime) == []
