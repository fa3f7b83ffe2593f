"""A paused mailbox is not read, says so, and goes on where it was."""

import re
from datetime import timedelta

import pytest

from mailmirror.aws.queues import PollJob
from mailmirror.domain.coverage import Gap
from mailmirror.domain.mailbox import Mailbox, MailboxState
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.usecases.cards.read_card import NUDGE_AFTER
from mailmirror.usecases.mailboxes.change_mailbox import disconnect, erase, request_sync
from mailmirror.usecases.mailboxes.list_problems import list_problems
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from mailmirror.usecases.sync.dispatch_due import dispatch_polls
from mailmirror.usecases.sync.poll_mailboxes import poll_mailboxes
from tests.integration.api_calls import Api, Json
from tests.integration.office import MARCH, REP, STRANGER, Clock, Office, letter, subjects
from tests.integration.test_polls import entry, fail, first_syncs, polls, syncs
from tests.servers.mailbox_server import MailboxServer

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer, runtime: Runtime) -> Mailbox:
    """With one letter of KIM, which is mirrored."""
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    taken = first_syncs(runtime)
    assert taken == [mailbox.key.mailbox]
    return mailbox


def set_paused(api: Api, mailbox: Mailbox, *, paused: bool, user: str = "rep") -> Json:
    status, body = api.ask(
        "PATCH", f"/v1/mailboxes/{mailbox.key.mailbox}", user, body={"paused": paused}
    )
    assert status == 200, body
    return body


def state(office: Office, mailbox: Mailbox) -> MailboxState:
    return read_mailbox(office.account, mailbox.key.mailbox, office.runtime).state


