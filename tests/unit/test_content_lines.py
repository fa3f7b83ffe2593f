"""A line of a list holds a bounded number of bytes, whatever a stranger writes, and its text."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain import limits
from mailmirror.domain.address import Address
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import MAX_LINE_BYTES
from mailmirror.domain.mailbox import AccountId, FolderRole, MailboxId, MailboxKey
from mailmirror.domain.message import ListedAttachment, Participant
from mailmirror.domain.threads import ThreadId
from mailmirror.domain.versions import Received
from mailmirror.store.content_lines import SHORTENED, Summary, _size, line_item, read_line
from mailmirror.store.table import Item

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = MailboxKey(AccountId("a" * 12), MailboxId("m"), 1)
_FIXED_BYTES = 1_200
"""Keys, digests of seven other versions, times."""

texts = st.text(st.characters(codec=None), max_size=30).flatmap(
    lambda text: st.integers(0, 200).map(lambda times: text * times)
)
people = st.lists(
    st.builds(Participant, texts, st.integers(0, 9).map(lambda n: Address(f"{n}é@{'d' * 50}.jp"))),
    max_size=5,
).flatmap(lambda some: st.integers(0, 200).map(lambda times: some * times))
files = st.lists(st.builds(ListedAttachment, texts, texts, st.integers(0, 2**40)), max_size=5)


def summary(
    subject: str,
    snippet: str,
    from_: list[Participant],
    to: list[Participant],
    cc: list[Participant],
    attachments: list[ListedAttachment],
) -> Summary:
    return Summary(
        key=KEY,
        message=MessageKey("1" * 32),
        sha256="2" * 64,
        thread=ThreadId("3" * 32),
        message_id=subject * 3 or None,
        subject=subject,
        from_=from_,
        to=to,
        cc=cc,
        date=NOON,
        snippet=snippet[:200],
        attachments=attachments,
        warnings=["too_large"],
        instant=NOON,
        received=Received(NOON, FolderRole.INBOX, "f" * 12, 1, 1),
        lines=3,
        extends=frozenset(f"{n:064}" for n in range(3)),
        others=frozenset(f"{n:064}" for n in range(7)),
    )


def size(value: object) -> int:
    """Octets as DynamoDB counts them."""
    match value:
        case dict():
            return 3 + sum(len(name) + 1 + size(one) for name, one in value.items())
        case list() | tuple():
            return 3 + sum(1 + size(one) for one in value)
        case set() | frozenset():
            return sum(map(size, value))
        case str():
            return len(value.encode())
        case _:
            return 21


def stored(one: Summary) -> Summary:
    """A line as it is read back."""
    item = {k: v for k, v in line_item(one, in_object=False).items() if v is not None}
    return read_line(KEY, item)


@pytest.mark.exceeds("MAX_LINE_BYTES")
@given(st.builds(summary, texts, texts, people, people, people, files))
def test_a_line_is_bounded_in_bytes_and_read_back(one: Summary) -> None:
    item: Item = {k: v for k, v in line_item(one, in_object=True).items() if v is not None}
    assert size(item) <= MAX_LINE_BYTES + _FIXED_BYTES
    for value in item.values():
        TypeSerializer().serialize(value)
    back = read_line(KEY, item)
    assert one.subject.encode("utf-8", "replace").startswith(back.subject.encode())
    assert {each.address for each in back.to} <= {each.address for each in one.to}
    assert (back.received, back.others, back.extends) == (one.received, one.others, one.extends)


def test_a_hundred_ordinary_recipients_are_all_listed() -> None:
    crowd = [
        Participant(f"Recipient Number {n}", Address(f"recipient.number.{n}@customer.example"))
        for n in range(100)
    ]
    one = summary("見積書の件", "ご確認ください。", crowd[:1], crowd, [], [])
    line = stored(one)
    assert (line.to, line.warnings) == (crowd, ["too_large"])


@pytest.mark.parametrize("longer", ["subject", "to", "cc", "from_", "attachments"])
def test_a_line_that_does_not_show_all_says_so(longer: str) -> None:
    crowd = [Participant("", Address(f"{n}@{'d' * 200}.example")) for n in range(100)]
    files = [ListedAttachment("f" * 200, "text/plain", 1)] * 40
    long: dict[str, Any] = {"subject": "é" * 2_000, "attachments": files}
    change = {longer: long.get(longer, crowd)}
    one = replace(summary("Offer", "Hello.", crowd[:1], crowd[:1], [], []), **change)
    line = stored(one)
    assert len(getattr(line, longer)) < len(getattr(one, longer))
    assert line.warnings == ["too_large", SHORTENED]
    assert stored(line) == line


def listed(**fields: object) -> Summary:
    kim = [Participant("Kim", Address("kim@customer.example"))]
    return replace(summary("Offer", "Hello", kim, kim, [], []), **fields)  # type: ignore[arg-type]


@pytest.mark.exceeds("MAX_LINE_SUBJECT_BYTES", "MAX_LINE_ID_BYTES", "MAX_LINE_SNIPPET_BYTES")
def test_a_text_of_a_list_is_cut_at_its_limit_and_not_within_a_character() -> None:
    for field, most in (
        ("subject", limits.MAX_LINE_SUBJECT_BYTES),
        ("message_id", limits.MAX_LINE_ID_BYTES),
        ("snippet", limits.MAX_LINE_SNIPPET_BYTES),
    ):
        fits = "x" * most
        assert line_item(listed(**{field: fits}), in_object=True)[field] == fits
        assert line_item(listed(**{field: fits + "y"}), in_object=True)[field] == fits
        cut = line_item(listed(**{field: "é" * most + "x"}), in_object=True)[field]
        assert cut == "é" * (most // 2)


@pytest.mark.exceeds("MAX_LINE_FROM_BYTES", "MAX_LINE_NAME_BYTES", "MAX_LINE_ATTACHMENTS_BYTES")
def test_of_a_list_the_first_names_stay_and_each_is_cut() -> None:
    senders = [Participant("n" * 400, Address(f"{n}@x.example")) for n in range(20)]
    files = [ListedAttachment("f" * 400, "text/plain", n) for n in range(50)]
    item = line_item(listed(from_=senders, attachments=files), in_object=True)
    for elements, most, number in (
        (item["from"], limits.MAX_LINE_FROM_BYTES, 20),
        (item["attachments"], limits.MAX_LINE_ATTACHMENTS_BYTES, 50),
    ):
        assert 0 < len(elements) < number
        assert all(len(one[0]) == limits.MAX_LINE_NAME_BYTES for one in elements)
        assert sum(map(_size, elements)) <= most < sum(map(_size, [*elements, elements[0]]))
