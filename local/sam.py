"""The SAM CLI, run against the emulator and nothing else."""

import os

from local import emulator, environments

SAM = environments.executable("sam", "sam")


def sam_environment(aws_url: str) -> dict[str, str]:
    """The environment of a `sam` that speaks to the emulator at `aws_url`.

    Nothing of the user's AWS or Python configuration reaches the emulated AWS.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "SAM_CLI_", "PYTHON")) and name != "VIRTUAL_ENV"
    }
    return (
        inherited
        | emulator.CREDENTIALS
        | {
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_DEFAULT_REGION": emulator.REGION,
            "PATH": f"{SAM.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "SAM_CLI_POLL_DELAY": "0.2",  # seconds; 5 by default, out of regard for AWS
            "SAM_CLI_TELEMETRY": "0",
        }
    )
