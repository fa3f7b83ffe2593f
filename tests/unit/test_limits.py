"""Every limit on what strangers write has its reason, a test that exceeds it, and a row."""

from local.documents import LIMITS_PAGE, exceeding_tests, limit_lines, read_limits
from mailmirror.domain import limits


def test_every_limit_is_exceeded_by_a_test_and_every_mark_names_a_limit() -> None:
    names = {limit.name for limit in read_limits()}
    assert names == {name for name in vars(limits) if name.isupper()}
    marked = set(exceeding_tests())
    assert names - marked == set(), "no test is marked with these"
    assert marked - names == set(), "these are no limits"


def test_every_limit_names_its_unit_and_gives_its_reason() -> None:
    for limit in read_limits():
        assert limit.name.startswith("MAX_")
        assert limit.value > 0
        assert limit.reason.endswith(".")


def test_every_limit_stands_in_the_documents() -> None:
    page = LIMITS_PAGE.read_text("utf-8").partition("\n## ")[2]
    rows = "\n".join(limit_lines()).partition("\n## ")[2]
    assert page == rows + "\n", "make documents"
