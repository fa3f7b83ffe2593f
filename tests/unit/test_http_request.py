"""A request is read from API Gateway's event, byte by byte where that counts."""

import base64
from typing import Any

from local import samples
from mailmirror.api.http_request import HttpRequest
from mailmirror.api.routing import Call
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.words.explanation import Language
from mailmirror.runtime import Runtime, Settings

EVENT: dict[str, Any] = {"httpMethod": "GET", "path": "/v1/mailboxes", "headers": None}


def test_a_header_is_found_whatever_its_case() -> None:
    request = HttpRequest.of(EVENT | {"headers": {"x-Mailmirror-USER": "ann"}})
    assert request.header("X-Mailmirror-User") == "ann"
    assert request.header("Idempotency-Key") is None


def test_a_slash_at_the_end_of_a_path_means_nothing() -> None:
    assert HttpRequest.of(EVENT | {"path": "/v1/mailboxes/"}).path == "/v1/mailboxes"


def test_every_value_of_a_parameter_is_seen() -> None:
    given = {
        "queryStringParameters": {"limit": "6", "cursor": "c"},
        "multiValueQueryStringParameters": {"limit": ["5", "6"]},
    }
    assert HttpRequest.of(EVENT | given).query == {"limit": ["5", "6"], "cursor": ["c"]}


def test_a_body_is_the_bytes_that_were_sent() -> None:
    assert HttpRequest.of(EVENT | {"body": None}).body == b""
    assert HttpRequest.of(EVENT | {"body": "見"}).body == "見".encode()
    encoded = {"body": base64.b64encode(b"\xff\x00").decode(), "isBase64Encoded": True}
    assert HttpRequest.of(EVENT | encoded).body == b"\xff\x00"


def test_every_sample_of_api_gateways_is_one() -> None:
    for name in samples.names():
        event = samples.sample(name)
        if "httpMethod" in event:
            assert HttpRequest.of(event).path == event["path"]


def test_a_request_shows_no_header_or_body() -> None:
    assert "secret" not in repr(HttpRequest.of(EVENT | {"body": "secret"}))


def test_a_call_shows_no_password() -> None:
    request, raw = HttpRequest.of(EVENT), {"password": "a secret"}
    call = Call(runtime(), AccountId("a"), {}, None, None, raw, request, Language.EN)
    assert "secret" not in repr(call)


def runtime() -> Runtime:
    return Runtime(Settings(**dict.fromkeys(Settings.__dataclass_fields__, "")))
