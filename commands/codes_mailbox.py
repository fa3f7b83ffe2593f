"""`make codes_mailbox`: name the mailbox that sends the codes which prove addresses."""

import argparse

from commands.command import Command, Deployed
from mailmirror.usecases.operating.accounts import set_codes_mailbox


def run(arguments: argparse.Namespace, deployed: Deployed) -> None:
    account = deployed.account(arguments.account)
    address = set_codes_mailbox(account, arguments.mailbox, deployed.runtime)
    print(f"codes are sent from {address}")


COMMAND = Command(
    "codes_mailbox",
    run,
    ["--account", "--mailbox"],
    remedy="`GET /v1/mailboxes` lists the account's mailboxes, with their ids.",
)
