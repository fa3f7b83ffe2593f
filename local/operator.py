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
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from mailmirror.store.accounts import Accounts
from mailmirror.usecases.accounts import add_key, create_account, list_keys, revoke_key

from local import emulator
from local.resources import resources_of
from local.stack import Home, NotUp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def accounts_of(dynamodb: "DynamoDBClient", table: str) -> Accounts:
    return Accounts(dynamodb, table)


def main() -> None:
    arguments = _parser().parse_args()
    try:
        accounts = _accounts(arguments.stack, Home(arguments.directory))
    except NotUp as error:
        sys.exit(str(error))
    now = datetime.now(UTC)
    match arguments.command:
        case "account":
            account = create_account(accounts, arguments.name, now)
            print(f"account         {account.account_id}")
            print(f"API key         {account.api_key}")
            print(f"webhook secret  {account.webhook_secret}")
            print("Neither is shown again.")
        case "key":
            key = add_key(accounts, arguments.account, arguments.name, now)
            print(f"key      {key.key_id}")
            print(f"API key  {key.api_key}")
            print("It is not shown again.")
        case "keys":
            for key in list_keys(accounts, arguments.account):
                revoked = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "in use"
                print(
                    f"{key.key_id}  {key.name}  created {key.created_at:%Y-%m-%d %H:%M}  {revoked}"
                )
        case "revoke":
            revoke_key(accounts, arguments.account, arguments.key, now)
            print(f"key {arguments.key} is revoked")


def _accounts(stack_name: str, home: Home) -> Accounts:
    """The accounts of the CloudFormation stack of that name, else of the local stack."""
    if stack_name:
        session = boto3.Session()
        table = resources_of(session.client("cloudformation"), stack_name).table
        return accounts_of(session.client("dynamodb"), table)
    stack = home.stack()
    dynamodb = emulator.session().client("dynamodb", endpoint_url=stack.aws_endpoint)
    return accounts_of(dynamodb, stack.table)


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
