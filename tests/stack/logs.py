"""What the functions of a stack have logged. The emulator writes a run's lines at its end."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

BEGINNING = datetime.fromtimestamp(0, UTC)


def lines(
    aws: Callable[[str], Any], stack: str, since: datetime = BEGINNING
) -> Iterator[tuple[str, str]]:
    """Every line, and the group that it is in."""
    logs = aws("logs")
    groups = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=f"/aws/lambda/{stack}-"
    )
    for group in (one["logGroupName"] for page in groups for one in page["logGroups"]):
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since.timestamp() * 1000)
        )
        for page in pages:
            yield from ((group, event["message"]) for event in page["events"])
