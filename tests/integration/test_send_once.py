"""A message is sent once, whatever crashes and however often its job comes."""

import os
import re
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.client import BaseClient

from mailmirror.aws.queues import SendJob
from mailmirror.domain.address import Address
from mailmirror.domain.outbound import BeingSent, Outbound, OutboundState
from mailmirror.mail.imap.session import ImapSession
from mailmirror.mail.smtp.session import Smtp
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.outbounds import Stored
from mailmirror.usecases.sending.attempt import Sending
from mailmirror.usecases.sending.read_outbound import cancel_outbound
from mailmirror.usecases.sending.send_message import send_message
from mailmirror.usecases.sync.dispatch_due import dispatch_sends
from tests.integration.office import KIM, REP, Clock, Office, subjects
from tests.integration.sending import (
    accept,
    connect_to_send,
    deliver_job,
    due,
    lying_in,
    now,
    settle,
    with_id,
)
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix

KILLED, COMPLETED = 99, 0
_MOST_STEPS = 400


@pytest.fixture
def relay(dovecot: Dovecot) -> Iterator[Postfix]:
    with Postfix(dovecot) as server:
        yield server


@dataclass(slots=True)
class Steps:
    """Counts what a child does outside itself, and kills it before one of these steps.

    Nothing that outlives it changes between two of them: after one is before the next.
    """

    until: int
    tell: int
    """Where the name of that step is written."""

    def before(self, owner: type, method: str, name: Callable[..., str]) -> None:
        original = getattr(owner, method)

        def stepping(*args: Any, **kwargs: Any) -> Any:
            self.step(name(*args))
            return original(*args, **kwargs)

        setattr(owner, method, stepping)

    def step(self, name: str) -> None:
        self.until -= 1
        if self.until == 0:
            os.write(self.tell, name.encode())
            os._exit(KILLED)


def aws_call(client: BaseClient, operation: str, request: dict[str, Any]) -> str:
    """As `PutItem outbound`: what is called, and what kind of item the first one is."""
    kind = re.search(r"'pk': {'S': '(?:due#)?[^#']*#?(\w*)", str(request))
    return f"{operation} {kind[1]}" if kind else operation


def smtp_command(client: Smtp, data: bytes | str) -> str:
    text = data if isinstance(data, bytes) else data.encode()
    if text == b".\r\n":
        return "the last byte"
    name = text.partition(b"\r\n")[0].partition(b" ")[0].decode()
    return name if name.isalpha() else "the text"


def killed_at(step: int, runtime: Runtime, outbound: Outbound) -> str | None:
    """Send in a child that is killed before its n-th step; return its name, None if it ends.

    Parameters:
        runtime: one that has not been used yet: connections are not shared with the child.
    """
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        steps = Steps(step, tell)
        steps.before(BaseClient, "_make_api_call", aws_call)
        steps.before(Smtp, "send", smtp_command)
        steps.before(Smtp, "getreply", lambda client: "a reply is read")
        steps.before(ImapSession, "append", lambda *_: "APPEND")
        steps.before(ImapSession, "folders", lambda *_: "LIST")
        steps.before(ImapSession, "examine", lambda *_: "EXAMINE")
        try:
            send_message(SendJob(outbound.mailbox, outbound.id), runtime)
            steps.step("the end")
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(COMPLETED)
    os.close(tell)
    with os.fdopen(told) as telling:
        name = telling.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == (KILLED if name else COMPLETED)
    return name or None


def unused(runtime: Runtime) -> Runtime:
    """The same runtime for a child: its clients are made, and have not connected to anything."""
    fresh = Runtime(runtime.settings, runtime._client, runtime.now)
    fresh.network_policy = runtime.network_policy
    for made in (fresh.table, fresh.objects, fresh.vault):
        assert made is not None
    return fresh


