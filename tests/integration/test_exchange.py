"""A mailbox at Exchange: folders of no mail, in the user's language, and what a poll costs."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailmirror.domain.mailbox import FolderRole
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger, read_mailbox
from tests.integration.conftest import USERS
from tests.integration.office import KIM, REP, Clock, Office, letter, subjects
from tests.integration.test_polls import entry, poll, syncs
from tests.servers.exchange import Exchange, Language

MINUTE = timedelta(minutes=1)
_GATHER_SECONDS = 0.05


@pytest.fixture(params=Language, ids=lambda one: one.name.lower())
def imap_server(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    with Exchange(USERS, language=request.param) as server:
        yield server


german = pytest.mark.parametrize("imap_server", [Language.GERMAN], indirect=True, ids=["german"])


def test_folders_with_mail_are_read_in_any_language(
    office: Office, imap_server: Exchange, runtime: Runtime
) -> None:
    """Calendar and the like list what looks like messages."""
    archive, sent = imap_server.language.with_mail
    imap_server.create("Kunden", "Kunden/東京")
    mail = ["INBOX", archive, "Kunden", "Kunden/東京"]
    for number, name in enumerate([*mail, *imap_server.language.without_mail], start=1):
        imap_server.append(name, letter(number))
    imap_server.append(sent, letter(20, REP, [KIM]))
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)

    assert office.counts(mailbox) == {name: {"mirrored": 1} for name in [*mail, sent]}
    assert subjects(office.card("rep", "kim"))[0] == "Letter 20"
    assert {one.folder.name: one.folder.role for one in read_ledger(mailbox, runtime)} == {
        "INBOX": FolderRole.INBOX,
        sent: FolderRole.SENT,
        archive: FolderRole.ARCHIVE,
        "Kunden": FolderRole.OTHER,
        "Kunden/東京": FolderRole.OTHER,
    }
    assert read_mailbox(office.account, mailbox.key.mailbox, runtime).state == "healthy"
    left_out = {f"EXAMINE {imap_server.wire(one)!r}" for one in imap_server.language.without_mail}
    assert not left_out & set(imap_server.commands)


def test_a_meeting_in_the_calendar_is_no_news(
    office: Office, imap_server: Exchange, runtime: Runtime, clock: Clock
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    for name in imap_server.language.without_mail:
        imap_server.append(name, letter(1))
    clock.advance(MINUTE)
    poll(runtime, mailbox)
    assert syncs(runtime) == []


@german
@pytest.mark.parametrize("folders", [12, 200])
def test_a_poll_takes_so_many_round_trips_and_finds_news_in_any_folder(
    office: Office, imap_server: Exchange, runtime: Runtime, clock: Clock, folders: int
) -> None:
    imap_server.create(*(f"Kunde {n}" for n in range(folders)))
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    imap_server.append("Kunde 7", letter(1))
    imap_server.gathers_seconds = _GATHER_SECONDS
    polled = 0
    while not syncs(runtime):
        polled += 1
        assert polled <= 3, "minutes until each folder was asked for"
        clock.advance(MINUTE)
        asked, before = len(imap_server.commands), imap_server.round_trips
        poll(runtime, mailbox)
        names = [line.partition(" ")[0] for line in imap_server.commands[asked:]]
        # CAPABILITY, sign-in, CAPABILITY, ID, LIST and NAMESPACE, STATUS, LOGOUT
        assert imap_server.round_trips - before <= 7, names
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    clock.advance(MINUTE)
    at = poll(runtime, mailbox)
    last = entry(mailbox, runtime).due.last_success_at
    assert last is not None
    assert at - last <= 3 * MINUTE
