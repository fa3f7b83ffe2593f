"""`make provider`: enter an account's OAuth client at Google or Microsoft.

The client's secret is read from the variable CLIENT_SECRET, or asked for.
"""

import argparse
import getpass
import os
import warnings
from pathlib import Path

from commands.command import Command, Deployed, WrongArgument
from commands.provider_file import ProviderFile
from mailmirror.api.decoding import json_value, typed
from mailmirror.domain.problems import Refused
from mailmirror.usecases.operating.register_provider import SignInPlaces, register_provider

_IN_ENDPOINTS = "docs/deploy.md (A domain of your own) says what the file may hold."


def run(arguments: argparse.Namespace, deployed: Deployed) -> None:
    account = deployed.account(arguments.account)
    file = _endpoints(arguments.endpoints)
    places = SignInPlaces.parse(
        arguments.provider, arguments.tenant, deployed.endpoint, file.urls(), file.servers()
    )
    # Asked for last, so that errors in the other arguments are reported before the prompt.
    secret = _client_secret()
    register_provider(account, arguments.client_id, secret, places, deployed.runtime)
    print(f"redirect URI  {places.redirect_uri}")
    print("Register exactly this one at the provider.")


def _endpoints(file: str) -> ProviderFile:
    """What an operator's file says of a provider; without a file nothing."""
    if not file:
        return ProviderFile()
    try:
        return typed(json_value(Path(file).read_bytes()), ProviderFile)
    except OSError as error:
        raise WrongArgument(
            f"ENDPOINTS={file}: {error.strerror}. Name a file that can be read, or leave it out."
        ) from error
    except Refused as refusal:
        raise WrongArgument(f"ENDPOINTS={file}: {refusal}. {_IN_ENDPOINTS}") from refusal


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


COMMAND = Command(
    "provider",
    run,
    ["--account", "--provider", "--client-id"],
    defaults={"--tenant": "common", "--endpoints": ""},
    remedy="Correct PROVIDER, TENANT or the ENDPOINTS file; docs/deploy.md says what they may be.",
)
