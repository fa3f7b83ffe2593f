"""Which partition keys a request to DynamoDB names, and as which actions AWS authorises it."""

import json
from typing import Any

import pytest

from local.leading_keys import Check, Unreadable, checks

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/T"


def partition_key(table: str, index: str) -> str | None:
    return {("T", ""): "pk", ("T", "ByOwner"): "owner", ("U", ""): "id"}.get((table, index))


def no_partiql(statement: str, parameters: list[Any]) -> dict[str, Any]:
    raise AssertionError("no statement is in the request")


def item(key: str, **more: Any) -> dict[str, Any]:
    return {"pk": {"S": key}, "sk": {"S": "x"}, **more}


def needed(operation: str, request: dict[str, Any]) -> list[Check]:
    return checks(operation, request, partition_key, no_partiql)


@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem", "DeleteItem"])
@pytest.mark.parametrize("table", ["T", TABLE])
def test_a_request_on_one_item_names_its_key(operation: str, table: str) -> None:
    request = {"TableName": table, "Key": item("a")}
    assert needed(operation, request) == [Check(operation, "T", ("a",))]


def test_a_put_names_the_key_in_its_item() -> None:
    request = {"TableName": "T", "Item": item("a", other={"S": "b"})}
    assert needed("PutItem", request) == [Check("PutItem", "T", ("a",))]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("pk = :k", {}),
        ("pk=:k AND begins_with(sk, :s)", {}),
        ("#p = :k AND sk BETWEEN :s AND :t", {"#p": "pk"}),
        ("sk < :s AND :k = pk", {}),
        ("(#s = :s) AND (#p = :k)", {"#p": "pk", "#s": "sk"}),
    ],
)
def test_a_query_names_the_partition_of_its_equality(
    expression: str, names: dict[str, str]
) -> None:
    request = {
        "TableName": "T",
        "KeyConditionExpression": expression,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {":k": {"S": "a"}, ":s": {"S": "b"}, ":t": {"S": "c"}},
    }
    assert needed("Query", request) == [Check("Query", "T", ("a",))]


def test_a_query_in_the_older_form_names_its_partition_too() -> None:
    conditions = {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}}
    request = {"TableName": "T", "KeyConditions": conditions}
    assert needed("Query", request) == [Check("Query", "T", ("a",))]


def test_a_query_of_an_index_names_the_indexs_partition() -> None:
    request = {
        "TableName": "T",
        "IndexName": "ByOwner",
        "KeyConditionExpression": "owner = :k AND pk = :p",
        "ExpressionAttributeValues": {":k": {"S": "ann"}, ":p": {"S": "a"}},
    }
    assert needed("Query", request) == [Check("Query", "T", ("ann",))]


@pytest.mark.parametrize("more", [{}, {"Key": item("a")}, {"Item": item("a")}])
def test_a_scan_names_none_whatever_else_it_says(more: dict[str, Any]) -> None:
    assert needed("Scan", {"TableName": "T", **more}) == [Check("Scan", "T", ())]


def test_a_batch_names_all_keys_of_a_table_together() -> None:
    request = {
        "RequestItems": {
            "T": [
                {"PutRequest": {"Item": item("a")}},
                {"DeleteRequest": {"Key": item("b")}},
                {"PutRequest": {"Item": item("a")}},
            ],
            "U": [{"PutRequest": {"Item": {"id": {"N": "7"}}}}],
        }
    }
    assert needed("BatchWriteItem", request) == [
        Check("BatchWriteItem", "T", ("a", "b")),
        Check("BatchWriteItem", "U", ("7",)),
    ]
    read = {"RequestItems": {"T": {"Keys": [item("a"), item("b")]}}}
    assert needed("BatchGetItem", read) == [Check("BatchGetItem", "T", ("a", "b"))]


def test_each_item_of_a_transaction_is_authorised_as_what_it_does() -> None:
    request = {
        "TransactItems": [
            {"Put": {"TableName": "T", "Item": item("a")}},
            {"Update": {"TableName": "T", "Key": item("b")}},
            {"Delete": {"TableName": "T", "Key": item("c")}},
            {"ConditionCheck": {"TableName": "T", "Key": item("d")}},
            {"Put": {"TableName": "T", "Item": item("e")}},
        ]
    }
    assert needed("TransactWriteItems", request) == [
        Check("PutItem", "T", ("a",)),
        Check("UpdateItem", "T", ("b",)),
        Check("DeleteItem", "T", ("c",)),
        Check("ConditionCheckItem", "T", ("d",)),
        Check("PutItem", "T", ("e",)),
    ]
    read = {"TransactItems": [{"Get": {"TableName": "T", "Key": item("a")}}]}
    assert needed("TransactGetItems", read) == [Check("GetItem", "T", ("a",))]


@pytest.mark.parametrize(
    ("parsed", "check"),
    [
        ({"op": "INSERT", "item": item("a")}, Check("PartiQLInsert", "T", ("a",))),
        ({"op": "INSERT", "item": {"M": item("a")}}, Check("PartiQLInsert", "T", ("a",))),
        (
            {"op": "SELECT", "conditions": [("sk", "=", {"S": "x"}), ("pk", "=", {"S": "a"})]},
            Check("PartiQLSelect", "T", ("a",)),
        ),
        (
            {"op": "SELECT", "conditions": [("pk", "IN", [{"S": "a"}, {"S": "b"}])]},
            Check("PartiQLSelect", "T", ("a", "b")),
        ),
        ({"op": "SELECT", "conditions": []}, Check("PartiQLSelect", "T", ())),
        (
            {"op": "SELECT", "conditions": [("pk", "begins_with", {"S": "a"})]},
            Check("PartiQLSelect", "T", ()),
        ),
        (
            {"op": "UPDATE", "conditions": [("pk", "=", {"S": "a"})]},
            Check("PartiQLUpdate", "T", ("a",)),
        ),
        (
            {"op": "DELETE", "conditions": [("pk", "=", {"S": "a"})]},
            Check("PartiQLDelete", "T", ("a",)),
        ),
        (
            {"op": "EXISTS", "select": {"table": "T", "conditions": [("pk", "=", {"S": "a"})]}},
            Check("PartiQLSelect", "T", ("a",)),
        ),
    ],
)
def test_a_statement_of_partiql_is_authorised_as_what_it_does(
    parsed: dict[str, Any], check: Check
) -> None:
    def parse(statement: str, parameters: list[Any]) -> dict[str, Any]:
        assert (statement, parameters) == ("…", [{"S": "a"}])
        return {"table": "T", "index": None, **parsed}

    one = {"Statement": "…", "Parameters": [{"S": "a"}]}
    for operation, request in (
        ("ExecuteStatement", one),
        ("BatchExecuteStatement", {"Statements": [one, one]}),
        ("ExecuteTransaction", {"TransactStatements": [one]}),
    ):
        assert checks(operation, request, partition_key, parse) == [check], operation


def test_a_table_whose_key_is_unknown_gives_none() -> None:
    request = {"TableName": "V", "Key": {"id": {"S": "a"}}}
    assert needed("GetItem", request) == [Check("GetItem", "V", ())]


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("GetItem", {}),
        ("GetItem", {"TableName": "T", "Key": {"sk": {"S": "x"}}}),
        ("PutItem", {"TableName": "T", "Item": None}),
        ("BatchWriteItem", {"RequestItems": {"T": [{}]}}),
        ("TransactWriteItems", {}),
        ("BatchExecuteStatement", {"Statements": [{}]}),
    ],
)
def test_what_is_no_request_is_unreadable(operation: str, request_: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        needed(operation, json.loads(json.dumps(request_)))
