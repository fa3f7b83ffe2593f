"""Read JSON and query parameters into typed values; name the path of what does not fit.

    bytes ─► json_value ─► plain values ─► typed ─► a Struct of `api/`

Standard json reads the text, because it can tell of a field that is given twice; msgspec checks
fields and types. Paths are written like `imap.port` and `recipients[2].address`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

import msgspec

from mailmirror.domain.limits import MAX_DETAIL_CHARS, MAX_NUMBER_DIGITS, MAX_VALUE_CHARS
from mailmirror.domain.problems import Code, Refused

_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
_ERROR = re.compile(r"(?P<words>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_NO_DATE = re.compile(r"Invalid RFC3339 encoded date|Expected `date(?: \| null)?`, got .*")
"""Of a field that is a day; `got` names the type of what was given."""
_STEP = re.compile(r"[^.\[\]]+(?!\])|\[")
"""Of a path: a field's name, or `[` for an index."""
_FIELD_ERROR = re.compile(r"Object (?P<kind>missing|contains) \w+ field `(?P<name>.*)`", re.DOTALL)


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """What a request may hold. Its text form shows no values, which may be secret or mail."""

    def __post_init__(self) -> None:
        """Make plain text of each Field, once checked: what stores and encoders take is `str`."""
        for name in self.__struct_fields__:
            if isinstance(value := getattr(self, name), Field):
                setattr(self, name, str(value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Field(str):
    """Text with a rule that a JSON schema cannot say. Base of the kinds of text in requests."""

    MIN_CHARS: ClassVar[int] = 1
    MAX_CHARS: ClassVar[int] = MAX_VALUE_CHARS
    PLURAL: ClassVar[str] = "texts"
    """What several are called in a problem's detail."""
    SCHEMA: ClassVar[Mapping[str, object]] = {}
    """Additions to its JSON schema."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check what JSON gave.

        Raises:
            ValueError: with the value of a problem's code, or with what is expected.
        """
        if value is None or (value == "" and cls.MIN_CHARS):
            raise ValueError(Code.MISSING_FIELD.value)
        if not isinstance(value, str):
            raise ValueError(_WRONG_VALUES.get(type(value), "not a string"))
        if len(value) > cls.MAX_CHARS:
            raise ValueError(f"more than {cls.MAX_CHARS} characters")
        return cls.checked(value)

    @classmethod
    def checked(cls, text: str) -> Self:
        """Check text whose length is right; what a kind of text adds to the rule."""
        return cls(text)


class GivenTwice:
    """The value of a field that an object has more than once (RFC 8259 leaves open which counts).

    No field has this type, so the field is refused where it is read, and nothing else is.
    """


class NotANumber:
    """The value `NaN` or `Infinity`, which JSON does not have, but some encoders write.

    No field has this type, so the field is refused where it is read, and nothing else is.
    """


_WRONG_VALUES: Mapping[type, str] = {GivenTwice: "given twice", NotANumber: "not a number"}
_PARAMETERS: Mapping[type, tuple[re.Pattern[str], str]] = {
    int: (re.compile(r"0|-?[1-9][0-9]*"), "not a number"),
    bool: (re.compile("true|false"), "neither `true` nor `false`"),
}
"""How a query writes a value of these types, and what is said of another text."""


def json_value(data: bytes) -> object:
    """Read a body as JSON.

    Integers of more than 100 digits, which Python may refuse to read or to write, are read as
    floating point. A field that is given twice has the value GivenTwice.

    Raises:
        Refused: `malformed_json`.
    """
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_int=_number,
        )
    except UnicodeDecodeError as error:
        raise Refused(Code.MALFORMED_JSON, "not UTF-8") from error
    except RecursionError as error:
        raise Refused(Code.MALFORMED_JSON, "nested too deeply") from error
    except ValueError as error:
        raise Refused(Code.MALFORMED_JSON, "not JSON") from error


def typed[T](raw: object, kind: type[T]) -> T:
    """Convert plain values, as `json_value` gives them, to a typed one.

    Raises:
        Refused: the code says what is wrong, the detail begins with the path of the field.
    """
    return _converted(raw, kind, strict=True)


def typed_query[T: msgspec.Struct](raw: Mapping[str, object], kind: type[T]) -> T:
    """Convert a query's parameters, which are text, to a typed value.

    A number is written in ASCII digits, and a boolean as `true` or `false`; msgspec alone reads
    `1e1` and `5.0` as numbers, `1` as true, and `null` as a parameter that is not given.

    Raises:
        Refused: see `typed`.
    """
    for field in msgspec.structs.fields(kind):
        value = raw.get(field.name)
        for one, (form, wrong) in _PARAMETERS.items():
            if isinstance(value, str) and _holds(field.type, one) and not form.fullmatch(value):
                raise Refused(Code.INVALID_FIELD, f"{field.name}: {wrong}")
    return _converted(raw, kind, strict=False)


def _converted[T](raw: object, kind: type[T], *, strict: bool) -> T:
    try:
        return msgspec.convert(raw, kind, strict=strict, dec_hook=_field)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), kind) from error
    except UnicodeEncodeError as error:
        path = _half_pair(raw, "") or "a field's name"
        raise Refused(Code.INVALID_FIELD, f"{path}: half a surrogate pair") from error


