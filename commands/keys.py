"""`make keys`: list an account's API keys, without their secrets."""

import argparse

from commands.command import Command, Deployed
from mailmirror.usecases.operating.accounts import list_keys


def run(arguments: argparse.Namespace, deployed: Deployed) -> None:
    for key in list_keys(deployed.account(arguments.account), deployed.runtime):
        ended = f"revoked {key.revoked_at}" if key.revoked_at else "in use"
        print(f"{key.id}  {key.name}  created {key.created_at}  {ended}")


COMMAND = Command("keys", run, ["--account"])
