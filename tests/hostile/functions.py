"""What the deployed functions do, each in a process of its own that can be killed.

The processes are forked by a server that has imported everything and opened nothing.
"""

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.endpoint

import mailmirror.usecases.sync.repeated as repeated_module
from local import emulator
from mailmirror.api.decoding import typed
from mailmirror.api.mailbox_settings import ConnectBody
from mailmirror.aws.queues import FeedJob, MatchJob, PollJob, SyncJob, ThreadJob, thread_job
from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime, Settings, client_config
from mailmirror.store.table import Table
from mailmirror.usecases.cards.acting_user import viewer
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.mailboxes.change_mailbox import erase
from mailmirror.usecases.mailboxes.connect_mailbox import connect_mailbox
from mailmirror.usecases.sync.dispatch_due import dispatch_polls, dispatch_threads
from mailmirror.usecases.sync.poll_mailboxes import poll_mailboxes
from mailmirror.usecases.sync.sync_mailbox import sync_mailbox
from mailmirror.usecases.threads.match_again import match_again
from mailmirror.usecases.threads.set_override import set_override
from mailmirror.usecases.threads.tidy_thread import tidy_thread
from tests.integration.office import loopback

_TIME_LIMIT = timedelta(seconds=280)
_SPEED_UP = 50
"""Pauses between attempts are shorter by this: the proxy's faults end by calls, not by time."""
_AGAIN = {Code.MAILBOX_BUSY, Code.NOT_FOUND}
"""Refusals that end when the work of another function is done."""


class Failed(Exception):
    """The function failed, or was killed; the text names how."""


def _sync(runtime: Runtime, body: str) -> None:
    sync_mailbox(SyncJob.from_json(body), runtime, runtime.now() + _TIME_LIMIT)


def _poll(runtime: Runtime, body: str) -> None:
    poll_mailboxes(PollJob.from_json(body), runtime)


def _refile(runtime: Runtime, body: str) -> None:
    match thread_job(body):
        case ThreadJob() as job:
            tidy_thread(job, runtime)
        case MatchJob() as job:
            match_again(job, runtime, runtime.now() + _TIME_LIMIT)


def _apply(runtime: Runtime, account: str, event: object) -> None:
    until = runtime.now() + _TIME_LIMIT
    job = FeedJob(AccountId(account), event)
    if apply_event(job, runtime, until, lambda seconds: time.sleep(seconds / _SPEED_UP)):
        runtime.thread_queue.send([MatchJob(job.account)])


def _dispatch(runtime: Runtime) -> None:
    dispatch_polls(runtime)
    dispatch_threads(runtime)


def _connect(runtime: Runtime, account: str, body: object) -> None:
    try:
        connect_mailbox(AccountId(account), typed(body, ConnectBody).request(), runtime)
    except Refused as refusal:
        raise Failed(refusal.code) from refusal


def _erase(runtime: Runtime, account: str, user: str, mailbox: str) -> None:
    erase(AccountId(account), user, mailbox, runtime)


def _override(
    runtime: Runtime, account: str, user: str, deal: str, message: str, alone: bool, attached: bool
) -> None:
    person = viewer(AccountId(account), user, runtime)
    thread, one = None, message
    if not alone:
        found = [runtime.contents.find(key, MessageKey(message)) for key in person.keys]
        threads = [kept[0].thread for kept in found if kept]
        if not threads:
            raise Refused(Code.MESSAGE_UNKNOWN)
        thread, one = threads[0], ""
    set_override(person, DealId(deal), thread, one or None, runtime, attached=attached)


FUNCTIONS: Mapping[str, Callable[..., None]] = {
    "sync": _sync,
    "poll": _poll,
    "refile": _refile,
    "apply": _apply,
    "dispatch": _dispatch,
    "connect": _connect,
    "erase": _erase,
    "override": _override,
}


def call(name: str, runtime: Runtime, **arguments: Any) -> str:
    """Run a function here; return how it ended."""
    try:
        FUNCTIONS[name](runtime, **arguments)
    except Refused as refusal:
        if refusal.code in _AGAIN:
            raise Failed(refusal.code) from refusal
        return f"refused: {refusal.code}"
    return "done"


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a function works."""

    settings: Settings
    aws_url: str
    authority: Path

    def runtime(self, now: datetime) -> Runtime:
        def client(service: str) -> Any:
            made: Any = emulator.session().client(  # type: ignore[call-overload]
                service, endpoint_url=self.aws_url, config=client_config(service)
            )
            return made

        runtime = Runtime(self.settings, client, lambda: now)
        runtime.network_policy = loopback(self.authority)
        runtime.table = Table(client("dynamodb"), self.settings.table, _short_sleep)
        return runtime


def _short_sleep(seconds: float) -> None:
    time.sleep(seconds / _SPEED_UP)


def _child(environment: Environment, now: datetime, name: str, arguments: Any, end: Any) -> None:
    ended: str | Failed
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    botocore.endpoint.time = SimpleNamespace(sleep=_short_sleep)  # type: ignore[attr-defined]
    repeated_module.PAUSE_SECONDS /= _SPEED_UP
    try:
        ended = call(name, environment.runtime(now), **arguments)
    except Exception as error:
        ended = error if isinstance(error, Failed) else Failed(type(error).__name__)
    used = resource.getrusage(resource.RUSAGE_SELF)
    end.send((ended, used.ru_utime + used.ru_stime))


_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


@dataclass(slots=True)
class Children:
    """Functions in processes of their own, one at a time."""

    pid: int | None = None
    cpu_seconds: float = 0.0
    """Of all that have ended by themselves."""

    def call(
        self,
        name: str,
        environment: Environment,
        now: datetime,
        arguments: Mapping[str, Any],
        watch: Callable[[int], None] = lambda pid: None,
    ) -> str:
        """Run a function in a child; return how it ended.

        Parameters:
            watch: called again and again with the child's pid, while it runs.

        Raises:
            Failed: it raised an error, or was killed.
        """
        here, there = _processes.Pipe(duplex=False)
        child = _processes.Process(
            target=_child, args=(environment, now, name, dict(arguments), there), daemon=True
        )
        child.start()
        self.pid = child.pid
        assert child.pid is not None
        there.close()
        while child.is_alive():
            watch(child.pid)
            child.join(0.01)
        self.pid = None
        if child.exitcode == -signal.SIGKILL:
            raise Failed("killed")
        try:
            ended, seconds = here.recv()
        except EOFError:
            raise Failed(f"exit code {child.exitcode}") from None
        self.cpu_seconds += seconds
        if isinstance(ended, Failed):
            raise ended
        return str(ended)

    def kill(self) -> None:
        """Kill the child that runs now; it can make no further call."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
