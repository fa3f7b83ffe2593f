"""What each sample must be answered by the function that it is for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Expected:
    status: int = 200
    """Of the answer to an HTTP request."""
    code: str | None = None
    """Of the problem that it tells, where it is to tell one."""


EXPECTED: Mapping[str, Expected] = {
    "api-delete": Expected(202),
    "api-post": Expected(202),
    "api-put": Expected(404, "deal_unknown"),
    "probe-audit": Expected(code="host_unknown"),
    "probe-folders": Expected(code="host_unknown"),
    "probe-authorize": Expected(code="provider_not_configured"),
    "probe-callback": Expected(code="state_unknown"),
    "probe-code": Expected(code="proof_sender_missing"),
    "probe-connect": Expected(code="host_unknown"),
    "probe-explain": Expected(code="host_unknown"),
    "probe-preview": Expected(code="host_unknown"),
    "webhook-api": Expected(202),
    "webhook-oauth": Expected(400, "state_unknown"),
}
"""Of all others, success. The samples' mail server does not exist, their account has no deal
and no provider, and their sign-in was never begun: a refusal that says so is the answer."""


class Unexpected(Exception):
    """The answer is another; the message shows it."""


def told(name: str, answer: Any) -> str:
    """Say in a few words what a sample was answered.

    Raises:
        Unexpected: not what it must be.
    """
    expected = EXPECTED.get(name, Expected())
    match answer:
        case {"statusCode": int(status), "body": str(body)}:
            if status == expected.status and (expected.code or "") in body:
                return " ".join(filter(None, [f"HTTP {status}", expected.code]))
        case {"batchItemFailures": []}:
            return "no failures"
        case {"refused": {"code": str(code)}} if code == expected.code:
            return f"refused: {code}"
        case {"answer": _} if expected.code is None:
            return "answered"
        case {"due": int(due)}:
            return f"{due} due"
    raise Unexpected(json.dumps(answer)[:300])
