"""Take a table, a bucket and a key that a deleted stack has left into a new stack.

    python -m commands.adopt --stack NAME --table NAME --bucket NAME --key ID

CloudFormation imports resources into a new stack by a template of these resources alone; `sam
deploy` with the same stack name then adds all else. Acts in AWS by the ordinary credentials and
region of the shell. Nothing of the three is changed.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from local.template import template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_IDENTIFIERS = {"Table": "TableName", "Bucket": "BucketName", "Key": "KeyId"}
"""Logical id → by which property CloudFormation finds the resource."""
_CHANGE_SET = "adopt"
_WAIT: Any = {"Delay": 2, "MaxAttempts": 300}


class NotAdopted(Exception):
    """CloudFormation has not taken them; the text says why, and nothing has changed."""


@dataclass(frozen=True, slots=True)
class LeftResources:
    """What a deleted stack has left: its outputs TableName, BucketName and KeyArn."""

    table: str
    bucket: str
    key: str
    """Id or ARN."""

    def identifiers(self) -> dict[str, dict[str, str]]:
        """Logical id → what CloudFormation finds the resource by."""
        values = {"Table": self.table, "Bucket": self.bucket, "Key": self.key.rpartition("/")[2]}
        return {name: {_IDENTIFIERS[name]: value} for name, value in values.items()}


def adopt(cloudformation: "CloudFormationClient", stack: str, kept: LeftResources) -> None:
    """Make a stack of the three resources, each as the template has it.

    Raises:
        NotAdopted: there is such a stack already, or a resource is not there, or is of a stack.
    """
    resources = {name: template()["Resources"][name] for name in _IDENTIFIERS}
    wanted: list[Any] = [
        {
            "ResourceType": resources[name]["Type"],
            "LogicalResourceId": name,
            "ResourceIdentifier": identifier,
        }
        for name, identifier in kept.identifiers().items()
    ]
    body = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    _ensure_new(cloudformation, stack)
    created = cloudformation.get_waiter("change_set_create_complete")
    imported = cloudformation.get_waiter("stack_import_complete")
    try:
        cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=_CHANGE_SET,
            ChangeSetType="IMPORT",
            ResourcesToImport=wanted,
            TemplateBody=json.dumps(body),
        )
        created.wait(StackName=stack, ChangeSetName=_CHANGE_SET, WaiterConfig=_WAIT)
        cloudformation.execute_change_set(StackName=stack, ChangeSetName=_CHANGE_SET)
        imported.wait(StackName=stack, WaiterConfig=_WAIT)
    except (ClientError, WaiterError) as error:
        reason = _reason(cloudformation, stack)
        _take_back(cloudformation, stack)
        raise NotAdopted(
            f"CloudFormation did not take them: {reason or error}. TABLE={kept.table},"
            f" BUCKET={kept.bucket} and KEY={kept.key} must be there, and of no stack any more."
        ) from error


def _ensure_new(cloudformation: "CloudFormationClient", stack: str) -> None:
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError:
        return  # that is how CloudFormation says that there is none
    if found[0]["StackStatus"] != "REVIEW_IN_PROGRESS":
        raise NotAdopted(f"STACK={stack}: there is a stack of this name. Name another.")


def _reason(cloudformation: "CloudFormationClient", stack: str) -> str:
    """What CloudFormation says of the change set that has failed."""
    try:
        found = cloudformation.describe_change_set(StackName=stack, ChangeSetName=_CHANGE_SET)
    except ClientError:
        return ""
    return found.get("StatusReason", "")


def _take_back(cloudformation: "CloudFormationClient", stack: str) -> None:
    """Delete what a failed import leaves: a stack without resources."""
    try:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if status in ("REVIEW_IN_PROGRESS", "IMPORT_ROLLBACK_COMPLETE"):
            cloudformation.delete_stack(StackName=stack)
    except ClientError:
        return


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.adopt", description=__doc__)
    for option in ("--stack", "--table", "--bucket", "--key"):
        parser.add_argument(option, required=True)
    arguments = parser.parse_args()
    empty = [name.upper() for name, value in vars(arguments).items() if not value.strip()]
    if empty:
        whole = "make adopt STACK=… TABLE=… BUCKET=… KEY=…"
        sys.exit(f"{', '.join(empty)} not given: run {whole}")
    kept = LeftResources(arguments.table, arguments.bucket, arguments.key)
    try:
        adopt(boto3.client("cloudformation"), arguments.stack, kept)
    except (NotAdopted, BotoCoreError) as error:
        sys.exit(str(error))
    print(f"{arguments.stack} has the table, the bucket and the key.")
    print("Deploy the rest with the same stack name: sam build && sam deploy")


if __name__ == "__main__":
    main()
