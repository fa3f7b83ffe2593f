"""A preview shows what connecting a mailbox would read, in figures, and leaves no trace."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from mailmirror.api.decoding import typed
from mailmirror.api.mailbox_settings import ConnectBody
from mailmirror.api.previews import Preview
from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.limits import MAX_PREVIEWED_FOLDERS
from mailmirror.domain.mailbox import FolderRole, Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.explanation import Language
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest, connect_mailbox
from mailmirror.usecases.mailboxes.count_folders import PreviewedFolder
from mailmirror.usecases.mailboxes.preview_mailbox import (
    MailboxPreview,
    preview_mailbox,
    preview_request,
)
from tests.integration.office import BOSS, KIM, LEE, REP, STRANGER, Clock, Office, letter
from tests.integration.test_every_folder import filed
from tests.integration.test_polls import first_syncs, syncs
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer

type Settings = Mapping[str, object]


@pytest.fixture
def now(clock: Clock) -> datetime:
    return clock()


def request(server: MailboxServer, **changed: object) -> ConnectRequest:
    imap = {"host": "localhost", "port": server.imaps_port, "security": "tls"}
    settings = {
        "user_id": "rep",
        "email": REP,
        "provider": "imap",
        "imap": imap,
        "username": REP,
        "password": server.users[REP],
    }
    return typed(settings | changed, ConnectBody).request()


def by_name(found: MailboxPreview) -> dict[str, PreviewedFolder]:
    return {one.folder.name: one for one in found.folders}


def counted(found: MailboxPreview) -> dict[str, int]:
    return {verdict.value: n for verdict, n in found.sample.verdicts.items() if n}


def whole_table(runtime: Runtime) -> list[str]:
    client: Any = runtime._client("dynamodb")
    pages = client.get_paginator("scan").paginate(TableName=runtime.settings.table)
    return sorted(repr(sorted(item.items())) for page in pages for item in page["Items"])


def test_folders_are_shown_with_why_they_are_not_read_and_what_they_hold(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    filed(imap_server, ["INBOX", "Customers", "Trash", "Junk", "Drafts"])
    imap_server.append(REP, "Customers", letter(9), datetime.now(UTC))
    found = preview_request(office.account, request(imap_server), runtime)
    shown = by_name(found)
    assert shown["INBOX"].folder.role is FolderRole.INBOX
    assert shown[imap_server.named("Customers")].messages == 2
    for name, why in {
        "Trash": LeftOut.TRASH,
        "Junk": LeftOut.JUNK,
        "Drafts": LeftOut.DRAFTS,
    }.items():
        assert shown[imap_server.named(name)].folder.left_out is why
        assert shown[imap_server.named(name)].messages == 1
    assert found.messages == 3
    assert found.limits == set()
    assert found.folders[0].folder.name == "INBOX"
    read = [one.folder.left_out is None for one in found.folders]
    assert read == sorted(read, reverse=True)


def test_the_verdicts_are_those_that_connecting_gives(
    office: Office, imap_server: MailboxServer, runtime: Runtime, now: datetime
) -> None:
    """Also of what has REP's own address, which is of the team only once it is connected."""
    own = "rep.two@us.example"
    recent, old = now - timedelta(days=3), now - timedelta(days=800)
    for folder, raw, at in (
        ("INBOX", letter(1, KIM, [own], at=recent), recent),
        ("INBOX", letter(2, STRANGER, [own], at=recent), recent),
        ("INBOX", letter(3, BOSS, [own], at=recent), recent),
        ("INBOX", letter(4, KIM, [own], at=old), old),
        ("INBOX", b"From: \xff\xfe\r\n\r\n", recent),
        ("Sent", letter(5, own, [LEE], at=recent), recent),
    ):
        imap_server.append(REP, folder, raw, at)
    office.tell("user.upserted", id="two", name="Two", emails=["two@us.example"])
    settings = request(imap_server, user_id="two", email=own)
    found = preview_request(office.account, settings, runtime)
    assert found.sample.complete
    assert found.sample.size == 6
    assert found.sample.oldest is not None
    assert (found.sample.oldest - old) < timedelta(seconds=2)

    id = connect_mailbox(office.account, settings, runtime)
    mailbox = runtime.mailboxes.find(office.account, id, consistent=True)
    assert mailbox is not None
    office.sync(mailbox)
    ledger: dict[str, int] = {}
    for counts in office.counts(mailbox).values():
        for verdict, count in counts.items():
            ledger[verdict] = ledger.get(verdict, 0) + count
    assert counted(found) == ledger
    assert ledger["internal"] == 1
    assert counted(preview_mailbox(mailbox, runtime)) == ledger


