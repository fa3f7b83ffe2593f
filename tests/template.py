"""The template's resources, as tests ask for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.template import template


def resources() -> Mapping[str, Any]:
    """The resources by their names."""
    found: Mapping[str, Any] = template()["Resources"]
    return found


def of_type(kind: str) -> dict[str, Any]:
    return {
        name: one.get("Properties", {}) for name, one in resources().items() if one["Type"] == kind
    }


def functions() -> dict[str, Any]:
    return of_type("AWS::Serverless::Function")


def target(reference: Any) -> str:
    """The resource that `!Ref X` or `!GetAtt X.Y` is about."""
    name: str = reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0]
    return name


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Trigger:
    """A queue that a function reads."""

    function: str
    queue: str
    event: Mapping[str, Any]


def triggers() -> list[Trigger]:
    return [
        Trigger(target(one["FunctionName"]), target(one["EventSourceArn"]), one)
        for one in of_type("AWS::Lambda::EventSourceMapping").values()
    ]
