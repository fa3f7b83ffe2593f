"""Codes of problems: stable names, and the status that goes with each."""

import re

import pytest

from mailmirror.domain.problems import Code, Refused


@pytest.mark.parametrize("code", Code)
def test_a_code_is_a_stable_word(code: Code) -> None:
    assert code.value == code.name.lower()
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", code)


@pytest.mark.parametrize("code", Code)
def test_only_failures_of_ours_and_of_providers_are_server_errors(code: Code) -> None:
    status = Refused(code).status
    assert status.is_client_error or status.is_server_error
    providers = (Code.PROVIDER_MISCONFIGURED, Code.PROVIDER_UNAVAILABLE, Code.ID_TOKEN_INVALID)
    ours = (Code.PROBE_FAILED, Code.INTERNAL_ERROR)
    assert status.is_server_error == (code in (*ours, *providers))


def test_in_a_log_a_refusal_names_its_code() -> None:
    assert str(Refused(Code.INVALID_EMAIL, "emails[1]")) == "invalid_email: emails[1]"
    assert str(Refused(Code.NOT_FOUND)) == "not_found"
