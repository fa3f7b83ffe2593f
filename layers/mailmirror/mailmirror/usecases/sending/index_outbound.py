"""Index a message that is being sent on its cards, by the steps of a synced copy."""

from datetime import datetime

from mailmirror.domain.aliases import Alias
from mailmirror.domain.containment import Place
from mailmirror.domain.folder import COMPOSED
from mailmirror.domain.identity import Vertex
from mailmirror.domain.mailbox import FolderRole, Mailbox
from mailmirror.domain.outbound import Outbound
from mailmirror.domain.verdict import Rules, Verdict
from mailmirror.mail.imap.fetched import FetchedCopy, FetchedHeader
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.judge_copies import judge_copies
from mailmirror.usecases.sync.mirror_copies import FolderKey, mirror_each
from mailmirror.usecases.threads.erase_entries import erase_entries
from mailmirror.usecases.threads.join_threads import join_vertices
from mailmirror.usecases.threads.thread_writer import ThreadWriter


def index_on_cards(
    raw: bytes, mailbox: Mailbox, account: Account, date: datetime, runtime: Runtime
) -> None:
    """Mirror a message that is about to be sent, if the rules would mirror its copy in Sent.

    Idempotent: what is written follows from the message alone.
    """
    view = CrmView(account, runtime, mailbox.owner)
    rules = Rules(mailbox.history_since, account.max_recipients)
    header = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    verdicts = judge_copies({0: FetchedHeader(date, len(raw), header)}, rules, view)
    if verdicts[0] is not Verdict.MIRRORED:
        return
    # It needs no trust: it has the Message-ID that was given here. The role comes before that of
    # the copy in Sent, of the same date and bytes, so that its sync changes nothing of the line.
    where = FolderKey(mailbox.key, COMPOSED, 0, FolderRole.INBOX)
    mirror_each(where, [FetchedCopy(0, date, header, raw)], view, runtime)


def take_off_cards(outbound: Outbound, runtime: Runtime) -> None:
    """Delete a message that was never sent from its cards, and erase it."""
    account, mailbox = outbound.account, outbound.mailbox
    graph = runtime.threads.graph(account, [outbound.vertex])
    thread = graph.thread_of(outbound.vertex)
    copies = (
        runtime.threads.copies(account, thread, outbound.id, with_hidden=True) if thread else ()
    )
    mine = [one for one in copies if one.key == mailbox]
    erase_entries(account, mine, runtime)
    runtime.contents.erase(mailbox, outbound.id)
    runtime.contents.erase_copies((Place(COMPOSED, 0, 0), entry) for entry in mine)


def name_alias(outbound: Outbound, alias: Vertex, runtime: Runtime) -> None:
    """Store the Message-ID by which a transport has replaced ours; replies refer to it.

    Parameters:
        alias: from the transport's answer. A copy's own word is not enough (`domain.aliases`).
    """
    account = runtime.accounts.find(outbound.account)
    if account is None:
        return
    members = [outbound.vertex, alias]
    graph = runtime.threads.graph(outbound.account, members)
    writer = ThreadWriter.of(outbound.account, CrmView(account, runtime), runtime)
    join_vertices(members, graph, writer)
    graph.name_alias(alias, Alias(outbound.id, outbound.date))
