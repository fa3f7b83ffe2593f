"""Answers to HTTP requests, problems among them."""

import base64
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.problems import as_problem
from mailmirror.runtime import count, log_failure

JSON = "application/json"
PROBLEM = "application/problem+json"


def json_text(body: object) -> str:
    """JSON as it goes out; half a surrogate pair, which an event can hold, as a question mark."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; its body goes out as JSON."""

    status: HTTPStatus
    body: Mapping[str, Any] | None = None
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def to(cls, error: Exception) -> "Answer":
        """A refusal as the problem that it names (RFC 9457), all else as `internal_error`."""
        if not isinstance(error, Refused):
            log_failure(error)
            error = Refused(Code.INTERNAL_ERROR)
        count(f"Refused_{error.code}")
        problem = as_problem(error)
        return cls(error.status, problem, PROBLEM)

    def to_gateway(self) -> dict[str, Any]:
        """As API Gateway's Lambda proxy integration wants it."""
        body = "" if self.body is None else json_text(self.body)
        return {
            "statusCode": int(self.status),
            "headers": {"Content-Type": self.content_type, "Cache-Control": "no-store"}
            | dict(self.headers),
            "body": body,
            "isBase64Encoded": False,
        }


def answered[**P](handler: Callable[P, dict[str, Any]]) -> Callable[P, dict[str, Any]]:
    """Turn a handler's refusals, and its failures, into problems."""

    @functools.wraps(handler)
    def answering(*args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        try:
            return handler(*args, **kwargs)
        except Exception as error:
            return Answer.to(error).to_gateway()

    return answering


def raw_body(event: APIGatewayProxyEvent) -> bytes:
    """The body as it was sent, byte by byte."""
    body: str = event.body or ""
    return base64.b64decode(body) if event.is_base64_encoded else body.encode("utf-8")


def json_body(event: APIGatewayProxyEvent) -> object:
    """The body read as JSON.

    Raises:
        Refused: it is none.
    """
    try:
        return json.loads(raw_body(event))
    except (ValueError, RecursionError) as error:
        raise Refused(Code.MALFORMED_JSON) from error
