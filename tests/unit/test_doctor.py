"""The stages of a doctor are judged by rules, and its catalogue is whole."""

from datetime import UTC, date, datetime

import pytest

from local.documents import diagnosing_tests, error_lines
from local.environments import ROOT
from mailmirror.domain.address import Address
from mailmirror.domain.doctor import (
    ServerStage,
    StageResult,
    Step,
    completed,
    judged,
    mailbox_step,
    stages_of,
)
from mailmirror.domain.mailbox import (
    AccountId,
    Mailbox,
    MailboxId,
    MailboxKey,
    MailboxState,
    MailboxStatus,
    Security,
    Server,
    UserId,
)
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.server_causes import (
    REMEDY_READERS,
    SELL_NAMES,
    SELL_NUMBERS,
    Diagnosis,
    ServerCause,
    refined,
)
from mailmirror.domain.services import Service
from mailmirror.domain.slot import Slot
from mailmirror.domain.words.doctor import explain_diagnosis
from mailmirror.domain.words.explanation import Language

MAILBOX = Mailbox(
    key=MailboxKey(AccountId("5a1e5c0ffee0"), MailboxId("0badcafe0badcafe")),
    owner=UserId("rep"),
    email=Address("rep@us.example"),
    imap=Server("imap.us.example", 993, Security.TLS),
    smtp=None,
    username="rep@us.example",
    history_since=date(2025, 3, 1),
    status=MailboxStatus.CONNECTED,
    slot=Slot.chosen("rep"),
    connected_at=datetime(2026, 3, 1, tzinfo=UTC),
)

BOTH = [(service, security) for service in (Service.IMAP, Service.SMTP) for security in Security]


def passed(*stages: ServerStage) -> list[Step]:
    return [Step(one, StageResult.OK) for one in stages]


def failed(stage: ServerStage) -> Step:
    return Step(stage, StageResult.FAILED, Code.PROTOCOL_ERROR)


# The catalogue


@pytest.mark.parametrize("code", REMEDY_READERS, ids=str)
def test_every_diagnosis_is_explained_in_both_languages(code: Diagnosis) -> None:
    for connected in (False, True):
        english, japanese = (
            explain_diagnosis(code, language, connected=connected) for language in Language
        )
        assert english.reason.isascii()
        assert not japanese.reason.isascii()
        assert english.remedy != japanese.remedy
        texts = (english.reason, english.remedy, japanese.reason, japanese.remedy)
        assert not any("`detail`" in text for text in texts)


def test_every_cause_has_a_reader_and_no_code_stands_twice() -> None:
    assert set(ServerCause) <= set(REMEDY_READERS)
    assert len({str(code) for code in REMEDY_READERS}) == len(REMEDY_READERS)
    assert not {str(one) for one in ServerCause} & {str(code) for code in Code}
    assert set(SELL_NUMBERS) | set(SELL_NAMES) <= set(REMEDY_READERS)
    assert not set(SELL_NUMBERS) & set(SELL_NAMES)


def test_each_number_of_sell_has_its_causes() -> None:
    assert set(SELL_NUMBERS.values()) == {f"00{n}" for n in range(1, 10)}


def test_every_diagnosis_is_produced_by_a_test() -> None:
    assert set(diagnosing_tests()) == {str(code) for code in REMEDY_READERS}


def test_the_catalogue_stands_in_the_documents() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8").splitlines()
    assert page[page.index("## Causes") :] == error_lines(), "make documents"


# The stages


@pytest.mark.parametrize(("service", "security"), BOTH)
def test_what_passes_every_stage_is_ok(service: Service, security: Security) -> None:
    expected = stages_of(service, security)
    steps = completed(passed(*expected), service, security, time_is_up=False)
    assert [one.stage for one in steps] == list(expected)
    assert judged(steps) is StageResult.OK


@pytest.mark.parametrize(("service", "security"), BOTH)
def test_what_was_not_done_is_cut_off_by_time_and_fails_the_whole(
    service: Service, security: Security
) -> None:
    expected = stages_of(service, security)
    for done in range(len(expected)):
        steps = completed(passed(*expected[:done]), service, security, time_is_up=True)
        rest = steps[done:]
        assert {(one.result, one.code, one.after) for one in rest} == {
            (StageResult.CUT_OFF, ServerCause.TIME_IS_UP, None)
        }
        assert judged(steps) is StageResult.FAILED


