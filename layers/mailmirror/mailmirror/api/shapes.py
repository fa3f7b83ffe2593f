"""The JSON that the API and `probe` answer with, made from what the use cases return."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailmirror.domain.coverage import Coverage, FeedCoverage, MailboxCoverage
from mailmirror.domain.ledger import Audit
from mailmirror.domain.message import Attachment, Participant
from mailmirror.domain.outbound import Outbound, OutboundState, Recipient
from mailmirror.domain.problems import Code
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.coverage import explain_feed, explain_gap, explain_mailbox
from mailmirror.domain.words.delivery import DELIVERY_ERRORS
from mailmirror.domain.words.explanation import Explanation, Language
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.domain.words.verdicts import VERDICTS
from mailmirror.store.feed import RefusedEvent
from mailmirror.store.overrides import PlacedOverride
from mailmirror.usecases.cards.read_card import Line, Page
from mailmirror.usecases.cards.read_message import MOST_SHOWN, WholeMessage
from mailmirror.usecases.mailboxes.read_mailbox import FolderLedger, MailboxReport
from mailmirror.usecases.sending.make_upload import Upload
from mailmirror.usecases.sync.audit_mailbox import FolderAudit

if TYPE_CHECKING:
    from mailmirror.usecases.mailboxes.oauth_sign_in import Outcome
    from mailmirror.usecases.mailboxes.prove_address import Proving

Json = dict[str, Any]

_MOST_HEADERS, _LONGEST_HEADER = 200, 2_000


def mailbox(report: MailboxReport, counters: Mapping[str, int] | None = None) -> Json:
    """A mailbox; its counters are for its owner's eyes."""
    due = report.due
    return {
        "id": report.mailbox.key.mailbox,
        "user_id": report.mailbox.owner,
        "email": report.mailbox.email,
        "provider": report.mailbox.provider.value,
        "address_proof": report.proof.value if report.proof else None,
        "state": report.state.value,
        "progress": report.progress if counters is not None else None,
        "last_success_at": _time(due.last_success_at if due else None),
        "next_due_at": _time(due.due_at if due else None),
        "news_since": _time(due.news_since if due else None),
        "error": _error(report.problem, due.error_detail if due else "")
        or _error(due.sending_error if due else None, due.sending_detail if due else ""),
        "counters": dict(counters) if counters is not None else None,
    }


def _error(code: Code | None, detail: str) -> Json | None:
    if code is None:
        return None
    explanation = PROBLEMS[code][Language.EN]
    return {
        "code": code.value,
        "reason": explanation.reason,
        "remedy": explanation.remedy,
        "detail": detail or None,
    }


def proving(found: "Proving") -> Json:
    """How far an address is proven."""
    return {
        "address": found.address,
        "proof": found.proof.value if found.proof else None,
        "code_expires_at": _time(found.expires_at),
    }


def outcome(found: "Outcome") -> Json:
    """What became of a sign-in, as `probe` tells `webhook`."""
    refused = found.refused
    return {
        "return_url": found.return_url,
        "mailbox_id": found.mailbox,
        "refused": {"code": refused.code.value, "detail": refused.detail} if refused else None,
    }


def ledger(folders: Sequence[FolderLedger], language: Language) -> Json:
    """Every folder's ledger, with each verdict explained."""
    return {
        "folders": [
            {
                "name": one.folder.name,
                "role": one.folder.role.value,
                "uidvalidity": one.folder.uidvalidity,
                "uids": len(one.ledger.judged | one.ledger.pending),
                "verdicts": one.ledger.counts(),
                "presences": {
                    "present": len(one.ledger.present),
                    "removed": len(one.ledger.removed),
                },
            }
            for one in folders
        ],
        "explanations": {
            verdict.value: {"reason": words[language].reason, "remedy": words[language].remedy}
            for verdict, words in VERDICTS.items()
        },
    }


def counters(folders: Sequence[FolderLedger]) -> Mapping[str, int]:
    """How many UIDs of a mailbox have each verdict."""
    return {
        verdict.value: sum(len(one.ledger.of(verdict)) for one in folders) for verdict in Verdict
    }


def audit(folders: Sequence[FolderAudit], at: datetime) -> Json:
    """An audit's figures; the UIDs of its errors as sequence-sets."""
    return {
        "at": _time(at),
        "clean": all(one.audit.clean for one in folders),
        "folders": [
            {
                "name": one.folder.name,
                "role": one.folder.role.value,
                **_figures(one.audit),
            }
            for one in folders
        ],
    }


def _figures(found: Audit) -> Json:
    errors: dict[str, UidSet] = {
        "missing": found.missing,
        "extra": found.extra,
        "overlap": found.overlap,
    }
    return {
        "server_uids": found.server_uids,
        **{name: len(uids) for name, uids in errors.items()},
        "pending": found.pending,
        "removed": found.removed,
        "gone": found.gone,
        "uids": {name: str(uids) for name, uids in errors.items() if uids},
    }


def page(found: Page) -> Json:
    return {
        "messages": [line(one) for one in found.lines],
        "next_cursor": found.next_cursor,
        "coverage": _coverage(found.coverage),
    }


