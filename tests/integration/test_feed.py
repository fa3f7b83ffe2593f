"""Of an account's events none stops those behind it, and a failure for now costs moments."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local.samples import sign
from mailmirror.aws.queues import FeedJob
from mailmirror.domain.address import Address
from mailmirror.domain.deals import DealId, DealStatus
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.limits import MAX_REFUSED_EVENT_CHARS
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.store.table import ConditionFailed, Table
from mailmirror.usecases.crm_feed.accept_events import verify
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.operating.accounts import create_account, replace_webhook_secret
from tests.integration.office import Clock

RIGHT = Address("right@customer.example")


@pytest.fixture
def account(runtime: Runtime) -> AccountId:
    return create_account("Test", runtime).account_id


def contact(
    event_id: object = "e1", at: str = "2026-03-01T10:00:00Z", **data: object
) -> dict[str, Any]:
    whole: dict[str, object] = {"id": "new", "name": "N", "emails": [RIGHT]}
    return {"id": event_id, "type": "contact.upserted", "occurred_at": at, "data": whole | data}


def is_accepted(secret: str, account: AccountId, runtime: Runtime) -> bool:
    """Whether a webhook that is signed with this secret now is the account's."""
    body = b'{"events": []}'
    try:
        verify(account, body, sign(secret, body, int(runtime.now().timestamp())), runtime)
    except Refused as refusal:
        if refusal.code is not Code.INVALID_SIGNATURE:
            raise
        return False
    return True


def test_a_webhook_secret_that_was_replaced_is_valid_for_a_day(
    runtime: Runtime, clock: Clock
) -> None:
    new = create_account("Test", runtime)
    account, first = new.account_id, new.webhook_secret
    second = replace_webhook_secret(account, runtime)
    assert is_accepted(first, account, runtime)
    clock.advance(timedelta(hours=1))
    third = replace_webhook_secret(account, runtime)
    clock.advance(timedelta(hours=22, minutes=50))
    assert [is_accepted(one, account, runtime) for one in (first, second, third)] == [True] * 3
    clock.advance(timedelta(minutes=20))
    assert [is_accepted(one, account, runtime) for one in (first, second, third)] == [
        False,
        True,
        True,
    ]
    clock.advance(timedelta(days=1))
    assert [is_accepted(one, account, runtime) for one in (first, second, third)] == [
        False,
        False,
        True,
    ]
    assert not is_accepted("x" * 43, account, runtime)


def test_of_two_commands_that_replace_a_secret_at_once_one_fails(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = create_account("Test", runtime)
    seal, others = runtime.vault.seal_webhook_secret, list[str]()

    def raced(account: AccountId, secret: str) -> bytes:
        monkeypatch.undo()
        others.append(replace_webhook_secret(account, runtime))
        return seal(account, secret)

    monkeypatch.setattr(runtime.vault, "seal_webhook_secret", raced)
    with pytest.raises(ConditionFailed):
        replace_webhook_secret(new.account_id, runtime)
    for secret in (new.webhook_secret, *others):
        assert is_accepted(secret, new.account_id, runtime)


def emails(account: AccountId, runtime: Runtime) -> set[str]:
    person = runtime.people.find(account, PersonRef(PersonKind.CONTACT, "new"))
    return set(person.emails) if person else set()


def deep(levels: int) -> object:
    nested: object = "x"
    for _ in range(levels):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    "raw",
    [
        contact("\ud800"),
        contact("e\udfff1", name="\ud800"),
        contact() | {"type": "\ud83d"},
        contact() | {"type": "contact.\udc00upserted"},
        contact(10**5_000),
        contact(float("nan")),
        contact(float("inf"), id=float("-inf")),
        contact(deep(100_000)),
        deep(100_000),
        contact(id="x" * 100_000),
        contact("x" * 300_000),
        contact(emails=["\ud800@customer.example"]),
        contact(at="9999-12-31T23:59:59-14:00"),
        contact(at="0001-01-01T00:00:00+14:00"),
        {"\ud800": "\ud800"},
        "\ud800",
        None,
    ],
    ids=range(17),
)
def test_what_cannot_be_kept_is_listed_and_passed(
    raw: object, account: AccountId, runtime: Runtime
) -> None:
    apply_event(FeedJob(account, raw), runtime)
    (listed,) = runtime.feed.refused(account, runtime.now())
    assert listed.code in (Code.INVALID_FIELD, Code.INVALID_EMAIL, Code.MISSING_FIELD) or (
        listed.code is Code.UNKNOWN_EVENT_TYPE
    )
    apply_event(FeedJob(account, contact("e2")), runtime)
    assert emails(account, runtime) == {RIGHT}


