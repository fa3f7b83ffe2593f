"""What `sam local start-api` is asked, and what it must answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from local.answers import Unexpected
from local.sample_account import SampleAccount
from local.samples import sign

SECONDS = 120


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A sample's request over HTTP, made true; the callback's state is unknown."""

    method: str
    path: str
    sample: str | None
    """The sample whose body is sent, and signed."""
    status: int
    code: str | None
    """The problem's in the answer."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def make(self, url: str, account: SampleAccount) -> str:
        """Ask, and say in a few words what was answered.

        Raises:
            Unexpected: not what it must be.
        """
        body = account.event(self.sample)["body"].encode() if self.sample else b""
        path = self.path.format(account=account.account.account_id)
        try:
            answer = requests.request(
                self.method,
                url + path,
                data=body,
                headers=_headers(body, account),
                timeout=SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unexpected(str(error)) from error
        if answer.status_code != self.status or (self.code or "") not in answer.text:
            raise Unexpected(f"HTTP {answer.status_code}: {answer.text[:300]}")
        return " ".join(filter(None, [f"HTTP {answer.status_code}", self.code]))


CALLS = [
    HttpCall("POST", "/webhooks/crm/{account}", "webhook-api", 202, None),
    HttpCall("GET", "/oauth/google/callback?state=forged&code=x", None, 400, "state_unknown"),
    HttpCall("GET", "/v1/mailboxes", None, 200, None),
]


def _headers(body: bytes, account: SampleAccount) -> Mapping[str, str]:
    """With the key and a signature: each route takes its own."""
    return {
        "Authorization": f"Bearer {account.account.api_key}",
        "Content-Type": "application/json",
        "X-Mailmirror-Signature": sign(account.account.webhook_secret, body, int(time.time())),
    }
