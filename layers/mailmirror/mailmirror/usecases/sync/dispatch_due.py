"""Find what is due, and queue it: mailboxes to poll, messages to send, threads to refile."""

from datetime import timedelta
from itertools import batched

from mailmirror.aws.queues import PollJob, SendJob, ThreadJob
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.slot import Slot
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.keys import DUE_SHARDS

MAX_BATCH_MAILBOXES = 25
"""Mailboxes a poll: they are asked at the same time."""
HALF_PERIOD = timedelta(seconds=30)
"""Half the period of the schedule: what is due before then is queued now."""


def dispatch_polls(runtime: Runtime) -> int:
    """Queue every due mailbox that is not paused, the most overdue first; return how many."""
    now = runtime.now()
    stored = (entry for slot in Slot.all() for entry in runtime.due.entries(slot))
    entries = [entry for entry in stored if entry.due.paused_since is None]
    due = sorted(
        (entry for entry in entries if entry.due.due_at <= now + HALF_PERIOD),
        key=lambda entry: entry.due.due_at,
    )
    runtime.poll_queue.send(
        PollJob([entry.key for entry in batch], now)
        for batch in batched(due, MAX_BATCH_MAILBOXES, strict=False)
    )
    runtime.count("MailboxesDue", len(due))
    # Always: without a value an alarm would stay in its state.
    overdue = (now - due[0].due.due_at).total_seconds() if due else 0.0
    runtime.count("MostOverdueSeconds", max(0.0, overdue))
    # A mailbox with an error is visible as such; the alarm is for the others.
    waiting = [one.due.news_since for one in entries if one.due.error is None]
    oldest_news = min(filter(None, waiting), default=now)
    runtime.count("NewsWaitingSeconds", max(0.0, (now - oldest_news).total_seconds()))
    return len(due)


def dispatch_sends(runtime: Runtime) -> int:
    """Queue every message that is due to be sent; return how many there were."""
    now = runtime.now()
    due = [ref for shard in range(DUE_SHARDS) for ref in runtime.outbounds.due(shard, now)]
    runtime.send_queue.send(SendJob(ref.mailbox, ref.id) for ref in due)
    runtime.count("MessagesDue", len(due))
    return len(due)


def dispatch_threads(runtime: Runtime) -> int:
    """Queue every thread that is due; return how many there were."""
    now = runtime.now()
    due = [one for shard in range(DUE_SHARDS) for one in runtime.due_threads.find(shard, now)]
    reasons: dict[tuple[AccountId, ThreadId], list[str]] = {}
    for one in due:
        reasons.setdefault((one.account, one.thread), []).append(one.reason)
    runtime.thread_queue.send(ThreadJob(*key, tuple(some)) for key, some in reasons.items())
    runtime.count("ThreadsDue", len(reasons))
    return len(reasons)
