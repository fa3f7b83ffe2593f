"""Run MiniStack with an IAM that evaluates `dynamodb:LeadingKeys`, which it does not know itself.

    <the ministack environment's python> -P local/ministack_main.py

It runs in MiniStack's own process, and needs nothing of the project's environment. What it replaces
in MiniStack it looks at first: where that is not as it was when this was written, it ends with a
message, for policies that are not evaluated would pass every test.
"""

import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from local.leading_keys import Check, Unreadable, checks, table_name

sys.path.pop(0)  # nothing of ours is to be found by MiniStack's imports

_REQUEST = "mailmirror:Request"
"""The request's body, handed on among the condition keys and taken out before they are used."""
_KEY = "dynamodb:LeadingKeys"

_KNOWN_SIGNATURES = {
    "iam_actions.dynamodb_service_context": ["body"],
    "iam_actions.dynamodb_transaction_checks": ["iam_action", "body", "region", "account_id"],
    "iam_actions._dynamodb_table_arn": ["table", "region", "account_id"],
    "iam_evaluator.enforce": [
        "access_key_id",
        "iam_action",
        "service",
        "region",
        "resource_arn",
        "service_context",
    ],
}
_KNOWN_CALLS = [
    "dynamodb_service_context(body) if service == ",
    "dynamodb_transaction_checks(iam_action, body, region, get_account_id())",
    "access_key, item_action, service, region,\n                        resource_arn=item_arn",
    "access_key, iam_action, service, region,\n                        resource_arn=checked_arn",
]


class Changed(Exception):
    """MiniStack is not as this module knows it; the text says where."""


