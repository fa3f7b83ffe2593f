"""The table: items as plain dicts, AWS's errors as exceptions, and what each call cost."""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError, HTTPClientError

from mailmirror.store.keys import PK, SK, Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
"""An item: str, int, bool, bytes, list, dict and sets of str, and numbers as Decimal when read."""

_BATCH_WRITE, _BATCH_GET, TRANSACTION = 25, 100, 100
_RETRIED = (
    "InternalServerError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ThrottlingError",
    "TransactionConflict",
)
"""Codes of a PartiQL statement that was not executed, and may be repeated."""
_TRANSIENT = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
}
"""Codes of a request that may be repeated as it is."""
_THROTTLED = {"ThrottlingError", "ProvisionedThroughputExceeded"}
"""Reasons of a cancelled transaction that may be repeated as it is."""
_ATTEMPTS = 8
"""Of one request, within 13 seconds at the most: a deadline leaves 20."""
_WRITERS = 4
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class ConditionFailed(Exception):
    """The condition of a write does not hold; nothing was written."""


class Throttled(Exception):
    """DynamoDB did not make a write, or part of a batch, at any of several attempts; repeat it."""


@dataclass(slots=True)
class Meter:
    """What a table's calls have cost since it was made."""

    requests: int = 0
    read_units: float = 0.0
    write_units: float = 0.0
    written: int = 0
    """Items put, updated or deleted."""


@dataclass(frozen=True, slots=True)
class Update:
    """One conditional update, or one write of a transaction."""

    key: Key
    expression: str
    values: Mapping[str, Any]
    condition: str = ""
    names: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Put:
    item: Item
    condition: str = ""
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    key: Key


