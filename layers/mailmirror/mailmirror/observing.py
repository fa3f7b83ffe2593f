"""Logs and metrics, which are set up here and nowhere else.

Neither a secret nor anything of a message is ever passed to them.
"""

from __future__ import annotations

import functools
import traceback
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mailmirror.domain.mailbox import MailboxKey, UserId

# The service, which alarms tell apart, is the stack's name (POWERTOOLS_SERVICE_NAME).
logger = Logger()
metrics = Metrics(namespace="Mailmirror")
warnings.filterwarnings("ignore", "No application metrics")  # many a call counts nothing


class Misconfigured(Exception):
    """A variable of the environment is missing or wrong; the text names it, and is logged."""


def count(name: str, value: float = 1) -> None:
    """Add to a metric of this environment's, named in CamelCase."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


class Failed(Exception):
    """What a function fails with: an error's kind, and never its text, which may quote mail."""


def is_of_aws(error: Exception) -> bool:
    """Whether AWS or the network has failed, so that the data at hand is not the cause."""
    from mailmirror.store.table import Throttled

    if isinstance(error, ClientError):
        return bool(error.response["Error"].get("Code") != "ValidationException")
    return isinstance(error, BotoCoreError | OSError | Throttled)


def log_failure(error: Exception) -> None:
    """Log where an error came from, without its text, unless that is our own."""
    frames = traceback.extract_tb(error.__traceback__)
    logger.error(
        "failed",
        error=type(error).__name__,
        setting=str(error) if isinstance(error, Misconfigured) else None,
        aws=error.response["Error"].get("Code") if isinstance(error, ClientError) else None,
        frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
    )
    count("Failures")


def log_audit(key: MailboxKey, faults: Mapping[str, int], lost: int) -> None:
    """Log what a deep audit has found: numbers, and nothing of a message."""
    logger.warning(
        "faults found", account=key.account, mailbox=key.mailbox, faults=dict(faults), lost=lost
    )


def log_erasure(key: MailboxKey, user: UserId) -> None:
    """Log who has asked to erase a mailbox."""
    logger.info("erasure asked for", account=key.account, mailbox=key.mailbox, user=user)


def failures_logged[**P, R](step: Callable[P, R]) -> Callable[P, R]:
    """Log a failure without its text, and raise Failed instead."""

    @functools.wraps(step)
    def logging(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return step(*args, **kwargs)
        except Exception as error:
            log_failure(error)
            raise Failed(type(error).__name__) from None

    return logging


def observed[**P, R](handler: Callable[P, R]) -> Callable[P, R]:
    """Set up logs and metrics for a handler."""
    quiet = failures_logged(handler)
    counted = metrics.log_metrics(quiet, raise_on_empty_metrics=False)
    return logger.inject_lambda_context(counted, clear_state=True)
