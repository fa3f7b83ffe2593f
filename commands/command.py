"""What a command of the operator's is: a name, options, and what it does to a deployed stack."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from local.stack import Home
from mailmirror.domain.mailbox import AccountId
from mailmirror.runtime import Runtime


class WrongArgument(Exception):
    """What was entered cannot be; the text says which argument, and what to do."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed stack, on this machine or in AWS."""

    runtime: Runtime
    endpoint: str
    """The base URL of its API."""
    home: Home | None = None
    """The folder of a stack on this machine."""

    def account(self, text: str) -> AccountId:
        """Find the account that was entered.

        Raises:
            WrongArgument: there is none.
        """
        account = AccountId(text.strip())
        if self.runtime.accounts.find(account) is None:
            raise WrongArgument(
                f"ACCOUNT={account}: there is no such account here. `make account` printed its id;"
                " a key has it too (mm_<account>_…), and STACK names the stack that it is on."
            )
        return account


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    run: Callable[[argparse.Namespace, Deployed], None]
    """Prints what it did."""
    needs: Sequence[str]
    """The options that it cannot do without, such as `--account`."""
    may_be_empty: Sequence[str] = ()
    """Options that it cannot do without either, and that may be an empty text."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Option → its value where it is not given."""
    remedy: str = ""
    """What to do where the use case refuses: its own remedies speak to users of the API."""

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        for option in self.needs:
            parser.add_argument(option, required=True)
        for option in self.may_be_empty:
            parser.add_argument(option)
        for option, default in self.defaults.items():
            parser.add_argument(option, default=default)

    def ensure_given(self, arguments: argparse.Namespace) -> None:
        """Look for empty texts: `make` passes a variable that was not named as one.

        Raises:
            WrongArgument: an option that is needed was not given.
        """
        given = vars(arguments)
        needed = [variable(option) for option in self.needs]
        named = [variable(option) for option in self.may_be_empty]
        missing = [name for name in needed if not given[name.lower()].strip()]
        missing += [name for name in named if given[name.lower()] is None]
        if missing:
            whole = " ".join(f"{name}=…" for name in [*needed, *named])
            raise WrongArgument(f"{', '.join(missing)} not given: run make {self.name} {whole}")


def variable(option: str) -> str:
    """The variable of `make` that an option is passed by: `--client-id` is CLIENT_ID."""
    return option.removeprefix("--").replace("-", "_").upper()
