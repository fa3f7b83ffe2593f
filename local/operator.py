"""The operator's commands: accounts, their API keys and their OAuth clients.

    python -m local.operator account --name NAME
    python -m local.operator key --account ID --name NAME
    python -m local.operator keys --account ID
    python -m local.operator revoke --account ID --key ID
    python -m local.operator provider --account ID --provider google|microsoft --client-id ID
                                      [--tenant ID] [--endpoints FILE]
    python -m local.operator return_urls --account ID --urls URL,URL

`provider` reads the OAuth client's secret from the variable CLIENT_SECRET, or asks for it.

`revoke` takes a key's id, or the whole key. By `make` each option is a variable: `--client-id` is
CLIENT_ID.

They act on the local stack, or with `--stack NAME` on a CloudFormation stack in AWS, by the
ordinary credentials and region of the shell.
"""

import argparse
import getpass
import json
import os
import sys
import warnings
from collections.abc import Mapping
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
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.runtime import Runtime, Settings
from mailmirror.usecases.operating.accounts import (
    add_key,
    create_account,
    list_keys,
    revoke_key,
    set_codes_mailbox,
    set_return_urls,
)
from mailmirror.usecases.operating.register_provider import SignInPlaces, register_provider

_NEEDED = {
    "account": ["--name"],
    "key": ["--account", "--name"],
    "keys": ["--account"],
    "revoke": ["--account", "--key"],
    "provider": ["--account", "--provider", "--client-id"],
    "return_urls": ["--account", "--urls"],
    "codes_mailbox": ["--account", "--mailbox"],
}
"""The options that each command cannot do without."""

_REMEDIES = {
    "provider": "Correct PROVIDER, TENANT or the ENDPOINTS file; docs/deploy.md says what they"
    " may be.",
    "return_urls": "Correct URLS; docs/deploy.md says which they may be.",
    "codes_mailbox": "`GET /v1/mailboxes` lists the account's mailboxes, with their ids.",
    "revoke": "`make keys ACCOUNT=…` lists the account's keys.",
}
"""What to do where a use case refuses: its own remedies speak to users of the API."""

_IN_ENDPOINTS = "docs/deploy.md (A domain of your own) says what the file may hold."


class WrongArgument(Exception):
    """What was entered cannot be; the text says which argument, and what to do."""


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
        _ensure_none_is_empty(arguments)
        runtime, endpoint = _office_of(arguments.stack, Home(arguments.directory))
        _run(arguments, runtime, endpoint)
    except Refused as refusal:
        remedy = _REMEDIES.get(arguments.command, PROBLEMS[refusal.code][Language.EN].remedy)
        sys.exit(f"{refusal}. {remedy}")
    except (NotUp, WrongArgument, BotoCoreError, ClientError) as error:
        sys.exit(str(error))


def _run(arguments: argparse.Namespace, runtime: Runtime, endpoint: str) -> None:
    if arguments.command == "account":
        new = create_account(arguments.name, runtime)
        print(f"account         {new.account_id}")
        print(f"API key         {new.api_key}")
        print(f"webhook secret  {new.webhook_secret}")
        print("Neither is shown again.")
    else:
        _run_on(_account(arguments.account, runtime), arguments, runtime, endpoint)


def _run_on(
    account: AccountId, arguments: argparse.Namespace, runtime: Runtime, endpoint: str
) -> None:
    match arguments.command:
        case "key":
            print(f"API key  {add_key(account, arguments.name, runtime)}")
            print("It is not shown again.")
        case "keys":
            for key in list_keys(account, runtime):
                ended = f"revoked {key.revoked_at}" if key.revoked_at else "in use"
                print(f"{key.id}  {key.name}  created {key.created_at}  {ended}")
        case "provider":
            others = _endpoints(arguments.endpoints)
            places = SignInPlaces.parse(arguments.provider, arguments.tenant, endpoint, others)
            # Asked for last: nobody enters a secret to be told that something else is wrong.
            secret = _client_secret()
            register_provider(account, arguments.client_id, secret, places, runtime)
            print(f"redirect URI  {places.redirect_uri}")
            print("Register exactly this one at the provider.")
        case "return_urls":
            urls = _return_urls(account, arguments.urls, runtime)
            print("\n".join(urls) or "browsers are sent nowhere")
        case "codes_mailbox":
            address = set_codes_mailbox(account, arguments.mailbox, runtime)
            print(f"codes are sent from {address}")
        case "revoke":
            key_id = _key_id(account, arguments.key)
            revoke_key(account, key_id, runtime)
            print(f"key {key_id} is revoked")


