"""What a page of a card costs: the same, however many messages and mailboxes there are."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from mailmirror.domain.address import Address
from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.mailbox import (
    Mailbox,
    MailboxId,
    MailboxKey,
    MailboxStatus,
    Security,
    Server,
    UserId,
)
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.runtime import Runtime
from mailmirror.store.table import Meter
from mailmirror.usecases.cards.acting_user import viewer
from mailmirror.usecases.cards.read_card import Page, read_deal_card, read_person_card
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.mirror_copies import FolderKey, mirror_each
from mailmirror.usecases.threads.set_override import set_override
from tests.integration.office import KIM, MARCH, REP, Office, letter

PAGE = 20
KIMS = PersonRef(PersonKind.CONTACT, "kim")


@pytest.fixture
def colleagues(runtime: Runtime) -> Office:
    """An account without a mail server: mail is mirrored as a sync would have fetched it."""
    office = Office(runtime)
    office.tell("deal.upserted", id="d", name="Deal", status="open", contact_ids=["kim"])
    return office


def connected(office: Office, user: str, number: int) -> MailboxKey:
    key = MailboxKey(office.account, MailboxId(f"mailbox{number:04}"))
    mailbox = Mailbox(
        key=key,
        owner=UserId(user),
        email=Address(REP if number == 0 else f"{user}{number}@us.example"),
        imap=Server("localhost", 993, Security.TLS),
        smtp=None,
        username=user,
        history_since=date(2020, 1, 1),
        status=MailboxStatus.CONNECTED,
        connected_at=MARCH,
        slot=key.new_slot,
    )
    office.runtime.mailboxes.connect(mailbox, MARCH)
    return key


def mirror(office: Office, key: MailboxKey, numbers: range, *, reply_to: int | None = 0) -> None:
    """Mirror letters: five a thread, or all replies to one, or each in a thread of its own."""
    account = office.runtime.accounts.find(office.account)
    assert account is not None
    copies = [
        FetchedCopy(n, MARCH + timedelta(hours=n), raw.partition(b"\n\n")[0], raw)
        for n in numbers
        for raw in [letter(n, KIM, replies_to=_named(n, reply_to))]
    ]
    for start in range(0, len(copies), 100):
        some = copies[start : start + 100]
        where = FolderKey(key, "INBOX", 1)
        assert len(
            mirror_each(where, some, CrmView(account, office.runtime), office.runtime)
        ) == len(some)


def _named(number: int, reply_to: int | None) -> list[int]:
    if reply_to == 0:
        return [number - 1] if number % 5 else []
    return [] if reply_to is None else [reply_to]


def cost(office: Office, user: str, read: Callable[[Runtime], Page]) -> tuple[int, int]:
    """Requests of a page, and its lines. The second reading: a process remembers the team."""
    read(office.runtime)
    office.runtime.table.meter = meter = Meter()
    page = read(office.runtime)
    return meter.requests, len(page.lines)


def pages(office: Office, user: str) -> list[tuple[int, int]]:
    return [
        cost(
            office,
            user,
            lambda runtime: read_person_card(
                viewer(office.account, user, runtime), KIMS, None, PAGE, runtime
            ),
        ),
        cost(
            office,
            user,
            lambda runtime: read_deal_card(
                viewer(office.account, user, runtime), DealId("d"), None, PAGE, runtime
            ),
        ),
    ]


def test_a_page_costs_the_same_with_ten_times_as_many_messages(colleagues: Office) -> None:
    key = connected(colleagues, "rep", 0)
    mirror(colleagues, key, range(1, 41))
    before = pages(colleagues, "rep")
    mirror(colleagues, key, range(41, 401))
    assert pages(colleagues, "rep") == before
    assert [lines for _, lines in before] == [PAGE, PAGE]


def test_a_long_thread_that_was_detached_costs_few_requests_until_it_is_swept(
    colleagues: Office,
) -> None:
    key = connected(colleagues, "rep", 0)
    runtime = colleagues.runtime
    viewing = viewer(colleagues.account, "rep", runtime)
    mirror(colleagues, key, range(1, 2), reply_to=None)
    mirror(colleagues, key, range(2, 401), reply_to=1)
    (card, deal) = pages(colleagues, "rep")
    thread = read_deal_card(viewing, DealId("d"), None, 1, runtime).lines[0].thread
    set_override(viewing, DealId("d"), thread, None, runtime, attached=False)
    detached = pages(colleagues, "rep")
    assert detached[0] == card
    assert detached[1][1] == 0
    assert detached[1][0] <= deal[0] + 6
    mirror(colleagues, key, range(1_001, 1_006), reply_to=None)
    assert [lines for _, lines in pages(colleagues, "rep")] == [PAGE, 5]


def test_a_page_costs_the_same_with_sixty_mailboxes_in_the_account(colleagues: Office) -> None:
    """Of which one has mail of this person."""
    mirror(colleagues, connected(colleagues, "rep", 0), range(1, 41))
    before = pages(colleagues, "rep")
    for number in range(1, 61):
        connected(colleagues, "boss", number)
    assert pages(colleagues, "rep") == before


def test_a_page_asks_only_the_viewers_mailboxes_that_have_mail_of_the_person(
    colleagues: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = colleagues.runtime
    for number in range(20):
        connected(colleagues, "rep", number)
    having = [MailboxKey(colleagues.account, MailboxId(f"mailbox{n:04}")) for n in (0, 7, 13)]
    for key in having:
        mirror(colleagues, key, range(1, 6))
    asked: list[str] = []
    query = runtime.table.query

    def noted(pk: str, *args: object, **kwargs: object) -> object:
        asked.append(pk)
        return query(pk, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(runtime.table, "query", noted)
    pages(colleagues, "rep")
    timelines = {pk.split("#")[2].split(".")[0] for pk in asked if "timeline#" in pk}
    assert timelines == {key.mailbox for key in having}
