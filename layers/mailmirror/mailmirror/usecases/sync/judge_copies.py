"""Judge copies by their headers."""

from collections.abc import Mapping

from mailmirror.domain.verdict import (
    Headers,
    Rules,
    Verdict,
    is_looked_up,
    judge,
    outside_window,
)
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.mime.headers import MessageHeaders, UnreadableHeaders, parse_headers
from mailmirror.usecases.crm_feed.crm_view import CrmView


def judge_copies(
    fetched: Mapping[int, FetchedHeader], rules: Rules, view: CrmView
) -> dict[int, Verdict]:
    """Judge copies by UID.

    The window comes before all else, even before `unreadable`: of a copy outside it only the
    INTERNALDATE is fetched, and the verdict must be the same where its headers were.
    """
    read: dict[int, MessageHeaders] = {}
    verdicts: dict[int, Verdict] = {}
    for uid, one in fetched.items():
        if outside_window(one.received_at, rules):
            verdicts[uid] = Verdict.OUTSIDE_WINDOW
            continue
        try:
            read[uid] = parse_headers(one.header)
        except UnreadableHeaders:
            verdicts[uid] = Verdict.UNREADABLE
    people = view.people(
        address
        for headers in read.values()
        if is_looked_up(headers.participants, rules)
        for address in headers.participants
    )
    for uid, headers in read.items():
        copy = Headers(
            received_at=fetched[uid].received_at,
            participants=headers.participants,
            recipients=headers.recipients,
            is_report=headers.is_report,
        )
        verdicts[uid] = judge(copy, people, rules)
    return verdicts
