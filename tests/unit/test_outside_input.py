"""Browsers, callers and the CRM may send no more than the limits say."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailmirror.api.routes.messages import attachment
from mailmirror.domain.limits import MAX_CALLBACK_CHARS, MAX_EVENTS, MAX_INDEX_DIGITS
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.accept_events import accept_events
from mailmirror.usecases.mailboxes import complete_sign_in
from mailmirror.usecases.mailboxes.probe_jobs import ProbeJob

NOTHING = cast(Runtime, object())
"""A runtime of which nothing is used."""


@pytest.mark.exceeds("MAX_EVENTS")
def test_too_many_events_are_refused_together_and_nothing_is_queued() -> None:
    with pytest.raises(Refused) as refused:
        accept_events(AccountId("a"), [{}] * (MAX_EVENTS + 1), NOTHING)
    assert refused.value.code is Code.INVALID_FIELD
    assert refused.value.detail == f"events: more than {MAX_EVENTS}"


@pytest.mark.exceeds("MAX_CALLBACK_CHARS")
def test_what_a_browser_brings_back_is_passed_on_up_to_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed: list[ProbeJob] = []

    def ask(job: ProbeJob, runtime: Runtime) -> dict[str, Any]:
        passed.append(job)
        return {"refused": None, "return_url": "", "mailbox_id": "m"}

    monkeypatch.setattr(complete_sign_in, "ask_probe", ask)
    state = f"{'0' * 12}.{'s' * 43}"
    query = {"state": state, "code": "c" * (MAX_CALLBACK_CHARS + 1), "other": "x"}
    begun = SimpleNamespace(sign_ins=SimpleNamespace(is_begun=lambda *_: True))
    complete_sign_in.complete_sign_in("google", query, Language.EN, cast(Runtime, begun))
    (job,) = passed
    sent = job.request
    assert isinstance(sent, dict)
    assert sent["query"] == {"state": state, "code": "c" * MAX_CALLBACK_CHARS}


@pytest.mark.exceeds("MAX_INDEX_DIGITS")
@pytest.mark.parametrize("n", ["1" * (MAX_INDEX_DIGITS + 1), "9" * 10_000, "-1", "1.0", "١", ""])
def test_a_number_that_no_attachment_has_is_not_read(n: str) -> None:
    call = SimpleNamespace(ids={"message_id": "m", "n": n})
    with pytest.raises(Refused) as refused:
        attachment(cast(Any, call))
    assert refused.value.code is Code.NOT_FOUND