def test_a_message_is_sent_shown_and_kept_in_sent(
    office: Office, dovecot: Dovecot, relay: Postfix, runtime: Runtime
) -> None:
    mailbox = connect_to_send(office, dovecot, relay.submission_port, relay.authority)
    accepted = accept(office)
    assert accepted.state is OutboundState.ACCEPTED
    sent = deliver_job(accepted, runtime)
    assert sent.state is OutboundState.SENT
    (delivery,) = relay.accepted()
    assert (delivery.sender, delivery.recipients) == (REP, (KIM,))
    assert delivery.message_id == f"<{sent.message_id}>"
    assert with_id(lying_in(dovecot, REP, "Sent"), sent.message_id) == 1
    (line,) = office.card("rep", "kim")
    assert (line.summary.subject, line.delivery, line.outgoing) == ("Hello", sent.state, True)
    assert due(runtime) == []
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Hello"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_sender_killed_before_any_step_sends_once_or_says_that_it_does_not_know(
    office: Office,
    dovecot: Dovecot,
    relay: Postfix,
    runtime: Runtime,
    clock: Clock,
    tmp_path: Path,
) -> None:
    """Killed before the first step of one message, the second of the next, and so on to the end."""
    clock.advance(timedelta(days=-30))  # Dovecot lets no INTERNALDATE lie in the future
    mailbox = connect_to_send(office, dovecot, relay.submission_port, relay.authority)
    fresh = unused(runtime)
    killed: list[tuple[str, Outbound]] = []
    for step in count(1):
        assert step < _MOST_STEPS
        outbound = accept(office)
        name = killed_at(step, fresh, outbound)
        settle(runtime, clock)
        killed.append((name or "not killed", now(outbound, runtime)))
        if name is None:
            break
    taken = Counter(delivery.message_id for delivery in relay.accepted())
    lying = lying_in(dovecot, REP, "Sent")
    kept = {one.id: with_id(lying, one.message_id) for _, one in killed}
    shown = Counter(line.summary.message for line in office.card("rep", "kim"))
    table = [
        f"{n:3} {name:28} Postfix {taken[f'<{one.message_id}>']}  {one.state:8} Sent {kept[one.id]}"
        f"  card {shown[one.id]}"
        for n, (name, one) in enumerate(killed, 1)
    ]
    (tmp_path / "steps.txt").write_text("\n".join(table))
    print("\n".join(table))
    for _, one in killed:
        copies = taken[f"<{one.message_id}>"]
        match one.state:
            case OutboundState.SENT:
                assert (copies, kept[one.id]) == (1, 1)
            case OutboundState.UNKNOWN:
                assert copies <= 1
                assert kept[one.id] == 0
            case other:
                raise AssertionError(other)
        assert shown[one.id] == 1
    before = office.card("rep", "kim")
    office.sync(mailbox)
    assert office.card("rep", "kim") == before
    assert len(killed) > 50


def test_a_job_that_the_queue_brings_twice_at_once_sends_once(
    office: Office, dovecot: Dovecot, relay: Postfix, runtime: Runtime
) -> None:
    connect_to_send(office, dovecot, relay.submission_port, relay.authority)
    outbounds = [accept(office) for _ in range(4)]
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda one: deliver_job(one, runtime), [*outbounds, *outbounds]))
    taken = Counter(delivery.message_id for delivery in relay.accepted())
    assert taken == {f"<{one.message_id}>": 1 for one in outbounds}
    assert len(lying_in(dovecot, REP, "Sent")) == 4


def test_a_job_that_comes_after_the_message_was_sent_does_nothing(
    office: Office, dovecot: Dovecot, relay: Postfix, runtime: Runtime
) -> None:
    connect_to_send(office, dovecot, relay.submission_port, relay.authority)
    sent = deliver_job(accept(office), runtime)
    asked = len(dovecot.commands())
    assert deliver_job(sent, runtime) == sent
    assert len(dovecot.commands()) == asked
    assert len(relay.accepted()) == 1


