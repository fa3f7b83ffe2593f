"""Start the local stack and leave it running.

    python -m local.up [--extra-ca PEM] [--allow-networks CIDR,CIDR] [--ses-relay HOST:PORT]
                       [--parameter NAME=VALUE]

Two stacks of one checkout can be up at once in two directories (`--directory`).
"""

import argparse
import sys
from pathlib import Path

from local import deployment, emulator
from local.deployment import DeploymentFailed
from local.down import stop
from local.emulator import Emulator, EmulatorFailed
from local.operator import office_of_emulator
from local.stack import Home, NotUp, Options, Run, Stack
from local.steps import step
from mailmirror.usecases.accounts import create_account

FIRST_ACCOUNT = "local"


def up(home: Home, options: Options) -> Stack:
    """Start MiniStack, deploy the stack to it, and create an account.

    Where a start failed half-way, what it left running is stopped first.

    Raises:
        EmulatorFailed, DeploymentFailed: `down` stops what is running of it.
    """
    with home.locked():
        stop(home)
        return _start(home, options)


def _start(home: Home, options: Options) -> Stack:
    with step("starting MiniStack"):
        aws = Emulator.start(home.emulator, home.log("ministack"), options.ses_relay)
        home.save_run(Run(aws, options))
        aws.wait_until_ready()
    resources = deployment.deploy(home, aws, options)
    with step("creating an account"):
        account = create_account(FIRST_ACCOUNT, office_of_emulator(aws.url))
    stack = Stack(
        endpoint=deployment.endpoint(aws, resources),
        aws_endpoint=aws.url,
        region=emulator.REGION,
        api_key=account.api_key,
        webhook_secret=account.webhook_secret,
        account_id=account.account_id,
        queues=resources.queues,
        functions=resources.functions,
        bucket=resources.bucket,
        table=resources.table,
    )
    home.save_stack(stack)
    return stack


def main() -> None:
    home, options = _arguments()
    try:
        stack = home.stack()
    except NotUp:
        stack = _up_or_exit(home, options)
    else:
        run = home.run()
        if options != Options() and run and options != run.options:
            sys.exit("a local stack is up with other options: make down stops it")
        print("the local stack is up already: make deploy takes changed code to it")
    print(f"API: {stack.endpoint}/v1   all else: {home.directory / 'stack.json'}")


def _up_or_exit(home: Home, options: Options) -> Stack:
    try:
        return up(home, options)
    except (EmulatorFailed, DeploymentFailed) as error:
        print(f"see {home.directory / 'logs'}; make down stops what is running", file=sys.stderr)
        sys.exit(str(error))


def _arguments() -> tuple[Home, Options]:
    parser = argparse.ArgumentParser(prog="python -m local.up", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Home.default().directory)
    parser.add_argument("--extra-ca", default="", metavar="PEM")
    parser.add_argument("--allow-networks", default="", metavar="CIDR,CIDR")
    parser.add_argument("--ses-relay", default="", metavar="HOST:PORT")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    extra_ca = Path(arguments.extra_ca).resolve() if arguments.extra_ca else None
    if extra_ca and not extra_ca.is_file():
        parser.error(f"there is no file {extra_ca}")
    parameters = dict(pair.split("=", 1) for pair in arguments.parameter)
    home = Home(arguments.directory.resolve())
    return home, Options(extra_ca, arguments.allow_networks, arguments.ses_relay, parameters)


if __name__ == "__main__":
    main()
