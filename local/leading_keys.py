"""The condition key `dynamodb:LeadingKeys` of a DynamoDB request: the partition keys that it names.

AWS authorises a request by the action of its name, and these by what they contain: each item of a
transaction as PutItem, UpdateItem, DeleteItem, ConditionCheckItem or GetItem, each statement of
PartiQL as PartiQLSelect, PartiQLInsert, PartiQLUpdate or PartiQLDelete. A request that names no
partition key, such as Scan, does not have the condition key at all: `ForAllValues` is then true.

Nothing here knows the emulator; `local.ministack_main` brings it to MiniStack.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Request = Mapping[str, Any]
"""The JSON body of a request."""
PartitionKey = Callable[[str, str], str | None]
"""(table's name, index's name or "") → the name of its partition key; None where unknown."""
ParsePartiql = Callable[[str, list[Any]], Mapping[str, Any]]
"""(statement, parameters) → MiniStack's parse of it; raises where it is none."""

_TRANSACTIONS = {
    "TransactWriteItems": {
        "Put": "PutItem",
        "Update": "UpdateItem",
        "Delete": "DeleteItem",
        "ConditionCheck": "ConditionCheckItem",
    },
    "TransactGetItems": {"Get": "GetItem"},
}
_PARTIQL = {
    "SELECT": "PartiQLSelect",
    "EXISTS": "PartiQLSelect",
    "INSERT": "PartiQLInsert",
    "UPDATE": "PartiQLUpdate",
    "DELETE": "PartiQLDelete",
}
_KEYED = {"GetItem", "UpdateItem", "DeleteItem"}
_EQUALITY = re.compile(r"([#:\w.-]+)\s*=\s*([#:\w.-]+)")


@dataclass(frozen=True, slots=True)
class Check:
    """One authorisation that a request needs."""

    operation: str
    """The action's name without `dynamodb:`."""
    table: str
    """The table's name."""
    keys: tuple[str, ...]
    """The values of `dynamodb:LeadingKeys`; empty where the request does not have it."""


class Unreadable(Exception):
    """The request is not as its operation wants it, and will be refused as invalid."""


def checks(
    operation: str, request: Request, partition_key: PartitionKey, parse: ParsePartiql
) -> list[Check]:
    """Every authorisation that a request needs, each once.

    Parameters:
        operation: as in X-Amz-Target, such as `TransactWriteItems`.

    Raises:
        Unreadable: what it needs cannot be told.
    """
    try:
        found = list(_checks(operation, request, partition_key, parse))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(operation) from error
    return list(dict.fromkeys(found))


def table_name(name: str) -> str:
    """A table's name, of which requests may also say the ARN."""
    return name.rpartition(":table/")[2].partition("/")[0] if name.startswith("arn:") else name


def _checks(
    operation: str, request: Request, partition_key: PartitionKey, parse: ParsePartiql
) -> Iterator[Check]:
    if operation in _TRANSACTIONS:
        for item in request["TransactItems"]:
            for member, action in _TRANSACTIONS[operation].items():
                if member in item:
                    yield _one(action, item[member], partition_key)
    elif operation in ("BatchGetItem", "BatchWriteItem"):
        for name, wanted in request["RequestItems"].items():
            table = table_name(name)
            items = _batched(wanted)
            yield Check(operation, table, _values(items, partition_key(table, "")))
    elif operation == "ExecuteStatement":
        yield _statement(request, partition_key, parse)
    elif operation == "BatchExecuteStatement":
        yield from (_statement(one, partition_key, parse) for one in request["Statements"])
    elif operation == "ExecuteTransaction":
        yield from (_statement(one, partition_key, parse) for one in request["TransactStatements"])
    else:
        yield _one(operation, request, partition_key)


def _one(action: str, request: Request, partition_key: PartitionKey) -> Check:
    table = table_name(request["TableName"])
    name = partition_key(table, request.get("IndexName") or "")
    if action in _KEYED or action == "ConditionCheckItem":
        return Check(action, table, _values([request["Key"]], name))
    if action == "PutItem":
        return Check(action, table, _values([request["Item"]], name))
    if action == "Query":
        return Check(action, table, _queried(request, name))
    return Check(action, table, ())


def _batched(wanted: Any) -> Iterator[Mapping[str, Any]]:
    """The keys or items of one table in a batch."""
    if isinstance(wanted, Mapping):
        yield from wanted["Keys"]
        return
    for one in wanted:
        yield one["PutRequest"]["Item"] if "PutRequest" in one else one["DeleteRequest"]["Key"]


def _queried(request: Request, name: str | None) -> tuple[str, ...]:
    """The partition of a query, which must be named by an equality."""
    legacy = request.get("KeyConditions")
    if legacy and name in legacy:
        return _texts(legacy[name]["AttributeValueList"])
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    for left, right in _EQUALITY.findall(request.get("KeyConditionExpression") or ""):
        for attribute, value in ((left, right), (right, left)):
            if names.get(attribute, attribute) == name and value in values:
                return _texts([values[value]])
    return ()


def _statement(request: Request, partition_key: PartitionKey, parse: ParsePartiql) -> Check:
    parsed = parse(request["Statement"], request.get("Parameters") or [])
    action = _PARTIQL[parsed["op"]]
    select = parsed.get("select") or parsed
    table = table_name(select["table"])
    name = partition_key(table, select.get("index") or "")
    if action == "PartiQLInsert":
        item = parsed["item"]
        # A whole item as one parameter is parsed as a map, with its type.
        return Check(action, table, _values([item.get("M", item)], name))
    for attribute, operator, value in select["conditions"]:
        if attribute == name and operator in ("=", "IN"):
            return Check(action, table, _texts(value if operator == "IN" else [value]))
    return Check(action, table, ())


def _values(items: Iterable[Mapping[str, Any]], name: str | None) -> tuple[str, ...]:
    if name is None:
        return ()
    return _texts(item[name] for item in items)


def _texts(values: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """The texts of attribute values, such as `{"S": "x"}`, each once."""
    return tuple(dict.fromkeys(text for value in values for text in value.values()))