def test_a_job_that_the_queue_lost_is_brought_by_the_schedule_a_minute_later(
    office: Office, dovecot: Dovecot, relay: Postfix, runtime: Runtime, clock: Clock
) -> None:
    connect_to_send(office, dovecot, relay.submission_port, relay.authority)
    outbound = accept(office)
    assert dispatch_sends(runtime) == 0
    clock.advance(timedelta(seconds=61))
    assert [ref.id for ref in due(runtime)] == [outbound.id]
    assert dispatch_sends(runtime) == 1


def test_an_attempt_that_was_replaced_submits_nothing(
    office: Office,
    dovecot: Dovecot,
    relay: Postfix,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It stands still before its last byte until another has taken over, and sent."""
    connect_to_send(office, dovecot, relay.submission_port, relay.authority)
    outbound = accept(office)
    begin, others = Sending.begin_submission, count()

    def begin_late(sending: Sending, recipients: Sequence[str]) -> None:
        if next(others) == 0:
            clock.advance(timedelta(minutes=7))
            assert deliver_job(outbound, runtime).state is OutboundState.SENT
        begin(sending, recipients)

    monkeypatch.setattr(Sending, "begin_submission", begin_late)
    with pytest.raises(BeingSent):
        deliver_job(outbound, runtime)
    assert len(relay.accepted()) == 1
    assert now(outbound, runtime).state is OutboundState.SENT


def test_a_message_taken_back_while_its_job_begins_is_not_sent(
    office: Office,
    dovecot: Dovecot,
    relay: Postfix,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect_to_send(office, dovecot, relay.submission_port, relay.authority)
    outbound = accept(office)
    change, changes = runtime.outbounds.change, count()

    def change_late(stored: Stored, made: Callable[[Outbound], Outbound]) -> Stored:
        if next(changes) == 0:
            cancel_outbound(office.viewer("rep"), outbound.id, runtime)
        return change(stored, made)

    monkeypatch.setattr(runtime.outbounds, "change", change_late)
    deliver_job(outbound, runtime)
    assert deliver_job(outbound, runtime).state is OutboundState.CANCELLED
    assert relay.accepted() == []
    assert office.card("rep", "kim") == []
    assert due(runtime, timedelta(days=10)) == []


def test_a_message_taken_back_after_a_crash_leaves_nothing(
    office: Office,
    dovecot: Dovecot,
    relay: Postfix,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sender dies at each write that puts it on its cards; then its author takes it back."""
    connect_to_send(office, dovecot, relay.submission_port, relay.authority)
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    call: Callable[..., Any] = BaseClient._make_api_call  # type: ignore[attr-defined]
    shown = 0
    for step in count(1):
        outbound = accept(office)
        writes = count(1)

        def write(*args: Any, step: int = step, writes: "count[int]" = writes) -> Any:
            if next(writes) == step:
                raise KeyboardInterrupt
            return call(*args)

        with monkeypatch.context() as patched:
            patched.setattr(BaseClient, "_make_api_call", write)
            patched.setattr(
                "mailmirror.usecases.sending.send_message.submit_by_smtp",
                Mock(side_effect=SystemExit),
            )
            try:
                deliver_job(outbound, runtime)
            except KeyboardInterrupt:
                ended = False
            except SystemExit:
                ended = True
        clock.advance(timedelta(minutes=7))
        shown += len(office.card("rep", "kim"))
        cancel_outbound(office.viewer("rep"), outbound.id, runtime)
        settle(runtime, clock)
        assert office.card("rep", "kim") == []
        assert office.deal("rep", "d1") == []
        assert runtime.contents.find(outbound.mailbox, outbound.id) is None
        kims = {outbound.mailbox: [keys.card_timeline(outbound.mailbox, Address(KIM))]}
        assert runtime.timelines.card(kims, "~", 1) == []
        if ended:
            break
    assert shown > 1
    assert relay.accepted() == []
    assert now(outbound, runtime).state is OutboundState.CANCELLED