class Table:
    """One DynamoDB table.

    A request that DynamoDB or the network fails at for a moment is repeated, with exponential
    backoff and full jitter. botocore's own retries draw on a quota, which errors that last use up;
    after that each further one would end the job.

    Parameters:
        client: a DynamoDB client that repeats nothing by itself.
        name: the table's name.
        sleep: how to wait between the attempts.

    Raises, from every method that says nothing else:
        Throttled: a transaction was under way on the item at each attempt.
        ClientError, HTTPClientError: of the last attempt.
    """

    def __init__(
        self, client: "DynamoDBClient", name: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep
        self.meter = Meter()

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        """Read one item. Half a read unit a 4 KB, one if consistent."""
        request = {"Key": _item(key), "ConsistentRead": consistent}
        answer = self._one(self._client.get_item, request)
        self._read(answer)
        return _plain(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[Key], *, consistent: bool = False) -> list[Item]:
        """Read items by their keys, in no order; those that are not there are left out.

        Raises:
            Throttled: some could not be read.
        """
        found: list[Item] = []
        unique = {(key[PK], key[SK]): key for key in keys}
        for batch in batched(unique.values(), _BATCH_GET, strict=False):
            wanted: Any = {"Keys": [_item(key) for key in batch], "ConsistentRead": consistent}
            for attempt in range(_ATTEMPTS):
                answer = self._send(self._client.batch_get_item, RequestItems={self._name: wanted})
                self._read(answer)
                found.extend(map(_plain, answer["Responses"].get(self._name, [])))
                wanted = answer.get("UnprocessedKeys", {}).get(self._name)
                if not wanted:
                    break
                self._back_off(attempt)
            else:
                raise Throttled
        return found

    def query(
        self,
        pk: str,
        prefix: str = "",
        *,
        before: str | None = None,
        between: tuple[str, str] | None = None,
        descending: bool = False,
        limit: int | None = None,
        consistent: bool = False,
    ) -> Iterator[Item]:
        """Read a partition in the order of its sort keys, page by page as they are used.

        Parameters:
            prefix: only sort keys that begin so.
            before: only sort keys less than this one; not together with a prefix.
            between: only sort keys from the first to the second of these; not together with either.
            limit: how many items a page fetches, and how many in all at the most.
        """
        condition, values = f"{PK} = :pk", {":pk": pk}
        if before is not None:
            condition, values[":sk"] = f"{condition} AND {SK} < :sk", before
        elif between is not None:
            condition = f"{condition} AND {SK} BETWEEN :sk AND :last"
            values[":sk"], values[":last"] = between
        elif prefix:
            condition, values[":sk"] = f"{condition} AND begins_with({SK}, :sk)", prefix
        request: dict[str, Any] = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": _item(values),
            "ScanIndexForward": not descending,
            "ConsistentRead": consistent,
        }
        left = limit
        while left is None or left > 0:
            if left is not None:
                request["Limit"] = left
            answer = self._one(self._client.query, request)
            self._read(answer)
            yield from map(_plain, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            if left is not None:
                left -= len(answer["Items"])
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(self, put: Put) -> None:
        """Write one item whole. A write unit a KB.

        Raises:
            ConditionFailed: the condition does not hold.
            Throttled: a transaction was under way on the item at each attempt.
        """
        try:
            answer = self._one(self._client.put_item, _put_request(put))
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ConditionFailed(put.item[PK], put.item[SK]) from error
        self._wrote(answer, 1)

    def update(self, update: Update) -> Item:
        """Change one item, and return it as it then is. A write unit a KB of the whole item.

        Raises:
            ConditionFailed: the condition does not hold.
            Throttled: a transaction was under way on the item at each attempt.
        """
        try:
            request = _update_request(update) | {"ReturnValues": "ALL_NEW"}
            answer = self._one(self._client.update_item, request)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ConditionFailed(update.key[PK], update.key[SK]) from error
        self._wrote(answer, 1)
        return _plain(answer["Attributes"])

    def update_each(self, updates: Iterable[Update]) -> list[Item | None]:
        """Change items, each for itself, in whatever order; return them as they then are.

        Returns:
            In the order of the updates; None where a condition does not hold.

        Raises:
            Throttled: some could not be written.
        """
        all_ = list(updates)
        if len(all_) < 2:
            return [self._updated(one) for one in all_]
        with ThreadPoolExecutor(_WRITERS) as writers:
            return list(writers.map(self._updated, all_))

    def _updated(self, update: Update) -> Item | None:
        try:
            return self.update(update)
        except ConditionFailed:
            return None

    def delete(self, key: Key, **only: str | int) -> bool:
        """Delete one item, if it is there and has these attributes; tell whether it was."""
        request: dict[str, Any] = {"Key": _item(key), "ReturnValues": "ALL_OLD"}
        if only:
            request["ConditionExpression"] = " AND ".join(f"{name} = :{name}" for name in only)
            request["ExpressionAttributeValues"] = _item({f":{k}": v for k, v in only.items()})
        try:
            answer = self._one(self._client.delete_item, request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        self._wrote(answer, 1)
        return "Attributes" in answer

    def delete_where(self, key: Key, condition: str, values: Mapping[str, Any]) -> bool:
        """Delete one item where a condition holds; tell whether it does."""
        request: dict[str, Any] = {
            "Key": _item(key),
            "ConditionExpression": condition,
        }
        if values:
            request["ExpressionAttributeValues"] = _item(values)
        try:
            answer = self._one(self._client.delete_item, request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        self._wrote(answer, 1)
        return True

    def insert(self, items: Iterable[Item]) -> list[Item]:
        """Put items that are not there, 25 a request at a write unit a KB each.

        Returns:
            Those of which the key was there, or was put by a repeated request of this call.

        Raises:
            Throttled: some could not be written.
            ClientError: DynamoDB refuses one.
        """
        found: list[Item] = []
        for batch in batched(items, _BATCH_WRITE, strict=False):
            left = list(batch)
            for attempt in range(_ATTEMPTS):
                answer = self._send(
                    self._client.batch_execute_statement,
                    Statements=[self._insertion(item) for item in left],
                )
                codes = [one.get("Error", {}).get("Code") for one in answer["Responses"]]
                self._wrote(answer, codes.count(None))
                outcomes = list(zip(left, codes, strict=True))
                found += [item for item, code in outcomes if code == "DuplicateItem"]
                left = [item for item, code in outcomes if code in _RETRIED]
                for code in set(codes) - {None, "DuplicateItem", *_RETRIED}:
                    raise ClientError({"Error": {"Code": str(code)}}, "BatchExecuteStatement")
                if not left:
                    break
                self._back_off(attempt)
            else:
                raise Throttled
        return found

    def _insertion(self, item: Item) -> Any:
        plain = _item(item)
        names = ", ".join(f"'{name}': ?" for name in plain)
        statement = f'INSERT INTO "{self._name}" VALUE {{{names}}}'
        return {"Statement": statement, "Parameters": list(plain.values())}

    def _one(self, call: Callable[..., Any], request: Mapping[str, Any]) -> Any:
        """Make a request that names one table."""
        return self._send(call, TableName=self._name, **request)

    def _send(self, call: Callable[..., Any], **request: Any) -> Any:
        """Make a request; again where DynamoDB or the network has failed for a moment.

        An answer that was lost is asked for again: a conditional write may then find its own.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return call(**request, ReturnConsumedCapacity="TOTAL")
            except (ClientError, HTTPClientError) as error:
                if not _is_transient(error):
                    raise
                failure = error
            self._back_off(attempt)
        if _code(failure) == "TransactionConflictException":
            raise Throttled from failure
        raise failure

    def transact(self, writes: Sequence[Put | Update | Delete]) -> None:
        """Write up to 100 items, all or none. Two write units a KB.

        Raises:
            ConditionFailed: one of the conditions does not hold, or another transaction is
                under way on one of the items.
            Throttled: DynamoDB had no capacity for it at any attempt.
        """
        requests: list[Any] = [self._in_transaction(write) for write in writes]
        token = uuid.uuid4().hex
        for attempt in range(_ATTEMPTS):
            try:
                answer = self._send(
                    self._client.transact_write_items,
                    TransactItems=requests,
                    ClientRequestToken=token,
                )
            except self._client.exceptions.TransactionCanceledException as error:
                codes = {reason.get("Code") for reason in error.response["CancellationReasons"]}
                if codes & {"ConditionalCheckFailed", "TransactionConflict"}:
                    raise ConditionFailed("transaction") from error
                if not codes & _THROTTLED:
                    raise
            else:
                self._wrote(answer, len(writes))
                return
            self._back_off(attempt)
        raise Throttled

    def _in_transaction(self, write: Put | Update | Delete) -> dict[str, Any]:
        match write:
            case Put():
                return {"Put": {"TableName": self._name, **_put_request(write)}}
            case Update():
                return {"Update": {"TableName": self._name, **_update_request(write)}}
            case Delete():
                return {"Delete": {"TableName": self._name, "Key": _item(write.key)}}

    def write(self, puts: Iterable[Item] = (), deletes: Iterable[Key] = ()) -> None:
        """Put and delete any number of items, without conditions, in whatever order.

        Raises:
            Throttled: some could not be written.
        """
        requests: dict[tuple[str, str], Any] = {}
        for key in deletes:
            requests[key[PK], key[SK]] = {"DeleteRequest": {"Key": _item(key)}}
        for item in puts:
            requests[item[PK], item[SK]] = {"PutRequest": {"Item": _item(item)}}
        batches = [list(batch) for batch in batched(requests.values(), _BATCH_WRITE, strict=False)]
        if len(batches) < 2:
            for batch in batches:
                self._write_batch(batch)
            return
        with ThreadPoolExecutor(_WRITERS) as writers:
            list(writers.map(self._write_batch, batches))

    def _write_batch(self, requests: list[Any]) -> None:
        for attempt in range(_ATTEMPTS):
            answer = self._send(self._client.batch_write_item, RequestItems={self._name: requests})
            left: list[Any] = answer.get("UnprocessedItems", {}).get(self._name, [])
            self._wrote(answer, len(requests) - len(left))
            if not left:
                return
            requests = left
            self._back_off(attempt)
        raise Throttled

    def _back_off(self, attempt: int) -> None:
        self._sleep(random.uniform(0, 0.05 * 2**attempt))  # full jitter

    def _read(self, answer: Any) -> None:
        self.meter.requests += 1
        self.meter.read_units += _units(answer)

    def _wrote(self, answer: Any, items: int) -> None:
        self.meter.requests += 1
        self.meter.write_units += _units(answer)
        self.meter.written += items


def _is_transient(error: ClientError | HTTPClientError) -> bool:
    """Whether the same request may succeed in a moment. A connection that broke says nothing."""
    if not isinstance(error, ClientError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or _code(error) in _TRANSIENT


def _code(error: Exception) -> str:
    return str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else ""


def _units(answer: Any) -> float:
    consumed = answer.get("ConsumedCapacity") or []
    each = [consumed] if isinstance(consumed, dict) else consumed
    return float(sum(one["CapacityUnits"] for one in each))


def _item(plain: Mapping[str, Any]) -> Any:
    return {name: _serialize(value) for name, value in plain.items() if value is not None}


def _plain(item: Any) -> Item:
    return {name: _with_bytes(_deserialize(value)) for name, value in item.items()}


def _with_bytes(value: Any) -> Any:
    """A value as it was written: bytes come back as the library's own type, at any depth."""
    if isinstance(value, Binary):
        return value.value  # type: ignore[attr-defined]
    if isinstance(value, dict):
        return {name: _with_bytes(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_bytes(one) for one in value]
    return value


def _put_request(put: Put) -> dict[str, Any]:
    request: dict[str, Any] = {"Item": _item(put.item)}
    if put.condition:
        request["ConditionExpression"] = put.condition
    if put.values:
        request["ExpressionAttributeValues"] = _item(put.values)
    return request


def _update_request(update: Update) -> dict[str, Any]:
    request: dict[str, Any] = {"Key": _item(update.key), "UpdateExpression": update.expression}
    if update.values:
        request["ExpressionAttributeValues"] = _item(update.values)
    if update.condition:
        request["ConditionExpression"] = update.condition
    if update.names:
        request["ExpressionAttributeNames"] = dict(update.names)
    return request
