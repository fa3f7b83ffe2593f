"""The calls that mend what keeps a message from its cards, filled in."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Literal
from urllib.parse import quote

from msgspec import Struct

from mailmirror.api.associations import Undo, put_back
from mailmirror.domain.limits import MAX_CHOSEN_FOLDERS
from mailmirror.domain.mailbox import Mailbox, Provider
from mailmirror.domain.missing_mail import Finding, MissingCause
from mailmirror.domain.settings import DeletedMail
from mailmirror.usecases.mailboxes.explain_message import Explained, ExplainedMessage


class ApiCall(Struct, frozen=True):
    """A call of this API that can be made as it is."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: str
    body: Mapping[str, Any] | None


_SYNCS = {
    MissingCause.CONTAINED: "sync",
    MissingCause.NOT_SYNCED: "sync",
    MissingCause.WAITS: "sync?pass=full",
    MissingCause.NOT_STORED: "audit?deep=true",
}
"""What is asked for of the mailbox."""
_SIGN_INS = (MissingCause.SIGN_IN_NEEDED, MissingCause.DISCONNECTED)


def mailbox_calls(finding: Finding, mailbox: Mailbox) -> Sequence[ApiCall]:
    """The calls for a cause of the mailbox: a sign-in at a provider needs no secret."""
    if finding.cause not in _SIGN_INS or mailbox.provider is Provider.IMAP:
        return []
    body = {"user_id": mailbox.owner, "provider": mailbox.provider, "login_hint": mailbox.email}
    return [ApiCall("POST", "/v1/mailboxes/authorize", body)]


def message_calls(
    finding: Finding, message: ExplainedMessage, explained: Explained
) -> Sequence[ApiCall]:
    """The calls for a cause of a message; none, where it is mended elsewhere."""
    mailbox = explained.mailbox.mailbox
    path = f"/v1/mailboxes/{mailbox.key.mailbox}"
    match finding.cause:
        case MissingCause.PAUSED:
            return [ApiCall("PATCH", path, {"paused": False})]
        case MissingCause.OUTSIDE_WINDOW:
            return _earlier_window(finding, message, path)
        case MissingCause.FOLDER_LEFT_OUT:
            return _with_folder(finding, message, explained.search.read, path)
        case MissingCause.TOO_MANY_RECIPIENTS if message.recipients_needed is not None:
            needed = message.recipients_needed
            return [ApiCall("PATCH", "/v1/account", {"max_recipients": needed})]
        case MissingCause.DELETED:
            return [ApiCall("PATCH", "/v1/account", {"deleted_mail": DeletedMail.KEEP.value})]
        case MissingCause.BLOCKED:
            blocks = f"/v1/users/{quote(mailbox.owner, safe='')}/blocks"
            return [ApiCall("DELETE", f"{blocks}/{one.id}", None) for one in message.blocks]
        case MissingCause.DETACHED if finding.detach is not None and message.place is not None:
            one, thread = finding.detach, message.place.thread
            undo = Undo.of(one.deal, thread, one.message, attached=False)
            return [ApiCall(undo.method, undo.path, None)]
        case MissingCause.TAKEN_OFF if finding.taken_off is not None:
            undo = put_back(finding.taken_off)
            return [ApiCall(undo.method, undo.path, None)]
        case cause if cause in _SYNCS and message.line is None:
            return [ApiCall("POST", f"{path}/{_SYNCS[cause]}", None)]
        case _:
            return []


def _earlier_window(finding: Finding, message: ExplainedMessage, path: str) -> Sequence[ApiCall]:
    at = message.kept.received.at if message.kept else None
    if finding.copy is not None:
        at = message.copies[finding.copy].found.received_at
    day = at.astimezone(UTC).date().isoformat() if at else None
    return [ApiCall("PATCH", path, {"history_since": day})] if day else []


def _with_folder(
    finding: Finding, message: ExplainedMessage, read: Sequence[str], path: str
) -> Sequence[ApiCall]:
    """All folders that are read, and one more; none, where a setting may not name so many."""
    if finding.copy is None:
        return []
    names = [*read, message.copies[finding.copy].found.folder.name]
    if len(names) > MAX_CHOSEN_FOLDERS:
        return []
    return [ApiCall("PATCH", path, {"folders": names})]
