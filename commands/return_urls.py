"""`make return_urls`: replace the list of where browsers may be sent after a sign-in.

`URLS=` with nothing behind it empties the list; a URLS that was not named at all is refused.
"""

import argparse

from commands.command import Command, Deployed, WrongArgument
from mailmirror.usecases.operating.accounts import set_return_urls

_REMEDY = "Correct URLS; docs/deploy.md says which they may be."


def run(arguments: argparse.Namespace, deployed: Deployed) -> None:
    account = deployed.account(arguments.account)
    try:
        urls = set_return_urls(account, arguments.urls, deployed.runtime)
    except ValueError as error:  # what no parser of URLs reads, such as https://[
        raise WrongArgument(f"URLS={arguments.urls}: {error}. {_REMEDY}") from error
    print("\n".join(urls) or "the list is empty: browsers are sent nowhere")


COMMAND = Command("return_urls", run, ["--account"], ["--urls"], remedy=_REMEDY)
