"""A CRM as Mailmirror sees it: it posts signed events, and asks through the API.

Answers are handed back as they came, refusals too: what they say is what is tested.
"""

import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from local.samples import sign as sign
from mailmirror.usecases.operating.accounts import NewAccount

Json = dict[str, Any]

SECONDS = 30
"""For one answer: a probe may take 25."""

_BEGINNING = datetime.now(UTC) - timedelta(days=60)
_numbers = itertools.count(1)


def event(
    type: str, occurred_at: datetime | None = None, id: str | None = None, **data: Any
) -> Json:
    """An event of the CRM's; by default later than every one made before.

    Parameters:
        type: such as `contact.upserted`.
        data: `item` becomes the data's `id`, the rest is taken as it is.
    """
    number = next(_numbers)
    occurred_at = occurred_at or _BEGINNING + timedelta(seconds=number)
    data["id"] = data.pop("item")
    return {
        "id": id or f"event-{number:06d}",
        "type": type,
        "occurred_at": occurred_at.isoformat(),
        "data": data,
    }


def user(item: str, *emails: str) -> Json:
    return event("user.upserted", item=item, name=item.title(), emails=list(emails))


def lead(item: str, *emails: str, **more: Any) -> Json:
    return event("lead.upserted", item=item, name=item.title(), emails=list(emails), **more)


def contact(item: str, *emails: str, **more: Any) -> Json:
    return event("contact.upserted", item=item, name=item.title(), emails=list(emails), **more)


def deal(item: str, *contacts: str, status: str = "open", **more: Any) -> Json:
    return event(
        "deal.upserted", item=item, name=item.title(), status=status, contact_ids=contacts, **more
    )


@dataclass(frozen=True, slots=True)
class Crm:
    """A client of one account."""

    endpoint: str
    account: NewAccount
    _session: requests.Session = field(default_factory=requests.Session)

    def post(self, *events: object) -> requests.Response:
        """Post events, signed now."""
        written = json.dumps({"events": events}, ensure_ascii=False)
        try:
            return self.post_body(written.encode())
        except UnicodeEncodeError:  # half a surrogate pair, which JSON can only escape
            return self.post_body(json.dumps({"events": events}).encode())

    def post_body(
        self, body: bytes, signature: str | None = None, account_id: str | None = None
    ) -> requests.Response:
        """Post a webhook's body, signed now and rightly unless a signature is given."""
        if signature is None:
            signature = sign(self.account.webhook_secret, body, int(time.time()))
        return self._session.post(
            f"{self.endpoint}/webhooks/crm/{account_id or self.account.account_id}",
            data=body,
            headers={"X-Mailmirror-Signature": signature} if signature else {},
            timeout=SECONDS,
        )

    def ask(
        self,
        method: str,
        path: str,
        user: str | None = None,
        *,
        key: str | None = None,
        **parts: Any,
    ) -> requests.Response:
        """Ask the API, with the account's first key unless another is given.

        Parameters:
            path: below `/v1`.
            user: the acting user.
            parts: as `requests` takes them: `params`, `json`, `data`.
        """
        headers = {"Authorization": f"Bearer {key or self.account.api_key}"}
        if user is not None:
            headers["X-Mailmirror-User"] = user
        return self._session.request(
            method,
            f"{self.endpoint}/v1{path}",
            headers=headers | parts.pop("headers", {}),
            timeout=SECONDS,
            allow_redirects=False,
            **parts,
        )

    def get(self, path: str, user: str | None = None, **params: Any) -> Json:
        """Ask for what must be there."""
        return _body(self.ask("GET", path, user, params=params), 200)

    def connect(self, form: Mapping[str, Any]) -> str:
        """Connect a mailbox that can be connected, and return its id."""
        return str(_body(self.ask("POST", "/mailboxes", json=form), 201)["id"])

    def sync(self, mailbox: str) -> None:
        """Ask for a sync now."""
        _body(self.ask("POST", f"/mailboxes/{mailbox}/sync"), 202)

    def card(self, card: str, user: str, limit: int = 100) -> list[Json]:
        """All messages of a card such as `contacts/kim`, newest first."""
        return [message for page in self.pages(card, user, limit) for message in page["messages"]]

    def pages(self, card: str, user: str, limit: int) -> Iterator[Json]:
        """A card page by page; each is asked for when it is wanted."""
        cursor: Json = {}
        while True:
            page = self.get(f"/{card}/messages", user, limit=limit, **cursor)
            yield page
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def ledger(self, mailbox: str, user: str) -> Mapping[str, Json]:
        """A mailbox's ledger by the folders' roles."""
        return _by_role(self.get(f"/mailboxes/{mailbox}/ledger", user)["folders"])

    def audit(self, mailbox: str, user: str) -> Json:
        return self.get(f"/mailboxes/{mailbox}/audit", user)


def verdicts(folder: Json) -> Mapping[str, int]:
    """The verdicts that a folder has, and how often."""
    return {verdict: count for verdict, count in folder["verdicts"].items() if count}


def _by_role(folders: Sequence[Json]) -> Mapping[str, Json]:
    return {folder["role"]: folder for folder in folders}


def _body(answer: requests.Response, status: int) -> Json:
    assert answer.status_code == status, f"HTTP {answer.status_code}: {answer.text[:500]}"
    body: Json = answer.json()
    return body
