"""A table of causes: facts about a message, and the causes that its owner reads, first to last."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.card_overrides import CardOverride, Scope
from mailmirror.domain.contained import Cause as Contained
from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.folder_choice import LeftOut
from mailmirror.domain.limits import MAX_RECIPIENTS_SETTING, MAX_SENDERS
from mailmirror.domain.mailbox import MailboxState, UserId
from mailmirror.domain.missing_mail import (
    CopyFacts,
    Finding,
    MailboxFacts,
    MessageFacts,
    MissingCause,
    Stored,
    mailbox_causes,
    message_causes,
)
from mailmirror.domain.overrides import Override
from mailmirror.domain.problems import Code
from mailmirror.domain.stamp import Stamp
from mailmirror.domain.threads import ThreadId
from mailmirror.domain.verdict import (
    Headers,
    People,
    Rules,
    Verdict,
    judge,
    obstacles,
    recipients_needed,
)

C, V, S = MissingCause, Verdict, Stored
HEALTHY = MailboxFacts()
PAUSED = MailboxFacts(MailboxState.PAUSED)
FIRST_SYNC = MailboxFacts(MailboxState.FIRST_SYNC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
OFF = CardOverride(
    PersonRef(PersonKind.CONTACT, "k"),
    ThreadId("t"),
    None,
    on=False,
    scope=Scope.OWNER,
    user=UserId("boss"),
    at=MARCH,
)
DETACH = Override(Stamp(MARCH, "e1"), DealId("d"), False, UserId("boss"))


def codes(findings: Sequence[Finding]) -> list[MissingCause]:
    return [one.cause for one in findings]


def copy(
    *obstacles: Verdict,
    left_out: LeftOut | None = None,
    recorded: Verdict | None = None,
    contained: Contained | None = None,
    can_raise_limit: bool = True,
) -> CopyFacts:
    return CopyFacts(left_out, obstacles, recorded, contained, can_raise_limit)


ONE_COPY = [
    # what a sync has not read
    (copy(), HEALTHY, S.NOTHING, [C.NOT_SYNCED]),
    (copy(), FIRST_SYNC, S.NOTHING, [C.FIRST_SYNC]),
    (copy(), PAUSED, S.NOTHING, [C.PAUSED]),
    (copy(recorded=V.GONE), HEALTHY, S.NOTHING, [C.NOT_SYNCED]),
    (copy(recorded=V.GONE), FIRST_SYNC, S.NOTHING, [C.NOT_SYNCED]),
    (copy(recorded=V.PENDING), HEALTHY, S.NOTHING, [C.CONTAINED]),
    (copy(recorded=V.PENDING), FIRST_SYNC, S.NOTHING, [C.CONTAINED]),
    (copy(recorded=V.PENDING), PAUSED, S.NOTHING, [C.PAUSED, C.CONTAINED]),
    (copy(V.PENDING), HEALTHY, S.NOTHING, [C.CONTAINED]),
    (copy(V.PENDING, recorded=V.PENDING), HEALTHY, S.NOTHING, [C.CONTAINED]),
    # what was judged before facts changed
    (copy(recorded=V.NO_PERSON), HEALTHY, S.NOTHING, [C.WAITS]),
    (copy(recorded=V.BLOCKED), HEALTHY, S.HIDDEN, [C.WAITS]),
    (copy(recorded=V.MIRRORED), HEALTHY, S.HIDDEN, [C.WAITS]),
    (copy(recorded=V.MIRRORED), HEALTHY, S.NOTHING, [C.NOT_STORED]),
    (copy(recorded=V.MIRRORED), PAUSED, S.NOTHING, [C.PAUSED, C.NOT_STORED]),
    (copy(recorded=V.NO_PERSON), PAUSED, S.NOTHING, [C.PAUSED]),
    # verdicts
    (copy(V.UNREADABLE, recorded=V.UNREADABLE), HEALTHY, S.NOTHING, [C.UNREADABLE]),
    (copy(V.OUTSIDE_WINDOW), HEALTHY, S.NOTHING, [C.OUTSIDE_WINDOW]),
    (copy(V.DRAFT), HEALTHY, S.NOTHING, [C.DRAFT]),
    (copy(V.INTERNAL), HEALTHY, S.NOTHING, [C.INTERNAL]),
    (copy(V.REPORT), HEALTHY, S.NOTHING, [C.REPORT]),
    (copy(V.NO_PERSON), HEALTHY, S.NOTHING, [C.NO_PERSON]),
    (copy(V.NO_PERSON, recorded=V.MIRRORED), HEALTHY, S.HIDDEN, [C.NO_PERSON]),
    (copy(V.BLOCKED), HEALTHY, S.NOTHING, [C.BLOCKED]),
    (copy(V.TOO_MANY_RECIPIENTS), HEALTHY, S.NOTHING, [C.TOO_MANY_RECIPIENTS]),
    (
        copy(V.TOO_MANY_RECIPIENTS, can_raise_limit=False),
        HEALTHY,
        S.NOTHING,
        [C.BEYOND_RECIPIENTS],
    ),
    (copy(V.OUTSIDE_WINDOW, V.BLOCKED), HEALTHY, S.NOTHING, [C.OUTSIDE_WINDOW, C.BLOCKED]),
    (copy(V.BLOCKED), PAUSED, S.NOTHING, [C.BLOCKED, C.PAUSED]),
    # folders that are not read
    (copy(left_out=LeftOut.SETTING), HEALTHY, S.NOTHING, [C.FOLDER_LEFT_OUT]),
    (copy(left_out=LeftOut.OTHER_NAMESPACE), HEALTHY, S.NOTHING, [C.FOLDER_LEFT_OUT]),
    (copy(left_out=LeftOut.NOT_SELECTABLE), HEALTHY, S.NOTHING, [C.FOLDER_LEFT_OUT]),
    (copy(left_out=LeftOut.TRASH), HEALTHY, S.NOTHING, [C.TRASH]),
    (copy(left_out=LeftOut.JUNK), HEALTHY, S.NOTHING, [C.JUNK]),
    (copy(left_out=LeftOut.NO_MAIL), HEALTHY, S.NOTHING, [C.NO_MAIL_FOLDER]),
    (copy(left_out=LeftOut.COLLECTION), HEALTHY, S.NOTHING, [C.COLLECTION]),
    (copy(left_out=LeftOut.IN_ALL_MAIL), HEALTHY, S.NOTHING, [C.COLLECTION]),
    (copy(left_out=LeftOut.DRAFTS), HEALTHY, S.NOTHING, [C.DRAFT]),
    (copy(left_out=LeftOut.OUTBOX), HEALTHY, S.NOTHING, [C.DRAFT]),
    (copy(V.NO_PERSON, left_out=LeftOut.DRAFTS), HEALTHY, S.NOTHING, [C.DRAFT]),
    (copy(V.BLOCKED, left_out=LeftOut.JUNK), HEALTHY, S.NOTHING, [C.JUNK, C.BLOCKED]),
    (copy(left_out=LeftOut.SETTING), PAUSED, S.NOTHING, [C.FOLDER_LEFT_OUT, C.PAUSED]),
]


@pytest.mark.parametrize(("one", "mailbox", "stored", "expected"), ONE_COPY)
def test_a_copy_has_its_causes(
    one: CopyFacts, mailbox: MailboxFacts, stored: Stored, expected: list[MissingCause]
) -> None:
    found = message_causes(MessageFacts([one], stored), mailbox)
    assert codes(found) == expected
    assert {finding.copy for finding in found} == {0}


def test_the_table_has_every_verdict_and_every_reason_to_leave_a_folder_out() -> None:
    tried = {verdict for one, *_ in ONE_COPY for verdict in one.obstacles}
    assert tried >= set(Verdict) - {V.MIRRORED, V.GONE}
    assert {one.left_out for one, *_ in ONE_COPY} >= set(LeftOut)


SEVERAL_COPIES = [
    ([copy(V.BLOCKED, left_out=LeftOut.TRASH), copy(V.BLOCKED)], 1, [C.BLOCKED]),
    ([copy(left_out=LeftOut.TRASH), copy(left_out=LeftOut.SETTING)], 1, [C.FOLDER_LEFT_OUT]),
    ([copy(left_out=LeftOut.TRASH), copy(left_out=LeftOut.JUNK)], 1, [C.JUNK]),
    ([copy(left_out=LeftOut.DRAFTS), copy()], 1, [C.NOT_SYNCED]),
    ([copy(V.DRAFT), copy(V.OUTSIDE_WINDOW)], 1, [C.OUTSIDE_WINDOW]),
    ([copy(), copy()], 0, [C.NOT_SYNCED]),
    ([copy(left_out=LeftOut.IN_ALL_MAIL), copy(recorded=V.PENDING)], 1, [C.CONTAINED]),
]


@pytest.mark.parametrize(("copies", "best", "expected"), SEVERAL_COPIES)
def test_of_several_copies_the_one_that_takes_least_to_mend_decides(
    copies: list[CopyFacts], best: int, expected: list[MissingCause]
) -> None:
    found = message_causes(MessageFacts(copies), HEALTHY)
    assert [(one.cause, one.copy) for one in found] == [(one, best) for one in expected]


STORED = [
    (MessageFacts(stored=S.SHOWN), [C.SHOWN]),
    (MessageFacts([copy(recorded=V.MIRRORED)], S.SHOWN), [C.SHOWN]),
    (MessageFacts([copy(V.BLOCKED)], S.SHOWN), [C.SHOWN]),
    (MessageFacts([copy(left_out=LeftOut.TRASH)], S.SHOWN), [C.SHOWN]),
    (MessageFacts(stored=S.SHOWN, detaches=[DETACH]), [C.SHOWN, C.DETACHED]),
    (MessageFacts(stored=S.SHOWN, taken_off=[OFF]), [C.SHOWN, C.TAKEN_OFF]),
    (MessageFacts(stored=S.SHOWN, taken_off=[OFF], on_no_card=True), [C.TAKEN_OFF]),
    (
        MessageFacts([copy(contained=Contained.HEADERS_ONLY)], S.SHOWN),
        [C.SHOWN, C.CONTAINED],
    ),
    (MessageFacts(stored=S.HIDDEN, has_left=True), [C.DELETED]),
    (MessageFacts(stored=S.HIDDEN), [C.WAITS]),
    (MessageFacts(stored=S.HIDDEN, stored_obstacles=[V.BLOCKED]), [C.BLOCKED]),
    (
        MessageFacts(
            stored=S.HIDDEN, stored_obstacles=[V.OUTSIDE_WINDOW, V.NO_PERSON], has_left=True
        ),
        [C.OUTSIDE_WINDOW, C.NO_PERSON],
    ),
]


@pytest.mark.parametrize(("message", "expected"), STORED)
def test_what_is_stored_decides_first(message: MessageFacts, expected: list[MissingCause]) -> None:
    for mailbox in (HEALTHY, PAUSED, MailboxFacts(MailboxState.DISCONNECTED)):
        assert codes(message_causes(message, mailbox)) == expected


def test_what_is_paused_does_not_wait() -> None:
    facts = MessageFacts([copy(left_out=LeftOut.TRASH)], S.HIDDEN, counts=True)
    assert codes(message_causes(facts, HEALTHY)) == [C.WAITS]
    assert codes(message_causes(facts, PAUSED)) == [C.TRASH, C.PAUSED]


def test_a_detach_is_named() -> None:
    facts = MessageFacts(stored=S.SHOWN, detaches=[DETACH])
    assert message_causes(facts, HEALTHY)[1].detach == DETACH


MAILBOX = [
    (HEALTHY, True, False, False, []),
    (MailboxFacts(complete=False), True, False, False, []),
    (PAUSED, True, False, False, []),
    (HEALTHY, False, False, False, [C.NOT_IN_MAILBOX]),
    (HEALTHY, False, False, True, [C.DELETED_UNREAD]),
    (HEALTHY, False, True, False, [C.COLLEAGUE, C.NOT_IN_MAILBOX]),
    (HEALTHY, False, True, True, [C.COLLEAGUE, C.DELETED_UNREAD]),
    (MailboxFacts(complete=False), False, False, True, [C.SEARCH_INCOMPLETE]),
    (MailboxFacts(complete=False), False, True, True, [C.SEARCH_INCOMPLETE, C.COLLEAGUE]),
    (MailboxFacts(MailboxState.DISCONNECTED), True, False, False, [C.DISCONNECTED]),
    (MailboxFacts(MailboxState.DISCONNECTED), False, False, True, [C.DISCONNECTED]),
    (MailboxFacts(refusal=Code.SIGN_IN_FAILED), True, False, False, [C.SIGN_IN_NEEDED]),
    (MailboxFacts(refusal=Code.GRANT_REVOKED), False, False, False, [C.SIGN_IN_NEEDED]),
    (
        MailboxFacts(refusal=Code.SIGN_IN_FAILED),
        False,
        True,
        True,
        [C.SIGN_IN_NEEDED, C.COLLEAGUE],
    ),
    (MailboxFacts(refusal=Code.CONNECT_TIMEOUT), True, False, False, [C.UNREACHABLE]),
    (MailboxFacts(refusal=Code.PROBE_FAILED), False, False, True, [C.UNREACHABLE]),
]


@pytest.mark.parametrize(("mailbox", "found", "with_colleague", "named", "expected"), MAILBOX)
def test_the_mailbox_has_its_causes_and_what_was_not_searched_is_never_read_as_not_there(
    mailbox: MailboxFacts,
    found: bool,
    with_colleague: bool,
    named: bool,
    expected: list[MissingCause],
) -> None:
    said = mailbox_causes(mailbox, found=found, with_colleague=with_colleague, named_mailbox=named)
    assert codes(said) == expected


def test_the_tables_have_every_cause() -> None:
    tables = (ONE_COPY, SEVERAL_COPIES, STORED, MAILBOX)
    tried = {cause for table in tables for *_, expected in table for cause in expected}
    assert tried == set(MissingCause)


# What stands in the way, in the order of the rules

KIM, TEAM = Address("kim@customer.example"), Address("rep@us.example")
PEOPLE = People(team={TEAM}, customers={KIM}, blocked={KIM})
RULES = Rules(date(2026, 1, 1), max_recipients=2)


def headers(*others: str, recipients: int = 1, year: int = 2026, draft: bool = False) -> Headers:
    at = datetime(year, 3, 1, tzinfo=UTC)
    participants = frozenset({TEAM, *map(Address, others)})
    return Headers(at, participants, recipients, is_draft=draft)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (headers(KIM), [V.BLOCKED]),
        (headers(KIM, year=2025), [V.OUTSIDE_WINDOW, V.BLOCKED]),
        (
            headers(KIM, year=2025, recipients=3),
            [V.OUTSIDE_WINDOW, V.BLOCKED, V.TOO_MANY_RECIPIENTS],
        ),
        (headers("x@else.example", year=2025, recipients=3), [V.OUTSIDE_WINDOW, V.NO_PERSON]),
        (headers(year=2025), [V.OUTSIDE_WINDOW, V.INTERNAL]),
        (headers(KIM, draft=True), [V.DRAFT]),
        (
            headers(KIM, *(f"{n}@x.example" for n in range(200)), recipients=200),
            [V.TOO_MANY_RECIPIENTS, V.BLOCKED],
        ),
        (
            headers(KIM, *(f"{n}@x.example" for n in range(900)), recipients=900),
            [V.TOO_MANY_RECIPIENTS],
        ),
    ],
)
def test_every_verdict_that_stands_in_the_way_is_named(
    one: Headers, expected: list[Verdict]
) -> None:
    assert obstacles(one, PEOPLE, RULES) == expected


@pytest.mark.parametrize(
    ("recipients", "senders", "cut", "needed"),
    [
        (101, 1, False, 101),
        (MAX_RECIPIENTS_SETTING, 1, False, MAX_RECIPIENTS_SETTING),
        (MAX_RECIPIENTS_SETTING + 1, 1, False, None),
        (101, 1, True, None),
        (1, MAX_SENDERS + 200, False, 201),
    ],
)
def test_the_limit_that_a_message_needs_is_told_where_there_may_be_such_a_limit(
    recipients: int, senders: int, cut: bool, needed: int | None
) -> None:
    addresses = [Address(f"{n}@x.example") for n in range(senders + recipients)]
    one = Headers(MARCH, frozenset(addresses), recipients, addresses_cut=cut)
    assert recipients_needed(one) == needed


@given(
    year=st.sampled_from([2025, 2026]),
    recipients=st.integers(1, 600),
    draft=st.booleans(),
    other=st.sampled_from([KIM, Address("x@else.example"), TEAM]),
    blocked=st.booleans(),
)
def test_the_first_obstacle_is_the_verdict_and_there_is_none_where_it_is_mirrored(
    year: int, recipients: int, draft: bool, other: str, blocked: bool
) -> None:
    one = headers(other, recipients=recipients, year=year, draft=draft)
    people = People({TEAM}, {KIM}, {KIM} if blocked else frozenset())
    found = obstacles(one, people, RULES)
    assert (found[0] if found else V.MIRRORED) is judge(one, people, RULES)
    assert len(set(found)) == len(found)