@pytest.mark.parametrize(("service", "security"), BOTH)
def test_what_a_failure_keeps_from_being_tried_names_it(
    service: Service, security: Security
) -> None:
    steps = completed([failed(ServerStage.NAME)], service, security, time_is_up=False)
    assert {one.after for one in steps[1:]} == {ServerStage.NAME}
    assert {one.code for one in steps[1:]} == {ServerCause.NOT_TRIED}


def test_a_certificate_is_looked_past_but_for_the_sign_in() -> None:
    expected = stages_of(Service.SMTP, Security.TLS)
    done = [*expected[: expected.index(ServerStage.SIGN_IN)]]
    steps = [*passed(*(one for one in done if one is not ServerStage.DATES))]
    found = completed(
        [*steps, failed(ServerStage.DATES)], Service.SMTP, Security.TLS, time_is_up=False
    )
    after = {one.stage: one.after for one in found if one.after}
    assert after == dict.fromkeys([ServerStage.SIGN_IN, ServerStage.SENDER], ServerStage.DATES)


@pytest.mark.parametrize(("service", "security"), BOTH)
def test_only_what_there_was_no_time_for_is_cut_off_by_time(
    service: Service, security: Security
) -> None:
    expected = stages_of(service, security)
    for n, stage in enumerate(expected[:-1]):
        steps = [*passed(*expected[:n]), failed(stage)]
        found = completed(steps, service, security, time_is_up=False)[n + 1 :]
        assert {(one.code, one.after) for one in found} == {(ServerCause.NOT_TRIED, stage)}


@pytest.mark.parametrize("time_is_up", [False, True])
def test_the_quota_is_not_tried_after_folders_that_failed(*, time_is_up: bool) -> None:
    """The session may still be ending, at a server that does not answer LOGOUT, at the end."""
    *before, folders, quota = stages_of(Service.IMAP, Security.TLS)
    assert (folders, quota) == (ServerStage.FOLDERS, ServerStage.QUOTA)
    steps = [*passed(*before), failed(folders)]
    last = completed(steps, Service.IMAP, Security.TLS, time_is_up=time_is_up)[-1]
    assert (last.stage, last.code, last.after) == (quota, ServerCause.NOT_TRIED, folders)


def test_what_a_second_connection_does_not_reach_is_not_tried_after_what_made_it_needed() -> None:
    done = passed(ServerStage.NAME, ServerStage.ADDRESS, ServerStage.PORT)
    steps = [*done, failed(ServerStage.CHAIN), *passed(ServerStage.HOST_NAME, ServerStage.DATES)]
    found = completed(steps, Service.SMTP, Security.TLS, time_is_up=False)
    assert {one.after for one in found if one.result is StageResult.CUT_OFF} == {ServerStage.CHAIN}


def test_a_warning_alone_fails_nothing() -> None:
    warning = Step(ServerStage.FOLDERS, StageResult.WARNING, Code.SENT_NOT_FOUND)
    assert judged([*passed(ServerStage.NAME), warning]) is StageResult.WARNING
    assert judged([warning, failed(ServerStage.NAME)]) is StageResult.FAILED


@pytest.mark.diagnoses("messages_pending")
def test_the_problem_of_an_incomplete_mailbox_is_a_warning() -> None:
    step = mailbox_step(MAILBOX, MailboxState.INCOMPLETE, Code.MESSAGES_PENDING, None, "")
    assert (step.result, step.code) == (StageResult.WARNING, Code.MESSAGES_PENDING)


def test_words_refine_only_what_the_server_cannot_do_for_now() -> None:
    assert refined(Refused(Code.SIGN_IN_FAILED, "too many connections")) is Code.SIGN_IN_FAILED
    assert refined(Refused(Code.SERVER_UNAVAILABLE, "be patient")) is Code.SERVER_UNAVAILABLE
