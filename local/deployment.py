"""Build `template.yaml` and deploy it to the emulator, with the SAM CLI as for real AWS."""

import platform
import subprocess
from pathlib import Path

from local import emulator, environments
from local.emulator import Emulator
from local.resources import Resources, resources_of
from local.sam import SAM, sam_environment
from local.stack import STACK_NAME, Home, Options
from local.steps import step

EXTRA_CA_OBJECT = "config/extra-ca.pem"
ARTIFACTS = "deployment-artifacts"
"""The emulator's bucket for packages, as SAM's managed bucket is AWS's."""


class DeploymentFailed(Exception):
    """The SAM CLI failed; the message holds the end of what it said."""


def deploy(home: Home, aws: Emulator, options: Options) -> Resources:
    """Build and deploy the stack, or deploy again what has changed of it.

    Raises:
        DeploymentFailed: the template does not build or does not deploy.
    """
    overrides = [f"{name}={value}" for name, value in _parameters(options, aws).items()]
    with step("building the functions and their layer"):
        command = ["build", "--build-dir", str(home.build), "--parameter-overrides", *overrides]
        _sam(command, aws, home.log("build"))
    with step("deploying the stack"):
        s3 = emulator.session().client("s3", endpoint_url=aws.url)
        s3.create_bucket(Bucket=ARTIFACTS)
        command = ["deploy", "--template-file", str(home.build / "template.yaml")]
        command += ["--stack-name", STACK_NAME, "--s3-bucket", ARTIFACTS]
        command += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
        command += ["--no-fail-on-empty-changeset", "--no-progressbar"]
        _sam([*command, "--parameter-overrides", *overrides], aws, home.log("deploy"))
        cloudformation = emulator.session().client("cloudformation", endpoint_url=aws.url)
        resources = resources_of(cloudformation, STACK_NAME)
        if options.extra_ca:
            pem = options.extra_ca.read_bytes()
            s3.put_object(Bucket=resources.bucket, Key=EXTRA_CA_OBJECT, Body=pem)
    return resources


def endpoint(aws: Emulator, resources: Resources) -> str:
    """The base URL of the stack's API: the emulator serves every API on its one port."""
    return f"{aws.url}/restapis/{resources.api}/{resources.stage}/_user_request_"


def architecture() -> str:
    """This machine's, as Lambda names it."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def _parameters(options: Options, aws: Emulator) -> dict[str, str]:
    parameters = {
        "Architecture": architecture(),
        "BucketRequiresTls": "no",  # the emulator speaks plain HTTP
        "NotificationsSigned": "no",  # and cannot sign
        "SesSending": "yes",
        "SesEndpoint": aws.ses_url,
    }
    if options.allow_networks:
        parameters["AllowedNetworks"] = options.allow_networks
    if options.extra_ca:
        parameters["ExtraCaObject"] = EXTRA_CA_OBJECT
    return parameters | options.parameters


def _sam(arguments: list[str], aws: Emulator, log: Path) -> None:
    with log.open("w") as output:
        status = subprocess.run(
            [str(SAM), *arguments],
            cwd=environments.ROOT,
            env=sam_environment(aws.url),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ).returncode
    if status:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        raise DeploymentFailed(f"sam {arguments[0]} failed; the end of {log}:\n{end}")
