"""Judge copies by their headers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailmirror.domain.limits import MAX_RECIPIENTS_SETTING
from mailmirror.domain.verdict import (
    Headers,
    Rules,
    Verdict,
    is_looked_up,
    judge,
    obstacles,
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
            copies[uid] = headers_of(one)
        except UnreadableHeaders:
            verdicts[uid] = Verdict.UNREADABLE
    people = view.people(
        address
        for copy in copies.values()
        if is_looked_up(copy, rules)
        for address in copy.participants
    )
    return verdicts | {uid: judge(copy, people, rules) for uid, copy in copies.items()}


def obstacles_of(
    fetched: Mapping[int, FetchedHeader], rules: Rules, view: CrmView
) -> Mapping[int, Sequence[Verdict]]:
    """What keeps each copy from being mirrored, by UID: the verdict that it gets comes first.

    Copies outside the window are judged too, for their owner asks about them.
    """
    copies: dict[int, Headers] = {}
    found: dict[int, Sequence[Verdict]] = {}
    for uid, one in fetched.items():
        try:
            copies[uid] = headers_of(one)
        except UnreadableHeaders:
            is_old = outside_window(one.received_at, rules)
            found[uid] = [*([Verdict.OUTSIDE_WINDOW] if is_old else []), Verdict.UNREADABLE]
    widest = replace(rules, max_recipients=MAX_RECIPIENTS_SETTING)
    people = view.people(
        address
        for copy in copies.values()
        if is_looked_up(copy, widest)
        for address in copy.participants
    )
    return found | {uid: obstacles(copy, people, rules) for uid, copy in copies.items()}


def headers_of(fetched: FetchedHeader) -> Headers:
    """What the rules need of a copy.

    Raises:
        UnreadableHeaders: they cannot be understood.
    """
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
