"""Whose folders are read: a user's own, and others' only where the setting `folders` names them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.folder_choice import LeftOut
from mailmirror.domain.mailbox import FolderRole, FolderScope, Mailbox, MailboxState
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.choose_folders import choose_folders
from mailmirror.usecases.mailboxes.list_problems import list_problems
from mailmirror.usecases.mailboxes.preview_mailbox import preview_mailbox
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.sending.append_sent_copy import append_sent_copy
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.integration.conftest import USERS
from tests.integration.office import KIM, MARCH, REP, Clock, Office, letter, subjects
from tests.integration.test_polls import poll, syncs
from tests.servers.dovecot import Folder
from tests.servers.namespaces import NamespacedDovecot

MINUTE = timedelta(minutes=1)
ANNA = "anna@us.example"
OWN_FOLDERS = [Folder("Sent"), Folder("Trash")]
"""Their names alone say what they are for; SPECIAL-USE marks only those of other namespaces."""


EITHER_PREFIX = pytest.mark.parametrize(
    "imap_server", [("", "/"), ("INBOX.", ".")], ids=["/", "INBOX."], indirect=True
)
"""Of the user's own folders, with the separator of all namespaces but one."""


@pytest.fixture
def imap_server(request: pytest.FixtureRequest) -> Iterator[NamespacedDovecot]:
    """Anna shares her Inbox and her sent mail with REP."""
    prefix, separator, *explicit = getattr(request, "param", ("", "/"))
    users = {**USERS, ANNA: "anna's secret"}
    with NamespacedDovecot(
        users, OWN_FOLDERS, prefix=prefix, separator=separator, explicit_inbox=all(explicit)
    ) as server:
        for folder in ("INBOX", "Sent"):
            server.share(ANNA, folder, REP)
        yield server


@pytest.fixture
def filed(imap_server: NamespacedDovecot) -> None:
    """Letters 1 to 4 in REP's own folders, 5 in Trash, 6 to 9 in other namespaces."""
    for folder in ("Customers", "Old/Projects", "public/Orders"):
        imap_server.create(REP, folder)
    own = ["INBOX", "Sent", "Customers", "Old/Projects", "Trash"]
    for number, folder in enumerate([*own, "public/Orders", "public/Trash"], start=1):
        imap_server.append(REP, folder, letter(number), MARCH)
    for number, folder in enumerate(["INBOX", "Sent"], start=8):
        imap_server.append(ANNA, folder, letter(number), MARCH)


def synced(office: Office, server: NamespacedDovecot, *folders: str) -> Mailbox:
    setting = list(map(server.named, folders)) if folders else FolderScope.ALL
    mailbox = office.connect(server, "rep", REP, folders=setting)
    office.sync(mailbox)
    return mailbox


def has_news(mailbox: Mailbox, runtime: Runtime, clock: Clock) -> bool:
    """Whether a poll a minute later finds news."""
    clock.advance(MINUTE)
    poll(runtime, mailbox)
    return bool(syncs(runtime))


def state(mailbox: Mailbox, runtime: Runtime) -> tuple[MailboxState, Code | None]:
    report = read_mailbox(mailbox.key.account, mailbox.key.mailbox, runtime)
    return report.state, report.problem


HEALTHY = (MailboxState.HEALTHY, None)


# By default


@EITHER_PREFIX
@pytest.mark.usefixtures("filed")
def test_of_all_namespaces_those_of_the_user_are_read(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime
) -> None:
    """Also the one that LIST leaves out, and whose separator is another."""
    mailbox = synced(office, imap_server)
    own = ["INBOX", "Sent", "Customers", "Old/Projects"]
    assert office.counts(mailbox) == {imap_server.named(one): {"mirrored": 1} for one in own}
    assert subjects(office.card("rep", "kim")) == ["Letter 4", "Letter 3", "Letter 2", "Letter 1"]
    assert state(mailbox, runtime) == HEALTHY


def test_a_message_that_virtual_folders_show_too_has_one_verdict_and_is_once_on_its_card(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime
) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH, ["\\Flagged"])
    with imap_server.session(REP) as client:
        for folder in map(imap_server.named, ["Virtual/All", "Virtual/Flagged"]):
            assert client.select_folder(folder, readonly=True)[b"EXISTS"] == 1
    mailbox = synced(office, imap_server)
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 1}
    assert sum(map(len, office.counts(mailbox).values())) == 1
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


