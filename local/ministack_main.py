"""Run MiniStack with an IAM that evaluates `dynamodb:LeadingKeys`, which it does not know itself,
and with an API Gateway that imports all of the template (`local/ministack_gateway.py`).

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
from local import ministack_gateway
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
    "from hypercorn.asyncio import serve as hypercorn_serve",
    "dynamodb_service_context(body) if service == ",
    "dynamodb_transaction_checks(iam_action, body, region, get_account_id())",
    "access_key, item_action, service, region,\n                        resource_arn=item_arn",
    "access_key, iam_action, service, region,\n                        resource_arn=checked_arn",
]


class Changed(Exception):
    """MiniStack is not as this module knows it; the text says where."""


class Authorisation:
    """MiniStack's authorisation, with the partition keys of each request to DynamoDB.

    Parameters:
        actions: MiniStack's module `core.iam_actions`.
        evaluator: `core.iam_evaluator`.
        dynamodb: `services.dynamodb`.
        responses: `core.responses`.
    """

    def __init__(self, actions: Any, evaluator: Any, dynamodb: Any, responses: Any) -> None:
        self._service_context = actions.dynamodb_service_context
        self._transaction_checks = actions.dynamodb_transaction_checks
        self._enforce = evaluator.enforce
        self._table_arn = actions._dynamodb_table_arn
        self._dynamodb = dynamodb
        self._account_id = responses.get_account_id

    def service_context(self, body: bytes) -> dict[str, Any]:
        """The condition keys that MiniStack knows, and the request for `enforce`."""
        return {**self._service_context(body), _REQUEST: _parsed(body)}

    def transaction_checks(
        self, iam_action: str, body: bytes, region: str, account_id: str
    ) -> list[tuple[str, str]]:
        """Each action on each table of a transaction once: `enforce` looks at every item of it."""
        return list(dict.fromkeys(self._transaction_checks(iam_action, body, region, account_id)))

    def enforce(
        self,
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """None where the request is allowed, else MiniStack's word for why not."""
        context = dict(service_context or {})
        request = context.pop(_REQUEST, None)
        if service != "dynamodb" or request is None:
            return self._enforce(access_key_id, iam_action, service, region, resource_arn, context)
        action = iam_action.partition(":")[2]
        operation = (context.get("dynamodb:EnclosingOperation") or [action])[0]
        for one in self._needed(operation, action, table_name(resource_arn), request):
            arn, keys = resource_arn, {_KEY: list(one.keys)} if one.keys else {}
            if one.operation.startswith("PartiQL"):
                arn = self._table_arn(one.table, region, self._account_id())
                if operation != "ExecuteStatement":
                    keys["dynamodb:EnclosingOperation"] = [operation]
            checked = f"dynamodb:{one.operation}"
            more = {**context, **keys}
            denied = self._enforce(access_key_id, checked, service, region, arn, more)
            if denied:
                return denied
        return None

    def _needed(
        self, operation: str, action: str, table: str, request: Mapping[str, Any]
    ) -> list[Check]:
        """What MiniStack's one question about an action on a table is about; never nothing."""
        plain = [Check(action, table, ())]
        try:
            needed = checks(operation, request, self._partition_key, self._dynamodb._parse_partiql)
        except Unreadable:
            return plain  # the service will say that it is invalid, to whoever may ask at all
        if operation != action:  # one action of a transaction, on one table
            needed = [one for one in needed if (one.operation, one.table) == (action, table)]
        elif operation in ("BatchGetItem", "BatchWriteItem"):
            needed = [one for one in needed if one.table == table]  # each table by itself
        return needed or plain

    def _partition_key(self, table: str, index: str) -> str | None:
        found = self._dynamodb._tables.get(table) or {}
        if index:
            kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
            indexes = [one for kind in kinds for one in found.get(kind) or []]
            found = next((one for one in indexes if one["IndexName"] == index), {})
        schema = found.get("KeySchema") or []
        return next((one["AttributeName"] for one in schema if one["KeyType"] == "HASH"), None)


def teach() -> None:
    """Have MiniStack's IAM evaluate the partition keys of requests to DynamoDB.

    Raises:
        Changed: MiniStack's internals are not those that are known here.
    """
    actions: Any = importlib.import_module("ministack.core.iam_actions")
    evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
    dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
    responses: Any = importlib.import_module("ministack.core.responses")
    ensure_known(actions, evaluator, dynamodb)
    _ensure_called()
    _ensure_sets_are_known(evaluator)
    taught = Authorisation(actions, evaluator, dynamodb, responses)
    actions.dynamodb_service_context = taught.service_context
    actions.dynamodb_transaction_checks = taught.transaction_checks
    evaluator.enforce = taught.enforce


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return {}


def ensure_known(actions: Any, evaluator: Any, dynamodb: Any) -> None:
    """Look at what is replaced, and at what that needs.

    Raises:
        Changed: a function is not there, or takes other arguments.
    """
    modules = {"iam_actions": actions, "iam_evaluator": evaluator}
    for path, known in _KNOWN_SIGNATURES.items():
        module, _, name = path.partition(".")
        function = getattr(modules[module], name, None)
        if function is None or list(inspect.signature(function).parameters) != known:
            raise Changed(f"{path} is not known")
    if not hasattr(dynamodb, "_tables") or not hasattr(dynamodb, "_parse_partiql"):
        raise Changed("services.dynamodb has no _tables or no _parse_partiql")


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


async def _serve(app: Any, config: Any) -> None:
    """Serve MiniStack by uvicorn and httptools: hypercorn takes most of a request's time.

    Parameters:
        config: hypercorn's, of which the first address counts.
    """
    uvicorn: Any = importlib.import_module("uvicorn")
    host, _, port = config.bind[0].rpartition(":")
    settings = uvicorn.Config(
        app,
        host=host,
        port=int(port),
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,  # MiniStack adds it
        timeout_keep_alive=int(config.keep_alive_timeout),
        timeout_graceful_shutdown=1,
    )
    await uvicorn.Server(settings).serve()


def _run() -> None:
    server: Any = importlib.import_module("hypercorn.asyncio")
    server.serve = _serve
    main: Callable[[], None] = importlib.import_module("ministack.app").main
    main()


if __name__ == "__main__":
    try:
        teach()
        ministack_gateway.teach(importlib.import_module("ministack.services.apigateway_v1"))
    except (Changed, ministack_gateway.Changed) as change:
        sys.exit(f"MiniStack has changed, and cannot be taught: {change}")
    _run()
