"""What the deep audits of a mailbox have found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.mailbox import Mailbox
from mailmirror.runtime import Runtime
from mailmirror.store.audit_rounds import Rounds


@dataclass(frozen=True, slots=True)
class DeepAuditReport:
    rounds: Rounds
    asked_at: datetime | None
    """When a person asked for an audit that has not begun yet."""
    next_at: datetime | None
    """When the next slice is due."""
    folders: Mapping[str, str]
    """Names by ids, of the folders that are there now."""


def read_deep_audit(mailbox: Mailbox, runtime: Runtime) -> DeepAuditReport:
    """Read the rounds of a mailbox. Two or three read units, and a quarter a KB of folders."""
    state = runtime.sync_states.read(mailbox.key)
    folders = runtime.folders.read_all(mailbox.key)
    return DeepAuditReport(
        runtime.audit_rounds.read(mailbox.key),
        mailbox.audit_asked_at if mailbox.audit_asked_at != state.audit_asked_at else None,
        state.audit_at,
        {id: one.state.name for id, one in folders.items()},
    )
