"""What a deployed stack consists of, by the names that AWS gave it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True, slots=True)
class Resources:
    api: str
    stage: str
    table: str
    bucket: str
    key: str
    """The KMS key's id."""
    queues: dict[str, str]
    """Logical id → URL."""
    functions: dict[str, str]
    """Logical id → name."""


def resources_of(cloudformation: "CloudFormationClient", stack_name: str) -> Resources:
    """Look up a stack's resources.

    Raises:
        ValueError: it has not exactly one API, stage, table, bucket and key.
    """
    of_type: dict[str, dict[str, str]] = {}
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            by_logical_id = of_type.setdefault(resource["ResourceType"], {})
            by_logical_id[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]

    def only(kind: str) -> str:
        names = list(of_type.get(kind, {}).values())
        if len(names) != 1:
            raise ValueError(f"stack {stack_name} has {len(names)} resources of {kind}, not one")
        return names[0]

    return Resources(
        api=only("AWS::ApiGateway::RestApi"),
        stage=only("AWS::ApiGateway::Stage"),
        table=only("AWS::DynamoDB::Table"),
        bucket=only("AWS::S3::Bucket"),
        key=only("AWS::KMS::Key"),
        queues=of_type.get("AWS::SQS::Queue", {}),
        functions=of_type.get("AWS::Lambda::Function", {}),
    )
