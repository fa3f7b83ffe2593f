"""Alarms of the deployed stack fire by the failure itself, as far as the emulator can show it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import deployment, emulator
from local.deployed import runtime_of_stack
from local.stack import Home, Run, Stack
from mailmirror.aws.queues import PollJob
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey
from mailmirror.runtime import Runtime
from tests.stack.alarms import Alarms
from tests.stack.waiting import wait_for
from tests.template import functions

pytestmark = pytest.mark.long

STACK = "alarmed"
NOBODYS = MailboxKey(AccountId("5a1e5c0ffee0"), MailboxId("0badcafe0badcafe"))
EVENTS: dict[str, Any] = {"DispatchFunction": {}, "ProbeFunction": {"task": "audit"}}
"""By function, what it is called with; others with a batch of no records."""


@pytest.fixture(scope="module")
def alarms(stack: Stack, stack_home: Home, aws: Any) -> Iterator[Alarms]:
    """The alarms of a stack of its own, which is broken in many ways."""
    run = stack_home.run()
    assert isinstance(run, Run)
    resources = deployment.deploy_built(stack_home, run.emulator, run.options, STACK)
    yield Alarms(STACK, resources, aws)
    aws("cloudformation").delete_stack(StackName=STACK)
    aws("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


@pytest.fixture(scope="module")
def office_of_alarmed(alarms: Alarms, stack: Stack) -> Runtime:
    return runtime_of_stack(emulator.session(), STACK, stack.aws_endpoint)


def called(alarms: Alarms, function: str) -> str:
    """Call a function as whoever waits for its answer; return the kind of its error."""
    answer = alarms.aws("lambda").invoke(
        FunctionName=alarms.resources.functions[function],
        Payload=json.dumps(EVENTS.get(function, {"Records": []})),
    )
    answer["Payload"].read()
    return str(answer.get("FunctionError", ""))


@contextmanager
def configured(alarms: Alarms, function: str, **change: Any) -> Iterator[None]:
    """Change a function's configuration for the time of a `with` block."""
    client, name = alarms.aws("lambda"), alarms.resources.functions[function]
    before = client.get_function_configuration(FunctionName=name)
    undo = {
        "Layers": [layer["Arn"] for layer in before["Layers"]],
        "Environment": {"Variables": before["Environment"]["Variables"]},
    }
    client.update_function_configuration(FunctionName=name, **change)
    try:
        yield
    finally:
        client.update_function_configuration(
            FunctionName=name, **{field: undo[field] for field in change}
        )


def short(function: str) -> str:
    return function.removesuffix("Function")


@pytest.mark.parametrize("function", sorted(functions()))
def test_a_function_whose_imports_fail_fires_its_own_alarm(alarms: Alarms, function: str) -> None:
    alarm = f"{short(function)}ErrorsAlarm"
    assert not alarms.fires(alarm)

    with configured(alarms, function, Layers=[]):
        assert called(alarms, function) == "Unhandled"

    assert alarms.fires(alarm)
    assert not alarms.fires(f"{short(function)}TimeoutsAlarm")


@pytest.mark.parametrize("function", sorted(functions()))
def test_a_function_that_may_not_run_fires_its_own_alarm(alarms: Alarms, function: str) -> None:
    alarm = f"{short(function)}ThrottlesAlarm"
    client, name = alarms.aws("lambda"), alarms.resources.functions[function]
    assert not alarms.fires(alarm)

    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequests"):
        called(alarms, function)
    client.delete_function_concurrency(FunctionName=name)

    assert alarms.fires(alarm)


def test_a_function_that_waits_for_aws_until_its_time_is_over_fires_two_alarms(
    alarms: Alarms,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = alarms.aws("lambda")
        name = alarms.resources.functions["DispatchFunction"]
        told = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables = {**told, "AWS_ENDPOINT_URL_DYNAMODB": endpoint}
        with configured(alarms, "DispatchFunction", Environment={"Variables": variables}):
            assert called(alarms, "DispatchFunction") == "Unhandled"

    assert alarms.fires("DispatchTimeoutsAlarm")
    assert alarms.fires("DispatchErrorsAlarm")


def test_a_job_that_kills_its_poll_every_time_reaches_the_dead_letters_and_fires_their_alarm(
    alarms: Alarms,
) -> None:
    sqs, queue = alarms.aws("sqs"), alarms.resources.queues["PollQueue"]
    assert not alarms.fires("PollDeadLettersAlarm")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})

    with configured(alarms, "PollFunction", Layers=[]):
        job = PollJob([NOBODYS], datetime.now(UTC))
        sqs.send_message(QueueUrl=queue, MessageBody=job.to_json())
        wait_for("the alarm", lambda: alarms.fires("PollDeadLettersAlarm"), seconds=60)

    letters = alarms.resources.queues["PollDeadLetters"]
    (dead,) = sqs.receive_message(QueueUrl=letters)["Messages"]
    assert PollJob.from_json(dead["Body"]) == job


def test_an_event_that_cannot_be_applied_for_aws_fires_the_alarm_of_failures(
    alarms: Alarms,
) -> None:
    assert not alarms.fires("FailuresAlarm")
    sqs, queue = alarms.aws("sqs"), alarms.resources.queues["FeedQueue"]
    sqs.send_message(
        QueueUrl=queue, MessageBody="{}", MessageGroupId="a", MessageDeduplicationId="a"
    )
    wait_for("the alarm", lambda: alarms.fires("FailuresAlarm"), seconds=60)


def test_a_mailbox_that_nobody_polls_fires_the_alarm_of_the_most_overdue(
    alarms: Alarms, office_of_alarmed: Runtime
) -> None:
    assert called(alarms, "DispatchFunction") == ""
    wait_for("dispatch to have told", lambda: not alarms.fires("ScheduleStoppedAlarm"))
    assert not alarms.fires("MostOverdueAlarm")

    long_ago = datetime.now(UTC) - timedelta(minutes=20)
    office_of_alarmed.table.put(office_of_alarmed.due.first(NOBODYS, NOBODYS.new_slot, long_ago))
    assert called(alarms, "DispatchFunction") == ""

    wait_for("the alarm", lambda: alarms.fires("MostOverdueAlarm"))


def test_the_api_has_the_name_by_which_its_alarm_looks_for_it(alarms: Alarms) -> None:
    api = alarms.aws("apigateway").get_rest_api(restApiId=alarms.resources.api)
    dimensions = alarms.definition("ServerErrorsAlarm")["Dimensions"]
    assert {one["Name"]: one["Value"] for one in dimensions} == {
        "ApiName": api["name"],
        "Stage": alarms.resources.stage,
    }
