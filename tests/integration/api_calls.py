"""The API as the function `api` answers it, in this process and on a test's own table."""

import json
from collections.abc import Mapping
from typing import Any

from mailmirror.api.routes import routes_of
from mailmirror.api.routing import answer
from mailmirror.usecases.operating.accounts import add_key
from tests.integration.office import Office

Json = dict[str, Any]


class Api:
    """A caller with a key of an office's account."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._key = add_key(office.account, "test", office.runtime)

    def ask(
        self,
        method: str,
        path: str,
        user: str = "rep",
        language: str | None = "en",
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> tuple[int, Json]:
        """Return the status and the body of an answer.

        Parameters:
            language: of the header Accept-Language; None where there is none.
            body: what is sent as JSON; None where there is no body.
        """
        event = {
            "httpMethod": method,
            "path": path,
            "headers": {
                "Authorization": f"Bearer {self._key}",
                "X-Mailmirror-User": user,
                **({"Accept-Language": language} if language else {}),
            },
            "queryStringParameters": dict(params or {}),
            "body": None if body is None else json.dumps(body),
        }
        answered = answer(event, routes_of, self._office.runtime)
        text = answered["body"]
        return answered["statusCode"], json.loads(text) if text else {}

    def get(self, path: str, user: str = "rep", **query: str) -> Json:
        """Return the body of what must be there."""
        status, body = self.ask("GET", path, user, params=query)
        assert status == 200, body
        return body

    def follow(self, undo: Json, user: str = "rep") -> Json:
        """Make the call that an answer names."""
        status, body = self.ask(undo["method"], undo["path"], user)
        assert status == 200, body
        return body
