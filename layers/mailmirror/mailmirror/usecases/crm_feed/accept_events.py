"""Accept a webhook of the CRM: verify it, queue its events, and refuse those that are wrong."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mailmirror.aws.queues import FeedJob
from mailmirror.domain.feed import (
    check_not_ahead,
    envelope,
    label,
    left_out_of,
    parse_event,
)
from mailmirror.domain.left_out import LeftOut
from mailmirror.domain.limits import MAX_EVENTS, MAX_WEBHOOK_BYTES
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problem import as_problem
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.runtime import Runtime

TOLERANCE_SECONDS = 300

_ACCOUNT = re.compile(r"[0-9a-f]{12}\Z")
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The outcome of a webhook. Refused events are listed, and not applied."""

    accepted: int
    refused: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    """What accepted events are applied without."""


def verify(account_id: str, body: bytes, signature: str, runtime: Runtime) -> AccountId:
    """Check that a webhook's body was signed by the account that its path names.

    Parameters:
        body: as it came, byte by byte: it is what was signed.
        signature: the header X-Mailmirror-Signature, `t=<unix>,v1=<hex HMAC-SHA256>`.

    Raises:
        Refused: it was not, or it is too large to be looked at.
    """
    if len(body) > MAX_WEBHOOK_BYTES:
        raise Refused(Code.BODY_TOO_LARGE, f"{len(body)} bytes", limit=MAX_WEBHOOK_BYTES)
    match = _SIGNATURE.match(signature.strip())
    if match is None or not _ACCOUNT.match(account_id):
        raise Refused(Code.INVALID_SIGNATURE)
    account = runtime.accounts.find(AccountId(account_id))
    if account is None:
        raise Refused(Code.INVALID_SIGNATURE)
    signed = match[1].encode() + b"." + body
    secrets = runtime.vault.webhook_secrets(account, runtime.now())
    digests = [hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in secrets]
    if not any(hmac.compare_digest(digest, match[2]) for digest in digests):
        raise Refused(Code.INVALID_SIGNATURE)
    if abs(runtime.now().timestamp() - int(match[1])) > TOLERANCE_SECONDS:
        raise Refused(Code.STALE_TIMESTAMP)
    return account.id


def accept_events(
    account: AccountId,
    events: Sequence[object],
    runtime: Runtime,
    language: Language = Language.EN,
) -> Accepted:
    """Queue a webhook's events in their order. Until they are applied, cards say that they wait.

    Parameters:
        events: as JSON gave them.
        language: of what is said of those that are refused or lack something.

    Raises:
        Refused: they are too many; nothing was queued.
    """
    if len(events) > MAX_EVENTS:
        raise Refused(Code.INVALID_FIELD, f"events: more than {MAX_EVENTS}")
    refused: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    jobs = []
    for index, raw in enumerate(events):
        try:
            event = parse_event(raw)
            check_not_ahead(event, runtime.now())
            parts = left_out_of(event)
            jobs.append(FeedJob(account, envelope(event), left_out=parts))
            name = {"index": index, "id": event.stamp.event_id}
            left_out += [name | _said(part, language) for part in parts]
        except Refused as refusal:
            refused.append({"index": index, **_id_of(raw), **as_problem(refusal, language)})
            # It is queued as well, to be listed in its place among the others.
            jobs.append(FeedJob(account, label(raw), (refusal.code.value, refusal.detail)))
    if last := runtime.feed_queue.send(jobs):
        runtime.feed.accepted(account, last)
    runtime.count("EventsAccepted", len(events) - len(refused))
    return Accepted(len(events) - len(refused), refused, left_out)


def _said(part: LeftOut, language: Language) -> dict[str, Any]:
    words = PROBLEMS[part.code][language]
    return {
        "code": part.code,
        "reason": words.reason,
        "remedy": words.remedy,
        "detail": part.detail,
    }


def _id_of(event: object) -> dict[str, object]:
    id = event.get("id") if isinstance(event, dict) else None
    return {"id": id} if isinstance(id, str | int) and not isinstance(id, bool) else {}