def test_a_preview_stores_and_queues_nothing_and_logs_no_mail(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    now: datetime,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for sender in (KIM, STRANGER):
        imap_server.append(REP, "INBOX", letter(1, sender), now)
    before = whole_table(runtime)
    preview_request(office.account, request(imap_server), runtime)
    assert whole_table(runtime) == before
    assert (first_syncs(runtime), syncs(runtime)) == ([], [])
    said = caplog.text + "".join(capsys.readouterr())
    assert not any(word in said for word in (KIM, STRANGER, REP, "Letter"))
    with pytest.raises(Refused):
        preview_request(office.account, request(imap_server, password="wrong"), runtime)
    assert whole_table(runtime) == before


def test_the_server_stays_as_it_is(
    office: Office, imap_server: MailboxServer, runtime: Runtime, now: datetime
) -> None:
    imap_server.append(REP, "INBOX", letter(1), now)
    imap_server.open_once(REP, "Sent")
    before = imap_server.snapshot(REP)
    preview_request(office.account, request(imap_server), runtime)
    assert imap_server.snapshot(REP) == before


def test_the_sample_is_the_newest_over_all_folders_and_says_its_size(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.mailboxes.preview_mailbox.SAMPLE_SIZE", 4)
    imap_server.create(REP, "Customers")
    for days, folder, sender in (
        (1, "Customers", KIM),
        (2, "INBOX", STRANGER),
        (3, "Customers", KIM),
        (4, "INBOX", STRANGER),
        (5, "Customers", STRANGER),
        (6, "INBOX", KIM),
    ):
        at = now - timedelta(days=days)
        imap_server.append(REP, folder, letter(days, sender, at=at), at)
    found = preview_request(office.account, request(imap_server), runtime)
    assert counted(found) == {"mirrored": 2, "no_person": 2}
    assert (found.sample.size, found.messages, found.sample.complete) == (4, 6, True)
    assert found.sample.oldest is not None
    assert abs(found.sample.oldest - (now - timedelta(days=4))) < timedelta(seconds=2)


def test_uids_with_wide_gaps_are_found(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.mailboxes.preview_mailbox.SAMPLE_SIZE", 2)
    imap_server.append_all(REP, "INBOX", [(letter(n, at=now), now) for n in range(1, 41)])
    imap_server.expunge(REP, "INBOX", range(2, 40))
    found = preview_request(office.account, request(imap_server), runtime)
    assert counted(found) == {"mirrored": 2}


def test_settings_say_which_folders_would_be_read(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    filed(imap_server, ["INBOX", "Customers", "Projects"])
    narrow = request(imap_server, folders=["INBOX", "Customers"])
    shown = by_name(preview_request(office.account, narrow, runtime))
    assert shown[imap_server.named("Projects")].folder.left_out is LeftOut.SETTING
    assert shown[imap_server.named("Customers")].folder.left_out is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"password": "wrong"}, Code.SIGN_IN_FAILED),
        ({"user_id": "nobody"}, Code.USER_UNKNOWN),
        ({"email": KIM}, Code.ADDRESS_OF_PERSON),
        ({"email": BOSS}, Code.ADDRESS_OF_ANOTHER_USER),
        ({"folders": ["Nowhere"]}, Code.FOLDER_UNKNOWN),
        (
            {"smtp": {"host": "localhost", "port": 1, "security": "tls"}},
            Code.CONNECT_REFUSED,
        ),
        ({"imap": {"host": "localhost", "port": 1, "security": "tls"}}, Code.CONNECT_REFUSED),
    ],
)
def test_wrong_settings_are_refused_as_by_connecting(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    changed: Settings,
    code: Code,
) -> None:
    refusals = []
    for step in (preview_request, connect_mailbox):
        with pytest.raises(Refused) as refused:
            step(office.account, request(imap_server, **changed), runtime)
        refusals.append((refused.value.code, refused.value.detail))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] is code


# What is cut off


@pytest.fixture
def connected(office: Office, imap_server: MailboxServer, now: datetime) -> Mailbox:
    """REP's mailbox with mail of today in three folders."""
    for name in ("Customers", "Projects"):
        imap_server.create(REP, name)
    for number, name in enumerate(["INBOX", "Customers", "Projects"]):
        imap_server.append(REP, name, letter(number, at=now), now)
    return office.connect(imap_server, "rep", REP)


