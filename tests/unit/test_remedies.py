"""Each text for people has a reader, and what its remedy names is there."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import pytest

from local.documents import remedy_lines
from local.environments import ROOT
from mailmirror.api.openapi import openapi
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.readers import CATALOGUES, Catalogued, Reader
from tests.remedies import ENTRIES, FOLLOWED, Followed, Outside, Unfollowed, named_test_exists

_CALL = re.compile(r"`(GET|POST|PUT|PATCH|DELETE)\s+(/[^`?\s]+)(?:\?(\w+)=(\w+))?`")
_FIELDS_AFTER = re.compile(r"`PATCH (/[^`]+)` with `(?:\{\")?(\w+)")
_FIELDS_BEFORE = re.compile(r"`(\w+)` of `PATCH (/[^`]+)`")
_BY_A_PROGRAM = re.compile(r"`\w+\.(?:upserted|deleted|merged|converted)`|parameter [A-Z]|`make ")


def entries() -> Iterator[tuple[Catalogued, StrEnum]]:
    return ((one, code) for one in CATALOGUES for code in one.texts)


EVERY_ENTRY = pytest.mark.parametrize(
    ("catalogue", "code"),
    [pytest.param(one, code, id=f"{one.title}: {code}") for one, code in entries()],
)


@pytest.fixture(scope="module")
def described() -> Mapping[str, Any]:
    found: Mapping[str, Any] = openapi()
    return found


@EVERY_ENTRY
def test_every_entry_has_one_reader_and_each_language(catalogue: Catalogued, code: StrEnum) -> None:
    assert catalogue.reader(code) in Reader
    assert catalogue.texts[code].keys() == set(Language)
    for words in catalogue.texts[code].values():
        assert words.reason
        assert words.remedy


def test_no_reader_is_given_to_what_is_no_entry() -> None:
    for one in CATALOGUES:
        for codes in one.readers.values():
            assert set(codes) <= set(one.texts), one.title


def test_an_entry_without_a_reader_is_found() -> None:
    one = CATALOGUES[1]
    code = next(iter(one.texts))
    with pytest.raises(LookupError, match="0 readers"):
        Catalogued(one.title, one.texts, {}).reader(code)
    twice = {Reader.DEVELOPER: [code], Reader.OPERATOR: [code]}
    with pytest.raises(LookupError, match="2 readers"):
        Catalogued(one.title, one.texts, twice).reader(code)


@EVERY_ENTRY
def test_a_salesperson_is_not_told_to_send_an_event_or_to_configure_the_stack(
    catalogue: Catalogued, code: StrEnum
) -> None:
    """The remedy names whom to ask for it."""
    remedy = catalogue.texts[code][Language.EN].remedy
    told = _BY_A_PROGRAM.search(remedy)
    if told and catalogue.reader(code) is Reader.SALESPERSON:
        assert re.search(r"\b[Aa]sk\b[^;]*", remedy[: told.start()]), remedy


@EVERY_ENTRY
def test_a_call_that_a_remedy_names_is_one_of_the_api(
    catalogue: Catalogued, code: StrEnum, described: Mapping[str, Any]
) -> None:
    calls = {}
    for language, words in catalogue.texts[code].items():
        calls[language] = {found.groups() for found in _CALL.finditer(words.remedy)}
        for method, path, name, value in calls[language]:
            assert path in described["paths"], words.remedy
            operation = described["paths"][path].get(method.lower())
            assert operation is not None, words.remedy
            if name is not None:
                (parameter,) = [one for one in operation["parameters"] if one["name"] == name]
                assert value in str(parameter["schema"])
        # What looks like a call is one: nothing was passed over.
        assert len(re.findall(r"/v1/", words.remedy)) == len(_CALL.findall(words.remedy))
    assert calls[Language.EN] == calls[Language.JA]


@EVERY_ENTRY
def test_a_field_that_a_remedy_names_is_one_of_its_calls_body(
    catalogue: Catalogued, code: StrEnum, described: Mapping[str, Any]
) -> None:
    remedy = catalogue.texts[code][Language.EN].remedy
    named = {found.groups() for found in _FIELDS_AFTER.finditer(remedy)}
    named |= {(found[2], found[1]) for found in _FIELDS_BEFORE.finditer(remedy)}
    for path, field in named:
        body = described["paths"][path]["patch"]["requestBody"]["content"]["application/json"]
        schema = described["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
        assert field in schema["properties"], remedy


def test_the_remedies_stand_in_the_documents() -> None:
    page = (ROOT / "docs" / "remedies.md").read_text("utf-8")
    lines = page.splitlines()
    assert lines[lines.index("## Problems of a connected mailbox") - 1 :] == remedy_lines()


def test_each_entry_is_in_the_registry_of_remedies_and_nothing_else_is() -> None:
    assert FOLLOWED.keys() == set(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=": ".join)
def test_a_remedy_is_followed_by_a_test_that_is_there_or_says_why_not(
    entry: tuple[str, str],
) -> None:
    match FOLLOWED[entry]:
        case Followed(test) | Outside(_, test):
            assert named_test_exists(test), test
        case Unfollowed(why):
            assert why
