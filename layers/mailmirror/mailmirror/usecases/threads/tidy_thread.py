"""Do what a thread is due for: refile it, complete its announcements, sweep what it has left."""

from mailmirror.aws.queues import ThreadJob
from mailmirror.runtime import Runtime
from mailmirror.store.due_threads import DueThread
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.threads.thread_writer import ThreadWriter


def tidy_thread(job: ThreadJob, runtime: Runtime) -> None:
    """Tidy one thread. Idempotent, so that a job may come twice.

    A thread of which an announcement is not yet expired is indexed all the same: it is long, and
    the function that announced it has left it to the queue.
    """
    dues = [DueThread(job.account, job.thread, reason) for reason in job.reasons]
    if not runtime.due_threads.are_due(dues):
        return  # another job has done it
    account = runtime.accounts.find(job.account)
    if account is not None:
        writer = ThreadWriter.of(account.id, CrmView(account, runtime), runtime)
        root = runtime.roots.read(account.id, job.thread)
        if asked := frozenset(token for token in root.pending if token.run.id in job.reasons):
            writer.complete(root.thread, asked)
        writer.refile(job.thread)
        writer.sweep(job.thread)
    runtime.due_threads.done(dues)
    runtime.count("ThreadsTidied")