def joined(path: str, name: str) -> str:
    """The path of a field within what is at another path."""
    return f"{path}.{name}" if path else name


def _holds(hint: object, kind: type) -> bool:
    """Whether a type hint, as `Annotated[int | None, …]`, names a type."""
    return hint is kind or any(_holds(part, kind) for part in get_args(hint))


def _field(kind: type[Any], value: object) -> object:
    if issubclass(kind, Field):
        return kind.parse(value)
    raise NotImplementedError(kind)  # as msgspec's `dec_hook` must for a type it does not know


def _refusal(error: str, kind: type) -> Refused:
    """Return what is wrong in an error of msgspec's at a value that is to be of `kind`."""
    found = _ERROR.fullmatch(error)
    words, path = (found["words"], found["path"] or "") if found else (error, "")
    if about := _FIELD_ERROR.fullmatch(words):
        name = joined(path, about["name"][:40])
        if about["kind"] == "missing":
            return Refused(Code.MISSING_FIELD, name)
        return Refused(Code.INVALID_FIELD, f"{name}: no such field")
    if not path:
        return Refused(Code.MALFORMED_JSON, "not an object")
    if words.endswith(("got `null`", "of length >= 1")):
        return Refused(Code.MISSING_FIELD, path)
    if words in Code:
        return Refused(Code(words), path)
    for wrong_kind, wrong in _WRONG_VALUES.items():
        if words.endswith(f"got `{wrong_kind.__name__}`"):
            words = wrong
    if _NO_DATE.fullmatch(words):
        words = "a day such as 2026-01-31"
    if words.startswith("Invalid enum value"):  # which quotes the value
        allowed = ", ".join(_allowed(_hint_at(path, kind)))
        words = f"not one of the allowed values: {allowed}"
    detail = f"{path}: {words[:1].lower()}{words[1:]}"
    return Refused(Code.INVALID_FIELD, detail[:MAX_DETAIL_CHARS])


def _hint_at(path: str, hint: object) -> object:
    """The type hint of what is at a path, as `to[0].name`, below one that is to be of `hint`."""
    for step in _STEP.findall(path):
        hint = _hint_within(hint, step)
    return hint


def _hint_within(hint: object, step: str) -> object:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        hints = {field.encode_name: field.type for field in msgspec.structs.fields(hint)}
        return hints.get(step)
    if get_origin(hint) is Sequence and step == "[":
        return get_args(hint)[0]
    found = (_hint_within(part, step) for part in get_args(hint))
    return next((one for one in found if one is not None), None)


def _allowed(hint: object) -> Iterator[str]:
    """The words that a type hint allows, and then the lists, if any."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        yield from (str(one.value) for one in hint)
    elif get_origin(hint) is Literal:
        yield from (str(one) for one in get_args(hint) if one)
    elif get_origin(hint) is Sequence:
        (item,) = get_args(hint)
        yield f"or a list of {item.PLURAL}" if issubclass(item, Field) else "or a list"
    else:
        for part in get_args(hint):
            yield from _allowed(part)


def _half_pair(value: object, path: str) -> str | None:
    """The path of the first name or text that is no Unicode (RFC 8259 8.2)."""
    if isinstance(value, str):
        return path if _HALF_PAIR.search(value) else None
    if isinstance(value, list):
        below = ((one, f"{path}[{index}]") for index, one in enumerate(value))
    elif isinstance(value, dict):
        if any(map(_HALF_PAIR.search, value)):
            return path
        below = ((one, joined(path, name)) for name, one in value.items())
    else:
        return None
    return next((found for one, at in below if (found := _half_pair(one, at)) is not None), None)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        seen = set()
        for name, _ in pairs:
            if name in seen:
                fields[name] = GivenTwice()
            seen.add(name)
    return fields


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_NUMBER_DIGITS else float(digits)


def _no_number(name: str) -> object:
    return NotANumber()