def test_what_no_repeat_could_mend_is_no_gap(account: AccountId, runtime: Runtime) -> None:
    apply_event(FeedJob(account, contact("\ud800")), runtime)
    assert runtime.feed.state(account, runtime.now()).refused == 0
    apply_event(FeedJob(account, contact("e3", emails=["nobody"])), runtime)
    assert runtime.feed.state(account, runtime.now()).refused == 1
    apply_event(FeedJob(account, contact("e3")), runtime)
    assert runtime.feed.state(account, runtime.now()).refused == 0


def at_noon(event_id: object, email: str, accepted: int) -> tuple[dict[str, Any], int]:
    """An event of one instant, and its number at acceptance."""
    return contact(event_id, emails=[f"{email}@customer.example"]), accepted


@pytest.mark.parametrize(
    ("events", "winner"),
    [
        ([at_noon("9", "a", 1), at_noon("10", "b", 2)], "b"),
        ([at_noon(10, "b", 1), at_noon("9", "a", 2)], "b"),
        ([at_noon("evt_b", "b", 1), at_noon("evt_a", "a", 2)], "a"),
        ([at_noon("evt_b", "b", 1), at_noon("evt_a", "a", 2), at_noon("evt_b", "b", 3)], "a"),
        ([at_noon("evt_b", "b", 1), at_noon("evt_a", "a", 2), at_noon("evt_b", "c", 3)], "a"),
        ([at_noon("evt_b", "b", 9), at_noon("evt_a", "a", 10)], "a"),
        ([at_noon("evt_a", "a", 1), at_noon("9", "b", 2)], "a"),
    ],
)
def test_of_one_instant_the_greater_number_counts_and_of_texts_the_later_arrival(
    events: list[tuple[dict[str, Any], int]], winner: str, account: AccountId, runtime: Runtime
) -> None:
    for event, accepted in events:
        apply_event(FeedJob(account, event, accepted=accepted), runtime)
        apply_event(FeedJob(account, event, accepted=accepted), runtime)  # its answer was lost
    assert emails(account, runtime) == {f"{winner}@customer.example"}


def test_a_deletion_and_a_user_of_one_instant_follow_the_same_order(
    account: AccountId, runtime: Runtime
) -> None:
    deleted = contact("evt_a") | {"type": "contact.deleted"}
    upserted = contact("evt_b")
    for number, event in enumerate([upserted, deleted, upserted], 1):
        apply_event(FeedJob(account, event, accepted=number), runtime)
    assert emails(account, runtime) == set()
    users = [contact(id, name=id) | {"type": "user.upserted"} for id in ("evt_b", "evt_a", "evt_b")]
    for number, event in enumerate(users, 4):
        apply_event(FeedJob(account, event, accepted=number), runtime)
    assert runtime.people.user_name(account, UserId("new")) == "evt_a"


def deal_event(event_id: str, status: str) -> dict[str, Any]:
    data = {"id": "d", "status": status, "contact_ids": []}
    return contact(event_id) | {"type": "deal.upserted", "data": data}


@pytest.mark.parametrize(
    ("ids", "status"),
    [
        (["9", "10"], DealStatus.LOST),
        (["10", "9"], DealStatus.OPEN),
        (["evt_b", "evt_a"], DealStatus.LOST),
        (["evt_b", "evt_a", "evt_b"], DealStatus.LOST),
    ],
)
def test_versions_of_a_deal_at_one_instant_follow_the_same_order(
    ids: list[str], status: DealStatus, account: AccountId, runtime: Runtime
) -> None:
    said = ["open", "lost", "open"]
    for number, (id, one) in enumerate(zip(ids, said, strict=False), 1):
        apply_event(FeedJob(account, deal_event(id, one), accepted=number), runtime)
    deal = runtime.deals.find(account, DealId("d"))
    assert deal is not None
    assert deal.latest.status is status
    assert len(deal.versions) == 2


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("contact.upserted", {"id": "new", "emails": ["wrong@customer.example"]}),
        ("contact.deleted", {"id": "new"}),
        ("user.upserted", {"id": "u", "emails": []}),
        ("deal.upserted", {"id": "d", "status": "open", "contact_ids": []}),
        ("deal.deleted", {"id": "d"}),
        ("association.attached", {"deal_id": "d", "user_id": "u", "thread_id": "t"}),
    ],
)
def test_an_event_of_the_future_is_refused_whatever_its_type(
    type: str, data: object, account: AccountId, runtime: Runtime
) -> None:
    """One of 2099 would win over every event of its contact until then."""
    event = {"id": "e1", "type": type, "occurred_at": "2099-01-01T00:00:00Z", "data": data}
    apply_event(FeedJob(account, event), runtime)
    (listed,) = runtime.feed.refused(account, runtime.now())
    assert (listed.id, listed.code) == ("e1", Code.EVENT_AHEAD)
    apply_event(FeedJob(account, contact("e2")), runtime)
    assert emails(account, runtime) == {RIGHT}


