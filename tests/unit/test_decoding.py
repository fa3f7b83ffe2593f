"""Requests are understood whole or refused with the path of what is wrong."""

import json
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.api.addresses import ConfirmBody
from mailmirror.api.cards import CardQuery
from mailmirror.api.decoding import GivenTwice, Strict, json_value, typed, typed_query
from mailmirror.api.events import EventsBody, RefusedQuery
from mailmirror.api.explain_requests import ExplainQuery
from mailmirror.api.mailbox_settings import (
    ChangeBody,
    ConnectBody,
    DisconnectQuery,
    ServerBody,
    SyncQuery,
)
from mailmirror.api.outbound import ComposeBody
from mailmirror.api.sign_ins import AuthorizeBody
from mailmirror.api.uploads import UploadBody
from mailmirror.domain import limits
from mailmirror.domain.problems import Code, Refused

SERVER = {"host": "imap.us.example", "port": 993, "security": "tls"}
FORM = {
    "user_id": "ann",
    "email": "ann@us.example",
    "provider": "imap",
    "imap": SERVER,
    "username": "ann",
    "password": "a secret",
}
MESSAGE = {"from": "ann@us.example", "to": ["kim@x.example"], "text": "Hello"}
SIGN_IN = {"user_id": "ann", "provider": "google"}
PROOF = {"address": "ann@us.example", "code": "012345"}
BODIES = [
    (ConnectBody, FORM),
    (ComposeBody, MESSAGE),
    (AuthorizeBody, SIGN_IN),
    (ConfirmBody, PROOF),
    (UploadBody, {}),
]


class Listed(Strict):
    """A list of objects that hold words."""

    servers: Sequence[ServerBody]


def understood(kind: type, raw: object) -> object:
    found: object = typed(raw, kind)
    return found.composition() if isinstance(found, ComposeBody) else found


def refusal(kind: type, raw: object) -> tuple[Code, str]:
    with pytest.raises(Refused) as refused:
        understood(kind, raw)
    return refused.value.code, refused.value.detail


