"""The API as the functions answer it, in this process and on a test's own table."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from functions.probe import app as probe
from mailmirror.api.routes import routes_of
from mailmirror.api.routes.outside import ROUTES as OUTSIDE
from mailmirror.api.routing import AnyRoute, answer
from mailmirror.runtime import Runtime
from mailmirror.usecases.operating.accounts import add_key
from tests.integration.office import REP, ImapServer, Office

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as its reader has it."""

    status: int
    headers: Mapping[str, str]
    body: Json
    """Empty where the answer has none, or none in JSON."""

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.status >= 400, self.body
        return str(self.body["code"])

    @property
    def remedy(self) -> str:
        """What a problem's reader is to do."""
        assert self.status >= 400, self.body
        return str(self.body["remedy"])


@dataclass(frozen=True, slots=True)
class ProbeClient:
    """The client of Lambda: it calls the handler of `probe` in this process."""

    function_name: str = "probe"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:probe"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def invoke(self, FunctionName: str, Payload: bytes) -> Mapping[str, io.BytesIO]:
        assert FunctionName == self.function_name
        answered = probe.handler(json.loads(Payload), cast(Any, self))
        return {"Payload": io.BytesIO(json.dumps(answered).encode())}


def run_probe(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a route asks of `probe` done in this process, on the same table."""
    runtime.settings = replace(runtime.settings, probe_function="probe")
    monkeypatch.setitem(runtime.__dict__, "lambda_client", ProbeClient())
    monkeypatch.setattr(probe, "runtime", runtime)


def connect_body(server: ImapServer, **others: object) -> Json:
    """Of `POST /v1/mailboxes`: REP's mailbox at a server on loopback."""
    return {
        "user_id": "rep",
        "email": REP,
        "provider": "imap",
        "imap": {"host": "localhost", "port": server.imaps_port, "security": "tls"},
        "username": REP,
        "password": server.users[REP],
        **others,
    }


def call(
    runtime: Runtime,
    method: str,
    path: str,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: str | None = None,
    find_routes: Callable[[str], Sequence[AnyRoute]] = routes_of,
) -> Answered:
    """Send a request as it is."""
    event = {
        "httpMethod": method,
        "path": path,
        "headers": dict(headers),
        "queryStringParameters": dict(params or {}),
        "body": body,
    }
    answered = answer(event, find_routes, runtime)
    text = answered["body"]
    is_json = "json" in answered["headers"]["Content-Type"]
    return Answered(
        answered["statusCode"],
        answered["headers"],
        json.loads(text) if text and is_json else {},
    )


def call_outside(
    runtime: Runtime,
    method: str,
    path: str,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: str | None = None,
) -> Answered:
    """Send a request as it is to the function `webhook`: a CRM's events, a provider's callback."""
    return call(runtime, method, path, headers, params, body, lambda _: OUTSIDE)


class Api:
    """A caller with a key of an office's account."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.key = add_key(office.account, "test", office.runtime)

    def answered(
        self,
        method: str,
        path: str,
        user: str = "rep",
        language: str | None = "en",
        params: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        text: str | None = None,
    ) -> Answered:
        """Return an answer with its headers.

        Parameters:
            language: of the header Accept-Language; None where there is none.
            body: what is sent as JSON; None where there is no body.
            headers: further ones, or others.
            text: what is sent as it is, in place of a body.
        """
        sent = {
            "Authorization": f"Bearer {self.key}",
            "X-Mailmirror-User": user,
            **({"Accept-Language": language} if language else {}),
            **(headers or {}),
        }
        written = text if body is None else json.dumps(body)
        return call(self._office.runtime, method, path, sent, params, written)

    def ask(
        self,
        method: str,
        path: str,
        user: str = "rep",
        language: str | None = "en",
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> tuple[int, Json]:
        """Return the status and the body of an answer."""
        answered = self.answered(method, path, user, language, params, body)
        return answered.status, answered.body

    def get(self, path: str, user: str = "rep", **query: str) -> Json:
        """Return the body of what must be there."""
        status, body = self.ask("GET", path, user, params=query)
        assert status == 200, body
        return body

    def follow(self, undo: Json, user: str = "rep") -> Json:
        """Make the call that an answer names."""
        path, _, query = undo["path"].partition("?")
        params = dict([query.split("=")]) if query else {}
        status, body = self.ask(undo["method"], path, user, params=params)
        assert status == 200, body
        return body
