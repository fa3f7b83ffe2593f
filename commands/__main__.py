"""Run one of the operator's commands on a deployed stack.

    python -m commands [--stack NAME] COMMAND [options]

It acts on the local stack, or with `--stack NAME` on a CloudFormation stack in AWS, by the ordinary
credentials and region of the shell. `make` passes each option as a variable: `--client-id` is
CLIENT_ID.
"""

import argparse
import sys
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from commands import (
    account,
    codes_mailbox,
    key,
    keys,
    provider,
    return_urls,
    revoke,
    webhook_secret,
)
from commands.command import Command, Deployed, WrongArgument
from local.deployed import runtime_of_emulator, runtime_of_stack
from local.stack import Home, NotUp
from mailmirror.domain.problems import Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS

COMMANDS: dict[str, Command] = {
    module.COMMAND.name: module.COMMAND
    for module in (
        account,
        codes_mailbox,
        key,
        keys,
        provider,
        return_urls,
        revoke,
        webhook_secret,
    )
}


def main() -> None:
    arguments = _parser().parse_args()
    command = COMMANDS[arguments.command]
    try:
        command.ensure_given(arguments)
        command.run(arguments, _deployed(arguments.stack, Home(arguments.directory)))
    except Refused as refusal:
        sys.exit(f"{refusal}. {command.remedy or PROBLEMS[refusal.code][Language.EN].remedy}")
    except (NotUp, WrongArgument, BotoCoreError, ClientError) as error:
        sys.exit(str(error))


def _deployed(stack_name: str, home: Home) -> Deployed:
    if not stack_name:
        stack = home.stack()
        return Deployed(runtime_of_emulator(stack.aws_endpoint), stack.endpoint, home)
    session = boto3.Session()
    stacks = session.client("cloudformation").describe_stacks(StackName=stack_name)
    outputs = {
        one["OutputKey"]: one["OutputValue"] for one in stacks["Stacks"][0].get("Outputs", [])
    }
    try:
        return Deployed(runtime_of_stack(session, stack_name), outputs["Endpoint"])
    except (KeyError, ValueError) as error:
        raise WrongArgument(
            f"STACK={stack_name}: no stack of Mailmirror's, or not deployed to its end."
            " `sam list stack-outputs` shows what it has."
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m commands",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", default="", metavar="NAME")
    parser.add_argument("--directory", type=Path, default=Home.default().directory)
    subcommands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS.values():
        command.add_to(subcommands.add_parser(command.name))
    return parser


if __name__ == "__main__":
    main()