def read(text: str | bytes, kind: type = ComposeBody) -> tuple[Code, str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(Refused) as refused:
        typed(json_value(data), kind)
    return refused.value.code, refused.value.detail


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_a_field_that_a_body_does_not_know_is_refused(kind: type, body: dict[str, object]) -> None:
    typed(body, kind)
    assert refusal(kind, body | {"dry_run": True}) == (
        Code.INVALID_FIELD,
        "dry_run: no such field",
    )


@pytest.mark.parametrize(
    "text", ["2026-02-30", "1970-01-01T00:00:00Z", "31.01.2026", "", "tomorrow", "2026-1-31"]
)
def test_what_is_no_day_is_refused_with_an_example_of_one(text: str) -> None:
    form = "a day such as 2026-01-31"
    assert refusal(ChangeBody, {"history_since": text}) == (
        Code.INVALID_FIELD,
        f"history_since: {form}",
    )
    with pytest.raises(Refused) as refused:
        typed_query({"from": "kim@x.example", "since": text}, ExplainQuery)
    assert (refused.value.code, refused.value.detail) == (Code.INVALID_FIELD, f"since: {form}")


@pytest.mark.parametrize("value", [20260131, 1.5, True, [], {}])
def test_a_day_that_is_no_text_is_refused_with_an_example_of_one(value: object) -> None:
    detail = "history_since: a day such as 2026-01-31"
    assert refusal(ChangeBody, {"history_since": value}) == (Code.INVALID_FIELD, detail)


@pytest.mark.parametrize(
    ("kind", "body", "code", "detail"),
    [
        (ConnectBody, FORM | {"imap": SERVER | {"tls": 1}}, "invalid_field", "imap.tls: no such"),
        (ConnectBody, FORM | {"imap": SERVER | {"port": "993"}}, "invalid_field", "imap.port: "),
        (ConnectBody, FORM | {"imap": SERVER | {"port": True}}, "invalid_field", "imap.port: "),
        (ConnectBody, FORM | {"imap": SERVER | {"port": 993.0}}, "invalid_field", "imap.port: "),
        (ConnectBody, FORM | {"imap": SERVER | {"port": 0}}, "invalid_field", "imap.port: "),
        (ConnectBody, FORM | {"imap": SERVER | {"port": 10**50}}, "invalid_field", "imap.port: "),
        (ConnectBody, FORM | {"imap": SERVER | {"host": ""}}, "missing_field", "imap.host"),
        (ConnectBody, FORM | {"imap": {"host": "h", "port": 1}}, "missing_field", "imap.security"),
        (ConnectBody, FORM | {"imap": None}, "missing_field", "imap"),
        (ConnectBody, FORM | {"smtp": []}, "invalid_field", "smtp: "),
        (ConnectBody, FORM | {"username": "a\nb"}, "invalid_field", "username: "),
        (ConnectBody, FORM | {"username": "a" * 321}, "invalid_field", "username: more than 320"),
        *(
            (ConnectBody, FORM | {field: f"a{space}b"}, "invalid_field", f"{field}: not printable")
            for field in ("user_id", "username", "password")
            for space in ("\u00a0", "\u3000", "\u200d")
        ),
        (ConnectBody, FORM | {"email": "ann"}, "invalid_email", "email"),
        (ConnectBody, FORM | {"provider": "pop3"}, "pop3_unsupported", "provider"),
        (ConnectBody, {"provider": "google"}, "provider_signs_in", "provider"),
        (ComposeBody, MESSAGE | {"to": [{"adress": "k"}]}, "invalid_field", "to[0].adress: no su"),
        (ComposeBody, MESSAGE | {"to": ["k@x.example", 5]}, "invalid_field", "to[1]: "),
        (ComposeBody, MESSAGE | {"to": ["k@x.example", "k"]}, "invalid_email", "to[1]"),
        (ComposeBody, MESSAGE | {"cc": [{"address": "k"}]}, "invalid_email", "cc[0].address"),
        (ComposeBody, MESSAGE | {"cc": "k@x.example"}, "invalid_field", "cc: "),
        (ComposeBody, MESSAGE | {"transport": "fax"}, "invalid_field", "transport: "),
        (ComposeBody, MESSAGE | {"attachments": [{}]}, "missing_field", "attachments[0].upload_id"),
        (ComposeBody, MESSAGE | {"attachments": [{}] * 51}, "invalid_field", "attachments: "),
        (ComposeBody, {"from": "a@us.example", "to": []}, "missing_field", "text or html"),
        (ComposeBody, MESSAGE | {"to": []}, "no_recipient", ""),
        (
            ComposeBody,
            MESSAGE | {"attachments": [{"upload_id": "u", "name": "n" * 201}]},
            "invalid_field",
            "attachments[0].name: more than 200",
        ),
        (
            ConnectBody,
            FORM | {"imap": SERVER | {"security": "ssl"}},
            "invalid_field",
            "imap.security: not one",
        ),
        (AuthorizeBody, SIGN_IN | {"provider": "imap"}, "provider_unsupported", "provider"),
        (AuthorizeBody, SIGN_IN | {"login_hint": "ann"}, "invalid_email", "login_hint"),
        (UploadBody, {"content_type": "pdf"}, "invalid_field", "content_type: "),
    ],
)
@pytest.mark.exceeds("MAX_VALUE_CHARS", "MAX_ATTACHMENTS")
def test_what_is_wrong_is_named_by_its_path(
    kind: type, body: object, code: str, detail: str
) -> None:
    found = refusal(kind, body)
    assert found[0] == code
    assert found[1].startswith(detail), found[1]


def test_an_optional_field_may_be_empty() -> None:
    assert typed(SIGN_IN | {"login_hint": ""}, AuthorizeBody).request().login_hint is None
    found = typed(MESSAGE | {"transport": ""}, ComposeBody).composition()
    assert found.transport == "auto"


def test_an_event_with_what_is_no_number_is_read_beside_the_others() -> None:
    body = json_value(b'{"events": [{"id": "1", "score": NaN}, {"id": "2"}]}')
    assert len(typed(body, EventsBody).events) == 2


@pytest.mark.parametrize(
    ("kind", "body", "field", "allowed"),
    [
        (
            ChangeBody,
            {"folders": "inbox and sent"},
            "folders",
            "all, inbox_and_sent, or a list of names",
        ),
        (
            ConnectBody,
            FORM | {"folders": "Inbox"},
            "folders",
            "all, inbox_and_sent, or a list of names",
        ),
        (ChangeBody, {"folders": ""}, "folders", "all, inbox_and_sent, or a list of names"),
        (
            ConnectBody,
            FORM | {"imap": SERVER | {"security": "ssl"}},
            "imap.security",
            "tls, starttls",
        ),
        (
            ConnectBody,
            FORM | {"smtp": SERVER | {"security": "ssl"}},
            "smtp.security",
            "tls, starttls",
        ),
        (ComposeBody, MESSAGE | {"transport": "pigeon"}, "transport", "auto, smtp, ses"),
        (
            Listed,
            {"servers": [SERVER, SERVER | {"security": ""}]},
            "servers[1].security",
            "tls, starttls",
        ),
    ],
)
def test_a_word_that_is_not_allowed_is_answered_with_those_that_are(
    kind: type, body: dict[str, object], field: str, allowed: str
) -> None:
    said = f"{field}: not one of the allowed values: {allowed}"
    assert refusal(kind, body) == (Code.INVALID_FIELD, said)


@pytest.mark.parametrize("body", [[], None, "text", 5, [FORM]])
def test_a_body_that_is_no_object_is_malformed(body: object) -> None:
    assert refusal(ConnectBody, body) == (Code.MALFORMED_JSON, "not an object")


@pytest.mark.parametrize("code", [12345, 12345.0, "12345", "1234567", "12345a", "１２３４５６"])
def test_a_code_is_text_of_six_digits_for_a_number_loses_its_zeros(code: object) -> None:
    found = refusal(ConfirmBody, PROOF | {"code": code})
    assert found[0] is Code.INVALID_FIELD
    assert found[1].startswith("code: ")


def test_a_code_may_be_pasted_with_spaces_around_it() -> None:
    assert typed(PROOF | {"code": " 012345\t".strip("\t")}, ConfirmBody).code == "012345"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", (Code.MALFORMED_JSON, "not JSON")),
        ("{", (Code.MALFORMED_JSON, "not JSON")),
        ("{}{}", (Code.MALFORMED_JSON, "not JSON")),
        ('{"from": NaN}', (Code.INVALID_FIELD, "from: not a number")),
        ('{"subject": -Infinity}', (Code.INVALID_FIELD, "subject: not a number")),
        (b'{"from": "\xff"}', (Code.MALFORMED_JSON, "not UTF-8")),
        ('{"from": "a"}'.encode("utf-16"), (Code.MALFORMED_JSON, "not UTF-8")),
        ("[" * 100_000, (Code.MALFORMED_JSON, "nested too deeply")),
        ('{"from":' * 100_000, (Code.MALFORMED_JSON, "nested too deeply")),
        ('{"subject": ' + "9" * 5_000 + "}", (Code.INVALID_FIELD, "subject: not a string")),
        ('{"subject": "a", "subject": "b"}', (Code.INVALID_FIELD, "subject: given twice")),
        ('{"from": {"name": "a", "name": ""}}', (Code.INVALID_FIELD, "from.name: given twice")),
        ('{"to": [], "to": []}', (Code.INVALID_FIELD, "to: given twice")),
        (r'{"subject": "\ud800"}', (Code.INVALID_FIELD, "subject: not printable text on one")),
        (r'{"text": "\udc00"}', (Code.INVALID_FIELD, "text: characters that no mail can hold")),
        (r'{"transport": "\ud800"}', (Code.INVALID_FIELD, "transport: half a surrogate pair")),
        (r'{"\ud800": 1}', (Code.INVALID_FIELD, "a field's name: half a surrogate pair")),
    ],
)
@pytest.mark.exceeds("MAX_NUMBER_DIGITS")
def test_json_that_is_none_or_ambiguous_is_refused(
    text: str | bytes, problem: tuple[Code, str]
) -> None:
    code, detail = read(text)
    assert code is problem[0]
    assert detail.startswith(problem[1]), detail