def teach() -> None:
    """Have MiniStack's IAM evaluate the partition keys of requests to DynamoDB.

    Raises:
        Changed: MiniStack's internals are not those that are known here.
    """
    actions: Any = importlib.import_module("ministack.core.iam_actions")
    evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
    dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
    responses: Any = importlib.import_module("ministack.core.responses")
    _ensure_known(actions, evaluator, dynamodb)

    service_context = actions.dynamodb_service_context
    transaction_checks = actions.dynamodb_transaction_checks
    enforce = evaluator.enforce

    def with_request(body: bytes) -> dict[str, Any]:
        return {**service_context(body), _REQUEST: _parsed(body)}

    def each_once(*arguments: Any) -> list[tuple[str, str]]:
        # `enforce_each` looks at every item of one action and table by itself.
        return list(dict.fromkeys(transaction_checks(*arguments)))

    def partition_key(table: str, index: str) -> str | None:
        found = dynamodb._tables.get(table) or {}
        if index:
            kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
            indexes = [one for kind in kinds for one in found.get(kind) or []]
            found = next((one for one in indexes if one["IndexName"] == index), {})
        schema = found.get("KeySchema") or []
        return next((one["AttributeName"] for one in schema if one["KeyType"] == "HASH"), None)

    def enforce_each(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = dict(service_context or {})
        request = context.pop(_REQUEST, None)
        namespace, _, action = iam_action.partition(":")
        if service != "dynamodb" or request is None:
            return enforce(access_key_id, iam_action, service, region, resource_arn, context)
        operation = (context.get("dynamodb:EnclosingOperation") or [action])[0]
        table = table_name(resource_arn)
        try:
            needed = checks(operation, request, partition_key, dynamodb._parse_partiql)
        except Unreadable:
            needed = []  # invalid: the service will say so to whoever may ask at all
        if operation != action:  # one action of a transaction, on one table
            needed = [one for one in needed if (one.operation, one.table) == (action, table)]
        elif operation in ("BatchGetItem", "BatchWriteItem"):
            needed = [one for one in needed if one.table == table]  # each table by itself
        for one in needed or [Check(action, table, ())]:
            arn, keys = resource_arn, {_KEY: list(one.keys)} if one.keys else {}
            if one.operation.startswith("PartiQL"):
                account = responses.get_account_id()
                arn = actions._dynamodb_table_arn(one.table, region, account)
                if operation != "ExecuteStatement":
                    context["dynamodb:EnclosingOperation"] = [operation]
            checked = f"{namespace}:{one.operation}"
            denied = enforce(access_key_id, checked, service, region, arn, {**context, **keys})
            if denied:
                return denied
        return None

    actions.dynamodb_service_context = with_request
    actions.dynamodb_transaction_checks = each_once
    evaluator.enforce = enforce_each


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return {}


def _ensure_known(actions: Any, evaluator: Any, dynamodb: Any) -> None:
    modules = {"iam_actions": actions, "iam_evaluator": evaluator}
    for path, known in _KNOWN_SIGNATURES.items():
        module, _, name = path.partition(".")
        function = getattr(modules[module], name, None)
        if function is None or list(inspect.signature(function).parameters) != known:
            raise Changed(f"{path} is not known")
    if not hasattr(dynamodb, "_tables") or not hasattr(dynamodb, "_parse_partiql"):
        raise Changed("services.dynamodb has no _tables or no _parse_partiql")
    _ensure_called()
    _ensure_sets_are_known(evaluator)


def _ensure_called() -> None:
    """What is replaced must be what the request's way goes through: imported when it is called."""
    spec = importlib.util.find_spec("ministack.app")
    source = Path(spec.origin).read_text() if spec and spec.origin else ""
    for call in _KNOWN_CALLS:
        if call not in source:
            raise Changed(f"ministack.app does not say {call!r}")
    for name in ("enforce", "dynamodb_service_context", "dynamodb_transaction_checks"):
        at_the_top = [line for line in source.splitlines() if line.startswith(f"    {name},")]
        if at_the_top:
            raise Changed(f"ministack.app imports {name} before it can be replaced")


def _ensure_sets_are_known(evaluator: Any) -> None:
    """The conditions of the template, for a request with and without the key."""
    every, some, there = "ForAllValues:StringLike", "ForAnyValue:StringLike", "Null"
    cases: list[tuple[dict[str, Any], list[str] | None, bool]] = [
        ({every: {_KEY: ["a#*", "b"]}}, ["a#1", "b"], True),
        ({every: {_KEY: ["a#*"]}}, ["a#1", "b"], False),
        ({every: {_KEY: ["?#1"]}}, ["a#12"], False),
        ({every: {_KEY: ["a#*"]}}, None, True),
        ({every: {_KEY: ["a#*"]}, there: {_KEY: "false"}}, None, False),
        ({every: {_KEY: ["a#*"]}, there: {_KEY: "false"}}, ["a#1"], True),
        ({some: {_KEY: ["a#*"]}}, ["b", "a#1"], True),
        ({some: {_KEY: ["a#*"]}}, ["b"], False),
        ({some: {_KEY: ["a#*"]}}, None, False),
    ]
    for condition, keys, met in cases:
        context = evaluator.EvalContext(
            "arn:aws:iam::000000000000:role/r",
            "AssumedRole",
            "000000000000",
            "dynamodb:GetItem",
            "arn:aws:dynamodb:us-east-1:000000000000:table/t",
            "us-east-1",
            service_context={_KEY.lower(): keys} if keys else {},
        )
        for effect, decisions in (
            ("Allow", ("ImplicitDeny", "Allow")),
            ("Deny", ("ImplicitDeny", "Deny")),
        ):
            statement = {
                "Effect": effect,
                "Action": "dynamodb:*",
                "Resource": "*",
                "Condition": condition,
            }
            policy = evaluator.parse_policy_document({"Statement": [statement]})
            if evaluator.evaluate(context, [policy]).decision != decisions[met]:
                raise Changed(f"{effect} with {condition} on {keys}")


def _run() -> None:
    main: Callable[[], None] = importlib.import_module("ministack.app").main
    main()


if __name__ == "__main__":
    try:
        teach()
    except Changed as change:
        sys.exit(f"MiniStack has changed, and its IAM cannot be taught: {change}")
    _run()
