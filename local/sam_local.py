"""Run every sample through `sam local` on the local stack: the built functions, in containers.

    python -m local.sam_local

Uses the stack that is up, else starts one and stops it at the end. Where Lambda's own image cannot
be pulled, one is built that stands in for it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from local import answers, engine, http_calls, samples
from local.answers import Unexpected
from local.deployed import runtime_of_emulator
from local.deployment import DeploymentFailed
from local.down import down
from local.emulator import EmulatorFailed
from local.engine import EngineFailed, Network
from local.environments import ROOT
from local.forwarder import forwarded
from local.sam_functions import InvocationFailed, SamFunctions
from local.sample_account import SampleAccount, open_account
from local.stack import Home, NotUp, Options, Stack
from local.steps import step
from local.up import up
from mailmirror.runtime import Runtime

AT_ONCE = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    function: str
    make: Callable[[SampleAccount], str]
    """Says in a few words what was answered; raises `Unexpected` or `InvocationFailed`."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one call."""

    call: Call
    seconds: float
    answer: str
    good: bool

    def __str__(self) -> str:
        sign = " " if self.good else "✗"
        what = f"{self.call.name:<46} {self.call.function:<16}"
        return f"{sign} {what} {self.seconds:5.1f} s  {self.answer}"


def run(home: Home) -> list[Row]:
    """Call every function with every sample of it, and the API over HTTP; print what comes of it.

    Raises:
        EngineFailed, EmulatorFailed, DeploymentFailed, InvocationFailed: nothing could be called.
        OSError: the engine's network does not end at this machine.
    """
    engine.ensure_it_answers()
    ensure_image()
    with ExitStack() as held:
        stack = held.enter_context(_stack(home))
        runtime = runtime_of_emulator(stack.aws_endpoint)
        network = held.enter_context(engine.network())
        seen = held.enter_context(seen_from(home, network))
        functions = SamFunctions.of(home, stack, network, seen)
        pool = held.enter_context(ThreadPoolExecutor(AT_ONCE))
        rows = _made(_samples(functions), pool, runtime)
        url = held.enter_context(functions.api())
        return rows + _made(_http_calls(url), pool, runtime)


def ensure_image() -> None:
    """Pull the functions' image, or build the one that stands in for it, unless one is here.

    Raises:
        EngineFailed: there is none.
    """
    image = engine.image()
    own = engine.label(image, engine.RECIPE)
    if engine.has(image) and own is None:
        return
    if own is None:
        with step(f"pulling {image}"):
            pulled = engine.pull(image)
        if pulled:
            return
        print("it cannot be pulled from here: one that stands in for it is built")
    if subprocess.run([sys.executable, "-m", "tests.lambda_image"], cwd=ROOT).returncode:
        raise EngineFailed(f"there is no {image}")


@contextmanager
def _stack(home: Home) -> Iterator[Stack]:
    try:
        stack, ours = home.stack(), False
    except NotUp:
        stack, ours = None, True
    try:
        yield stack or up(home, Options())
    finally:
        if ours:
            down(home)


@contextmanager
def seen_from(home: Home, network: Network) -> Iterator[Mapping[str, str]]:
    """Each of the emulator's URLs, and how containers in the network reach it."""
    run = home.run()
    if run is None:
        raise NotUp
    emulator = run.emulator
    ports = {emulator.url: emulator.port, emulator.ses_url: emulator.ses_port}
    with ExitStack() as held:
        yield {
            url: f"http://{network.gateway}:{held.enter_context(forwarded(network.gateway, port))}"
            for url, port in ports.items()
        }


def _samples(functions: SamFunctions) -> Iterator[Call]:
    def invoke(name: str, function: str, account: SampleAccount) -> str:
        return answers.told(name, functions.invoke(function, account.event(name), name))

    for name in samples.names():
        function = f"{samples.function(name).title()}Function"
        yield Call(f"{name}.json", function, partial(invoke, name, function))


def _http_calls(url: str) -> Iterator[Call]:
    for call in http_calls.CALLS:
        yield Call(call.name, "start-api", partial(call.make, url))


def _made(calls: Iterable[Call], pool: ThreadPoolExecutor, runtime: Runtime) -> list[Row]:
    """Make the calls, each with an account of its own, and print what became of each."""
    accounts = [(call, open_account(runtime)) for call in calls]
    rows = []
    for row in pool.map(lambda one: _row(*one), accounts):
        print(row, flush=True)
        rows.append(row)
    for _, account in accounts:
        account.close(runtime)
    return rows


def _row(call: Call, account: SampleAccount) -> Row:
    began = time.monotonic()
    try:
        answer, good = call.make(account), True
    except (InvocationFailed, Unexpected) as error:
        answer, good = str(error), False
    return Row(call, time.monotonic() - began, answer, good)


def main() -> None:
    began = time.monotonic()
    try:
        rows = run(Home.default())
    except (EngineFailed, EmulatorFailed, DeploymentFailed, InvocationFailed) as error:
        sys.exit(f"sam-local: {error}")
    bad = sum(not row.good for row in rows)
    seconds = time.monotonic() - began
    print(f"{len(rows)} calls in {seconds:.0f} s, {bad} not answered as they must be")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