@pytest.mark.dovecot_only("it takes a folder's files away")
def test_a_folder_that_cannot_be_opened_is_named_and_the_others_are_judged(
    dovecot: Dovecot, runtime: Runtime, connected: Mailbox
) -> None:
    (dovecot.mail / REP / "Maildir" / ".Customers" / "cur").chmod(0)
    found = preview_mailbox(connected, runtime)
    assert [one.name for one, _ in found.sample.failed] == ["Customers"]
    assert (found.sample.size, found.sample.complete) == (2, False)


@pytest.mark.parametrize("step", ["listed", "headers"])
def test_what_there_is_no_time_for_is_named(
    runtime: Runtime,
    connected: Mailbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    original = getattr(ImapSession, step)

    def slowly(session: ImapSession, *args: Any) -> Any:
        clock.advance(timedelta(seconds=20))
        return original(session, *args)

    monkeypatch.setattr(ImapSession, step, slowly)
    found = preview_mailbox(connected, runtime)
    assert not found.sample.complete
    assert found.sample.size == (1 if step == "headers" else 0)
    assert len(found.sample.not_reached) >= 2
    assert found.messages == 3


def test_a_session_that_the_time_ends_is_cut_off_and_no_failure(
    runtime: Runtime, connected: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(session: ImapSession, uids: UidSet, _: datetime) -> None:
        clock.advance(timedelta(seconds=20))
        session._client.shutdown()
        raise Refused(Code.CONNECTION_LOST)

    monkeypatch.setattr(ImapSession, "headers", cut_off)
    found = preview_mailbox(connected, runtime)
    assert (found.sample.size, found.sample.failed) == (0, [])
    assert len(found.sample.not_reached) == 3


def test_settings_whose_servers_take_all_the_time_are_refused(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    examine = ImapSession.examine

    def slowly(session: ImapSession, folder: FolderChoice) -> Status:
        clock.advance(timedelta(seconds=17))
        return examine(session, folder)

    monkeypatch.setattr(ImapSession, "examine", slowly)
    with pytest.raises(Refused) as refused:
        preview_request(office.account, request(imap_server), runtime)
    assert refused.value.code is Code.CONNECT_TIMEOUT


@pytest.mark.exceeds("MAX_PREVIEWED_FOLDERS")
def test_of_very_many_folders_those_that_are_read_come_first_and_the_rest_is_counted(
    runtime: Runtime, connected: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = ImapSession.choices

    def many(session: ImapSession, *, with_status: bool = False) -> list[FolderChoice]:
        there = choices(session, with_status=with_status)
        more = (FolderChoice(f"T{n}", FolderRole.OTHER, LeftOut.TRASH) for n in range(1_100))
        return [*more, *there]

    monkeypatch.setattr(ImapSession, "choices", many)
    found = preview_mailbox(connected, runtime)
    assert len(found.folders) == MAX_PREVIEWED_FOLDERS
    assert found.further_folders > 100
    assert found.folders[0].folder.name == "INBOX"
    assert found.sample.size == 3


# The answer


def test_the_answer_explains_each_folder_and_verdict_in_the_readers_language(
    imap_server: MailboxServer, runtime: Runtime, connected: Mailbox
) -> None:
    filed(imap_server, ["Trash"])
    found = replace(
        preview_mailbox(connected, runtime), cannot_send=Refused(Code.SMTP_AUTH_DISABLED)
    )
    for language in Language:
        told = msgspec.json.encode(Preview.of(found, runtime.now(), language))
        answer = json.loads(told)
        (trash,) = (one for one in answer["folders"] if one["left_out"])
        assert (trash["read"], trash["left_out"]["code"]) == (False, "trash")
        assert trash["left_out"]["remedy"].isascii() == (language is Language.EN)
        assert [one["code"] for one in answer["limits"]] == ["drafts_not_found", "junk_not_found"]
        assert all(one["remedy"].isascii() == (language is Language.EN) for one in answer["limits"])
        assert answer["sample"]["verdicts"]["mirrored"] == 3
        assert answer["explanations"].keys() == {verdict.value for verdict in Verdict}
        assert answer["sending_error"]["code"] == "smtp_auth_disabled"
        typed(answer, Preview)