def test_a_paused_mailbox_is_neither_queued_polled_nor_synced(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    runtime = office.runtime
    polled = PollJob([mailbox.key], runtime.now() + MINUTE)
    set_paused(api, mailbox, paused=True)
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    clock.advance(MINUTE)
    assert dispatch_polls(runtime) == 0
    poll_mailboxes(polled, runtime)  # queued before the pause
    assert syncs(runtime) == []
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    assert runtime.sync_states.has_ended(mailbox.key)


def test_going_on_syncs_at_once(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    set_paused(api, mailbox, paused=True)
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    clock.advance(DAY)
    going_on = set_paused(api, mailbox, paused=False)
    assert going_on["state"] == "healthy"
    assert syncs(office.runtime) == [mailbox.key.mailbox]
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
    clock.advance(MINUTE)
    assert dispatch_polls(office.runtime) == 1


def test_a_card_says_since_when_the_mailbox_is_paused_and_how_to_go_on(
    api: Api, office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    answered = set_paused(api, mailbox, paused=True)
    since = answered["paused_since"]
    assert (answered["state"], answered["error"], answered["next_due_at"]) == ("paused", None, None)
    clock.advance(DAY)
    assert set_paused(api, mailbox, paused=True)["paused_since"] == since  # paused already
    coverage = api.get("/v1/contacts/kim/messages")["coverage"]
    (part,) = coverage["mailboxes"]
    assert (coverage["complete"], part["gap"], part["since"]) == (False, "paused", since)
    assert since[:16].replace("T", " ") in part["reason"]
    call = re.search(r"`(PATCH) (\S+)` with `\{\"paused\": false\}`", part["remedy"])
    assert call is not None
    path = call[2].format(mailbox_id=part["mailbox_id"])
    assert api.ask(call[1], path, body={"paused": False})[0] == 200
    assert api.get("/v1/contacts/kim/messages")["coverage"]["complete"]
    assert set_paused(api, mailbox, paused=False)["paused_since"] is None  # not paused any more
    assert syncs(office.runtime) == [mailbox.key.mailbox]


def test_a_paused_mailbox_is_no_error_and_no_alarm(
    api: Api, office: Office, mailbox: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = office.runtime
    fail(mailbox, Refused(Code.CONNECT_REFUSED), runtime)
    runtime.due.found_news(mailbox, runtime.now(), runtime.now())
    set_paused(api, mailbox, paused=True)
    clock.advance(DAY)
    counted: dict[str, float] = {}
    monkeypatch.setattr(runtime, "count", lambda name, value=1: counted.update({name: value}))
    assert dispatch_polls(runtime) == 0
    assert counted == {"MailboxesDue": 0, "MostOverdueSeconds": 0, "NewsWaitingSeconds": 0}
    report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
    assert (report.state, report.problem) == (MailboxState.PAUSED, None)
    assert list_problems(mailbox, runtime).listed == []
    assert office.coverage("rep", "kim").mailboxes[0].gap is Gap.PAUSED
    assert polls(runtime) == []  # the card is older than NUDGE_AFTER
    assert NUDGE_AFTER < DAY


def test_a_sync_that_is_asked_for_is_refused_with_the_call_that_goes_on(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    set_paused(api, mailbox, paused=True)
    path = f"/v1/mailboxes/{mailbox.key.mailbox}"
    for params in ({}, {"pass": "full"}):
        status, refused = api.ask("POST", f"{path}/sync", params=params)
        assert (status, refused["code"]) == (409, "mailbox_paused")
    with pytest.raises(Refused, match="mailbox_paused"):
        audit_mailbox(mailbox, office.runtime)
    call = re.search(r"`(PATCH) (\S+)` with `\{\"paused\": false\}`", refused["remedy"])
    assert call is not None
    asked = call[2].format(mailbox_id=mailbox.key.mailbox)
    assert api.ask(call[1], asked, body={"paused": False})[0] == 200
    assert api.ask("POST", f"{path}/sync")[0] == 202


def test_a_first_sync_that_was_paused_for_a_day_has_not_failed(
    api: Api, office: Office, imap_server: MailboxServer, clock: Clock
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    first_syncs(office.runtime)
    set_paused(api, mailbox, paused=True)
    clock.advance(DAY)
    set_paused(api, mailbox, paused=False)
    assert state(office, mailbox) is MailboxState.FIRST_SYNC
    assert first_syncs(office.runtime) == [mailbox.key.mailbox]
    clock.advance(timedelta(minutes=16))
    assert state(office, mailbox) is MailboxState.FAILING  # its job was lost


def test_settings_of_a_paused_mailbox_hold_when_it_goes_on(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(2), MARCH - timedelta(days=400))
    set_paused(api, mailbox, paused=True)
    path = f"/v1/mailboxes/{mailbox.key.mailbox}"
    assert api.ask("PATCH", path, body={"history_since": "2020-01-01"})[0] == 200
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    set_paused(api, mailbox, paused=False)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1", "Letter 2"]


def test_a_sync_that_runs_when_the_mailbox_is_paused_reads_to_its_end(
    api: Api,
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mailmirror.usecases.sync.sync_folders import FoldersSync

    run = FoldersSync.run

    def paused_at_its_begin(folders: FoldersSync) -> object:
        set_paused(api, mailbox, paused=True)
        return run(folders)

    imap_server.append(REP, "INBOX", letter(2), MARCH)
    monkeypatch.setattr(FoldersSync, "run", paused_at_its_begin)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
    assert state(office, mailbox) is MailboxState.PAUSED
    assert office.runtime.sync_states.has_ended(mailbox.key)


def test_connecting_a_paused_mailbox_again_goes_on_with_it(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    set_paused(api, mailbox, paused=True)
    again = office.connect(imap_server, "rep", REP)
    assert again.key == mailbox.key
    assert state(office, again) is MailboxState.HEALTHY
    assert entry(again, office.runtime).seen
    assert first_syncs(office.runtime) == [mailbox.key.mailbox]


def test_a_paused_mailbox_is_disconnected_and_erased_as_another(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    set_paused(api, mailbox, paused=True)
    disconnect(office.account, mailbox.key.mailbox, office.runtime)
    assert state(office, mailbox) is MailboxState.DISCONNECTED
    again = office.connect(imap_server, "rep", REP)
    set_paused(api, again, paused=True)
    erase(office.account, "rep", again.key.mailbox, office.runtime)
    assert state(office, again) is MailboxState.ERASING
    office.sync(again)
    assert office.runtime.mailboxes.find(office.account, again.key.mailbox) is None


def test_only_its_owner_pauses_a_mailbox_and_only_a_connected_one(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    path = f"/v1/mailboxes/{mailbox.key.mailbox}"
    assert api.ask("PATCH", path, "boss", body={"paused": True})[0] == 404
    assert api.ask("PATCH", path, body={"paused": "yes"})[1]["code"] == "invalid_field"
    disconnect(office.account, mailbox.key.mailbox, office.runtime)
    status, refused = api.ask("PATCH", path, body={"paused": True})
    assert (status, refused["code"]) == (409, "mailbox_disconnected")
    with pytest.raises(Refused, match="mailbox_disconnected"):
        request_sync(office.account, mailbox.key.mailbox, office.runtime)


def test_a_stranger_to_a_paused_mailbox_connects_their_own(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    """A paused mailbox keeps its address: no other user connects it."""
    set_paused(api, mailbox, paused=True)
    imap_server.append(REP, "INBOX", letter(9, STRANGER), MARCH)
    with pytest.raises(Refused, match="address_"):
        office.connect(imap_server, "boss", REP)
