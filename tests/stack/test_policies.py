"""The emulated AWS evaluates the partitions that a policy names, as AWS does.

Without this no test would see that a function may not read what it needs, or may read all.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local import emulator
from local.resources import Resources
from local.stack import Stack

TABLE = "policies"
MINE, THEIRS = "0123456789ab#mine", "0123456789ab#theirs"
PATTERNS = ["????????????#mine", "????????????#also#*"]


@dataclass(frozen=True, slots=True)
class Caller:
    """A role of its own in the emulator, and its client of DynamoDB."""

    client: Any

    def may(self, call: Callable[[Any], Any]) -> bool:
        try:
            call(self.client)
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDeniedException":
                return False
            raise
        return True


NewCaller = Callable[..., Caller]


def allow(*actions: str, null: bool = True) -> dict[str, Any]:
    """A statement as the template has them."""
    condition: dict[str, Any] = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": PATTERNS}}
    if null:
        condition["Null"] = {"dynamodb:LeadingKeys": "false"}
    return statement("Allow", actions, condition)


def deny(*actions: str) -> dict[str, Any]:
    condition = {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["????????????#theirs"]}}
    return statement("Deny", actions, condition)


def allow_all(*actions: str) -> dict[str, Any]:
    return statement("Allow", actions, {})


def statement(effect: str, actions: tuple[str, ...], condition: dict[str, Any]) -> dict[str, Any]:
    named = [f"dynamodb:{action}" for action in actions]
    resource = f"arn:aws:dynamodb:*:*:table/{TABLE}"
    return {"Effect": effect, "Action": named, "Resource": resource, "Condition": condition}


@pytest.fixture(scope="module")
def scratch(aws: Any) -> Iterator[None]:
    """A table beside the stack's."""
    dynamodb = aws("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in "ps"],
        KeySchema=[
            {"AttributeName": "p", "KeyType": "HASH"},
            {"AttributeName": "s", "KeyType": "RANGE"},
        ],
    )
    yield
    dynamodb.delete_table(TableName=TABLE)


@pytest.fixture
def caller(stack: Stack, aws: Any, scratch: None) -> NewCaller:
    """Makes a role with the statements of a policy, and a caller in it."""

    def made(*statements: dict[str, Any]) -> Caller:
        name = f"caller-{secrets.token_hex(4)}"
        iam = aws("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )["Role"]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        keys = aws("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        session = boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], emulator.REGION
        )
        return Caller(session.client("dynamodb", endpoint_url=stack.aws_endpoint))

    return made


def key(partition: str) -> dict[str, Any]:
    return {"p": {"S": partition}, "s": {"S": "x"}}


def get(partition: str) -> Callable[[Any], Any]:
    return lambda client: client.get_item(TableName=TABLE, Key=key(partition))


def put(partition: str) -> Callable[[Any], Any]:
    return lambda client: client.put_item(TableName=TABLE, Item=key(partition))


def query(partition: str) -> Callable[[Any], Any]:
    return lambda client: client.query(
        TableName=TABLE,
        KeyConditionExpression="#p = :p AND begins_with(s, :s)",
        ExpressionAttributeNames={"#p": "p"},
        ExpressionAttributeValues={":p": {"S": partition}, ":s": {"S": "x"}},
    )


def batch_get(*partitions: str) -> Callable[[Any], Any]:
    wanted = {TABLE: {"Keys": [key(one) for one in partitions]}}
    return lambda client: client.batch_get_item(RequestItems=wanted)


def batch_write(*partitions: str) -> Callable[[Any], Any]:
    wanted = {TABLE: [{"PutRequest": {"Item": key(one)}} for one in partitions]}
    return lambda client: client.batch_write_item(RequestItems=wanted)


