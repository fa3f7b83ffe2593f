"""Take changed code and template to the local stack that is up; its data and account stay.

python -m local.redeploy
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from local import deployment
from local.deployment import DeploymentFailed
from local.stack import Home, NotUp, Stack


def redeploy(home: Home) -> Stack:
    """Deploy again with the options that the stack was started with.

    Raises:
        NotUp: there is no stack to deploy to.
        DeploymentFailed: the stack is as it was, save where the emulator could not take it back.
    """
    stack, run = home.stack(), home.run()
    if run is None:
        raise NotUp
    resources = deployment.deploy(home, run.emulator, run.options)
    stack = replace(
        stack,
        endpoint=deployment.endpoint(run.emulator, resources),
        queues=resources.queues,
        functions=resources.functions,
        bucket=resources.bucket,
        table=resources.table,
    )
    home.save_stack(stack)
    return stack


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.redeploy", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Home.default().directory)
    try:
        redeploy(Home(parser.parse_args().directory))
    except (NotUp, DeploymentFailed) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