def test_a_whole_pair_of_surrogates_and_a_byte_order_mark_are_no_mistake() -> None:
    assert json_value(b'\xef\xbb\xbf{"a": "\\ud83d\\ude00"}') == {"a": "😀"}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "ten", "", "9" * 5_000])
@pytest.mark.exceeds("MAX_PAGE_LINES")
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(Refused) as refused:
        typed_query({"limit": limit}, CardQuery)
    assert refused.value.code is Code.INVALID_FIELD
    assert refused.value.detail.startswith("limit: ")


@pytest.mark.parametrize("kind", [CardQuery, RefusedQuery])
@pytest.mark.parametrize(
    "number",
    [
        *("NaN", "nan", "Infinity", "-Infinity", "inf", "1e3", "1e1", "1E1", "-0", "+5", "05"),
        *("5.0", "1_0", "٣", "５", " 5", "5 ", "5\n", "0x10", "true", "null", "ten", ""),
    ],
)
def test_a_number_of_a_query_is_written_in_digits(kind: type[Strict], number: str) -> None:
    with pytest.raises(Refused) as refused:
        typed_query({"limit": number}, kind)
    problem = (refused.value.code, refused.value.detail)
    assert problem == (Code.INVALID_FIELD, "limit: not a number")
    assert typed_query({"limit": "10"}, CardQuery).limit == 10