def transact(*writes: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda client: client.transact_write_items(TransactItems=list(writes))


def transact_put(partition: str) -> dict[str, Any]:
    return {"Put": {"TableName": TABLE, "Item": key(partition)}}


def transact_check(partition: str) -> dict[str, Any]:
    condition = "attribute_not_exists(nothing)"
    check = {"TableName": TABLE, "Key": key(partition), "ConditionExpression": condition}
    return {"ConditionCheck": check}


def insert(client: Any, *partitions: str) -> None:
    """PartiQL's INSERT, a batch; each of an item that is not there yet."""
    text = f"INSERT INTO \"{TABLE}\" VALUE {{'p': ?, 's': ?}}"
    client.batch_execute_statement(
        Statements=[
            {"Statement": text, "Parameters": [{"S": one}, {"S": secrets.token_hex(4)}]}
            for one in partitions
        ]
    )


def select(text: str, *parameters: str) -> Callable[[Any], Any]:
    more = {"Parameters": [{"S": one} for one in parameters]} if parameters else {}
    return lambda client: client.execute_statement(Statement=text, **more)


def scan(client: Any) -> None:
    client.scan(TableName=TABLE)


@pytest.mark.parametrize(("action", "call"), [("GetItem", get), ("PutItem", put), ("Query", query)])
def test_a_role_reaches_the_partitions_that_its_policy_names_and_no_other(
    caller: NewCaller, action: str, call: Callable[[str], Callable[[Any], Any]]
) -> None:
    role = caller(allow(action))
    assert role.may(call(MINE))
    assert role.may(call("0123456789ab#also#more"))
    for other in (THEIRS, f"{THEIRS}#mine", "0123456789abc#mine", "mine", f"{MINE}#"):
        assert not role.may(call(other)), other


@pytest.mark.parametrize(
    ("action", "call"), [("BatchGetItem", batch_get), ("BatchWriteItem", batch_write)]
)
def test_a_batch_is_denied_where_one_of_its_partitions_is(
    caller: NewCaller, action: str, call: Callable[..., Callable[[Any], Any]]
) -> None:
    role = caller(allow(action))
    assert role.may(call(MINE, "0123456789ab#also#more"))
    assert not role.may(call(MINE, THEIRS))


def test_a_transaction_is_authorised_by_each_thing_that_it_does(caller: NewCaller) -> None:
    role = caller(allow("PutItem"), allow_all("ConditionCheckItem"))
    assert role.may(transact(transact_put(MINE), transact_check(THEIRS)))
    assert not role.may(transact(transact_put(MINE), transact_put(THEIRS)))
    assert not caller(allow("PutItem")).may(transact(transact_put(MINE), transact_check(THEIRS)))
    assert not caller(allow("TransactWriteItems")).may(transact(transact_put(MINE)))


def test_statements_of_partiql_are_authorised_by_each_thing_that_they_do(
    caller: NewCaller,
) -> None:
    role = caller(allow("PartiQLInsert", "PartiQLSelect"))
    assert role.may(lambda client: insert(client, MINE, MINE))
    assert not role.may(lambda client: insert(client, MINE, THEIRS))
    assert role.may(select(f'SELECT * FROM "{TABLE}" WHERE p = ?', MINE))
    assert not role.may(select(f'SELECT * FROM "{TABLE}" WHERE p = ?', THEIRS))
    assert not role.may(select(f"SELECT * FROM \"{TABLE}\" WHERE p IN ['{MINE}', '{THEIRS}']"))
    assert not role.may(select(f'DELETE FROM "{TABLE}" WHERE p = ? AND s = ?', MINE, "x"))
    assert not role.may(get(MINE))


def test_a_read_that_names_no_partition_passes_all_of_none_unless_null_forbids_it(
    caller: NewCaller,
) -> None:
    whole = select(f'SELECT * FROM "{TABLE}"')
    assert caller(allow("Scan", "PartiQLSelect", null=False)).may(scan)
    assert caller(allow("Scan", "PartiQLSelect", null=False)).may(whole)
    assert not caller(allow("Scan", "PartiQLSelect")).may(scan)
    assert not caller(allow("Scan", "PartiQLSelect")).may(whole)


def test_what_is_denied_of_any_partition_is_denied_of_the_whole_request(
    caller: NewCaller,
) -> None:
    actions = ("BatchWriteItem", "PutItem", "PartiQLInsert")
    role = caller(allow_all(*actions, "Scan"), deny(*actions, "Scan"))
    assert role.may(put(MINE))
    assert not role.may(put(THEIRS))
    assert not role.may(batch_write(MINE, THEIRS))
    assert not role.may(transact(transact_put(MINE), transact_put(THEIRS)))
    assert not role.may(lambda client: insert(client, MINE, THEIRS))
    assert role.may(scan)


def test_no_functions_role_has_a_policy_of_awss_over_every_queue(
    stack: Stack, resources: Resources, aws: Any
) -> None:
    """As SAM has made them of the template: logs and traces are all that AWS's policies allow."""
    iam, client = aws("iam"), aws("lambda")
    for name in resources.functions.values():
        role = client.get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert {policy["PolicyName"] for policy in attached} <= {
            "AWSLambdaBasicExecutionRole",
            "AWSXrayWriteOnlyAccess",
            "AWSXRayDaemonWriteAccess",
        }, name
