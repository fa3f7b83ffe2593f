"""However much a stranger writes into a message's fields, it is on its persons' cards whole."""

import pytest

from mailmirror.api.messages import Message
from mailmirror.domain import limits
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.words.explanation import Language
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.table import Update
from mailmirror.usecases.cards.read_message import read_message
from tests.integration.copies import TODAY, Mailboxes
from tests.integration.office import KIM, LEE, MARCH, REP, STRANGER
from tests.integration.stored_people import StoredPeople

NAME = "😀" * 100
PART = f'Content-Type: text/x-long; name="{NAME}"\r\n\r\nx\r\n--b\r\n'
BODY = f"--b\r\n\r\nShall we talk?\r\n--b\r\n{PART * 200}\r\n--b--\r\n".encode()


@pytest.fixture
def office(runtime: Runtime, stored_people: StoredPeople) -> Mailboxes:
    runtime.now = lambda: TODAY
    return Mailboxes(runtime, stored_people)


@pytest.fixture
def mailbox(office: Mailboxes) -> MailboxKey:
    return office.open()


def copy(**fields: str) -> FetchedCopy:
    lines = [f"{name}: {value}" for name, value in fields.items()]
    header = "\r\n".join([*lines, "Message-ID: <1@mail.example>", "", ""]).encode()
    return FetchedCopy(1, MARCH, header, header + BODY)


@pytest.mark.parametrize("domain", ["x.example", f"{'d' * 60}.{'e' * 60}.{'f' * 60}.example"])
def test_a_person_behind_a_crowd_of_recipients_has_the_message_on_their_card(
    domain: str, office: Mailboxes, mailbox: MailboxKey
) -> None:
    office.runtime.table.update(
        Update(keys.account(office.account), "SET max_recipients = :most", {":most": 400})
    )
    crowd = [f"a{n}@{domain}" for n in range(300)]
    to = ", ".join([*crowd[:230], KIM, *crowd[230:], LEE])
    office.mirror(mailbox, [copy(From=STRANGER, To=to, Subject="Crowd")])
    for contact in ("kim", "lee"):
        assert office.line(contact).summary.subject == "Crowd"


def test_a_line_of_many_long_names_is_cut_and_keeps_its_text(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    def crowd(address: str) -> str:
        return ", ".join(f"{NAME} <{address}>" for _ in range(200))

    fields = {
        "From": f"Kim <{KIM}>, {crowd(f'{"f" * 200}@x.example')}",
        "To": f"Rep <{REP}>, {crowd(f'{"t" * 200}@x.example')}",
        "Cc": f"Lee <{LEE}>, {crowd(f'{"c" * 200}@x.example')}",
        "Subject": "件名" * 2_000,
        "MIME-Version": "1.0",
        "Content-Type": "multipart/mixed; boundary=b",
    }
    office.mirror(mailbox, [copy(**fields)])
    summary = office.line().summary
    assert summary.snippet == "Shall we talk?"
    assert summary.subject == "件名" * 500
    assert [one[0].address for one in (summary.from_, summary.to)] == [KIM, REP]
    assert list(summary.warnings) == ["shortened"]
    assert office.line("lee").summary.message == summary.message


@pytest.mark.exceeds("MAX_SHOWN_CHARS", "MAX_SHOWN_HEADERS", "MAX_SHOWN_HEADER_CHARS")
def test_of_a_long_message_api_shows_the_beginning_and_says_so(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    def shown(number: int, text: str, headers: int) -> Message:
        others = "".join(f"X-{n}: {'h' * 2_100}\r\n" for n in range(headers - 3))
        head = f"From: {KIM}\r\nTo: {REP}\r\nMessage-ID: <{number}@mail.example>\r\n{others}\r\n"
        copy = FetchedCopy(number, MARCH, head.encode(), f"{head}{text}".encode())
        office.mirror(mailbox, [copy])
        (line,) = [one for one in office.card("rep", "kim") if one.summary.message not in seen]
        seen.add(line.summary.message)
        return Message.whole(
            read_message(office.viewer("rep"), line.summary.message, office.runtime), Language.EN
        )

    seen = set[str]()
    whole = shown(1, "x" * limits.MAX_SHOWN_CHARS, limits.MAX_SHOWN_HEADERS)
    assert (len(whole.text), list(whole.warnings)) == (limits.MAX_SHOWN_CHARS, [])
    assert len(whole.headers) == limits.MAX_SHOWN_HEADERS
    assert whole.headers[-1].value == "h" * limits.MAX_SHOWN_HEADER_CHARS
    cut = shown(2, "x" * (limits.MAX_SHOWN_CHARS + 1), limits.MAX_SHOWN_HEADERS + 1)
    assert (len(cut.text), list(cut.warnings)) == (limits.MAX_SHOWN_CHARS, ["truncated"])
    assert len(cut.headers) == limits.MAX_SHOWN_HEADERS
