"""The local stack does not start with a MiniStack whose authorisation it does not know."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from local.ministack_main import Changed, ensure_known


def service_context(body: bytes) -> dict[str, Any]:
    return {}


def transaction_checks(
    iam_action: str, body: bytes, region: str, account_id: str
) -> list[tuple[str, str]]:
    return []


def table_arn(table: str, region: str, account_id: str) -> str:
    return ""


def enforce(
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> None:
    return None


def ministack(**changed: Any) -> tuple[Any, Any, Any]:
    """Modules as they are known, but for what a test has changed."""
    actions: dict[str, Any] = {
        "dynamodb_service_context": service_context,
        "dynamodb_transaction_checks": transaction_checks,
        "_dynamodb_table_arn": table_arn,
    }
    evaluator: dict[str, Any] = {"enforce": enforce}
    dynamodb: dict[str, Any] = {"_tables": {}, "_parse_partiql": None}
    parts = (actions, evaluator, dynamodb)
    made = [
        SimpleNamespace(**{name: changed.get(name, one) for name, one in part.items()})
        for part in parts
    ]
    return made[0], made[1], made[2]


def without(name: str) -> tuple[Any, Any, Any]:
    modules = ministack()
    for module in modules:
        if hasattr(module, name):
            delattr(module, name)
    return modules


def test_what_is_known_is_taken() -> None:
    ensure_known(*ministack())


@pytest.mark.parametrize(
    "name", ["dynamodb_service_context", "enforce", "_tables", "_parse_partiql"]
)
def test_what_is_gone_is_reported(name: str) -> None:
    with pytest.raises(Changed):
        ensure_known(*without(name))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("dynamodb_service_context", lambda body, action: {}),
        ("dynamodb_transaction_checks", lambda body: []),
        ("enforce", lambda request: None),
    ],
)
def test_what_takes_other_arguments_is_reported(name: str, other: Callable[..., Any]) -> None:
    with pytest.raises(Changed, match=name):
        ensure_known(*ministack(**{name: other}))
