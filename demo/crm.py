"""The CRM's side: it posts signed events, and calls the API, as any CRM could."""

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from http import HTTPStatus
from itertools import batched
from typing import Any, Final

import requests

from local.stack import Stack

PATIENCE: Final = 60
"""Seconds for one request: connecting a mailbox signs in to its servers first."""
TRIES: Final = 3
"""A function that has just been deployed may take longer to start than the API waits for it."""

Json = dict[str, Any]


class Refused(Exception):
    """The API answered with a problem."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"HTTP {status}: {said}")
        self.status = status


class Crm:
    """A client of one account."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def post_events(self, events: Sequence[object]) -> None:
        """Send events in their order, signed, some at a time."""
        for batch in batched(events, 20, strict=False):
            body = json.dumps({"events": batch}).encode()
            at = str(int(time.time()))
            secret = self._stack.webhook_secret.encode()
            digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
            headers = {"X-Mailmirror-Signature": f"t={at},v1={digest}"}
            url = f"{self._stack.endpoint}/webhooks/crm/{self._stack.account_id}"
            _checked(requests.post(url, data=body, headers=headers, timeout=PATIENCE))

    def ask(
        self, user: str, method: str, path: str, body: object = None, key: str = "", **query: object
    ) -> Json:
        """Call the API as a user.

        Parameters:
            key: idempotency key of a message, which is sent once however often it is asked for.

        Raises:
            Refused: the API answers with a problem.
        """
        headers = {"Authorization": f"Bearer {self._stack.api_key}", "X-Mailmirror-User": user}
        for _ in range(TRIES):
            answer = requests.request(
                method,
                f"{self._stack.endpoint}/v1{path}",
                headers=headers | ({"Idempotency-Key": key} if key else {}),
                json=body,
                params={name: str(value) for name, value in query.items()},
                timeout=PATIENCE,
            )
            if answer.status_code != HTTPStatus.BAD_GATEWAY:
                break
        parsed: Json = _checked(answer).json()
        return parsed

    def card(self, user: str, kind: str, id: str) -> tuple[list[Json], Json]:
        """A whole card as a user sees it: its messages, newest first, and its coverage."""
        path = f"/{kind}s/{id}/messages"
        page = self.ask(user, "GET", path, limit=50)
        messages, coverage = page["messages"], page["coverage"]
        while page["next_cursor"]:
            page = self.ask(user, "GET", path, limit=50, cursor=page["next_cursor"])
            messages += page["messages"]
        return messages, coverage


def _checked(answer: requests.Response) -> requests.Response:
    if not answer.ok:
        try:
            problem = answer.json()
            names = ("code", "reason", "remedy", "detail")
            said = " ".join(str(problem[name]) for name in names if name in problem)
        except requests.JSONDecodeError:
            said = answer.text[:200]
        raise Refused(answer.status_code, said)
    return answer