def test_a_virtual_folder_that_nothing_marks_puts_no_message_on_a_card_twice(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime
) -> None:
    imap_server.show("Unread", "unseen")
    for number in (1, 2):
        imap_server.append(REP, "INBOX", letter(number), MARCH)
    mailbox = synced(office, imap_server)
    unread = imap_server.named("Virtual/Unread")
    assert office.counts(mailbox)[unread] == office.counts(mailbox)["INBOX"] == {"mirrored": 2}
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]

    with imap_server.session(REP) as client:  # REP reads one: it is in that folder no more
        client.select_folder("INBOX")
        client.add_flags([1], ["\\Seen"])
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
    assert audit_mailbox(mailbox, runtime).clean


@EITHER_PREFIX
@pytest.mark.usefixtures("filed")
def test_a_preview_names_each_folder_that_is_left_out_and_says_why(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime
) -> None:
    found = preview_mailbox(office.connect(imap_server, "rep", REP), runtime)
    left_out = {
        "Trash": LeftOut.TRASH,
        "public": LeftOut.NOT_SELECTABLE,
        "public/Orders": LeftOut.OTHER_NAMESPACE,
        "public/Sent": LeftOut.OTHER_NAMESPACE,
        "public/Trash": LeftOut.OTHER_NAMESPACE,
        "shared": LeftOut.NOT_SELECTABLE,
        "shared/anna": LeftOut.NOT_SELECTABLE,
        "shared/anna/INBOX": LeftOut.OTHER_NAMESPACE,
        "shared/anna/Sent": LeftOut.OTHER_NAMESPACE,
        "Virtual": LeftOut.NOT_SELECTABLE,
        "Virtual/All": LeftOut.COLLECTION,
        "Virtual/Flagged": LeftOut.COLLECTION,
    }
    assert {
        one.folder.name: one.folder.left_out for one in found.folders if one.folder.left_out
    } == {imap_server.named(name): why for name, why in left_out.items()}
    held = {one.folder.name: one.messages for one in found.folders}
    assert held[imap_server.named("shared/anna/INBOX")] == 1
    assert held[imap_server.named("Old/Projects")] == 1
    assert found.messages == found.sample.size == 4


@pytest.mark.usefixtures("filed")
def test_the_trash_of_another_namespace_is_not_taken_for_the_users(
    office: Office, imap_server: NamespacedDovecot
) -> None:
    synced(office, imap_server)
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert coverage.complete
    assert coverage.limits == {Limit.JUNK_NOT_FOUND, Limit.DRAFTS_NOT_FOUND}
    assert "Letter 5" not in subjects(office.card("rep", "kim"))


@EITHER_PREFIX
@pytest.mark.usefixtures("filed")
def test_a_poll_finds_news_in_the_users_namespaces_alone(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime, clock: Clock
) -> None:
    mailbox = synced(office, imap_server)
    assert not has_news(mailbox, runtime, clock)
    imap_server.append(ANNA, "INBOX", letter(20), MARCH)
    imap_server.append(REP, "public/Orders", letter(21), MARCH)
    assert not has_news(mailbox, runtime, clock)
    imap_server.append(REP, "Old/Projects", letter(22), MARCH)
    assert has_news(mailbox, runtime, clock)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim"))[0] == "Letter 22"
    assert not has_news(mailbox, runtime, clock)


@EITHER_PREFIX
@pytest.mark.usefixtures("filed")
def test_nothing_changes_in_any_namespace(office: Office, imap_server: NamespacedDovecot) -> None:
    users = (REP, ANNA)
    before = [imap_server.snapshot(user) for user in users]
    synced(office, imap_server)
    synced(office, imap_server, "INBOX", "public/Orders", "shared/anna/INBOX", "Virtual/All")
    assert [imap_server.snapshot(user) for user in users] == before


def test_a_copy_of_what_was_sent_goes_to_the_users_own_folder_of_sent_mail(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime, clock: Clock
) -> None:
    """Though SPECIAL-USE marks a public one, and nothing the user's."""
    mailbox = office.connect(imap_server, "rep", REP)
    for _ in range(2):
        raw = b"X-Mailmirror-Id: token\r\n" + letter(1, REP, [KIM], at=clock())
        append_sent_copy(raw, "token", mailbox, clock(), runtime)
    held = {name: len(folder.messages) for name, folder in imap_server.snapshot(REP).items()}
    assert held[imap_server.named("Sent")] == 1
    assert held[imap_server.named("public/Sent")] == 0


def test_a_public_folder_of_sent_mail_is_none_of_the_user(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime
) -> None:
    imap_server.append(REP, "public/Sent", letter(1, REP, [KIM]), MARCH)
    synced(office, imap_server, "INBOX", "public/Sent")
    (line,) = office.card("rep", "kim")
    assert line.summary.received.role == FolderRole.OTHER
    with imap_server.session(REP) as client:
        assert b"\\Sent" in next(
            flags
            for flags, _, name in client.list_folders()
            if name == imap_server.named("public/Sent")
        )


# Where the setting names them


