"""`make webhook_secret`: replace an account's webhook secret, and print the new one, once."""

import argparse

from commands.command import Command, Deployed, WrongArgument
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.operating.accounts import replace_webhook_secret


def run(arguments: argparse.Namespace, deployed: Deployed) -> None:
    account = deployed.account(arguments.account)
    try:
        secret = replace_webhook_secret(account, deployed.runtime)
    except ConditionFailed as error:
        raise WrongArgument("another command has just replaced it: run this again") from error
    print(f"webhook secret  {secret}")
    print("It is not shown again. The one before is valid for a day: enter the new one by then.")
    if deployed.home and deployed.home.keep_webhook_secret(account, secret):
        print(f"It is in {deployed.home.directory / 'stack.env'}: read that file again.")


COMMAND = Command("webhook_secret", run, ["--account"])