def test_a_clock_may_be_five_minutes_fast(account: AccountId, runtime: Runtime) -> None:
    nearly = runtime.now() + timedelta(minutes=4, seconds=50)
    apply_event(FeedJob(account, contact(at=nearly.isoformat())), runtime)
    assert emails(account, runtime) == {RIGHT}


def test_what_the_webhook_has_refused_stays_refused_when_its_time_has_come(
    account: AccountId, runtime: Runtime
) -> None:
    job = FeedJob(account, {"id": "e1", "type": "contact.upserted"}, ("event_ahead", "occurred_at"))
    assert FeedJob.from_json(job.to_json()) == job
    apply_event(job, runtime)
    (listed,) = runtime.feed.refused(account, runtime.now())
    assert (listed.code, listed.detail) == (Code.EVENT_AHEAD, "occurred_at")
    assert runtime.feed.state(account, runtime.now()).refused == 1


def failing(times: int, error: Exception, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let transactions fail; return how many were tried."""
    tried = 0
    transact = Table.transact

    def fail(self: Table, *args: Any) -> None:
        nonlocal tried
        tried += 1
        if tried <= times:
            raise error
        transact(self, *args)

    monkeypatch.setattr(Table, "transact", fail)
    return lambda: tried


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "TransactWriteItems")


@pytest.mark.parametrize(
    "error",
    [
        aws_error("ThrottlingException"),
        aws_error("InternalServerError"),
        aws_error("AccessDeniedException"),
        EndpointConnectionError(endpoint_url="https://dynamodb.example"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_for_now_is_repeated_at_once_with_growing_pauses(
    error: Exception, account: AccountId, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = failing(4, error, monkeypatch)
    pauses: list[float] = []
    until = runtime.now() + timedelta(minutes=1)
    apply_event(FeedJob(account, contact()), runtime, until, pauses.append)
    assert emails(account, runtime) == {RIGHT}
    assert tried() == 5
    assert len(pauses) == 4
    assert all(pause <= 0.2 * 2**n for n, pause in enumerate(pauses))


def test_before_the_deadline_the_queue_takes_over(
    account: AccountId, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = failing(1_000, aws_error("ThrottlingException"), monkeypatch)
    now = runtime.now()
    runtime.now = lambda: now + timedelta(seconds=sum(pauses))
    pauses: list[float] = []
    with pytest.raises(ClientError):
        apply_event(
            FeedJob(account, contact()), runtime, now + timedelta(seconds=40), pauses.append
        )
    assert sum(pauses) <= 40
    assert tried() > 5
    assert runtime.feed.refused(account, now) == []


@pytest.mark.parametrize(
    "error",
    [aws_error("ValidationException"), RecursionError(), KeyError("x"), UnicodeError()],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_for_good_is_refused_and_passed(
    error: Exception, account: AccountId, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when an item would outgrow the 400 KB that DynamoDB takes."""
    failing(1, error, monkeypatch)
    apply_event(FeedJob(account, contact("e1")), runtime)
    (listed,) = runtime.feed.refused(account, runtime.now())
    assert (listed.id, listed.code) == ("e1", Code.EVENT_NOT_KEPT)
    apply_event(FeedJob(account, contact("e2")), runtime)
    assert emails(account, runtime) == {RIGHT}


@pytest.mark.exceeds("MAX_REFUSED_EVENT_CHARS")
def test_of_an_event_that_was_refused_the_beginning_is_kept(
    account: AccountId, runtime: Runtime
) -> None:
    apply_event(FeedJob(account, contact("e1", emails=["x" * 5_000])), runtime)
    table = runtime.settings.table
    items = runtime._client("dynamodb").scan(TableName=table)["Items"]
    (kept,) = [
        one["event"]["S"] for one in items if one["pk"]["S"].startswith(account) and "event" in one
    ]
    assert len(kept) == MAX_REFUSED_EVENT_CHARS
