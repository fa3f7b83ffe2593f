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
from mailmirror.mail.mime.headers import UnreadableHeaders, parse_headers
from mailmirror.usecases.crm_feed.crm_view import CrmView


def judge_copies(
    fetched: Mapping[int, FetchedHeader], rules: Rules, view: CrmView
) -> dict[int, Verdict]:
    """Judge copies by UID.

    The window comes before all else, even before `unreadable`: of a copy outside it only the
    INTERNALDATE is fetched, and the verdict must be the same where its headers were.
    """
    copies: dict[int, Headers] = {}
    verdicts: dict[int, Verdict] = {}
    for uid, one in fetched.items():
        if outside_window(one.received_at, rules):
            verdicts[uid] = Verdict.OUTSIDE_WINDOW
            continue
        try:
            copies[uid] = _headers(one)
        except UnreadableHeaders:
            verdicts[uid] = Verdict.UNREADABLE
    people = view.people(
        address
        for copy in copies.values()
        if is_looked_up(copy, rules)
        for address in copy.participants
    )
    return verdicts | {uid: judge(copy, people, rules) for uid, copy in copies.items()}


def _headers(fetched: FetchedHeader) -> Headers:
    headers = parse_headers(fetched.header)
    return Headers(
        received_at=fetched.received_at,
        participants=headers.participants,
        recipients=headers.recipients,
        is_report=headers.is_report,
        is_draft=fetched.is_draft,
        sender_known=bool(headers.from_ or headers.sender),
        addresses_cut=headers.addresses_cut,
    )
