"""Servers that contradict themselves about their folders, refuse one, or have very many."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.limits import MAX_LISTED_NAMESPACES
from mailmirror.domain.mailbox import Mailbox, MailboxState
from mailmirror.domain.problems import Code
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.choose_folders import choose_folders
from mailmirror.usecases.mailboxes.list_problems import list_problems
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from tests.integration.conftest import USERS
from tests.integration.office import KIM, REP, Clock, Office, letter, loopback, subjects
from tests.integration.test_polls import entry, poll, syncs
from tests.servers.gmail import Gmail
from tests.servers.memory_imap import Command, MemoryImap

MINUTE = timedelta(minutes=1)
REFUSED = b"<tag> NO [SERVERBUG] Internal error occurred.\r\n"
UNAVAILABLE = b"<tag> NO [UNAVAILABLE] try again later\r\n"


@dataclass(slots=True)
class Extended(MemoryImap):
    """With LIST-STATUS and SPECIAL-USE, where `extended`."""

    extended: bool = False
    broken: str = ""
    """A folder that LIST writes without its name."""
    nameless: bytes = b""
    """What LIST writes then."""

    def wire(self, name: str) -> bytes:
        return self.nameless if name == self.broken else MemoryImap.wire(self, name)

    def capabilities(self, *, signed_in: bool) -> str:
        plain = MemoryImap.capabilities(self, signed_in=signed_in)
        return f"{plain} LIST-EXTENDED LIST-STATUS SPECIAL-USE" if self.extended else plain


@pytest.fixture
def imap_server() -> Iterator[Extended]:
    with Extended(USERS) as server:
        server.create("Sent")
        yield server


def files(server: MemoryImap, *names: str) -> None:
    """A letter in the Inbox and in each of these folders, which are made."""
    server.append("INBOX", letter(1))
    for number, name in enumerate(names, start=2):
        server.create(name)
        server.append(name, letter(number))


def connected(office: Office, server: MemoryImap) -> Mailbox:
    mailbox = office.connect(server, "rep", REP)
    office.sync(mailbox)
    return mailbox


def polled(office: Office, mailbox: Mailbox, clock: Clock) -> bool:
    """Whether a poll a minute later finds news; then it is synced."""
    clock.advance(MINUTE)
    poll(office.runtime, mailbox)
    news = bool(syncs(office.runtime))
    if news:
        office.sync(mailbox)
    return news


def stored(office: Office, mailbox: Mailbox) -> Mailbox:
    """The mailbox as it is stored now."""
    found = office.runtime.mailboxes.find(office.account, mailbox.key.mailbox, consistent=True)
    assert found is not None
    return found


def state(office: Office, mailbox: Mailbox) -> tuple[MailboxState, Code | None]:
    report = read_mailbox(office.account, mailbox.key.mailbox, office.runtime)
    return report.state, report.problem


HEALTHY = (MailboxState.HEALTHY, None)


# Names


@pytest.mark.parametrize("at", ["STATUS", "EXAMINE"])
def test_a_folder_that_vanishes_after_it_was_listed_stops_nothing(
    office: Office, imap_server: Extended, clock: Clock, at: str
) -> None:
    files(imap_server, "Old", "Customers")

    def vanish(command: Command) -> None:
        if command.name == at and command.folder == "Old":
            imap_server.folders.pop("Old", None)

    imap_server.before = vanish
    mailbox = connected(office, imap_server)
    assert subjects(office.card("rep", "kim")) == ["Letter 3", "Letter 1"]
    while polled(office, mailbox, clock):
        clock.advance(MINUTE)
    assert state(office, mailbox) == HEALTHY
    assert not polled(office, mailbox, clock)


@pytest.mark.parametrize(
    "names",
    [
        ["N" * 1_000, "顧" * 300],
        ["Work", "work", "WORK"],
        ["ınbox", "Inboxes"],
        ["01", "007", "2026", "1e5"],
        ["NIL", '"', "\\", "a\\b", "*", "%", "{5}", "(", "&", "&-"],
        [" ", "  x ", "a/b", "/", "a//b"],
    ],
)
def test_each_name_is_a_folder_of_its_own(
    office: Office, imap_server: Extended, clock: Clock, names: Sequence[str]
) -> None:
    files(imap_server, *names)
    mailbox = connected(office, imap_server)
    assert office.counts(mailbox) == {name: {"mirrored": 1} for name in ["INBOX", *names]} | {
        "Sent": {}
    }
    assert state(office, mailbox) == HEALTHY
    assert not polled(office, mailbox, clock)


@pytest.mark.parametrize("extended", [False, True], ids=["plain", "LIST-STATUS"])
@pytest.mark.parametrize("nameless", [b"", b'""'], ids=["none", "empty"])
def test_a_folder_that_is_listed_without_its_name_hides_no_other_and_is_a_limit_of_the_card(
    office: Office, imap_server: Extended, clock: Clock, extended: bool, nameless: bytes
) -> None:
    imap_server.extended, imap_server.nameless = extended, nameless
    files(imap_server, "Clients", "Suppliers")
    mailbox = connected(office, imap_server)
    before = office.runtime.folders.read_all(mailbox.key)
    imap_server.broken = "Clients"
    imap_server.append("Suppliers", letter(4))
    assert polled(office, mailbox, clock)
    assert subjects(office.card("rep", "kim")) == ["Letter 4", "Letter 3", "Letter 2", "Letter 1"]
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert Limit.FOLDER_UNREADABLE in coverage.limits
    assert office.runtime.folders.read_all(mailbox.key).keys() == before.keys()

    imap_server.broken = ""
    imap_server.append("Clients", letter(5))
    assert polled(office, mailbox, clock)
    assert subjects(office.card("rep", "kim"))[0] == "Letter 5"
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert Limit.FOLDER_UNREADABLE not in coverage.limits


def test_an_inbox_in_two_spellings_is_read_once(office: Office, imap_server: Extended) -> None:
    """Both are the Inbox (RFC 9051 5.1)."""
    files(imap_server)
    imap_server.create("Inbox")
    mailbox = connected(office, imap_server)
    assert office.counts(mailbox) == {"INBOX": {"mirrored": 1}, "Sent": {}}


@pytest.mark.parametrize("flag", ["\\NoSelect", "\\Noselect", "\\NonExistent"])
def test_a_parent_that_cannot_be_selected_hides_no_folder_below_it(
    office: Office, imap_server: Extended, clock: Clock, flag: str
) -> None:
    imap_server.create("Clients", attributes=(flag, "\\HasChildren"))
    imap_server.answers["STATUS", "Clients"] = REFUSED
    files(imap_server, "Clients/A", "Clients/A/B")
    mailbox = connected(office, imap_server)
    assert len(office.card("rep", "kim")) == 3
    assert state(office, mailbox) == HEALTHY
    assert not polled(office, mailbox, clock)
    assert not any("Clients )" in line or line.endswith("Clients") for line in imap_server.commands)


@pytest.mark.parametrize(
    "namespace",
    [
        b"NIL NIL NIL",
        b'NIL (("" "/")) NIL',
        b'(("" "/")) (("" "/")) (("" "/"))',
        b'(("INBOX." ".")) NIL NIL',
        b'(("Elsewhere/" "/")) NIL NIL',
        b'(("" "/")) (("Cust" "/")) NIL',
        b'(("" "/")) (("INBOX" "/")) NIL',
        b'(("" NIL)) NIL',
        b"((5 6)) (7) ((8))",
        b'"" "" ""',
        b"(",
        b"",
    ],
)
def test_a_namespace_that_cannot_be_true_hides_no_folder_of_the_user(
    office: Office, imap_server: Extended, namespace: bytes
) -> None:
    imap_server.namespace = namespace
    files(imap_server, "Customers", "Customers/A")
    connected(office, imap_server)
    assert len(office.card("rep", "kim")) == 3


@pytest.mark.parametrize("extended", [False, True], ids=["plain", "LIST-STATUS"])
def test_a_personal_namespace_that_list_leaves_out_is_listed_by_its_prefix(
    office: Office, imap_server: Extended, clock: Clock, extended: bool
) -> None:
    imap_server.extended = extended
    imap_server.namespace = b'(("" "/")("mail/" "/")) (("~" "/")) (("#shared/" "/"))'
    imap_server.left_out_of_list = ("mail/", "~", "#shared/")
    files(imap_server, "mail/Customers", "mail/Trash", "~anna/INBOX", "#shared/Orders")
    mailbox = connected(office, imap_server)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
    assert not polled(office, mailbox, clock)
    imap_server.append("mail/Customers", letter(9))
    assert polled(office, mailbox, clock)
    assert subjects(office.card("rep", "kim")) == ["Letter 9", "Letter 2", "Letter 1"]
    assert not any("~*" in line or "#shared/*" in line for line in imap_server.commands)

    names = ["INBOX", "#shared/orders"]
    mailbox = office.connect(imap_server, "rep", REP, folders=names)
    office.sync(mailbox)
    assert mailbox.folders == ("INBOX", "#shared/Orders")
    assert office.counts(mailbox)["#shared/Orders"] == {"mirrored": 1}
    assert not polled(office, mailbox, clock)


def test_a_namespace_whose_list_is_refused_fails_alone_and_is_named(
    office: Office, imap_server: Extended, clock: Clock
) -> None:
    imap_server.namespace = b'(("" "/")("mail/" "/")("old/" "/")) NIL NIL'
    imap_server.left_out_of_list = ("mail", "old/")
    files(imap_server, "mail/Customers", "old/Projects")

    def refuse(command: Command) -> None:
        imap_server.answers.pop(("LIST", ""), None)
        if command.name == "LIST" and command.arguments[1] == b"mail/*":
            imap_server.answers["LIST", ""] = REFUSED

    imap_server.before = refuse
    mailbox = connected(office, imap_server)
    assert subjects(office.card("rep", "kim")) == ["Letter 3", "Letter 1"]
    assert state(office, mailbox) == (MailboxState.INCOMPLETE, Code.FOLDER_FAILING)
    (named,) = (one for one in list_problems(mailbox, office.runtime).listed if one.folder)
    assert named.folder == "mail"
    assert not polled(office, mailbox, clock)

    imap_server.create("mail")
    imap_server.append("mail", letter(4))
    clock.advance(5 * MINUTE)
    assert polled(office, mailbox, clock)
    assert subjects(office.card("rep", "kim")) == ["Letter 4", "Letter 3", "Letter 1"]
    imap_server.before = lambda command: None
    imap_server.answers.clear()
    assert polled(office, mailbox, clock)
    assert len(office.card("rep", "kim")) == 4
    assert state(office, mailbox) == HEALTHY


@pytest.mark.exceeds("MAX_LISTED_NAMESPACES")
def test_of_very_many_namespaces_few_are_listed_by_their_prefix(
    office: Office, imap_server: Extended
) -> None:
    prefixes = [f"{number}/" for number in range(50)]
    written = "".join(f'("{prefix}" "/")' for prefix in prefixes)
    imap_server.namespace = f'(("" "/"){written}) NIL NIL'.encode()
    imap_server.left_out_of_list = tuple(prefixes)
    files(imap_server, *(f"{prefix}Customers" for prefix in prefixes))
    mailbox = connected(office, imap_server)
    assert len(office.card("rep", "kim")) == 1 + MAX_LISTED_NAMESPACES
    asked = len(imap_server.commands)
    office.sync(mailbox)
    listed = [line for line in imap_server.commands[asked:] if line.startswith("LIST")]
    assert len(listed) == 1 + MAX_LISTED_NAMESPACES


@pytest.mark.parametrize("extended", [False, True], ids=["plain", "LIST-STATUS"])
def test_many_folders_are_read_and_polled_in_few_round_trips(
    office: Office, imap_server: Extended, clock: Clock, extended: bool
) -> None:
    imap_server.extended = extended
    imap_server.create(*(f"Customer {n}" for n in range(500)))
    mailbox = connected(office, imap_server)
    asked = len(imap_server.commands)
    office.sync(mailbox)
    opened = [line for line in imap_server.commands[asked:] if line.startswith("EXAMINE")]
    assert opened == []
    asked = len(imap_server.commands)
    assert not polled(office, mailbox, clock)
    statuses = [line for line in imap_server.commands[asked:] if line.startswith("STATUS")]
    assert len(statuses) == 0 if extended else len(statuses) <= 150
    imap_server.append("Customer 77", letter(1))
    minutes = next(n for n in range(1, 10) if polled(office, mailbox, clock))
    assert minutes <= (1 if extended else 7)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


def test_a_first_sync_lists_the_old_mail_of_each_folder_once(
    office: Office, imap_server: Extended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.sync.sync_folders._FIRST_ROUNDS", (2, 4))
    imap_server.create("Clients")
    for folder, first in (("INBOX", 0), ("Clients", 10)):
        imap_server.append_all(folder, [letter(first + n) for n in range(1, 9)])
    connected(office, imap_server)
    assert len(office.card("rep", "kim")) == 16
    listings = [line for line in imap_server.commands if line.endswith("( UID )")]
    assert sorted(listings) == ["UID FETCH 1:8 ( UID )"] * 2


def test_a_folder_that_becomes_one_of_sent_mail_is_read_as_such_from_then_on(
    office: Office, imap_server: Extended, clock: Clock
) -> None:
    files(imap_server, "Customers")
    mailbox = connected(office, imap_server)
    mailbox = office.connect(imap_server, "rep", REP, sent_folders=["Customers"])
    imap_server.append("Customers", letter(9, REP, [KIM]))
    office.sync(mailbox)
    assert office.card("rep", "kim")[0].summary.received.role == "sent"
    assert set(entry(mailbox, office.runtime).seen) == {"INBOX", "Customers"}
    asked = len(imap_server.commands)
    office.sync(mailbox)
    assert not [line for line in imap_server.commands[asked:] if line.startswith("EXAMINE")]


@pytest.mark.parametrize("name", ["Virtual/All", "Sent"])
def test_sent_mail_that_is_not_read_is_no_folder_of_sent_mail(
    office: Office, imap_server: Extended, name: str
) -> None:
    """`\\All` is read at Gmail alone."""
    imap_server.extended = True
    del imap_server.folders["Sent"]
    flags = ("\\All",) if name == "Virtual/All" else ("\\Sent", "\\NoSelect")
    imap_server.create(name, attributes=flags)
    files(imap_server)
    mailbox = connected(office, imap_server)
    assert state(office, mailbox) == (MailboxState.INCOMPLETE, Code.SENT_NOT_FOUND)


# STATUS


@pytest.mark.parametrize("extended", [False, True], ids=["plain", "LIST-STATUS"])
@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"* STATUS Customers NIL\r\n",
        b"* STATUS Customers\r\n",
        b"* STATUS\r\n",
        b"* STATUS Customers ()\r\n",
        b"* STATUS Customers (MESSAGES x UIDNEXT y UIDVALIDITY z)\r\n",
        b"* STATUS Customers (MESSAGES 1 UIDNEXT 99999999999 UIDVALIDITY 1)\r\n",
        b"* STATUS Customers (MESSAGES 1 UIDNEXT 0 UIDVALIDITY 1)\r\n",
        b"* STATUS Customers (MESSAGES -1 UIDNEXT 5 UIDVALIDITY 1)\r\n",
        b"* STATUS Customers (MESSAGES 9 UIDNEXT 2 UIDVALIDITY 1)\r\n",
        b"* STATUS Customers (MESSAGES 1 UIDNEXT 7 UIDVALIDITY 1)\r\n",
        b"* STATUS Customers (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)\r\n",
        b"* STATUS Customers (MESSAGES 1 UIDNEXT 2\r\n",
        b'* STATUS "Customers (MESSAGES 1\r\n',
    ],
)
def test_a_folder_whose_status_is_missing_or_wrong_is_read_and_is_no_news_for_ever(
    office: Office, imap_server: Extended, clock: Clock, extended: bool, told: bytes
) -> None:
    imap_server.extended = extended
    files(imap_server, "Customers", "Projects")
    imap_server.statuses["Customers"] = told
    mailbox = connected(office, imap_server)
    assert len(office.card("rep", "kim")) == 3
    assert state(office, mailbox) == HEALTHY
    assert not polled(office, mailbox, clock)
    imap_server.append("Projects", letter(9))
    assert polled(office, mailbox, clock)
    assert len(office.card("rep", "kim")) == 4
    assert not polled(office, mailbox, clock)


@pytest.mark.parametrize("folder", ["Customers", "Sent"])
@pytest.mark.parametrize("extended", [False, True], ids=["plain", "LIST-STATUS"])
@pytest.mark.parametrize("answer", [REFUSED, UNAVAILABLE])
def test_mail_is_found_in_a_folder_whose_status_is_refused_for_ever(
    office: Office,
    imap_server: Extended,
    clock: Clock,
    answer: bytes,
    extended: bool,
    folder: str,
) -> None:
    imap_server.extended = extended
    files(imap_server, "Customers")
    imap_server.statuses[folder] = b""
    imap_server.answers["STATUS", folder] = answer
    mailbox = connected(office, imap_server)
    assert len(office.card("rep", "kim")) == 2
    assert not polled(office, mailbox, clock)
    imap_server.append(folder, letter(9, REP, [KIM]))
    assert polled(office, mailbox, clock)
    assert len(office.card("rep", "kim")) == 3
    assert not polled(office, mailbox, clock)
    assert state(office, mailbox) == HEALTHY


@pytest.mark.parametrize("answer", [REFUSED, UNAVAILABLE])
@pytest.mark.parametrize("known", [False, True], ids=["never read", "read before"])
def test_folders_that_are_refused_for_ever_are_named_and_cost_no_sign_in_each(
    office: Office, imap_server: Extended, clock: Clock, answer: bytes, known: bool
) -> None:
    names = [f"Broken {n}" for n in range(12)]
    files(imap_server, "Customers", *names)
    if known:
        mailbox = connected(office, imap_server)
    for name in names:
        imap_server.answers["STATUS", name] = imap_server.answers["EXAMINE", name] = answer
    before = imap_server.sign_ins
    if known:
        assert polled(office, mailbox, clock)
    else:
        mailbox = connected(office, imap_server)
    assert imap_server.sign_ins - before <= 2
    assert state(office, mailbox) == (MailboxState.INCOMPLETE, Code.FOLDER_FAILING)
    named = [one.folder for one in list_problems(mailbox, office.runtime).listed]
    assert sorted(filter(None, named)) == sorted(names)
    assert not polled(office, mailbox, clock)
    imap_server.answers.clear()
    clock.advance(5 * MINUTE)
    assert polled(office, mailbox, clock)
    assert state(office, mailbox) == HEALTHY
    assert len(office.card("rep", "kim")) == 14


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"NO [NONEXISTENT] Unknown Mailbox", "[NONEXISTENT] Unknown Mailbox"),
        (b"NO [NOPERM] ask anna@us.example", "[NOPERM] ask …@…"),
        (b"NO", ""),
        (b"BAD what?", "what?"),
    ],
)
@pytest.mark.parametrize("refused", ["Customers", "Sent"])
def test_a_folder_that_the_server_lists_and_refuses_to_open_can_be_left_out(
    office: Office, imap_server: Extended, clock: Clock, refused: str, answer: bytes, detail: str
) -> None:
    files(imap_server, "Customers", "Projects")
    imap_server.append("Sent", letter(8, REP, [KIM]))
    imap_server.answers["STATUS", refused] = b"<tag> " + answer + b"\r\n"
    imap_server.answers["EXAMINE", refused] = b"<tag> " + answer + b"\r\n"
    mailbox = connected(office, imap_server)
    (named,) = (one for one in list_problems(mailbox, office.runtime).listed if one.folder)
    assert (named.folder, named.code, named.detail) == (refused, Code.FOLDER_REFUSED, detail)
    assert len(office.card("rep", "kim")) == 3
    assert not office.coverage("rep", "kim").mailboxes[0].complete

    others = [one for one in imap_server.folders if one != refused]
    choose_folders(mailbox, others, None, office.runtime)
    office.sync(stored(office, mailbox))
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert (coverage.complete, coverage.gap) == (True, None)
    assert Limit.FOLDERS_LEFT_OUT in coverage.limits
    assert list_problems(mailbox, office.runtime).listed == []


def test_a_refused_folder_is_left_out_beside_one_that_is_listed_without_its_name(
    office: Office, imap_server: Extended
) -> None:
    files(imap_server, "Customers", "Projects", "Clients")
    imap_server.answers["STATUS", "Customers"] = REFUSED
    imap_server.answers["EXAMINE", "Customers"] = REFUSED
    mailbox = connected(office, imap_server)
    imap_server.broken = "Clients"
    choose_folders(mailbox, ["INBOX", "Sent", "Projects"], None, office.runtime)
    office.sync(stored(office, mailbox))
    assert list_problems(mailbox, office.runtime).listed == []
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert (coverage.complete, Limit.FOLDER_UNREADABLE in coverage.limits) == (True, True)


def test_a_folder_that_is_refused_is_read_once_it_has_another_name_or_is_forgotten_with_it(
    office: Office, imap_server: Extended, clock: Clock
) -> None:
    files(imap_server, "Customers", "Projects")
    for name in ["Customers", "Projects"]:
        for command in ["STATUS", "EXAMINE"]:
            imap_server.answers[command, name] = b"<tag> NO [NOPERM] no right\r\n"
    mailbox = connected(office, imap_server)
    named = [one for one in list_problems(mailbox, office.runtime).listed if one.folder]
    assert [one.code for one in named] == [Code.FOLDER_REFUSED] * 2
    renamed = imap_server.folders.pop("Customers")
    renamed.name = "Clients"
    imap_server.folders["Clients"] = renamed
    del imap_server.folders["Projects"]
    assert polled(office, mailbox, clock)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
    assert state(office, mailbox) == HEALTHY
    assert list_problems(mailbox, office.runtime).listed == []


# Pipelines


def backwards(answers: list[bytes]) -> Sequence[bytes]:
    return answers[::-1]


def in_one_piece(answers: list[bytes]) -> Sequence[bytes]:
    return [b"".join(answers)]


def byte_by_byte(answers: list[bytes]) -> Sequence[bytes]:
    whole = b"".join(answers)
    return [whole[at : at + 1] for at in range(len(whole))]


@pytest.mark.parametrize("arranged", [backwards, in_one_piece, byte_by_byte])
def test_answers_to_pipelined_commands_come_in_any_order_and_pieces(
    office: Office,
    imap_server: Extended,
    clock: Clock,
    arranged: Callable[[list[bytes]], Sequence[bytes]],
) -> None:
    files(imap_server, *(f"Customer {n}" for n in range(10)))
    imap_server.folders["Customer 4"].uidvalidity = 7
    mailbox = connected(office, imap_server)
    imap_server.gathers_seconds, imap_server.arranged = 0.1, arranged
    asked = len(imap_server.commands)
    assert not polled(office, mailbox, clock)
    statuses = [line for line in imap_server.commands[asked:] if line.startswith("STATUS")]
    assert len(statuses) == 12
    imap_server.append("Customer 4", letter(20))
    assert polled(office, mailbox, clock)
    assert len(office.card("rep", "kim")) == 12


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"* BYE Server shutting down.\r\n", Code.CONNECTION_LOST),
        (b"* BYE [UNAVAILABLE] try later\r\n", Code.SERVER_UNAVAILABLE),
        (b"", Code.CONNECTION_LOST),
    ],
)
def test_a_server_that_goes_away_in_a_pipeline_is_the_mailboxs_error_and_loses_nothing(
    office: Office, imap_server: Extended, clock: Clock, answer: bytes, code: Code
) -> None:
    files(imap_server, *(f"Customer {n}" for n in range(5)))
    mailbox = connected(office, imap_server)
    imap_server.append("Customer 4", letter(20))
    imap_server.answers["STATUS", "Customer 2"] = answer
    imap_server.hangs_up_after = {("STATUS", "Customer 2")}
    assert not polled(office, mailbox, clock)
    assert entry(mailbox, office.runtime).due.error is code
    imap_server.answers.clear()
    imap_server.hangs_up_after = set()
    assert polled(office, mailbox, clock)
    assert len(office.card("rep", "kim")) == 7


def test_a_server_that_is_unavailable_to_every_status_is_the_mailboxs_error(
    office: Office, imap_server: Extended, clock: Clock
) -> None:
    files(imap_server, "Customers")
    mailbox = connected(office, imap_server)
    for name in imap_server.folders:
        imap_server.answers["STATUS", name] = UNAVAILABLE
    assert not polled(office, mailbox, clock)
    assert entry(mailbox, office.runtime).due.error is Code.SERVER_UNAVAILABLE


# Labels


@pytest.mark.parametrize(
    "written",
    [
        b"2026",
        b"007",
        b'"2026"',
        b"{4}\r\nK\xc3\xb6n",
        b"{0}\r\n",
        b"NIL",
        b'"NIL"',
        b"&ZeVnLIqe-",
        b"&AB",
        b'"a\\"b \\\\ ("',
        b"(nested)",
        b" ".join(b'"Label number %d of many"' % n for n in range(10_000)),
    ],
    ids=lambda one: one[:12].decode("latin-1"),
)
def test_labels_in_any_form_hide_neither_the_message_nor_its_role(
    office: Office, written: bytes, runtime: Runtime
) -> None:
    with Gmail(USERS, label_text={"X": written}) as server:
        runtime.network_policy = loopback(server.authority)
        server.receive(letter(1), "\\Inbox")
        server.receive(letter(2, REP, [KIM]), "\\Sent", "X")
        server.receive(letter(3, REP, [KIM]), "\\Draft", "X")
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert office.counts(mailbox) == {"[Gmail]/All Mail": {"mirrored": 2, "draft": 1}}
        assert office.card("rep", "kim")[0].summary.received.role == "sent"


@pytest.mark.parametrize("written", [b"NIL", b"()", b'"\\\\Sent"', b"\\Sent"])
def test_labels_that_are_no_list_hide_no_message(
    office: Office, written: bytes, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gmail, "labels", lambda server, folder, letter: written)
    with Gmail(USERS) as server:
        runtime.network_policy = loopback(server.authority)
        server.receive(letter(1), "\\Inbox")
        server.receive(letter(2), "\\Inbox")
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
