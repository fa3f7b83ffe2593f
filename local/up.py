"""Start the local stack and leave it running.

    python -m local.up [--extra-ca PEM] [--allow-networks CIDR,CIDR] [--ses-relay HOST:PORT]
                       [--parameter NAME=VALUE]

Two stacks of one checkout can be up at once in two directories (`--directory`).
"""

import argparse
import re
import ssl
import sys
from dataclasses import asdict
from pathlib import Path

from local import deployment, emulator
from local.deployed import runtime_of_emulator
from local.deployment import DeploymentFailed
from local.down import stop
from local.emulator import Emulator, EmulatorFailed
from local.stack import Home, NotUp, Options, Run, Stack
from local.steps import step
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.usecases.operating.accounts import create_account

_RELAY = re.compile(r"[\w.:-]+:([0-9]{1,5})", re.ASCII)

_VARIABLES = {
    "extra_ca": "EXTRA_CA",
    "allow_networks": "ALLOW_NETWORKS",
    "ses_relay": "SES_RELAY",
    "parameters": "--parameter",
}
"""Option → what a person gave it by."""

FIRST_ACCOUNT = "local"


class WrongOption(Exception):
    """A stack with this option would refuse every connection; the text says which option."""


def up(home: Home, options: Options) -> Stack:
    """Start MiniStack, deploy the stack to it, and create an account.

    Where a start failed half-way, what it left running is stopped first.

    Raises:
        EmulatorFailed, DeploymentFailed: `down` stops what is running of it.
    """
    with home.locked():
        stop(home)
        return _start(home, options)


def _start(home: Home, options: Options) -> Stack:
    with step("starting MiniStack"):
        aws = Emulator.start(home.emulator, home.log("ministack"), options.ses_relay)
        home.save_run(Run(aws, options))
        aws.wait_until_ready()
    resources = deployment.deploy(home, aws, options)
    with step("creating an account"):
        account = create_account(FIRST_ACCOUNT, runtime_of_emulator(aws.url))
    stack = Stack(
        endpoint=deployment.endpoint(aws, resources),
        aws_endpoint=aws.url,
        region=emulator.REGION,
        api_key=account.api_key,
        webhook_secret=account.webhook_secret,
        account_id=account.account_id,
        queues=resources.queues,
        functions=resources.functions,
        bucket=resources.bucket,
        table=resources.table,
    )
    home.save_stack(stack)
    return stack


def main() -> None:
    home, options = _arguments()
    try:
        ensure_usable(options)
    except WrongOption as error:
        sys.exit(str(error))
    try:
        stack = home.stack()
    except NotUp:
        stack = _up_or_exit(home, options)
    else:
        _tell_of_stack_that_is_up(home, options)
    print(f"API: {stack.endpoint}/v1   all else: {home.directory / 'stack.json'}")
    env = home.directory / "stack.env"
    print("Next, and on with docs/quickstart.md to a card, a sent message and a detach:")
    print(f"  . {env.relative_to(Path.cwd()) if env.is_relative_to(Path.cwd()) else env}")
    print('  curl -H "Authorization: Bearer $API_KEY" "$API/v1/mailboxes"')
    run = home.run()
    if not (run and run.options.extra_ca):
        print("For a mail server on this machine, type in another terminal: make mailserver")
        print("Then here, with an empty stack:")
        print("  make down")
        print("  make up EXTRA_CA=.local/mailserver.pem ALLOW_NETWORKS=127.0.0.0/8")


def _tell_of_stack_that_is_up(home: Home, options: Options) -> None:
    """Say that options which are given change nothing; exit where the stack has others."""
    run = home.run()
    asked, has = asdict(options), asdict(run.options) if run else {}
    given = [name for name, value in asked.items() if value]
    # Certificates were copied when the stack was made: the file may hold others by now.
    named = " and ".join(_VARIABLES.get(name, name) for name in given)
    if any(asked[name] != has.get(name) for name in given):
        sys.exit(
            "the local stack is up already, with other options."
            f" {named} changed nothing on it: run make down, which deletes its data, then make up"
            " again."
        )
    print("the local stack is up already: make deploy takes changed code to it")
    if given:
        print(
            f"{named} changed nothing on it: where a file has changed, run make down, which deletes"
            " its data, and make up."
        )


def ensure_usable(options: Options) -> None:
    """Try what the functions will make of the options, before anything is started with them.

    Raises:
        WrongOption: one is unusable.
    """
    try:
        NetworkPolicy.make(options.allow_networks)
    except ValueError as error:
        raise WrongOption(
            f"ALLOW_NETWORKS={options.allow_networks}: {error}."
            " Name networks in CIDR notation, separated by commas: 127.0.0.0/8,::1/128"
        ) from error
    if options.extra_ca:
        _ensure_authorities(options.extra_ca)
    relay = _RELAY.fullmatch(options.ses_relay)
    if options.ses_relay and not (relay and 0 < int(relay[1]) < 65536):
        raise WrongOption(
            f"SES_RELAY={options.ses_relay}: name host and port of an SMTP server: 127.0.0.1:2525"
        )


def _ensure_authorities(file: Path) -> None:
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise WrongOption(
            f"EXTRA_CA={file}: {error.strerror}. Name a PEM file that can be read."
        ) from error
    except ValueError:
        text = ""  # certificates in DER, or something else
    try:
        # A text that is empty would be no authority at all, and pass.
        NetworkPolicy.make(extra_authority=text or "none")
    except (ssl.SSLError, TypeError) as error:
        raise WrongOption(
            f"EXTRA_CA={file}: no certificates in PEM (-----BEGIN CERTIFICATE-----), in ASCII."
            " Name a file of authorities' certificates."
        ) from error


def _up_or_exit(home: Home, options: Options) -> Stack:
    try:
        return up(home, options)
    except (EmulatorFailed, DeploymentFailed) as error:
        print(f"see {home.directory / 'logs'}; make down stops what is running", file=sys.stderr)
        sys.exit(str(error))


def _arguments() -> tuple[Home, Options]:
    parser = argparse.ArgumentParser(prog="python -m local.up", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Home.default().directory)
    parser.add_argument("--extra-ca", default="", metavar="PEM")
    parser.add_argument("--allow-networks", default="", metavar="CIDR,CIDR")
    parser.add_argument("--ses-relay", default="", metavar="HOST:PORT")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    extra_ca = Path(arguments.extra_ca).resolve() if arguments.extra_ca else None
    for pair in arguments.parameter:
        if "=" not in pair:
            parser.error(f"argument --parameter: {pair} is not NAME=VALUE")
    parameters = dict(pair.split("=", 1) for pair in arguments.parameter)
    home = Home(arguments.directory.resolve())
    return home, Options(extra_ca, arguments.allow_networks, arguments.ses_relay, parameters)


if __name__ == "__main__":
    main()
