"""`make revoke`: revoke an API key, named by its id or as a whole."""

import argparse

from commands.command import Command, Deployed, WrongArgument
from mailmirror.domain.mailbox import AccountId
from mailmirror.usecases.operating.accounts import revoke_key

_REMEDY = "`make keys ACCOUNT=…` lists the account's keys."


def run(arguments: argparse.Namespace, deployed: Deployed) -> None:
    account = deployed.account(arguments.account)
    key_id = _key_id(account, arguments.key)
    revoke_key(account, key_id, deployed.runtime)
    print(f"key {key_id} is revoked")


def _key_id(account: AccountId, text: str) -> str:
    """The id in `text`, which is a key's id or the whole key; the secret is not printed."""
    match text.strip().split("_", 3):
        case [key_id]:
            return key_id
        case ["mm", owner, key_id, _] if owner == account:
            return key_id
        case ["mm", owner, _, _]:
            raise WrongArgument(f"KEY is one of the account {owner}: name that by ACCOUNT={owner}.")
    raise WrongArgument(
        f"KEY is neither a key's id nor a whole key (mm_<account>_<id>_<secret>). {_REMEDY}"
    )


COMMAND = Command("revoke", run, ["--account", "--key"], remedy=_REMEDY)