@pytest.mark.parametrize("word", ["null", "1", "0", "True", "FALSE", "yes", "NaN", ""])
def test_a_boolean_of_a_query_is_true_or_false(word: str) -> None:
    with pytest.raises(Refused) as refused:
        typed_query({"gap": word}, RefusedQuery)
    problem = (refused.value.code, refused.value.detail)
    assert problem == (Code.INVALID_FIELD, "gap: neither `true` nor `false`")
    assert [typed_query({"gap": one}, RefusedQuery).gap for one in ("true", "false")] == [
        True,
        False,
    ]


def test_text_of_a_query_may_be_any_and_a_number_is_given_once() -> None:
    assert typed_query({"cursor": "1e3"}, CardQuery).cursor == "1e3"
    with pytest.raises(Refused) as refused:
        typed_query({"limit": GivenTwice()}, CardQuery)
    assert refused.value.detail == "limit: given twice"


def test_a_word_that_a_query_does_not_allow_is_answered_with_those_that_it_does() -> None:
    with pytest.raises(Refused) as refused:
        typed_query({"mail": "delete"}, DisconnectQuery)
    assert refused.value.detail == "mail: not one of the allowed values: keep, erase"


def test_the_words_of_a_parameter_are_named_that_is_called_otherwise_in_python() -> None:
    with pytest.raises(Refused) as refused:
        typed_query({"pass": "half"}, SyncQuery)
    assert refused.value.detail == "pass: not one of the allowed values: full"


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        typed_query({"limt": "5"}, CardQuery)
    assert refused.value.detail == "limt: no such field"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.sampled_from([*FORM, *MESSAGE]), below),
    max_leaves=20,
)


@given(st.sampled_from(BODIES), st.dictionaries(st.sampled_from([*FORM, *MESSAGE]), JSON))
def test_whatever_json_says_is_understood_or_refused(
    kind_and_body: tuple[type, dict[str, object]], changed: dict[str, object]
) -> None:
    kind, body = kind_and_body
    with suppress(Refused):
        understood(kind, json_value(json.dumps(body | changed).encode()))


def test_a_request_shows_no_value_of_its_own() -> None:
    assert "secret" not in repr(typed(FORM, ConnectBody)) + repr(typed(FORM, ConnectBody).request())


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_what_was_understood_is_plain_text(kind: type, body: dict[str, object]) -> None:
    found: object = typed(body, kind)
    assert msgspec.to_builtins(found).items() >= body.items()


@pytest.mark.exceeds("MAX_TEXT_CHARS")
def test_a_text_may_have_so_many_characters_and_no_more() -> None:
    for field in ("text", "html"):
        typed(MESSAGE | {field: "x" * limits.MAX_TEXT_CHARS}, ComposeBody)
        code, detail = refusal(ComposeBody, MESSAGE | {field: "x" * (limits.MAX_TEXT_CHARS + 1)})
        assert code is Code.INVALID_FIELD
        assert detail == f"{field}: more than {limits.MAX_TEXT_CHARS} characters"


@pytest.mark.exceeds("MAX_DETAIL_CHARS")
def test_a_detail_quotes_no_long_path() -> None:
    code, detail = refusal(ComposeBody, MESSAGE | {"x" * 5_000: 1})
    assert code is Code.INVALID_FIELD
    assert detail == f"{'x' * 40}: no such field"
    raw: object = {"y" * 5_000: 1}
    with pytest.raises(Refused) as refused:
        typed(raw, dict[str, str])
    assert len(refused.value.detail) <= limits.MAX_DETAIL_CHARS
