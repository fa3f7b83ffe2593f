"""Every problem can be told to a person."""

import re

import pytest

from local.environments import ROOT
from mailmirror.domain.problems import PROBLEMS, Code, Refused


def test_every_code_is_explained() -> None:
    assert PROBLEMS.keys() == set(Code)


@pytest.mark.parametrize("code", Code)
def test_a_code_is_a_stable_word(code: Code) -> None:
    assert code.value == code.name.lower()
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", code)


@pytest.mark.parametrize("code", Code)
def test_a_reason_and_a_remedy_are_whole_sentences(code: Code) -> None:
    for text in (PROBLEMS[code].reason, PROBLEMS[code].remedy):
        assert re.fullmatch(r"[A-Z].*[^.]\.", text)


@pytest.mark.parametrize("code", Code)
def test_only_what_is_our_fault_or_the_mail_servers_silence_is_a_server_error(code: Code) -> None:
    status = PROBLEMS[code].status
    assert status.is_client_error or status.is_server_error
    providers = (Code.PROVIDER_MISCONFIGURED, Code.PROVIDER_UNAVAILABLE, Code.ID_TOKEN_INVALID)
    ours = (Code.PROBE_FAILED, Code.INTERNAL_ERROR)
    assert status.is_server_error == (code in (*ours, *providers))


def test_every_code_stands_in_the_documents_as_it_is_told() -> None:
    page = (ROOT / "docs" / "problems.md").read_text()
    told = [line for line in page.splitlines() if line.startswith("| `")]
    assert told == [
        f"| `{code}` | {one.status.value} | {one.reason} | {one.remedy} |"
        for code, one in sorted(PROBLEMS.items())
    ]


def test_two_codes_never_have_the_same_reason_to_tell() -> None:
    assert len({explained.reason for explained in PROBLEMS.values()}) == len(Code)


def test_a_problem_has_the_members_of_rfc_9457_and_ours() -> None:
    assert Refused(Code.INVALID_EMAIL, "emails[1]").as_problem() == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "code": "invalid_email",
        "reason": "An e-mail address is not one.",
        "remedy": "Correct the address that `detail` names, or leave it out.",
        "detail": "emails[1]",
    }


def test_a_problem_without_a_detail_has_no_such_member() -> None:
    assert "detail" not in Refused(Code.NOT_FOUND).as_problem()


def test_in_a_log_a_refusal_names_its_code() -> None:
    assert str(Refused(Code.INVALID_EMAIL, "emails[1]")) == "invalid_email: emails[1]"
    assert str(Refused(Code.NOT_FOUND)) == "not_found"


def test_a_probe_that_failed_blames_no_mail_server_and_leads_to_its_log() -> None:
    told = PROBLEMS[Code.PROBE_FAILED]
    assert "has failed, or took too long" in told.reason
    assert "whoever runs the stack" in told.remedy
    assert "the log of the function `probe`" in told.remedy
