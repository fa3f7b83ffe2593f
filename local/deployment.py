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
    with step("building the functions and their layer"):
        command = ["build", "--build-dir", str(home.build)]
        _sam([*command, "--parameter-overrides", *_overrides(options, aws)], aws, home.log("build"))
    with step("deploying the stack"):
        return deploy_built(home, aws, options, STACK_NAME)


def deploy_built(home: Home, aws: Emulator, options: Options, stack_name: str) -> Resources:
    """Deploy what was built, to a stack that may be one of several in the emulator.

    Raises:
        DeploymentFailed: the template does not deploy.
    """
    s3 = emulator.session().client("s3", endpoint_url=aws.url)
    s3.create_bucket(Bucket=ARTIFACTS)
    command = ["deploy", "--template-file", str(home.build / "template.yaml")]
    command += ["--stack-name", stack_name, "--no-resolve-s3", "--s3-bucket", ARTIFACTS]
    command += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
    command += ["--no-fail-on-empty-changeset", "--no-progressbar"]
    command += ["--parameter-overrides", *_overrides(options, aws)]
    _sam(command, aws, home.log("deploy"))
    cloudformation = emulator.session().client("cloudformation", endpoint_url=aws.url)
    resources = resources_of(cloudformation, stack_name)
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


def _overrides(options: Options, aws: Emulator) -> list[str]:
    """The template's parameters as `sam` is told them."""
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
    parameters |= options.parameters
    return [f"{name}={value}" for name, value in parameters.items()]


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
