"""The operator's commands: accounts and their API keys.

    python -m local.operator account --name NAME
    python -m local.operator key --account ID --name NAME
    python -m local.operator keys --account ID
    python -m local.operator revoke --account ID --key ID
    python -m local.operator provider --account ID --provider google|microsoft --client-id ID
                                      [--tenant ID] [--endpoints FILE]
    python -m local.operator return_urls --account ID --urls URL,URL

`provider` reads the OAuth client's secret from the variable CLIENT_SECRET, or asks for it.

They act on the local stack, or with `--stack NAME` on a CloudFormation stack in AWS, by the
ordinary credentials and region of the shell.
"""

import argparse
import getpass
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import emulator
from local.resources import resources_of
from local.stack import STACK_NAME, Home, NotUp
from mailmirror.domain.mailbox import AccountId, Provider
from mailmirror.domain.problems import Refused
from mailmirror.runtime import Runtime, Settings
from mailmirror.usecases.accounts import (
    add_key,
    create_account,
    list_keys,
    revoke_key,
    set_return_urls,
)
from mailmirror.usecases.register_provider import register_provider


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
        runtime, endpoint = _office_of(arguments.stack, Home(arguments.directory))
        _run(arguments, runtime, endpoint)
    except (NotUp, Refused, BotoCoreError, ClientError) as error:
        sys.exit(str(error))


def _run(arguments: argparse.Namespace, runtime: Runtime, endpoint: str) -> None:
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
        case "provider":
            registered = register_provider(
                AccountId(arguments.account),
                Provider(arguments.provider),
                arguments.client_id,
                os.environ.get("CLIENT_SECRET") or getpass.getpass("client secret: "),
                arguments.tenant,
                endpoint,
                json.loads(Path(arguments.endpoints).read_text()) if arguments.endpoints else {},
                runtime,
            )
            print(f"redirect URI  {registered.redirect_uri}")
            print("Register exactly this one at the provider.")
        case "return_urls":
            urls = set_return_urls(AccountId(arguments.account), arguments.urls, runtime)
            print("\n".join(urls) or "browsers are sent nowhere")
        case "revoke":
            revoke_key(AccountId(arguments.account), arguments.key, runtime)
            print(f"key {arguments.key} is revoked")


def _office_of(stack_name: str, home: Home) -> tuple[Runtime, str]:
    """What the commands run on, and the base URL of the stack's API."""
    if stack_name:
        session = boto3.Session()
        stacks = session.client("cloudformation").describe_stacks(StackName=stack_name)
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stacks["Stacks"][0]["Outputs"]}
        return office(session, stack_name), outputs["Endpoint"]
    stack = home.stack()
    return office_of_emulator(stack.aws_endpoint), stack.endpoint


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
        "provider": ["--account", "--provider", "--client-id"],
        "return_urls": ["--account", "--urls"],
    }.items():
        subcommand = commands.add_parser(command)
        for option in options:
            subcommand.add_argument(option, required=True, type=_not_empty)
        if command == "provider":
            subcommand.add_argument("--tenant", default="common", metavar="ID")
            subcommand.add_argument("--endpoints", default="", metavar="FILE")
    return parser


def _not_empty(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty")
    return text


if __name__ == "__main__":
    main()
