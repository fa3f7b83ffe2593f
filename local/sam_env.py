"""Write what plain `sam local invoke` and `sam remote invoke` need: events and an environment.

    python -m local.sam_env [--stack NAME --account ID --mailbox ID]

Writes the samples of `events/` to `.local/events`, about an account that there is, and the
functions' variables to `.local/sam-local/env.json`. On the local stack it makes an account for
them and, until Ctrl-C, lets containers reach the emulator, which listens on loopback alone. With
`--stack` it reads a stack in AWS, and the samples name the account and mailbox that were given;
API_KEY and WEBHOOK_SECRET, where they are set, sign them.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import engine, samples
from local.deployed import runtime_of_emulator
from local.engine import EngineFailed
from local.environments import HOME
from local.resources import resources_of
from local.sam_functions import SamFunctions, environments_of
from local.sam_local import ensure_image, seen_from
from local.sample_account import SampleAccount, open_account
from local.samples import Event
from local.stack import Home, NotUp
from mailmirror.domain.mailbox import AccountId, MailboxId
from mailmirror.usecases.operating.accounts import NewAccount

EVENTS = HOME / "events"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.sam_env", description=__doc__)
    for option in ("--stack", "--account", "--mailbox"):
        parser.add_argument(option, default="")
    arguments = parser.parse_args()
    try:
        if arguments.stack:
            _of_aws(arguments.stack, arguments.account, arguments.mailbox)
        else:
            _of_local_stack(Home.default())
    except (BotoCoreError, ClientError, EngineFailed, NotUp, ValueError) as error:
        sys.exit(str(error))


def _of_local_stack(home: Home) -> None:
    """Write both, and let containers reach the emulator until Ctrl-C."""
    stack = home.stack()
    engine.ensure_it_answers()
    ensure_image()
    runtime = runtime_of_emulator(stack.aws_endpoint)
    account = open_account(runtime)
    _write_events({name: account.event(name) for name in samples.names()})
    network = engine.default_network()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with seen_from(home, network) as seen, suppress(KeyboardInterrupt):
        SamFunctions.of(home, stack, network, seen)
        print("In another terminal, for every function and sample alike:")
        print(
            "  sam local invoke DispatchFunction --config-env local"
            " --event .local/events/dispatch-schedule.json"
        )
        print("Containers reach the local stack until Ctrl-C.", flush=True)
        signal.pause()
    account.close(runtime)


def _of_aws(stack: str, account: str, mailbox: str) -> None:
    if not account.strip() or not mailbox.strip():
        sys.exit("ACCOUNT, MAILBOX not given: run make sam_env STACK=… ACCOUNT=… MAILBOX=…")
    session = boto3.Session()
    functions = resources_of(session.client("cloudformation"), stack).functions
    variables = environments_of(session.client("lambda"), functions)
    given = NewAccount(
        AccountId(account.strip()),
        os.environ.get("API_KEY", ""),
        os.environ.get("WEBHOOK_SECRET", ""),
    )
    named = SampleAccount(given, MailboxId(mailbox.strip()))
    _write_events({name: named.event(name) for name in samples.names()})
    env = HOME / "sam-local" / "env.json"
    env.parent.mkdir(parents=True, exist_ok=True)
    env.write_text(json.dumps(variables, indent=2))
    print(f"{env} has the functions' variables; one sample an event lies in {EVENTS}:")
    print(
        f"  sam remote invoke DispatchFunction --stack-name {stack}"
        " --event-file .local/events/dispatch-schedule.json"
    )


def _write_events(events: Mapping[str, Event]) -> None:
    EVENTS.mkdir(parents=True, exist_ok=True)
    for name, event in events.items():
        path = Path(EVENTS / f"{name}.json")
        path.touch(mode=0o600)  # a sample of the API holds a key
        path.write_text(json.dumps(event, indent=2, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