def _account(text: str, runtime: Runtime) -> AccountId:
    account = AccountId(text.strip())
    if runtime.accounts.find(account) is None:
        raise WrongArgument(
            f"ACCOUNT={account}: there is no such account here. `make account` printed its id;"
            " a key has it too (mm_<account>_…), and STACK names the stack that it is on."
        )
    return account


def _return_urls(account: AccountId, urls: str, runtime: Runtime) -> list[str]:
    try:
        return set_return_urls(account, urls, runtime)
    except ValueError as error:  # what no parser of URLs reads, such as https://[
        raise WrongArgument(f"URLS={urls}: {error}. {_REMEDIES['return_urls']}") from error


def _key_id(account: AccountId, text: str) -> str:
    """The id of a key, from itself or the whole key, whose secret is told to nobody."""
    match text.strip().split("_", 3):
        case [key_id]:
            return key_id
        case ["mm", owner, key_id, _] if owner == account:
            return key_id
        case ["mm", owner, _, _]:
            raise WrongArgument(f"KEY is one of the account {owner}: name that by ACCOUNT={owner}.")
    raise WrongArgument(
        "KEY is neither a key's id nor a whole key (mm_<account>_<id>_<secret>)."
        f" {_REMEDIES['revoke']}"
    )


def _endpoints(file: str) -> Mapping[str, object]:
    """What an operator's file says of a provider; without a file nothing."""
    if not file:
        return {}
    try:
        found = json.loads(Path(file).read_text("utf-8"))
    except OSError as error:
        raise WrongArgument(
            f"ENDPOINTS={file}: {error.strerror}. Name a file that can be read, or leave it out."
        ) from error
    except (ValueError, RecursionError) as error:
        raise WrongArgument(f"ENDPOINTS={file}: no JSON ({error}). {_IN_ENDPOINTS}") from error
    if not isinstance(found, dict):
        raise WrongArgument(f"ENDPOINTS={file}: no JSON object. {_IN_ENDPOINTS}")
    return found


def _client_secret() -> str:
    try:
        with warnings.catch_warnings():
            # Raised where there is no terminal that could be kept from showing it.
            warnings.simplefilter("error", getpass.GetPassWarning)
            secret = os.environ.get("CLIENT_SECRET") or getpass.getpass("client secret: ")
    except (getpass.GetPassWarning, EOFError) as error:
        raise WrongArgument(
            "CLIENT_SECRET is not set, and there is no terminal to ask for it:"
            " run CLIENT_SECRET=… make provider …"
        ) from error
    if not secret.strip():
        raise WrongArgument("CLIENT_SECRET is empty. Enter the client's secret.")
    return secret


def _office_of(stack_name: str, home: Home) -> tuple[Runtime, str]:
    """What the commands run on, and the base URL of the stack's API."""
    if not stack_name:
        stack = home.stack()
        return office_of_emulator(stack.aws_endpoint), stack.endpoint
    session = boto3.Session()
    stacks = session.client("cloudformation").describe_stacks(StackName=stack_name)
    outputs = {
        one["OutputKey"]: one["OutputValue"] for one in stacks["Stacks"][0].get("Outputs", [])
    }
    try:
        return office(session, stack_name), outputs["Endpoint"]
    except (KeyError, ValueError) as error:
        raise WrongArgument(
            f"STACK={stack_name}: no stack of Mailmirror's, or not deployed to its end."
            " `sam list stack-outputs` shows what it has."
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.operator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", default="", metavar="NAME")
    parser.add_argument("--directory", type=Path, default=Home.default().directory)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, options in _NEEDED.items():
        subcommand = commands.add_parser(command)
        for option in options:
            subcommand.add_argument(option, required=True)
        if command == "provider":
            subcommand.add_argument("--tenant", default="common", metavar="ID")
            subcommand.add_argument("--endpoints", default="", metavar="FILE")
    return parser


def _ensure_none_is_empty(arguments: argparse.Namespace) -> None:
    """`make` passes a variable that was not named as an empty text."""
    needed = [_variable(option) for option in _NEEDED[arguments.command]]
    empty = [name for name in needed if not getattr(arguments, name.lower()).strip()]
    if empty:
        whole = " ".join(f"{name}=…" for name in needed)
        raise WrongArgument(f"{', '.join(empty)} not given: run make {arguments.command} {whole}")


def _variable(option: str) -> str:
    """The variable of `make` that an option is passed by."""
    return option.removeprefix("--").replace("-", "_").upper()


if __name__ == "__main__":
    main()
