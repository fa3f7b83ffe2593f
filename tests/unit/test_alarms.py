"""Each alarm can fire: AWS publishes what it looks at, and a message outlives its way to it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from local.environments import ROOT
from tests.template import functions, of_type, target, triggers

ALARMS = of_type("AWS::CloudWatch::Alarm")
QUEUES = of_type("AWS::SQS::Queue")

PUBLISHED = {
    ("AWS/Lambda", "Errors"): ["FunctionName"],
    ("AWS/Lambda", "Throttles"): ["FunctionName"],
    ("AWS/Lambda", "Duration"): ["FunctionName"],
    ("AWS/ApiGateway", "5XXError"): ["ApiName", "Stage"],
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): ["QueueName"],
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): ["QueueName"],
}
"""What AWS's services publish of those that we look at: (namespace, name) → its dimensions.

Lambda and API Gateway: each minute in which something is called. SQS: each minute while a queue is
active. (Their documentation: "Types of metrics for Lambda functions", "Amazon API Gateway
dimensions and metrics", "Available CloudWatch metrics for Amazon SQS".)
"""
DEFAULT_RETENTION_SECONDS = 4 * 24 * 3600
"""SQS's MessageRetentionPeriod where none is given."""


def alarms(metric: str) -> Mapping[str, Mapping[str, Any]]:
    return {name: one for name, one in ALARMS.items() if one["MetricName"] == metric}


def dimension(alarm: Mapping[str, Any], name: str) -> Any:
    (value,) = (one["Value"] for one in alarm["Dimensions"] if one["Name"] == name)
    return value


def by_function(metric: str) -> dict[str, Mapping[str, Any]]:
    return {target(dimension(one, "FunctionName")): one for one in alarms(metric).values()}


def retention(queue: Mapping[str, Any]) -> int:
    seconds: int = queue.get("MessageRetentionPeriod", DEFAULT_RETENTION_SECONDS)
    return seconds


# Queues


@pytest.mark.parametrize("name", [name for name, one in QUEUES.items() if "RedrivePolicy" in one])
def test_a_message_that_fails_every_time_reaches_the_dead_letters_before_it_expires(
    name: str,
) -> None:
    """It is moved at the receive after the last, each a visibility timeout after the one before."""
    queue = QUEUES[name]
    on_its_way = queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]
    assert retention(queue) > on_its_way + 600, "and it may wait ten minutes for its first receive"


def test_every_queue_that_is_read_has_an_alarm_of_its_age() -> None:
    found = alarms("ApproximateAgeOfOldestMessage")
    by_queue = {target(dimension(one, "QueueName")): one for one in found.values()}
    assert set(by_queue) == {trigger.queue for trigger in triggers()}
    for name, alarm in by_queue.items():
        assert alarm["Statistic"] == "Maximum", name
        assert alarm["Threshold"] < retention(QUEUES[name]), name


# Functions


@pytest.mark.parametrize("metric", ["Errors", "Throttles", "Duration"])
def test_every_function_has_an_alarm_of(metric: str) -> None:
    assert set(by_function(metric)) == set(functions())


def test_one_death_of_a_function_is_enough() -> None:
    for name, alarm in by_function("Errors").items():
        wanted = ("Sum", 0, "GreaterThanThreshold", 1)
        fields = ("Statistic", "Threshold", "ComparisonOperator", "EvaluationPeriods")
        assert tuple(alarm[field] for field in fields) == wanted, name


def test_only_a_run_that_the_time_limit_ends_is_over_the_threshold() -> None:
    """`sync` and `send` end themselves 20 s before the limit of 300 s (runtime.deadline)."""
    for name, alarm in by_function("Duration").items():
        limit_ms = functions()[name]["Timeout"] * 1000
        assert 0.95 * limit_ms <= alarm["Threshold"] < limit_ms, name
        assert alarm["Statistic"] == "Maximum", name
    for name in ("SyncFunction", "SendFunction"):
        assert by_function("Duration")[name]["Threshold"] > (300 - 20) * 1000


# Every alarm


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_looks_at_what_is_published(name: str) -> None:
    alarm = ALARMS[name]
    metric, names = alarm["MetricName"], [one["Name"] for one in alarm["Dimensions"]]
    if alarm["Namespace"] == "Mailmirror":
        assert names == ["service"], "Powertools' one dimension, the stack's name"
        assert dimension(alarm, "service") == {"Ref": "AWS::StackName"}
        layer = ROOT / "layers" / "mailmirror" / "mailmirror"
        assert any(f'count("{metric}"' in path.read_text() for path in layer.rglob("*.py"))
    else:
        assert PUBLISHED[alarm["Namespace"], metric] == names
    assert alarm["Period"] % 60 == 0
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 24 * 3600, "CloudWatch's limit"
    assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]


def test_the_api_is_called_by_cloudwatch_as_the_stack_is() -> None:
    """SAM names an API after the stack where neither Name nor a definition says otherwise."""
    (api,) = of_type("AWS::Serverless::Api").values()
    assert not {"Name", "DefinitionBody", "DefinitionUri"} & set(api)
    (alarm,) = alarms("5XXError").values()
    assert dimension(alarm, "ApiName") == {"Ref": "AWS::StackName"}
    assert dimension(alarm, "Stage") == api["StageName"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reaches_whoever_was_named(name: str) -> None:
    wanted = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    assert ALARMS[name]["AlarmActions"] == wanted


# What they mean


def sections() -> dict[str, str]:
    """The sections of the alarms in `docs/operations.md`, by their headings."""
    text = (ROOT / "docs" / "operations.md").read_text()
    (chapter,) = re.findall(r"(?ms)^## Alarms\n(.*?)^## ", text)
    parts = re.split(r"(?m)^### (.*)\n", chapter)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    return {heading: text for heading, text in found.items() if "Alarms: " in text}


def test_each_section_says_what_an_alarm_means_what_to_look_at_and_what_to_do() -> None:
    assert sections()
    for heading, text in sections().items():
        parts = [text.index(part) for part in ("Alarms:", "**Means.**", "**Look at.**", "**Do.**")]
        assert parts == sorted(parts), heading


@pytest.mark.parametrize("name", ALARMS)
def test_each_alarm_has_its_section_and_names_it(name: str) -> None:
    mentioned = {
        heading: re.findall(r"`(\w+)`", text[: text.index("**Means.**")])
        for heading, text in sections().items()
    }
    (heading,) = (heading for heading, names in mentioned.items() if name in names)
    assert ALARMS[name]["AlarmDescription"].endswith(f"docs/operations.md, {heading}.")


def test_no_section_names_an_alarm_that_is_not_there() -> None:
    for heading, text in sections().items():
        names = re.findall(r"`(\w+Alarm)`", text)
        assert set(names) <= set(ALARMS), heading