def line(one: Line) -> Json:
    """A message as a card shows it."""
    summary = one.summary
    senders = [_participant(sender) for sender in summary.from_]
    claimed = summary.date if summary.date != one.instant else None
    return {
        "id": summary.message,
        "thread_id": one.thread,
        "message_id": summary.message_id,
        "subject": summary.subject,
        "from": senders[0] if senders else None,
        "to": [_participant(recipient) for recipient in summary.to],
        "cc": [_participant(recipient) for recipient in summary.cc],
        "instant": _time(one.instant),
        "claimed_date": _time(claimed),
        "direction": "outgoing" if one.outgoing else "incoming",
        "delivery": one.delivery.value if one.delivery else None,
        "snippet": summary.snippet,
        "attachments": [
            {"name": part.name, "content_type": part.content_type, "size": part.size}
            for part in summary.attachments
        ],
        "warnings": list(summary.warnings),
        "mailbox_ids": list(one.mailboxes),
    }


def whole_message(message: WholeMessage) -> Json:
    content = message.content
    cut = max(len(content.text), len(content.html or "")) > MOST_SHOWN
    shown = line(message.line)
    return {
        **shown,
        "warnings": [*message.warnings, *(["truncated"] if cut else [])],
        "headers": [
            {"name": name, "value": value[:_LONGEST_HEADER]}
            for name, value in message.header_fields[:_MOST_HEADERS]
        ],
        "text": content.text[:MOST_SHOWN],
        "html": message.html,
        "attachments": [_attachment(one) for one in message.attachments],
    }


def _attachment(one: Attachment) -> Json:
    return {
        "n": one.index,
        "name": one.name,
        "content_type": one.content_type,
        "size": one.size,
        "content_id": one.content_id,
        "inline": one.inline,
    }


def _participant(one: Participant) -> Json:
    return {"name": one.name, "address": one.address}


def _coverage(coverage: Coverage) -> Json:
    return {
        "complete": coverage.complete,
        **_explanation(explain_gap(coverage.gap, Language.EN) if coverage.gap else None),
        "mailboxes": [_mailbox_coverage(one) for one in coverage.mailboxes],
        "feed": _feed_coverage(coverage.feed),
    }


def _mailbox_coverage(one: MailboxCoverage) -> Json:
    return {
        "mailbox_id": one.mailbox,
        "complete": one.complete,
        "as_of": _time(one.as_of),
        "progress": one.progress,
        **_explanation(explain_mailbox(one, Language.EN)),
    }


def _feed_coverage(feed: FeedCoverage) -> Json:
    return {
        "complete": feed.complete,
        "as_of": _time(feed.as_of),
        **_explanation(explain_feed(feed, Language.EN)),
    }


def _explanation(one: Explanation | None) -> Json:
    return {"reason": one.reason if one else None, "remedy": one.remedy if one else None}


def outbound(one: Outbound, language: Language = Language.EN) -> Json:
    """A message being sent: its state, and each recipient's."""
    recipients = [_recipient(each, one.cancelled, language) for each in one.recipients]
    return {
        "id": one.id,
        "message_id": one.id,
        "thread_id": one.thread,
        "internet_message_id": one.message_id,
        "state": one.state.value,
        "transport": one.transport.value,
        "from": one.sender,
        "mailbox_id": one.mailbox.mailbox,
        "accepted_at": _time(one.date),
        "attempts": one.attempts,
        "next_attempt_at": _time(one.next_attempt_at),
        "error": next((found["error"] for found in recipients if found["error"]), None),
        "recipients": recipients,
    }


def _recipient(one: Recipient, cancelled: bool, language: Language) -> Json:
    return {
        "address": one.address,
        "state": OutboundState.CANCELLED.value if cancelled else one.state.value,
        "error": None if cancelled else _delivery_error(one, language),
    }


def _delivery_error(recipient: Recipient, language: Language) -> Json | None:
    if recipient.code is None:
        return None
    words = DELIVERY_ERRORS[recipient.code][language]
    return {
        "code": recipient.code.value,
        "reason": words.reason,
        "remedy": words.remedy,
        "reply": recipient.reply or None,
    }


def refused_event(one: RefusedEvent) -> Json:
    """An event of the CRM's that could not be applied, and what to do."""
    explanation = PROBLEMS[one.code][Language.EN]
    return {
        "id": one.id or None,
        "type": one.type or None,
        "refused_at": _time(one.at),
        "code": one.code.value,
        "reason": explanation.reason,
        "remedy": explanation.remedy,
        "detail": one.detail or None,
    }


def upload(made: Upload) -> Json:
    return {
        "upload_id": made.id,
        "url": made.url,
        "method": "PUT",
        "headers": {"Content-Type": made.content_type},
        "expires_at": _time(made.expires_at),
    }


def override(placed: PlacedOverride) -> Json:
    given = placed.override
    return {
        "deal_id": given.deal,
        "thread_id": placed.thread,
        "message_id": given.message,
        "attached": given.attached,
        "user_id": given.user,
        "at": _time(given.stamp.occurred_at),
    }


def _time(instant: datetime | None) -> str | None:
    """RFC 3339, in UTC."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}" if instant else None
