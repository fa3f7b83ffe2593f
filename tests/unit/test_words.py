"""Every text for people exists in each language, as whole sentences, and says something new."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from local.documents import problem_rows
from local.environments import ROOT
from mailmirror.domain.contained import Cause
from mailmirror.domain.counted_copies import Uncounted
from mailmirror.domain.coverage import Gap
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.findings import Finding, Outcome
from mailmirror.domain.folder_choice import LeftOut
from mailmirror.domain.leaving import may_leave
from mailmirror.domain.limits import MAX_LANGUAGE_RANGES
from mailmirror.domain.overrides import Reason, Standing
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.server_causes import ServerCause
from mailmirror.domain.settings import Setting
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.contained import CAUSES
from mailmirror.domain.words.coverage import GAPS
from mailmirror.domain.words.delivery import DELIVERY_ERRORS
from mailmirror.domain.words.discovery import FINDINGS, OUTCOMES
from mailmirror.domain.words.doctor import SERVER_CAUSES
from mailmirror.domain.words.explanation import Explanations, Language
from mailmirror.domain.words.folders import LEFT_OUT_FOLDERS, UNCOUNTED_FOLDERS
from mailmirror.domain.words.mailbox_problems import MAILBOX_PROBLEMS, explain_mailbox_problem
from mailmirror.domain.words.overrides import REASONS, STANDINGS
from mailmirror.domain.words.problem import as_problem
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.domain.words.settings import EFFECTS
from mailmirror.domain.words.verdicts import VERDICTS

CATALOGUES: dict[type[StrEnum], Mapping[Any, Explanations]] = {
    Code: PROBLEMS,
    Verdict: VERDICTS,
    LeftOut: LEFT_OUT_FOLDERS,
    Uncounted: UNCOUNTED_FOLDERS,
    DeliveryCode: DELIVERY_ERRORS,
    Gap: GAPS,
    Cause: CAUSES,
    Finding: FINDINGS,
    Outcome: OUTCOMES,
    ServerCause: SERVER_CAUSES,
    Reason: REASONS,
    Standing: STANDINGS,
}
SENTENCES = {
    Language.EN: re.compile(r"[A-Z`{][ -~]*[^. ]\.\Z"),
    Language.JA: re.compile(r"[^。]*[\u3040-\u30ff].*[^。]。\Z"),
}


@pytest.mark.parametrize("codes", CATALOGUES)
def test_every_code_is_explained_in_every_language(codes: type[StrEnum]) -> None:
    assert CATALOGUES[codes].keys() == set(codes)
    assert all(one.keys() == set(Language) for one in CATALOGUES[codes].values())


@pytest.mark.parametrize(
    ("codes", "code"), [(codes, code) for codes in CATALOGUES for code in codes]
)
def test_reason_and_remedy_are_whole_sentences(codes: type[StrEnum], code: StrEnum) -> None:
    for language, one in CATALOGUES[codes][code].items():
        assert SENTENCES[language].match(one.reason), one.reason
        assert SENTENCES[language].match(one.remedy), one.remedy
        assert one.reason != one.remedy


@pytest.mark.parametrize("code", MAILBOX_PROBLEMS)
def test_a_mailbox_that_has_worked_is_not_to_be_corrected(code: Code) -> None:
    for language, one in MAILBOX_PROBLEMS[code].items():
        assert SENTENCES[language].match(one.reason), one.reason
        assert SENTENCES[language].match(one.remedy), one.remedy
        assert one != PROBLEMS[code][language]
    english = explain_mailbox_problem(code, Language.EN)
    assert not re.search(r"\b[Cc]orrect\b", english.remedy)
    assert "owner" in english.remedy or "again" in english.remedy


@pytest.mark.parametrize("code", [Code.HOST_UNKNOWN, Code.CONNECT_REFUSED, Code.CONNECT_TIMEOUT])
def test_a_refusal_is_explained_by_whether_the_mailbox_has_worked(code: Code) -> None:
    refused = Refused(code, "mail.us.example:993")
    assert "Correct" in str(as_problem(refused)["remedy"])
    refused.of_connected_mailbox = True
    assert "Correct" not in str(as_problem(refused)["remedy"])


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("codes", CATALOGUES)
def test_two_codes_never_have_the_same_reason(codes: type[StrEnum], language: Language) -> None:
    reasons = [one[language].reason for one in CATALOGUES[codes].values()]
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, None),
        ("", None),
        ("*", None),
        ("en", Language.EN),
        ("en-GB, ja", Language.EN),
        ("EN;q=0.8", Language.EN),
        ("ja", Language.JA),
        ("ja-JP,en;q=0.5", Language.JA),
        (" JA ", Language.JA),
        ("fr-FR, ja;q=0.9", Language.JA),
        ("fr, en;q=0.5", Language.EN),
        ("en;q=0.2, fr, ja;q=0.3", Language.JA),
        ("ja;q=0.5, en; Q = 0.500", Language.JA),
        ("ja;q=0, en;q=0.001", Language.EN),
        ("en-GB;q=0.1, ja;q=0.5, en;q=0.8", Language.EN),
        ("ja;q=0", None),
        ("ja;q=0.000, fr", None),
        ("ja;q=2, en;q=0.1", Language.EN),
        ("ja;q=nan", None),
        ("ja;level=1", None),
        ("fr, *;q=0.5", None),
        (",, ,;q=1,ja", Language.JA),
        ("jav", None),
        ("\0", None),
    ],
)
def test_a_request_prefers_one_language_or_names_none(
    header: str | None, language: Language | None
) -> None:
    assert Language.preferred(header) is language


@pytest.mark.exceeds("MAX_LANGUAGE_RANGES")
def test_languages_beyond_the_limit_are_not_read() -> None:
    others = ["fr"] * MAX_LANGUAGE_RANGES
    assert Language.preferred(",".join([*others[1:], "ja"])) is Language.JA
    assert Language.preferred(",".join([*others, "ja"])) is None


@pytest.mark.parametrize("language", Language)
def test_deleted_mail_says_how_many_messages_leave_a_day(language: Language) -> None:
    least, most = may_leave(1, 0), may_leave(1_000_000, 0)
    said = EFFECTS[Setting.DELETED_MAIL][language].reason
    assert {str(least), "5 %", str(most)} <= set(re.findall("[0-9]+(?: %)?", said))
    assert may_leave(1_000, 0) == 1_000 * 5 // 100


def test_every_problem_stands_in_the_documents() -> None:
    page = (ROOT / "docs" / "problems.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| <a id=")]
    assert rows == problem_rows(), "make documents"


def test_a_problem_has_the_members_of_rfc_9457_and_ours() -> None:
    assert as_problem(Refused(Code.INVALID_EMAIL, "emails[1]")) == {
        "type": "docs/problems.md#invalid_email",
        "title": "Unprocessable Content",
        "status": 422,
        "code": "invalid_email",
        "reason": "A field does not hold an e-mail address.",
        "remedy": "Correct the address that `detail` names, or leave it out.",
        "detail": "emails[1]",
    }


def test_a_problem_without_a_detail_has_no_such_member() -> None:
    assert "detail" not in as_problem(Refused(Code.NOT_FOUND))
