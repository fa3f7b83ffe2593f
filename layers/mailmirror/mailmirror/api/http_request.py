"""A request as API Gateway's Lambda proxy integration passes it on."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailmirror.domain.words.explanation import Language


@dataclass(frozen=True, slots=True, repr=False)
class HttpRequest:
    """Method, path, headers, query and body. Powertools' data classes say the same; importing them
    takes a third of the time in which the function answers its first request."""

    method: str
    path: str
    """Without the stage and a trailing slash; percent-encoded."""
    headers: Mapping[str, str]
    """By name in lower case; of a header that is sent twice the last."""
    query: Mapping[str, Sequence[str]]
    """Every value of a parameter, decoded."""
    body: bytes
    """As it was sent."""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "HttpRequest":
        body = event.get("body") or ""
        single = event.get("queryStringParameters") or {}
        several = event.get("multiValueQueryStringParameters") or {}
        return cls(
            event["httpMethod"],
            event["path"].rstrip("/"),
            {name.lower(): value for name, value in (event.get("headers") or {}).items()},
            {name: [value] for name, value in single.items()} | several,
            base64.b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8"),
        )

    @property
    def language(self) -> Language | None:
        """The language in which the request wants texts for people; None where it names none."""
        return Language.preferred(self.header("Accept-Language"))

    def header(self, name: str) -> str | None:
        """A header's value, whatever the case of its name."""
        return self.headers.get(name.lower())
