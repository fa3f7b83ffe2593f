"""A copy in sent mail without a Message-ID is the message that its recipients' copies are."""

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from mailmirror.domain.deals import DealId
from mailmirror.domain.mailbox import AccountId, FolderRole, Mailbox, MailboxId, MailboxKey
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.runtime import Runtime
from mailmirror.usecases.threads.set_override import set_override
from tests.integration.copies import TODAY, Mailboxes
from tests.integration.office import BOSS, KIM, MARCH, REP, letter

Step = Callable[[], None]


@pytest.fixture
def office(runtime: Runtime) -> Mailboxes:
    runtime.now = lambda: TODAY
    return Mailboxes(runtime)


@pytest.fixture
def rep(office: Mailboxes) -> MailboxKey:
    return office.open("rep")


@pytest.fixture
def boss(office: Mailboxes) -> MailboxKey:
    return office.open("boss", BOSS)


def copy(uid: int, raw: bytes) -> FetchedCopy:
    return FetchedCopy(uid, MARCH + timedelta(hours=1), raw.partition(b"\n\n")[0] + b"\n\n", raw)


def written(number: int = 1, *, text: str = "Hello\r\n", subject: str = "Letter 1") -> bytes:
    """What a colleague receives of a letter that REP has written at one and the same second."""
    raw = letter(number, REP, (KIM, BOSS), at=MARCH, text=text)
    return raw.replace(f"Subject: Letter {number}".encode(), f"Subject: {subject}".encode())


def without_id(raw: bytes) -> bytes:
    """What some mail programs leave in sent mail: the server gives the Message-ID."""
    return b"\n".join(one for one in raw.split(b"\n") if not one.startswith(b"Message-ID:"))


def reply(uid: int, to: int) -> FetchedCopy:
    at = MARCH + timedelta(days=1)
    raw = letter(uid, KIM, (REP,), replies_to=[to], at=at)
    return FetchedCopy(uid, at, raw.partition(b"\n\n")[0] + b"\n\n", raw)


BOTH_ORDERS = list(itertools.permutations(["sent", "received", "reply"]))


@pytest.mark.parametrize("order", BOTH_ORDERS, ids=", ".join)
def test_it_is_one_message_in_one_thread_whatever_came_first(
    office: Mailboxes, rep: MailboxKey, boss: MailboxKey, order: tuple[str, ...]
) -> None:
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    steps: dict[str, Step] = {
        "sent": lambda: office.mirror(rep, [copy(1, without_id(written()))], FolderRole.SENT),
        "received": lambda: office.mirror(boss, [copy(2, written())]),
        "reply": lambda: office.mirror(rep, [reply(3, to=1)]),
    }
    for one in order:
        steps[one]()

    answer, mine = office.card("rep", "kim")
    (theirs,) = office.card("boss", "kim")
    assert mine.summary.message == theirs.summary.message
    assert mine.summary.message_id is None
    assert mine.thread == theirs.thread == answer.thread
    assert [line.summary.subject for line in office.deal("rep", "d1")] == ["Letter 3", "Letter 1"]


def test_it_stays_one_message_where_the_copy_is_read_again(
    office: Mailboxes, rep: MailboxKey, boss: MailboxKey
) -> None:
    sent = without_id(written())
    office.mirror(rep, [copy(1, sent)], FolderRole.SENT)
    office.mirror(boss, [copy(2, written())])
    office.mirror(rep, [copy(9, sent)], FolderRole.SENT)

    (mine,), (theirs,) = office.card("rep", "kim"), office.card("boss", "kim")
    assert mine.summary.message == theirs.summary.message
    assert len(mine.versions) == 1


def test_both_copies_of_one_mailbox_are_one_line(office: Mailboxes, rep: MailboxKey) -> None:
    """The writer has put themself in Cc."""
    office.mirror(rep, [copy(1, without_id(written()))], FolderRole.SENT)
    office.mirror(rep, [copy(2, written(text="Hello\r\n-- \r\nFooter\r\n"))])

    line = office.line()
    assert len(line.versions) == 2
    assert line.summary.snippet == "Hello"


def test_where_two_messages_have_its_fields_it_stays_apart(
    office: Mailboxes, rep: MailboxKey, boss: MailboxKey
) -> None:
    both = [copy(2, written()), copy(3, written(2))]
    office.mirror(boss, both)
    office.mirror(rep, [copy(1, without_id(written()))], FolderRole.SENT)

    mine = office.line()
    others = office.card("boss", "kim")
    assert len({line.thread for line in (mine, *others)}) == 3


