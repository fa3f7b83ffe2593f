"""Asking the doctor in this process, and reading what it says in both languages."""

from typing import Any

import msgspec

from mailmirror.api.decoding import typed
from mailmirror.api.doctors import DoctorAnswer
from mailmirror.api.mailbox_settings import ConnectBody
from mailmirror.domain.doctor import StageResult
from mailmirror.domain.server_causes import Diagnosis
from mailmirror.domain.words.explanation import Language
from mailmirror.usecases.mailboxes.examine_mailbox import Examined, examine_request
from tests.integration.office import MARCH, REP, Office

type Json = dict[str, Any]

SECRET = "correct horse battery"


def server(port: int, security: str = "tls", host: str = "localhost") -> Json:
    return {"host": host, "port": port, "security": security}


def settings(imap: Json, smtp: Json | None = None, **others: object) -> Json:
    """The body of `POST /v1/mailboxes/doctor`."""
    return {
        "user_id": "rep",
        "email": REP,
        "provider": "imap",
        "imap": imap,
        "smtp": smtp,
        "username": REP,
        "password": SECRET,
        **others,
    }


def examine(office: Office, body: Json, seconds: float = 20.0) -> Examined:
    request = typed(body, ConnectBody).request()
    return examine_request(office.account, request, office.runtime, seconds)


def answer_of(found: Examined, language: Language = Language.EN) -> Json:
    """The answer as its reader has it."""
    answer: Json = msgspec.to_builtins(DoctorAnswer.of(found, MARCH, language))
    return answer


def stage(answer: Json, service: str, name: str) -> Json:
    (of_service,) = [one for one in answer["servers"] if one["service"] == service]
    (found,) = [one for one in of_service["stages"] if one["stage"] == name]
    return dict(found)


def results(found: Examined, service: str) -> dict[str, str]:
    """The result of each stage of a server, with its code where it has one."""
    (of_service,) = [one for one in answer_of(found)["servers"] if one["service"] == service]
    return {
        one["stage"]: " ".join(filter(None, [one["result"], one["code"]]))
        for one in of_service["stages"]
    }


def assert_named(
    found: Examined,
    service: str,
    name: str,
    code: Diagnosis,
    result: StageResult = StageResult.FAILED,
) -> Json:
    """A stage is named with its cause and remedy in both languages, and without a secret."""
    both = {language: answer_of(found, language) for language in Language}
    stages = {language: stage(answer, service, name) for language, answer in both.items()}
    for one in stages.values():
        assert (one["result"], one["code"]) == (result.value, code.value), one
        assert one["reader"]
        assert one["seen"].isprintable()
    english, japanese = stages[Language.EN], stages[Language.JA]
    assert english["reason"].isascii()
    assert english["remedy"].isascii()
    assert not japanese["reason"].isascii()
    assert not japanese["remedy"].isascii()
    assert SECRET not in repr(both)
    if result is StageResult.FAILED:
        assert both[Language.EN]["result"] == "failed"
    return english
