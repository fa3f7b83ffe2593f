"""Settings of an account and of a mailbox: old mail follows those that it depends on."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from local.samples import sign
from mailmirror.api.account import SettingsBody
from mailmirror.api.decoding import typed
from mailmirror.api.routes import outside
from mailmirror.api.routing import answer
from mailmirror.aws.queues import FeedJob, MatchJob
from mailmirror.domain.coverage import Coverage, Gap
from mailmirror.domain.deals import DealId, DealPolicy
from mailmirror.domain.limits import (
    MAX_MAILBOXES_PER_USER,
    MAX_MESSAGES_A_DAY,
    MAX_RECIPIENTS_SETTING,
)
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.settings import MailboxSetting, Setting
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.domain.words.settings import EFFECTS, MAILBOX_EFFECTS
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.usecases.cards.read_card import read_deal_card
from mailmirror.usecases.mailboxes.change_mailbox import change_window, request_sync
from mailmirror.usecases.operating.change_settings import change_settings, read_settings
from tests.integration.api_calls import Api, Json
from tests.integration.interruptions import before_write
from tests.integration.office import KIM, LEE, MARCH, REP, STRANGER, Clock, Office, letter, subjects
from tests.integration.test_polls import poll, syncs, taken
from tests.servers.mailbox_server import MailboxServer

MINUTE = timedelta(minutes=1)


def change(office: Office, **asked: object) -> tuple[Account, list[Setting]]:
    body = typed(asked, SettingsBody)
    return change_settings(office.account, body.asked(), office.runtime)


def found(office: Office, mailbox: Mailbox) -> Mailbox:
    again = office.runtime.mailboxes.find(office.account, mailbox.key.mailbox, consistent=True)
    assert again is not None
    return again


def is_late(office: Office, contact: str = "kim") -> bool:
    return Gap.LATE_FACTS in [one.gap for one in office.coverage("rep", contact).mailboxes]


def many(number: int) -> bytes:
    return letter(number, KIM, [REP, *(f"guest{n}@else.example" for n in range(5))])


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer, runtime: Runtime) -> Mailbox:
    """With two letters of KIM, one to six recipients, and one of a stranger; five are allowed."""
    change(office, max_recipients=5)
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    imap_server.append(REP, "INBOX", many(2), MARCH)
    imap_server.append(REP, "INBOX", letter(3, STRANGER), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    syncs(runtime)
    return mailbox


def test_what_is_changed_is_read_back(office: Office, runtime: Runtime) -> None:
    asked = {
        "max_recipients": 200,
        "deal_policy": "never",
        "mailboxes_per_user": 3,
        "messages_a_day": 50,
        "language": "ja",
    }
    account, changed = change(office, **asked)
    assert {one.value for one in changed} == asked.keys()
    assert account == read_settings(office.account, runtime)
    assert account.deal_policy is DealPolicy.NEVER
    assert [account.setting(Setting(name)) for name in asked] == list(asked.values())
    assert change(office, **asked) == (account, [])


@pytest.mark.exceeds("MAX_RECIPIENTS_SETTING", "MAX_MAILBOXES_PER_USER", "MAX_MESSAGES_A_DAY")
@pytest.mark.parametrize(
    "asked",
    [
        {"max_recipients": 0},
        {"max_recipients": MAX_RECIPIENTS_SETTING + 1},
        {"max_recipients": "100"},
        {"mailboxes_per_user": 0},
        {"mailboxes_per_user": MAX_MAILBOXES_PER_USER + 1},
        {"messages_a_day": -1},
        {"messages_a_day": MAX_MESSAGES_A_DAY + 1},
        {"deal_policy": "some"},
        {"language": "fr"},
        {"language": ""},
        {"colour": "red"},
    ],
)
def test_a_setting_out_of_range_is_named_and_changes_nothing(
    office: Office, runtime: Runtime, asked: dict[str, object]
) -> None:
    before = read_settings(office.account, runtime)
    with pytest.raises(Refused) as refused:
        change(office, **asked)
    assert next(iter(asked)) in refused.value.detail
    assert read_settings(office.account, runtime) == before


def test_a_raised_limit_of_recipients_brings_the_old_mail_in(
    office: Office, mailbox: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    change(office, max_recipients=6)
    assert is_late(office)
    clock.advance(MINUTE)
    poll(runtime, mailbox)
    assert syncs(runtime) == [mailbox.key.mailbox]
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
    assert not is_late(office)
    clock.advance(MINUTE)
    poll(runtime, mailbox)
    assert syncs(runtime) == []


def test_only_copies_with_the_verdict_concerned_are_fetched(
    office: Office, mailbox: Mailbox, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    monkeypatch.setattr(
        "mailmirror.usecases.sync.mail_server.MailServer.headers", noting_uids(asked)
    )
    change(office, max_recipients=6)
    office.sync(mailbox)
    assert asked == [[2]]


def noting_uids(asked: list[list[int]]) -> Callable[..., object]:
    from mailmirror.usecases.sync.mail_server import MailServer

    headers = MailServer.headers

    def noted(server: MailServer, uids: list[int]) -> object:
        asked.append(list(uids))
        return headers(server, uids)

    return noted


def test_a_limit_that_was_raised_for_a_moment_leaves_no_verdict_behind(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    """Mail that was judged under the other limit is judged again under the first."""
    change(office, max_recipients=4)
    imap_server.append(
        REP, "INBOX", letter(4, STRANGER, [f"a{n}@x.example" for n in range(5)]), MARCH
    )
    office.sync(mailbox)
    change(office, max_recipients=5)
    office.tell("contact.upserted", id="who", name="Who", emails=[STRANGER])
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 4", "Letter 3"]


def test_a_longer_window_brings_older_mail_in(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    long_ago = MARCH - timedelta(days=900)
    imap_server.append(REP, "INBOX", letter(1, at=long_ago), long_ago)
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"outside_window": 1, "mirrored": 1}
    change_window(mailbox, long_ago.date(), runtime)
    assert is_late(office)
    assert syncs(runtime) == [mailbox.key.mailbox]
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
    assert not is_late(office)
    coverage = office.coverage("rep", "kim").mailboxes[0]
    assert coverage.history_since == long_ago.date()


def test_the_window_is_found_by_the_poll_where_the_job_is_lost(
    office: Office, mailbox: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    change_window(mailbox, date(2020, 1, 1), runtime)
    syncs(runtime)
    clock.advance(MINUTE)
    poll(runtime, found(office, mailbox))
    assert syncs(runtime) == [mailbox.key.mailbox]


@pytest.mark.parametrize("since", [date(1969, 12, 31), date(1, 1, 1), date(9999, 12, 31)])
def test_a_window_that_no_mail_has_is_named(
    office: Office, mailbox: Mailbox, runtime: Runtime, since: date
) -> None:
    with pytest.raises(Refused) as refused:
        change_window(mailbox, since, runtime)
    assert refused.value.code is Code.INVALID_FIELD
    assert "history_since" in refused.value.detail
    assert found(office, mailbox).history_since == mailbox.history_since


def test_a_pass_over_everything_is_made_once_when_it_is_asked_for(
    office: Office, mailbox: Mailbox, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    monkeypatch.setattr(
        "mailmirror.usecases.sync.mail_server.MailServer.headers", noting_uids(asked)
    )
    request_sync(office.account, mailbox.key.mailbox, runtime, everything=True)
    office.sync(mailbox)
    assert asked == [[3, 2]]
    office.sync(mailbox)
    assert asked == [[3, 2]]
    request_sync(office.account, mailbox.key.mailbox, runtime, everything=True)
    office.sync(mailbox)
    assert asked == [[3, 2]] * 2


def test_a_pass_that_is_asked_for_while_a_sync_runs_follows_it(
    office: Office, mailbox: Mailbox, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of the request has found the lease held, and ended."""
    from mailmirror.usecases.sync.sync_folders import FoldersSync

    run = FoldersSync.run

    def asked_at_its_end(folders: FoldersSync) -> object:
        found = run(folders)
        request_sync(office.account, mailbox.key.mailbox, runtime, everything=True)
        office.sync(mailbox)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(FoldersSync, "run", asked_at_its_end)
        office.sync(mailbox)
    assert syncs(runtime) == [mailbox.key.mailbox] * 2  # the request's, and the sync's own
    office.sync(mailbox)
    asked_at = found(office, mailbox).everything_asked_at
    assert asked_at is not None
    begun_at = runtime.sync_states.read(mailbox.key).passes.everything_at
    assert begun_at is not None
    assert begun_at >= asked_at
    assert syncs(runtime) == []


