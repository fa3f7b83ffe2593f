"""One account with its mail server, its table and its functions, with or without faults."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from mailmirror.aws.queues import SyncJob
from mailmirror.domain.containment import Caution
from mailmirror.domain.mailbox import AccountId, Mailbox, MailboxStatus, UserId
from mailmirror.runtime import Runtime
from mailmirror.usecases.operating.accounts import create_account
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.hostile.bursts import TRANSIENT
from tests.hostile.functions import Children, Environment, Failed, call
from tests.hostile.lies import Lies
from tests.integration.office import BOSS, REP, loopback
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.dovecot import Dovecot
from tests.servers.faulty_aws import Call, Fault, FaultyAws
from tests.servers.meddling import Meddling
from tests.servers.tables import own_table

USERS = {"rep": REP, "boss": BOSS}
BEGUN = datetime(2026, 3, 1, 6, tzinfo=UTC)
_PAUSE = timedelta(minutes=10)
"""Between two attempts: longer than a lease lives, and than a sender or a late sync may write."""
_DAY = timedelta(days=1, hours=1)
"""Longer than a message that could not be read waits."""
_DEATHS_IN_A_ROW = 2
"""Syncs that may be killed before one has judged all: after more a message is read in part only."""
_HONEST_ATTEMPTS = 6
_SELDOM = {
    "BatchExecuteStatement": Fault.UNPROCESSED,
    "BatchGetItem": Fault.UNPROCESSED,
    "BatchWriteItem": Fault.UNPROCESSED,
    "TransactWriteItems": Fault.CONFLICT,
}
"""Faults that few calls can have."""


class NeverSettled(Exception):
    """Something is not done although no fault is left."""


@dataclass(slots=True)
class Faults:
    """What goes wrong in one world: the faults of AWS, the deaths of functions, the lies."""

    random: Random
    share: float = 0.08
    """Of the calls of AWS that fail."""
    on: bool = False
    syncs: bool = False
    """Whether the function that runs is a sync."""
    deaths: int = 0
    """Syncs that failed since one has judged all."""
    _left: int = 0
    _kind: Fault = Fault.ERROR_500

    def plan(self, call: Call) -> Fault | None:
        if not self.on:
            return None
        if not self._left:
            may_die = not self.syncs or self.deaths < _DEATHS_IN_A_ROW
            if may_die and self.random.random() < 0.012:
                return self.random.choice([Fault.KILL_BEFORE, Fault.KILL_AFTER])
            seldom = _SELDOM.get(call.operation)
            if seldom and self.random.random() < self.share:
                return seldom
            if self.random.random() > self.share / 4:
                return None
            self._left, self._kind = self.random.randint(1, 7), self.random.choice(TRANSIENT)
        self._left -= 1
        return self._kind


@dataclass(slots=True)
class World:
    """An account of two users, and what happens to it."""

    dovecot: Dovecot
    logins: dict[str, str]
    """The login of each user's mailbox on the server."""
    runtime: Runtime
    environment: Environment
    port: int
    """Of the mail server, or of the proxy before it."""
    faults: Faults | None = None
    lies: Lies | None = None
    aws: FaultyAws | None = None
    children: Children = field(default_factory=Children)
    now: datetime = BEGUN
    honest: bool = False
    """Whether no fault is made any more."""
    ends: Counter[str] = field(default_factory=Counter)
    """How functions ended."""
    account: AccountId = field(init=False)
    events: int = 0
    dirty: set[str] = field(default_factory=set)
    """Users whose server has something that no sync has seen."""

    def __post_init__(self) -> None:
        self.runtime.now = lambda: self.now
        self.account = create_account("Chaos", self.runtime).account_id

    def at(self, instant: datetime) -> None:
        """A step begins; never before the end of the last one."""
        assert instant >= self.now
        self.now = instant

    def function(self, name: str, *, honest: bool = False, **arguments: Any) -> str:
        """Run a function once.

        Raises:
            Failed: it failed.
        """
        if self.faults is None or self.lies is None or honest or self.honest:
            return call(name, self.runtime, **arguments)
        self.lies.begin()
        self.faults.on, self.faults.syncs = True, name == "sync"
        try:
            end = self.children.call(name, self.environment, self.now, arguments)
        except Failed as failure:
            self.ends[f"{name} {failure}"] += 1
            self.faults.deaths += self.faults.syncs
            raise
        finally:
            self.faults.on = False
            self.lies.end()
        self.ends[f"{name} {end.partition(':')[0]}"] += 1
        return end

    def repeated(self, name: str, **arguments: Any) -> str:
        """Run a function until it ends, the last times without faults."""
        for attempt in range(2 * _HONEST_ATTEMPTS):
            with suppress(Failed):
                return self.function(name, honest=attempt >= _HONEST_ATTEMPTS, **arguments)
            self.now += _PAUSE
        raise NeverSettled(name)

    def tell(self, type: str, **data: object) -> None:
        """Apply an event of the CRM's, which happens now."""
        self.events += 1
        happened = {"id": f"e{self.events:05}", "type": type, "occurred_at": self.now.isoformat()}
        self.repeated("apply", account=self.account, event={**happened, "data": data})

    def mailbox(self, user: str) -> Mailbox | None:
        owned = self.runtime.mailboxes.owned_by(self.account, UserId(user))
        return next(iter(owned), None)

    def connect(self, user: str) -> None:
        login = self.logins[user]
        body = {
            "user_id": user,
            "email": USERS[user],
            "provider": "imap",
            "imap": {"host": "localhost", "port": self.port, "security": "tls"},
            "username": login,
            "password": self.dovecot.users[login],
        }
        self.repeated("connect", account=self.account, body=body)
        self.dirty.add(user)

    def erase(self, user: str) -> None:
        """Erase a user's mailbox, until nothing of it is left."""
        mailbox = self.mailbox(user)
        assert mailbox is not None
        arguments = {"account": self.account, "user": user, "mailbox": mailbox.key.mailbox}
        for attempt in range(2 * _HONEST_ATTEMPTS):
            honest = attempt >= _HONEST_ATTEMPTS
            with suppress(Failed):
                self.function("erase", honest=honest, **arguments)
                self.sync(mailbox, honest=honest)
            if self.mailbox(user) is None:
                return
            self.now += _PAUSE
        raise NeverSettled("erase")

    def sync(self, mailbox: Mailbox, *, honest: bool = False) -> None:
        job = SyncJob(self.account, mailbox.key.mailbox)
        self.function("sync", honest=honest, body=job.to_json())

    def settle(self, user: str) -> None:
        """Sync until every message of a user's mailbox has its verdict, and none is pending."""
        mailbox = self.mailbox(user)
        if mailbox is None or user not in self.dirty:
            return
        for attempt in range(2 * _HONEST_ATTEMPTS):
            with suppress(Failed):
                self.sync(mailbox, honest=attempt >= _HONEST_ATTEMPTS)
                if self._settled(mailbox):
                    self.dirty.discard(user)
                    self._forget_deaths()
                    return
            self.now += _DAY if attempt >= 2 * _HONEST_ATTEMPTS - 2 else _PAUSE
        raise NeverSettled(f"{user}: {self._unsettled(mailbox)}")

    def _forget_deaths(self) -> None:
        states = (self.runtime.sync_states.read(one.key) for one in self.connected())
        if self.faults and all(one.caution == Caution() for one in states):
            self.faults.deaths = 0

    def _settled(self, mailbox: Mailbox) -> bool:
        state = self.runtime.sync_states.read(mailbox.key)
        entry = self.runtime.due.find(mailbox)
        if not state.first_sync_done or state.totals.pending or not entry or entry.due.error:
            return False
        return all(one.audit.clean for one in audit_mailbox(mailbox, self.runtime).folders)

    def _unsettled(self, mailbox: Mailbox) -> str:
        """What is stored of a mailbox, for who looks for the reason."""
        state = self.runtime.sync_states.read(mailbox.key)
        entry = self.runtime.due.find(mailbox)
        folders = [one.state for one in self.runtime.folders.read_all(mailbox.key).values()]
        audits = [one.audit for one in audit_mailbox(mailbox, self.runtime).folders]
        return "\n".join(map(str, (state, entry, *folders, *audits)))

    def schedule(self) -> None:
        """What the schedule does in a minute, and all jobs that follow.

        A job that fails is dropped, for the schedule finds it again; but one that matches threads
        again is put back, as its queue does.
        """
        with suppress(Failed):
            self.function("dispatch")
        settings = self.runtime.settings
        queues = {
            settings.poll_queue: "poll",
            settings.thread_queue: "refile",
            settings.first_sync_queue: "sync",
            settings.sync_queue: "sync",
        }
        failed: list[str] = []
        for _ in range(2):
            for url, name in queues.items():
                for body in set(self._taken(url)):
                    try:
                        self.function(name, body=body)
                    except Failed:
                        if url == settings.thread_queue:
                            failed.append(body)
        for body in failed:
            self.runtime._sqs.send_message(QueueUrl=settings.thread_queue, MessageBody=body)

    def _taken(self, url: str) -> Iterator[str]:
        sqs = self.runtime._sqs
        while some := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in some:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield message["Body"]

    def connected(self) -> list[Mailbox]:
        found = [self.mailbox(user) for user in USERS]
        return [one for one in found if one and one.status is MailboxStatus.CONNECTED]


@contextmanager
def world(
    bare: BareAws, dovecot: Dovecot, logins: dict[str, str], seed: int | None
) -> Iterator[World]:
    """Make a world.

    Parameters:
        seed: of its faults; None for a world without.
    """
    with ExitStack() as stack:
        runtime = stack.enter_context(own_table(bare.client, BUCKET, bare.key))
        if seed is None:
            runtime.network_policy = loopback(dovecot.authority)
            environment = Environment(runtime.settings, bare.url, dovecot.authority)
            yield World(dovecot, logins, runtime, environment, dovecot.imaps_port)
            return
        faults, lies = Faults(Random(seed)), Lies(Random(seed + 1))
        children = Children()
        aws = stack.enter_context(FaultyAws(bare.url, faults.plan, children.kill))
        server = stack.enter_context(Meddling(dovecot, lies))
        runtime.network_policy = loopback(server.authority)
        environment = Environment(runtime.settings, aws.url, server.authority)
        port = server.imaps_port
        yield World(dovecot, logins, runtime, environment, port, faults, lies, aws, children)
