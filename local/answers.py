"""What each sample must be answered by the function that it is for."""

from typing import Any

STATUS = {
    "api-delete": 202,
    "api-post": 202,
    "webhook-api": 202,
    "webhook-oauth": 400,
}
"""Of samples of HTTP requests; of all others it is 200."""

REFUSED = {"probe-audit": "host_unknown", "probe-connect": "host_unknown"}
"""Why a probe refuses: the mail server of the samples is nobody's."""


class Unexpected(Exception):
    """The answer is another; the message shows it."""


def told(name: str, answer: Any) -> str:
    """Say in a few words what a sample was answered.

    Raises:
        Unexpected: not what it must be.
    """
    match answer:
        case {"statusCode": int(status), "body": _} if status == STATUS.get(name, 200):
            return f"HTTP {status}"
        case {"batchItemFailures": []}:
            return "no failures"
        case {"refused": {"code": str(code)}} if code == REFUSED.get(name):
            return f"refused: {code}"
        case {"due": int(due)}:
            return f"{due} due"
    raise Unexpected(str(answer)[:300])
