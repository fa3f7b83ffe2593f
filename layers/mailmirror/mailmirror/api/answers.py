"""Answers to HTTP requests, problems among them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec

from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problem import as_problem
from mailmirror.observing import count, log_failure

JSON = "application/json"
PROBLEM = "application/problem+json"

_CHALLENGES = {
    Code.UNAUTHORIZED: 'Bearer realm="mailmirror"',
    Code.INVALID_SIGNATURE: 'Mailmirror-Signature realm="webhook"',
    Code.STALE_TIMESTAMP: 'Mailmirror-Signature realm="webhook"',
}
"""WWW-Authenticate by the problem: RFC 9110 15.5.2 wants it in every 401."""
_RETRY_SECONDS = {Code.MAILBOX_BUSY: 5, Code.TOO_MANY_REQUESTS: 1}
"""When to ask again where no `resets_at` says it."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal (RFC 9457)."""

    type: str
    """Where the problem is described, relative to the project's repository."""
    title: str
    status: int
    code: Code
    reason: str
    remedy: str
    detail: str | msgspec.UnsetType = msgspec.UNSET
    """The field's path, the stage, or a server's words."""
    limit: int | msgspec.UnsetType = msgspec.UNSET
    left: int | msgspec.UnsetType = msgspec.UNSET
    resets_at: datetime | msgspec.UnsetType = msgspec.UNSET
    allow: str | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer."""

    status: HTTPStatus
    body: msgspec.Struct | Mapping[str, Any] | str | None = None
    """Text goes out as it is, anything else as JSON."""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def to(cls, error: Exception, now: datetime, language: Language = Language.EN) -> "Answer":
        """Answer a refusal with its problem, and any other error with `internal_error`."""
        if not isinstance(error, Refused):
            log_failure(error)
            error = Refused(Code.INTERNAL_ERROR)
        count(f"Refused_{error.code}")
        return cls(error.status, as_problem(error, language), PROBLEM, _headers(error, now))

    def to_gateway(self) -> dict[str, Any]:
        """Return what API Gateway's Lambda proxy integration takes."""
        fixed = {"Content-Type": self.content_type, "Cache-Control": "no-store"}
        return {
            "statusCode": int(self.status),
            "headers": fixed | dict(self.headers),
            "body": self._text(),
            "isBase64Encoded": False,
        }

    def _text(self) -> str:
        if isinstance(self.body, str):
            return self.body
        return "" if self.body is None else json_text(self.body)


def json_text(body: object) -> str:
    """Encode a body as JSON.

    An event's id may be half a surrogate pair, which goes out as a question mark, or a number of
    more than 64 bits; msgspec writes neither.
    """
    try:
        return msgspec.json.encode(body).decode()
    except (UnicodeEncodeError, OverflowError):
        text = json.dumps(msgspec.to_builtins(body), ensure_ascii=False)
        return text.encode("utf-8", "replace").decode()


def _headers(error: Refused, now: datetime) -> dict[str, str]:
    headers = {}
    if error.code in _CHALLENGES:
        headers["WWW-Authenticate"] = _CHALLENGES[error.code]
    if "allow" in error.figures:
        headers["Allow"] = str(error.figures["allow"])
    if "resets_at" in error.figures:
        left = datetime.fromisoformat(str(error.figures["resets_at"])) - now
        headers["Retry-After"] = str(max(1, round(left.total_seconds())))
    elif error.code in _RETRY_SECONDS:
        headers["Retry-After"] = str(_RETRY_SECONDS[error.code])
    return headers