def test_connecting_again_forgets_no_pass_that_was_asked_for(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, runtime: Runtime
) -> None:
    request_sync(office.account, mailbox.key.mailbox, runtime, everything=True)
    asked_at = found(office, mailbox).everything_asked_at
    assert asked_at is not None
    assert office.connect(imap_server, "rep", REP).everything_asked_at == asked_at


def test_another_deal_policy_matches_all_threads_again(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    for id in ("d1", "d2"):
        office.tell("deal.upserted", id=id, name=id, status="open", contact_ids=["kim", "lee"])
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    imap_server.append(REP, "INBOX", letter(2, LEE), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    office.match_again()
    assert office.deal("rep", "d1") == office.deal("rep", "d2") == []
    change(office, deal_policy="all_open_deals")
    office.match_again()
    for id in ("d1", "d2"):
        assert subjects(office.deal("rep", id)) == ["Letter 2", "Letter 1"]
    change(office, deal_policy="never")
    office.match_again()
    assert office.deal("rep", "d1") == office.deal("rep", "d2") == []


def test_another_deal_policy_makes_the_cards_of_deals_incomplete_and_of_persons_not(
    office: Office, mailbox: Mailbox, runtime: Runtime
) -> None:
    """No verdict depends on it: no header is fetched again."""
    office.tell("deal.upserted", id="d1", name="d1", status="open", contact_ids=["kim"])
    office.match_again()
    assert deal_coverage(office, "d1").complete
    judged = runtime.sync_states.read(mailbox.key).passes
    change(office, deal_policy="all_open_deals")
    assert not is_late(office)
    assert deal_coverage(office, "d1").cause is Gap.MATCHES_PENDING
    office.match_again()
    assert deal_coverage(office, "d1").complete
    office.sync(mailbox)
    assert runtime.sync_states.read(mailbox.key).passes.number == judged.number


def test_a_deal_policy_that_is_changed_during_a_run_is_followed_by_another_run(
    office: Office, mailbox: Mailbox, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of the change finds the run at work, and ends; the run has begun under another."""
    office.tell("deal.upserted", id="d1", name="d1", status="open", contact_ids=["kim"])
    office.match_again()
    mirrored = subjects(office.deal("rep", "d1"))
    assert mirrored
    change(office, deal_policy="never")
    url = runtime.settings.need("thread_queue")
    read = runtime.timelines.card

    def changes(*asked: Any, **how: Any) -> Any:
        if not jobs:
            change(office, deal_policy="all_open_deals")
            jobs.extend(taken(runtime, url))
            office.match_again()
        return read(*asked, **how)

    jobs: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(runtime.timelines, "card", changes)
        office.match_again()
    assert jobs
    assert deal_coverage(office, "d1").cause is Gap.MATCHES_PENDING
    assert MatchJob(office.account).to_json() in taken(runtime, url)
    office.match_again()
    assert deal_coverage(office, "d1").complete
    assert subjects(office.deal("rep", "d1")) == mirrored


def deal_coverage(office: Office, id: str) -> Coverage:
    return read_deal_card(office.viewer("rep"), DealId(id), None, 50, office.runtime).coverage


def test_a_setting_that_is_changed_during_a_pass_over_everything_begins_it_again(
    office: Office, mailbox: Mailbox, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second request meanwhile does not."""
    asked: list[list[int]] = []
    request_sync(office.account, mailbox.key.mailbox, runtime, everything=True)
    with monkeypatch.context() as patch:
        patch.setattr("mailmirror.usecases.sync.judge_again.PASS_TIME", timedelta())
        office.sync(mailbox)
    number = runtime.sync_states.read(mailbox.key).passes.number
    with monkeypatch.context() as patch:
        patch.setattr("mailmirror.usecases.sync.judge_again.PASS_TIME", timedelta())
        request_sync(office.account, mailbox.key.mailbox, runtime, everything=True)
        office.sync(mailbox)
    assert runtime.sync_states.read(mailbox.key).passes.number == number
    change(office, max_recipients=4)
    monkeypatch.setattr(
        "mailmirror.usecases.sync.mail_server.MailServer.headers", noting_uids(asked)
    )
    office.sync(mailbox)
    assert asked == [[3, 2]]


def test_a_limit_that_is_raised_while_a_sync_runs_is_no_complete_card(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append(REP, "INBOX", letter(4), MARCH)

    def raise_limit() -> None:
        change(office, max_recipients=6)

    with before_write(runtime, 2, raise_limit) as changed:
        office.sync(mailbox)
    assert changed
    assert is_late(office)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 4", "Letter 2", "Letter 1"]
    assert not is_late(office)


def test_a_policy_whose_job_was_not_queued_is_queued_by_the_repeat(
    office: Office, runtime: Runtime
) -> None:
    url = runtime.settings.need("thread_queue")
    change(office, deal_policy="never")
    taken(runtime, url)
    change(office, deal_policy="never")
    assert taken(runtime, url) == [MatchJob(office.account).to_json()]


def test_answers_are_in_the_accounts_language_where_a_request_names_none(office: Office) -> None:
    api = Api(office)
    known = PROBLEMS[Code.NOT_FOUND]

    def told(language: str | None) -> str:
        return str(api.ask("GET", "/v1/contacts/none/messages", language=language)[1]["reason"])

    assert told(None) == known[Language.EN].reason
    status, changed = api.ask("PATCH", "/v1/account", language=None, body={"language": "ja"})
    assert (status, changed["language"]) == (200, "ja")
    assert changed["effects"][0]["reason"] == EFFECTS[Setting.LANGUAGE][Language.JA].reason
    assert told(None) == told("fr") == told("*") == known[Language.JA].reason
    assert told("en") == known[Language.EN].reason
    assert api.get("/v1/account")["language"] == "ja"


def test_a_refused_event_is_told_in_the_accounts_language(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = list[FeedJob]()
    monkeypatch.setitem(vars(office.runtime), "feed_queue", SimpleNamespace(send=sent.extend))
    change(office, language="ja")
    wrong = {"events": [{"id": "w1"}]}
    account = read_settings(office.account, office.runtime)
    (secret,) = office.runtime.vault.webhook_secrets(account, office.runtime.now())
    raw = json.dumps(wrong)
    at = int(office.runtime.now().timestamp())
    event = {
        "httpMethod": "POST",
        "path": f"/webhooks/crm/{office.account}",
        "headers": {"X-Mailmirror-Signature": sign(secret.decode(), raw.encode(), at)},
        "body": raw,
    }
    answered = json.loads(answer(event, lambda path: outside.ROUTES, office.runtime)["body"])
    (refused,) = answered["refused"]
    assert refused["reason"] == PROBLEMS[Code(refused["code"])][Language.JA].reason


@pytest.mark.parametrize(
    ("asked", "shows"),
    [
        ({"folders": ["INBOX"]}, False),
        ({"sent_folders": ["Filed"]}, True),
        ({"history_since": "2026-03-02"}, False),
        ({"paused": True}, True),
    ],
    ids=lambda asked: next(iter(asked)) if isinstance(asked, dict) else "",
)
def test_each_setting_of_a_mailbox_says_when_it_takes_effect(
    asked: Json, shows: bool, api: Api, office: Office, imap_server: MailboxServer
) -> None:
    imap_server.create(REP, "Filed")
    imap_server.append(REP, "Filed", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    path = f"/v1/mailboxes/{mailbox.key.mailbox}"
    assert api.get(path)["history_since"] == str(found(office, mailbox).history_since)
    for language in Language:
        status, changed = api.ask("PATCH", path, body=asked, language=language)
        assert status == 200, changed
        (effect,) = changed["effects"]
        words = MAILBOX_EFFECTS[MailboxSetting(effect["setting"])][language]
        assert [effect["setting"]] == list(asked)
        assert (effect["reason"], effect["remedy"]) == (words.reason, words.remedy)
    if "history_since" in asked:
        assert api.get(path)["history_since"] == asked["history_since"]
    if "paused" not in asked:
        office.sync(mailbox)
    card = api.get("/v1/contacts/kim/messages")  # as the remedy says
    assert ([one["subject"] for one in card["messages"]] == ["Letter 1"]) == shows
    assert card["coverage"]["complete"] or card["coverage"]["gap"] == "paused"


def test_a_sync_without_a_change_queues_no_other_though_a_pass_was_asked_for_between_searches(
    office: Office, mailbox: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    """A pass that a person asks for comes before the search for the addresses that wait."""
    office.tell("contact.upserted", MARCH, id="kim", name="Kim", emails=["kim@home.example"])
    request_sync(office.account, mailbox.key.mailbox, runtime, everything=True)
    office.sync(mailbox)
    assert runtime.sync_states.read(mailbox.key).passes.hides
    clock.advance(timedelta(minutes=1))
    office.tell("contact.upserted", MARCH, id="new", name="New", emails=[STRANGER])
    request_sync(office.account, mailbox.key.mailbox, runtime, everything=True)
    office.sync(mailbox)
    url = runtime.settings.need("sync_queue")
    taken(runtime, url)
    for _ in range(3):
        clock.advance(timedelta(minutes=16))
        office.sync(mailbox)
        assert taken(runtime, url) == []
