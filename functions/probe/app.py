"""All live work on request: connecting a mailbox, and auditing one. Called by `api` alone."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.domain.problems import Refused
from mailmirror.runtime import Runtime, observed
from mailmirror.usecases.probe_jobs import ProbeJob, run_probe

runtime = Runtime.from_environment()


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    try:
        return {"answer": run_probe(ProbeJob.from_event(event), runtime)}
    except Refused as refusal:
        return {"refused": {"code": refusal.code.value, "detail": refusal.detail}}
