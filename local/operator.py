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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import emulator
from local.resources import resources_of
from local.stack import STACK_NAME, Home, NotUp
from mailmirror.domain.mailbox import AccountId
from mailmirror.store.accounts import Accounts
from mailmirror.store.table import ConditionFailed, Table
from mailmirror.store.vault import Vault
from mailmirror.usecases.accounts import (
    NewAccount,
    add_key,
    create_account,
    list_keys,
    revoke_key,
)


@dataclass(frozen=True, slots=True)
class Office:
    """What the operator's commands work with, of one deployed stack."""

    accounts: Accounts
    vault: Vault

    @classmethod
    def of_stack(cls, session: boto3.Session, stack_name: str, url: str | None = None) -> Self:
        """The office of a CloudFormation stack, in AWS or in the emulator at `url`."""
        cloudformation = session.client("cloudformation", endpoint_url=url)
        resources = resources_of(cloudformation, stack_name)
        table = Table(session.client("dynamodb", endpoint_url=url), resources.table)
        vault = Vault(session.client("kms", endpoint_url=url), resources.key)
        return cls(Accounts(table), vault)

    @classmethod
    def of_emulator(cls, url: str) -> Self:
        return cls.of_stack(emulator.session(), STACK_NAME, url)

    def create_account(self, name: str) -> NewAccount:
        return create_account(self.accounts, self.vault, name, datetime.now(UTC))


def main() -> None:
    arguments = _parser().parse_args()
    try:
        office = _office(arguments.stack, Home(arguments.directory))
    except (NotUp, BotoCoreError, ClientError) as error:
        sys.exit(str(error))
    now = datetime.now(UTC)
    match arguments.command:
        case "account":
            new = office.create_account(arguments.name)
            print(f"account         {new.account_id}")
            print(f"API key         {new.api_key}")
            print(f"webhook secret  {new.webhook_secret}")
            print("Neither is shown again.")
        case "key":
            text = add_key(office.accounts, AccountId(arguments.account), arguments.name, now)
            print(f"API key  {text}")
            print("It is not shown again.")
        case "keys":
            for key in list_keys(office.accounts, AccountId(arguments.account)):
                ended = f"revoked {key.revoked_at}" if key.revoked_at else "in use"
                print(f"{key.id}  {key.name}  created {key.created_at}  {ended}")
        case "revoke":
            try:
                revoke_key(office.accounts, AccountId(arguments.account), arguments.key, now)
            except ConditionFailed:
                sys.exit("the account has no such key")
            print(f"key {arguments.key} is revoked")


def _office(stack_name: str, home: Home) -> Office:
    if stack_name:
        return Office.of_stack(boto3.Session(), stack_name)
    return Office.of_emulator(home.stack().aws_endpoint)


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
