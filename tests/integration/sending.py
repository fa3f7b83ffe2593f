"""What the tests of sending share: a mailbox that can send, and the schedule that brings jobs."""

import re
from datetime import timedelta
from pathlib import Path

from mailmirror.api.decoding import typed
from mailmirror.api.mailbox_settings import ConnectBody
from mailmirror.api.outbound import ComposeBody
from mailmirror.aws.queues import SendJob
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.outbound import Outbound
from mailmirror.runtime import Runtime
from mailmirror.store.keys import DUE_SHARDS
from mailmirror.store.outbounds import OutboundRef
from mailmirror.usecases.mailboxes.connect_mailbox import connect_mailbox
from mailmirror.usecases.sending.accept_message import accept_message
from mailmirror.usecases.sending.compose_message import Composition
from mailmirror.usecases.sending.send_message import send_message
from tests.integration.office import KIM, REP, Clock, Office
from tests.servers.dovecot import Dovecot

LONGEST_PAUSE = timedelta(minutes=61)
"""Until the next attempt or look at a message."""
_ROUNDS = 60
BODY = {"from": REP, "to": [KIM], "subject": "Hello", "text": "Shall we talk?\n"}
"""Of `POST /v1/messages`."""


def connect_to_send(
    office: Office,
    dovecot: Dovecot,
    port: int,
    authority: Path,
    user: str = "rep",
    email: str = REP,
    security: str = "starttls",
) -> Mailbox:
    """Connect a mailbox whose submission server listens at a port of this machine."""
    runtime = office.runtime
    runtime.network_policy.trust.load_verify_locations(cadata=authority.read_text())
    request = typed(
        {
            "user_id": user,
            "email": email,
            "provider": "imap",
            "imap": {"host": "localhost", "port": dovecot.imaps_port, "security": "tls"},
            "smtp": {"host": "localhost", "port": port, "security": security},
            "username": email,
            "password": dovecot.users[email],
        },
        ConnectBody,
    ).request()
    id = connect_mailbox(office.account, request, runtime)
    mailbox = runtime.mailboxes.find(office.account, id, consistent=True)
    assert mailbox is not None
    return mailbox


def composed(**fields: object) -> Composition:
    """What is to be sent: BODY, with what else is said."""
    return typed(BODY | fields, ComposeBody).composition()


def accept(office: Office, key: str | None = None, **fields: object) -> Outbound:
    return accept_message(office.viewer("rep"), composed(**fields), key, office.runtime)


def deliver_job(outbound: Outbound | OutboundRef, runtime: Runtime) -> Outbound:
    """Let the queue bring a message's job once, and return what it has become."""
    send_message(SendJob(outbound.mailbox, outbound.id), runtime)
    return now(outbound, runtime)


def now(outbound: Outbound | OutboundRef, runtime: Runtime) -> Outbound:
    stored = runtime.outbounds.find(outbound.mailbox, outbound.id)
    assert stored is not None
    return stored.outbound


def due(runtime: Runtime, within: timedelta = timedelta()) -> list[OutboundRef]:
    at = runtime.now() + within
    return [ref for shard in range(DUE_SHARDS) for ref in runtime.outbounds.due(shard, at)]


def settle(runtime: Runtime, clock: Clock) -> None:
    """Let time pass, and the schedule bring what is due, until nothing ever will be again."""
    for _ in range(_ROUNDS):
        waiting = due(runtime, LONGEST_PAUSE)
        if not waiting:
            return
        clock.advance(LONGEST_PAUSE)
        for ref in waiting:
            deliver_job(ref, runtime)
    raise AssertionError("it is never settled")


def lying_in(dovecot: Dovecot, user: str, folder: str) -> list[bytes]:
    """Everything that lies in a folder."""
    with dovecot.session(user) as client:
        client.select_folder(folder, readonly=True)
        found = client.fetch(client.search("ALL"), ["BODY.PEEK[]"])
        return [items[b"BODY[]"] for items in found.values()]


def with_id(raws: list[bytes], message_id: str) -> int:
    """How many of these messages have a Message-ID."""
    field = re.compile(rb"^Message-ID: <" + re.escape(message_id.encode()) + rb">", re.M | re.I)
    return sum(bool(field.search(raw)) for raw in raws)
