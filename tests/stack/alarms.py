"""Whether an alarm that was deployed fires on what the emulator's services have seen.

The emulator's CloudWatch takes every datapoint of a metric for an alarm's, whatever its dimensions,
and has no metrics of SQS and none from logs. So the alarm's own definition, as it was deployed, is
evaluated here: over the datapoints that the emulator has of Lambda, over the messages that lie in
its queues, and over the metrics that functions have written into their logs (EMF).
"""

import json
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.resources import Resources
from tests.stack import logs

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}
_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "SampleCount": len,
}


@dataclass(frozen=True, slots=True)
class Alarms:
    """The alarms of one stack.

    Parameters:
        aws: makes clients of the emulated AWS.
    """

    stack_name: str
    resources: Resources
    aws: Any

    def definition(self, logical_id: str) -> dict[str, Any]:
        detail = self.aws("cloudformation").describe_stack_resource(
            StackName=self.stack_name, LogicalResourceId=logical_id
        )["StackResourceDetail"]
        name = detail["PhysicalResourceId"]
        (alarm,) = self.aws("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        found: dict[str, Any] = alarm
        return found

    def fires(self, logical_id: str) -> bool:
        """Whether the last of the alarm's periods is over its threshold."""
        alarm = self.definition(logical_id)
        values = list(self._values(alarm))
        if not values:
            return bool(alarm["TreatMissingData"] == "breaching")
        value = _STATISTICS[alarm["Statistic"]](values)
        return _OPERATORS[alarm["ComparisonOperator"]](value, alarm["Threshold"])

    def _values(self, alarm: dict[str, Any]) -> Iterator[float]:
        since = datetime.now(UTC) - timedelta(seconds=alarm["Period"])
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        match alarm["Namespace"]:
            case "AWS/Lambda":
                yield from self._of_lambda(alarm, since)
            case "AWS/SQS":
                yield self._visible(dimensions["QueueName"])
            case "Mailmirror":
                yield from self._of_logs(alarm["MetricName"], dimensions, since)

    def _of_lambda(self, alarm: dict[str, Any], since: datetime) -> Iterator[float]:
        answer = self.aws("cloudwatch").get_metric_statistics(
            Namespace=alarm["Namespace"],
            MetricName=alarm["MetricName"],
            Dimensions=alarm["Dimensions"],
            StartTime=since,
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60,
            Statistics=[alarm["Statistic"]],
        )
        yield from (float(one[alarm["Statistic"]]) for one in answer["Datapoints"])

    def _visible(self, queue: str) -> float:
        sqs = self.aws("sqs")
        wanted = "ApproximateNumberOfMessages"
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[wanted])
        return float(answer["Attributes"][wanted])

    def _of_logs(self, metric: str, dimensions: dict[str, str], since: datetime) -> Iterator[float]:
        for _, line in logs.lines(self.aws, self.stack_name, since):
            yield from _emf(line, metric, dimensions)


def _emf(line: str, metric: str, dimensions: dict[str, str]) -> Iterator[float]:
    """The values of a metric in a line of a log, in CloudWatch's embedded metric format."""
    if '"_aws"' not in line:
        return
    told = json.loads(line)
    for directive in told["_aws"]["CloudWatchMetrics"]:
        sets = [{name: told[name] for name in names} for names in directive["Dimensions"]]
        names = [one["Name"] for one in directive["Metrics"]]
        if directive["Namespace"] == "Mailmirror" and dimensions in sets and metric in names:
            values = told[metric]
            yield from map(float, values if isinstance(values, list) else [values])
