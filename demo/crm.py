"""The CRM's side: it posts signed events, and reads and writes through the API.

Nothing here knows how Mailmirror works inside; any CRM could do the same.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any, Final, Literal, Self

import requests

from demo.people import Event

EVENTS_A_POST: Final = 20
PAGE: Final = 50
PATIENCE: Final = 60
"""Seconds for one request: connecting a mailbox signs in to its servers first."""

CardKind = Literal["lead", "contact", "deal"]
Json = Mapping[str, Any]


class Refused(Exception):
    """The API answered with a problem."""

    def __init__(self, status: int, code: str, said: str) -> None:
        super().__init__(f"HTTP {status} {code}: {said}")
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Correspondent:
    name: str
    address: str

    @classmethod
    def parse(cls, person: Json) -> Self:
        return cls(person["name"] or person["address"], person["address"])


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in a timeline."""

    id: str
    thread_id: str
    message_id: str
    subject: str
    sender: Correspondent
    recipients: Sequence[Correspondent]
    instant: datetime
    outgoing: bool
    delivery: str
    """How far a message that was written in the CRM has come; empty for all others."""
    attachments: Sequence[str]

    @classmethod
    def parse(cls, message: Json) -> Self:
        return cls(
            id=message["id"],
            thread_id=message["thread_id"],
            message_id=message["message_id"] or "",
            subject=message["subject"] or "",
            sender=Correspondent.parse(message["from"]),
            recipients=[Correspondent.parse(person) for person in (*message["to"], *message["cc"])],
            instant=datetime.fromisoformat(message["instant"]),
            outgoing=message["direction"] == "outgoing",
            delivery=message["delivery"] or "",
            attachments=[attachment["name"] for attachment in message["attachments"]],
        )


@dataclass(frozen=True, slots=True)
class Timeline:
    entries: Sequence[Entry]
    """Newest first."""
    coverage: Json


class Crm:
    """A client of one account."""

    def __init__(self, endpoint: str, account_id: str, api_key: str, webhook_secret: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._account_id = account_id
        self._secret = webhook_secret.encode()
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {api_key}"

    def post_events(self, events: Sequence[Event]) -> None:
        """Send events in their order, signed, some at a time."""
        for batch in batched(events, EVENTS_A_POST, strict=False):
            body = json.dumps({"events": batch}, ensure_ascii=False).encode()
            stamp = str(int(time.time()))
            signature = hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256)
            headers = {
                "Content-Type": "application/json",
                "X-Mailmirror-Signature": f"t={stamp},v1={signature.hexdigest()}",
            }
            url = f"{self._endpoint}/webhooks/crm/{self._account_id}"
            _checked(requests.post(url, data=body, headers=headers, timeout=PATIENCE))

    def connect(self, mailbox: Json) -> str:
        """Connect a mailbox as its user, and return its id.

        Raises:
            Refused: it cannot be reached, or signed in to; nothing is kept.
        """
        created = self._ask("POST", "/v1/mailboxes", mailbox["user_id"], json=mailbox)
        return str(created["id"])

    def authorize(self, user_id: str, address: str, return_url: str) -> str:
        """Begin to connect a mailbox at Google, and return where its user signs in."""
        asked = {
            "user_id": user_id,
            "provider": "google",
            "login_hint": address,
            "return_url": return_url,
        }
        return str(self._ask("POST", "/v1/mailboxes/authorize", user_id, json=asked)["url"])

    def send(self, user_id: str, key: str, message: Json) -> Json:
        """Send a message once, however often it is asked for under one key."""
        headers = {"Idempotency-Key": key}
        return self._ask("POST", "/v1/messages", user_id, headers, json=message)

    def outbound(self, user_id: str, id: str) -> Json:
        return self._ask("GET", f"/v1/outbound/{id}", user_id)

    def attach(self, user_id: str, deal_id: str, thread_id: str) -> None:
        """Put a thread on a deal by hand."""
        self._ask("PUT", f"/v1/deals/{deal_id}/threads/{thread_id}", user_id)

    def mailbox(self, mailbox_id: str, user_id: str) -> Json:
        return self._ask("GET", f"/v1/mailboxes/{mailbox_id}", user_id)

    def ledger(self, mailbox_id: str, user_id: str) -> Sequence[Json]:
        """Per folder, how many UIDs have each verdict."""
        folders: Sequence[Json] = self._ask("GET", f"/v1/mailboxes/{mailbox_id}/ledger", user_id)[
            "folders"
        ]
        return folders

    def audit(self, mailbox_id: str, user_id: str) -> Sequence[Json]:
        """Per folder, the ledger held against what the server says now."""
        folders: Sequence[Json] = self._ask("GET", f"/v1/mailboxes/{mailbox_id}/audit", user_id)[
            "folders"
        ]
        return folders

    def timeline(self, kind: CardKind, card_id: str, user_id: str) -> Timeline:
        """A whole card, as a user sees it."""
        pages = list(self._pages(f"/v1/{kind}s/{card_id}/messages", user_id))
        entries = [Entry.parse(message) for page in pages for message in page["messages"]]
        return Timeline(entries, pages[0]["coverage"])

    def newest(self, kind: CardKind, card_id: str, user_id: str) -> Entry | None:
        page = next(self._pages(f"/v1/{kind}s/{card_id}/messages", user_id))
        return Entry.parse(page["messages"][0]) if page["messages"] else None

    def _pages(self, path: str, user_id: str) -> Iterator[Json]:
        asked: dict[str, str | int] = {"limit": PAGE}
        while True:
            page = self._ask("GET", path, user_id, params=asked)
            yield page
            if not page["next_cursor"]:
                return
            asked["cursor"] = page["next_cursor"]

    def _ask(
        self,
        method: str,
        path: str,
        user_id: str,
        headers: Mapping[str, str] | None = None,
        **parts: Any,
    ) -> Json:
        answer = self._session.request(
            method,
            self._endpoint + path,
            headers={"X-Mailmirror-User": user_id, **(headers or {})},
            timeout=PATIENCE,
            **parts,
        )
        parsed: Json = _checked(answer).json()
        return parsed


def _checked(answer: requests.Response) -> requests.Response:
    if answer.ok:
        return answer
    try:
        problem = answer.json()
        said = " ".join(
            str(problem[key]) for key in ("reason", "remedy", "detail") if key in problem
        )
        raise Refused(answer.status_code, str(problem.get("code", "")), said)
    except requests.JSONDecodeError:
        raise Refused(answer.status_code, "", answer.text[:200]) from None