@pytest.mark.parametrize(
    "received",
    [
        written(subject="Letter 2"),
        written().replace(b"09:00:00", b"09:00:01"),
        written().replace(f"{KIM}, {BOSS}".encode(), f"{BOSS}, {KIM}".encode()),
        written().replace(f"From: {REP}".encode(), f"From: {BOSS}".encode()),
    ],
    ids=["subject", "date", "to", "from"],
)
def test_where_a_field_differs_it_stays_apart(
    office: Mailboxes, rep: MailboxKey, boss: MailboxKey, received: bytes
) -> None:
    assert received != written()
    office.mirror(rep, [copy(1, without_id(written()))], FolderRole.SENT)
    office.mirror(boss, [copy(2, received)])
    (theirs,) = office.card("boss", "kim")
    assert office.line().thread != theirs.thread


def test_it_needs_a_date(office: Mailboxes, rep: MailboxKey, boss: MailboxKey) -> None:
    undated = b"\n".join(one for one in written().split(b"\n") if not one.startswith(b"Date:"))
    office.mirror(rep, [copy(1, without_id(undated))], FolderRole.SENT)
    office.mirror(boss, [copy(2, undated)])
    (theirs,) = office.card("boss", "kim")
    assert office.line().thread != theirs.thread


def test_a_copy_in_the_inbox_is_not_joined(
    office: Mailboxes, rep: MailboxKey, boss: MailboxKey
) -> None:
    """Strangers can write there: only what lies in sent mail is what its owner has sent."""
    office.mirror(rep, [copy(1, without_id(written()))], FolderRole.INBOX)
    office.mirror(boss, [copy(2, written())])
    (theirs,) = office.card("boss", "kim")
    assert office.line().thread != theirs.thread


def test_a_detach_of_the_copy_sticks(office: Mailboxes, rep: MailboxKey, boss: MailboxKey) -> None:
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    office.mirror(rep, [copy(1, without_id(written()))], FolderRole.SENT)
    (line,) = office.deal("rep", "d1")
    message = line.summary.message
    set_override(office.viewer("rep"), DealId("d1"), None, message, office.runtime, attached=False)
    office.mirror(boss, [copy(2, written())])

    assert office.line().summary.message != message
    assert office.deal("rep", "d1") == []
    assert office.deal("boss", "d1") == []


def test_a_crash_between_leaves_what_the_next_attempt_finishes(
    office: Mailboxes, rep: MailboxKey, boss: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.mirror(rep, [copy(1, without_id(written()))], FolderRole.SENT)
    with monkeypatch.context() as patched:
        patched.setattr(type(office.runtime.contents), "erase_version", _killed)
        with pytest.raises(KeyboardInterrupt):
            office.mirror(boss, [copy(2, written())])
    office.mirror(boss, [copy(2, written())])

    (mine,), (theirs,) = office.card("rep", "kim"), office.card("boss", "kim")
    assert mine.summary.message == theirs.summary.message


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.exceeds("MAX_SENT_COPIES")
def test_beyond_the_limit_copies_keep_an_identity_of_their_own(
    office: Mailboxes, rep: MailboxKey, boss: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that writes the same second, subject and recipients with ever another text."""
    monkeypatch.setattr("mailmirror.store.sent_copies.MAX_SENT_COPIES", 2)
    sent = [copy(uid, without_id(written(text=f"Text {uid}\r\n"))) for uid in (1, 2, 3)]
    office.mirror(rep, sent, FolderRole.SENT)
    office.mirror(boss, [copy(9, written())])

    (theirs,) = office.card("boss", "kim")
    mine = office.card("rep", "kim")
    joined = [line for line in mine if line.summary.message == theirs.summary.message]
    assert [len(line.versions) for line in joined] == [2]
    assert len(mine) == 2


def test_what_is_erased_while_its_copy_is_joined_is_not_put_back(
    office: Mailboxes, rep: MailboxKey, boss: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.mirror(rep, [copy(1, without_id(written()))], FolderRole.SENT)
    store = office.runtime.mailboxes
    find = store.find
    asked: list[MailboxKey] = []

    def erased_after_the_first(account: AccountId, id: MailboxId, **how: bool) -> Mailbox | None:
        asked.append(rep)
        return find(account, id, **how) if len(asked) == 1 else None

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "find", lambda _, *a, **k: erased_after_the_first(*a, **k))
        office.mirror(boss, [copy(2, written())])
    assert len(asked) == 2
    assert office.card("rep", "kim") == []
    assert len(office.card("boss", "kim")) == 1
