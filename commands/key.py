"""`make key`: create another API key of an account, and print it, once."""

import argparse

from commands.command import Command, Deployed
from mailmirror.usecases.operating.accounts import add_key


def run(arguments: argparse.Namespace, deployed: Deployed) -> None:
    account = deployed.account(arguments.account)
    print(f"API key  {add_key(account, arguments.name, deployed.runtime)}")
    print("It is not shown again.")


COMMAND = Command("key", run, ["--account", "--name"])
