"""The sample events of `events/`, made true for an account that there is."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.environments import ROOT

EVENTS = ROOT / "events"
ACCOUNT, MAILBOX, OUTBOUND = "5a1e5c0ffee0", "0badcafe0badcafe", "5e4d" * 8
"""As the files have them."""
_QUEUED_AT = "2026-03-01T10:00:00.000000Z"
"""The time in a poll's job, which a stale job is known by."""

Event = dict[str, Any]


def names() -> list[str]:
    """The samples, each named after its function and what triggers it: `sync-sqs`."""
    return sorted(path.stem for path in EVENTS.glob("*.json"))


def function(name: str) -> str:
    """The function that a sample is for, as its folder is called."""
    return name.partition("-")[0]


def sample(
    name: str, account: str = ACCOUNT, mailbox: str = MAILBOX, outbound: str = OUTBOUND
) -> Event:
    """Read a sample, about this account, mailbox and outbound; a poll's job is queued now."""
    text = Path(EVENTS / f"{name}.json").read_text("utf-8")
    text = text.replace(_QUEUED_AT, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z")
    for named, given in ((ACCOUNT, account), (MAILBOX, mailbox), (OUTBOUND, outbound)):
        text = text.replace(named, given)
    event: Event = json.loads(text)
    for record in event.get("Records", ()):
        if "md5OfBody" in record:
            digest = hashlib.md5(record["body"].encode(), usedforsecurity=False)
            record["md5OfBody"] = digest.hexdigest()
    return event


def with_header(event: Event, name: str, value: str) -> Event:
    """A sample of an HTTP request with a header in place of the one in the file."""
    headers = event["headers"] | {name: value}
    several = event["multiValueHeaders"] | {name: [value]}
    return event | {"headers": headers, "multiValueHeaders": several}


def with_key(event: Event, api_key: str) -> Event:
    return with_header(event, "Authorization", f"Bearer {api_key}")


def signed(event: Event, secret: str, at: int) -> Event:
    """A sample of a webhook, signed at a Unix time."""
    signature = sign(secret, event["body"].encode(), at)
    return with_header(event, "X-Mailmirror-Signature", signature)


def sign(secret: str, body: bytes, at: int) -> str:
    """The header X-Mailmirror-Signature of a body signed at a Unix time."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
