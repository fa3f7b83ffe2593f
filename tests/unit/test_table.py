"""The table, where DynamoDB answers as the emulator never does."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from mailmirror.store.table import ConditionFailed, Put, Table, Throttled, Update

KEY = {"pk": "a", "sk": "b"}
UPDATE = Update(KEY, "SET v = :v", {":v": "1"}, "attribute_exists(pk)")


@pytest.fixture
def client() -> Any:
    return boto3.client(
        "dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


@pytest.mark.parametrize(
    ("call", "write", "answer"),
    [
        ("update_item", lambda table: table.update(UPDATE), {"Attributes": {"v": {"S": "1"}}}),
        ("put_item", lambda table: table.put(Put(KEY)), {}),
        ("delete_item", lambda table: table.delete(KEY), {}),
        ("batch_write_item", lambda table: table.write([KEY]), {}),
    ],
)
def test_a_write_waits_while_a_transaction_is_under_way_on_its_item(
    client: Any, call: str, write: Any, answer: dict[str, Any]
) -> None:
    pauses: list[float] = []
    with Stubber(client) as aws:
        for _ in range(2):
            aws.add_client_error(call, "TransactionConflictException")
        aws.add_response(call, answer)
        write(Table(client, "table", sleep=pauses.append))
        aws.assert_no_pending_responses()
    assert len(pauses) == 2


def test_a_write_does_not_wait_for_ever(client: Any) -> None:
    pauses: list[float] = []
    with Stubber(client) as aws:
        for _ in range(8):
            aws.add_client_error("update_item", "TransactionConflictException")
        with pytest.raises(Throttled):
            Table(client, "table", sleep=pauses.append).update(UPDATE)
    assert sum(pauses) < 13


def test_a_condition_that_fails_is_no_conflict(client: Any) -> None:
    with Stubber(client) as aws:
        aws.add_client_error("update_item", "ConditionalCheckFailedException")
        with pytest.raises(ConditionFailed):
            Table(client, "table").update(UPDATE)


@pytest.mark.parametrize(
    ("code", "status"),
    [("InternalServerError", 500), ("ProvisionedThroughputExceededException", 400), ("x", 503)],
)
def test_what_dynamodb_fails_at_for_a_moment_is_repeated_without_any_quota(
    client: Any, code: str, status: int
) -> None:
    pauses: list[float] = []
    table = Table(client, "table", sleep=pauses.append)
    with Stubber(client) as aws:
        for _ in range(60):
            for _ in range(7):
                aws.add_client_error("get_item", code, http_status_code=status)
            aws.add_response("get_item", {})
            assert table.get(KEY) is None
        aws.assert_no_pending_responses()
    assert len(pauses) == 420


def test_a_transaction_that_was_throttled_is_repeated_under_its_token(client: Any) -> None:
    tokens: list[str] = []
    client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: tokens.append(params["ClientRequestToken"]),
    )
    reasons = {"CancellationReasons": [{"Code": "ThrottlingError"}]}
    with Stubber(client) as aws:
        aws.add_client_error(
            "transact_write_items", "TransactionCanceledException", modeled_fields=reasons
        )
        aws.add_client_error("transact_write_items", "InternalServerError", http_status_code=500)
        aws.add_response("transact_write_items", {})
        Table(client, "table", sleep=lambda _: None).transact([Put(KEY)])
    assert len(tokens) == 3
    assert len(set(tokens)) == 1
