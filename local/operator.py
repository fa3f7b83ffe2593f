"""The operator's commands: accounts and their API keys.

    python -m local.operator account --name NAME
    python -m local.operator key --account ID --name NAME
    python -m local.operator keys --account ID
    python -m local.operator revoke --account ID --key ID

They act on the local stack, or with `--stack NAME` on a CloudFormation stack in AWS, by the
ordinary credentials and region of the shell.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import emulator
from local.resources import resources_of
from local.stack import STACK_NAME, Home, NotUp
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Refused
from mailmirror.runtime import Runtime, Settings
from mailmirror.usecases.accounts import add_key, create_account, list_keys, revoke_key


def office(session: boto3.Session, stack_name: str, url: str | None = None) -> Runtime:
    """What the operator's commands run on: a deployed stack's table and key, seen from outside.

    Parameters:
        session: whose credentials and region count.
        stack_name: the CloudFormation stack.
        url: where the emulator is; None for AWS.
    """

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=url)  # type: ignore[call-overload]

    resources = resources_of(client("cloudformation"), stack_name)
    settings = replace(Settings.from_environment(), table=resources.table, key_id=resources.key)
    return Runtime(settings, client)


def office_of_emulator(url: str) -> Runtime:
    return office(emulator.session(), STACK_NAME, url)


def main() -> None:
    arguments = _parser().parse_args()
    try:
        _run(arguments, _office_of(arguments.stack, Home(arguments.directory)))
    except (NotUp, Refused, BotoCoreError, ClientError) as error:
        sys.exit(str(error))


def _run(arguments: argparse.Namespace, runtime: Runtime) -> None:
    match arguments.command:
        case "account":
            new = create_account(arguments.name, runtime)
            print(f"account         {new.account_id}")
            print(f"API key         {new.api_key}")
            print(f"webhook secret  {new.webhook_secret}")
            print("Neither is shown again.")
        case "key":
            print(f"API key  {add_key(AccountId(arguments.account), arguments.name, runtime)}")
            print("It is not shown again.")
        case "keys":
            for key in list_keys(AccountId(arguments.account), runtime):
                ended = f"revoked {key.revoked_at}" if key.revoked_at else "in use"
                print(f"{key.id}  {key.name}  created {key.created_at}  {ended}")
        case "revoke":
            revoke_key(AccountId(arguments.account), arguments.key, runtime)
            print(f"key {arguments.key} is revoked")


def _office_of(stack_name: str, home: Home) -> Runtime:
    if stack_name:
        return office(boto3.Session(), stack_name)
    return office_of_emulator(home.stack().aws_endpoint)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.operator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", default="", metavar="NAME")
    parser.add_argument("--directory", type=Path, default=Home.default().directory)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, options in {
        "account": ["--name"],
        "key": ["--account", "--name"],
        "keys": ["--account"],
        "revoke": ["--account", "--key"],
    }.items():
        subcommand = commands.add_parser(command)
        for option in options:
            subcommand.add_argument(option, required=True, type=_not_empty)
    return parser


def _not_empty(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty")
    return text


if __name__ == "__main__":
    main()