@EITHER_PREFIX
@pytest.mark.usefixtures("filed")
@pytest.mark.parametrize(
    ("folder", "owner", "into", "number"),
    [
        ("shared/anna/INBOX", ANNA, "INBOX", 8),
        ("shared/anna/Sent", ANNA, "Sent", 9),
        ("public/Orders", ANNA, "public/Orders", 6),
        ("Old/Projects", REP, "Old/Projects", 4),
        ("Virtual/All", REP, "Customers", 5),
    ],
)
def test_a_folder_that_the_setting_names_is_read_and_polled_in_any_namespace(
    office: Office,
    imap_server: NamespacedDovecot,
    runtime: Runtime,
    clock: Clock,
    folder: str,
    owner: str,
    into: str,
    number: int,
) -> None:
    mailbox = synced(office, imap_server, "INBOX", folder)
    named = imap_server.named(folder)
    assert mailbox.folders == ("INBOX", named)
    assert office.counts(mailbox).keys() == {"INBOX", named}
    assert f"Letter {number}" in subjects(office.card("rep", "kim"))
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert coverage.complete
    assert coverage.limits == {Limit.FOLDERS_LEFT_OUT}
    assert not has_news(mailbox, runtime, clock)

    imap_server.append(owner, into, letter(20), MARCH)
    assert has_news(mailbox, runtime, clock)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim"))[0] == "Letter 20"
    assert not has_news(mailbox, runtime, clock)
    audit = audit_mailbox(mailbox, runtime)
    assert {one.folder.name for one in audit.folders} == {"INBOX", named}
    assert audit.clean
    assert all(one.audit.agrees for one in audit.folders)


@pytest.mark.parametrize("imap_server", [("", "/", False)], indirect=True)
@pytest.mark.usefixtures("filed")
def test_another_users_inbox_may_have_the_name_of_the_user(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime, clock: Clock
) -> None:
    """As Dovecot names it where its settings do not say otherwise: it has folders below it, too."""
    mailbox = synced(office, imap_server, "INBOX", "shared/anna")
    assert office.counts(mailbox)["shared/anna"] == {"mirrored": 1}
    assert subjects(office.card("rep", "kim")) == ["Letter 8", "Letter 1"]
    imap_server.append(ANNA, "INBOX", letter(20), MARCH)
    assert has_news(mailbox, runtime, clock)
    (shared,) = (
        one.folder.left_out
        for one in preview_mailbox(mailbox, runtime).folders
        if one.folder.name == "shared/anna/Sent"
    )
    assert shared is LeftOut.SETTING


@pytest.mark.usefixtures("filed")
def test_another_users_inbox_may_be_added_later(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime
) -> None:
    mailbox = synced(office, imap_server, "INBOX")
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    choose_folders(mailbox, ["INBOX", "Shared/Anna/Inbox"], None, runtime)
    changed = runtime.mailboxes.find(office.account, mailbox.key.mailbox, consistent=True)
    assert changed is not None
    office.sync(changed)
    assert subjects(office.card("rep", "kim")) == ["Letter 8", "Letter 1"]


def test_a_folder_that_is_not_shared_is_unknown(
    office: Office, imap_server: NamespacedDovecot
) -> None:
    with pytest.raises(Refused) as refused:
        synced(office, imap_server, "INBOX", "shared/boss/INBOX")
    assert refused.value.code is Code.FOLDER_UNKNOWN
    assert imap_server.named("shared/anna/INBOX") in refused.value.detail


@pytest.mark.usefixtures("filed")
def test_a_folder_that_is_no_longer_shared_fails_alone_and_takes_nothing_off_a_card(
    office: Office, imap_server: NamespacedDovecot, runtime: Runtime, clock: Clock
) -> None:
    mailbox = synced(office, imap_server, "INBOX", "shared/anna/INBOX")
    imap_server.unshare(ANNA, "INBOX", REP)
    assert has_news(mailbox, runtime, clock)
    imap_server.append(REP, "INBOX", letter(20), MARCH)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 20", "Letter 8", "Letter 1"]
    assert state(mailbox, runtime) == (MailboxState.INCOMPLETE, Code.FOLDER_FAILING)
    (named,) = (one for one in list_problems(mailbox, runtime).listed if one.folder)
    assert (named.folder, named.code) == (
        imap_server.named("shared/anna/INBOX"),
        Code.FOLDER_UNKNOWN,
    )

    imap_server.share(ANNA, "INBOX", REP)
    imap_server.append(ANNA, "INBOX", letter(21), MARCH)
    clock.advance(5 * MINUTE)
    assert has_news(mailbox, runtime, clock)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim"))[0] == "Letter 21"
    assert state(mailbox, runtime) == HEALTHY
