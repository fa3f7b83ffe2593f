"""Do what a thread is due for: refile it, complete its announcements, sweep what it has left."""

from mailmirror.aws.queues import ThreadJob
from mailmirror.runtime import Runtime
from mailmirror.store.due_threads import DueThread
from mailmirror.store.keys import DUE_SHARDS
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.threads.thread_writer import ThreadWriter


def tidy_thread(job: ThreadJob, runtime: Runtime) -> None:
    """Tidy one thread. Idempotent, so that a job may come twice.

    A thread of which an announcement is not yet expired is indexed all the same: it is long, and
    the function that announced it has left it to the queue.
    """
    account = runtime.accounts.find(job.account)
    if account is not None:
        writer = ThreadWriter.of(account.id, CrmView(account, runtime), runtime)
        root = runtime.roots.read(account.id, job.thread)
        if asked := frozenset(token for token in root.pending if token.run.id in job.reasons):
            writer.complete(root.thread, asked)
        writer.refile(job.thread)
        writer.sweep(job.thread)
    runtime.due_threads.done(DueThread(job.account, job.thread, one) for one in job.reasons)
    runtime.count("ThreadsTidied")


def dispatch_threads(runtime: Runtime) -> int:
    """Queue every thread that is due; return how many there were."""
    now = runtime.now()
    due = [one for shard in range(DUE_SHARDS) for one in runtime.due_threads.find(shard, now)]
    reasons: dict[tuple[str, str], list[DueThread]] = {}
    for one in due:
        reasons.setdefault((one.account, one.thread), []).append(one)
    runtime.thread_queue.send(
        ThreadJob(some[0].account, some[0].thread, tuple(one.reason for one in some))
        for some in reasons.values()
    )
    runtime.count("ThreadsDue", len(reasons))
    return len(reasons)
