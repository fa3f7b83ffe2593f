"""`make account`: create an account, and print its key and secret, once."""

import argparse

from commands.command import Command, Deployed
from mailmirror.usecases.operating.accounts import create_account


def run(arguments: argparse.Namespace, deployed: Deployed) -> None:
    new = create_account(arguments.name, deployed.runtime)
    print(f"account         {new.account_id}")
    print(f"API key         {new.api_key}")
    print(f"webhook secret  {new.webhook_secret}")
    print("Neither is shown again.")


COMMAND = Command("account", run, ["--name"])
