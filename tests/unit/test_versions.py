"""Of several contents of a message the one received first is shown, whatever arrives when."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.limits import MAX_VERSIONS
from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.versions import (
    Received,
    Version,
    chosen,
    extends,
    kept,
    text_lines,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = [f"{number:02}" for number in range(12)]

received = st.builds(
    Received,
    at=st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours)),
    role=st.sampled_from(FolderRole),
    folder=st.sampled_from(["a", "b"]),
    uidvalidity=st.integers(1, 2),
    uid=st.integers(1, 20),
)


def version(name: str, hour: int = 0, *extended: str, lines: int = 1) -> Version:
    at = Received(NOON + timedelta(hours=hour), FolderRole.INBOX, "a", 1, 1)
    return Version(name, at, lines, frozenset(extended))


@st.composite
def version_sets(draw: st.DrawFn) -> list[Version]:
    """Versions of which each extends some with fewer lines, as texts do."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    return [
        Version(name, draw(received), n + 1, frozenset(draw(st.sets(st.sampled_from(names[:n])))))
        if n
        else Version(name, draw(received), 1)
        for n, name in enumerate(names)
    ]


@given(version_sets(), st.data())
def test_the_order_of_arrival_changes_nothing(versions: list[Version], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(versions))
    assert chosen(shuffled) == chosen(versions)
    assert kept(shuffled) == kept(versions)


@given(version_sets(), st.data())
def test_what_is_kept_of_what_was_kept_is_what_is_kept_of_all(
    versions: list[Version], data: st.DataObject
) -> None:
    """So a writer need not know the versions that were dropped before."""
    present: Sequence[Version] = ()
    for one in data.draw(st.permutations(versions)):
        present, dropped = kept([*present, one])
        assert len(dropped) <= 1
    assert present == kept(versions)[0]


@given(version_sets(), version_sets())
def test_what_is_received_later_never_takes_the_place_of_a_text_that_it_does_not_shorten(
    versions: list[Version], more: list[Version]
) -> None:
    first = chosen(versions)
    after = Received(NOON + timedelta(days=1), FolderRole.INBOX, "a", 1, 1)
    forged = [replace(one, sha256=f"f{one.sha256}", received=after) for one in more]
    stays, _ = kept([*versions, *forged])
    assert kept(versions)[0][0] in stays
    assert chosen([*versions, *forged]) == first


def test_of_two_the_one_received_first_is_shown_and_of_a_longer_text_the_shorter() -> None:
    assert chosen([version("a", 2), version("b", 1)]).sha256 == "b"
    assert chosen([version("a", 2), version("b", 1, "a")]).sha256 == "a"
    assert chosen([version("b", 1, "gone"), version("c", 2)]).sha256 == "b"


def test_of_one_copy_read_twice_the_content_with_text_is_shown() -> None:
    assert chosen([version("a", lines=0), version("b", lines=9)]).sha256 == "b"


@pytest.mark.exceeds("MAX_VERSIONS")
def test_eight_are_kept_and_the_first_is_always_one_of_them() -> None:
    late = [version(f"{hour:02}", hour) for hour in range(1, 10)]
    stays, further = kept([*late, version("first", 0)])
    assert stays[0].sha256 == "first"
    assert (len(stays), len(further)) == (MAX_VERSIONS, 2)


MAIL = "Dear Kim,\n\n  shall we  talk?\n\nAnn\n"


@pytest.mark.parametrize(
    ("longer", "shorter", "expected"),
    [
        (f"{MAIL}--\nlist-footer\n", MAIL, True),
        (f"[EXTERNAL]\r\n{MAIL}", MAIL, True),
        (MAIL.replace("\n", " \n"), MAIL, False),
        (MAIL, MAIL, False),
        (MAIL, "", False),
        (MAIL, "Dear Kim,\nsend money\n", False),
        (MAIL + "line\n" * 41, MAIL, False),
    ],
)
@pytest.mark.exceeds("MAX_ADDED_LINES")
def test_a_text_with_lines_added_extends_the_other(
    longer: str, shorter: str, expected: bool
) -> None:
    assert extends(text_lines(longer), text_lines(shorter)) is expected


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_of_two_texts_at_most_one_extends_the_other(one: list[str], other: list[str]) -> None:
    assert not (extends(one, other) and extends(other, one))
