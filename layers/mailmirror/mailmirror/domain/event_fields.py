"""The fields of the CRM's events, as JSON gives them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from mailmirror.domain.limits import MAX_CRM_ID_CHARS
from mailmirror.domain.problems import Code, Refused

_ID = re.compile(rf"[A-Za-z0-9._:@+=-]{{1,{MAX_CRM_ID_CHARS}}}\Z")
_LEAST_LONG_ID = 10**MAX_CRM_ID_CHARS
"""A number with more digits than an id has characters; Python refuses to write very long ones."""
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"s": 1, "ms": 10**3, "µs": 10**6, "ns": 10**9}
"""Since 1970."""
_MAX_SECONDS = 10**11
"""In the year 5138; as many milliseconds after 1970 it is 1973."""
_TIME_EXPECTED = "a time with its zone such as 2026-01-31T09:30:00Z (RFC 3339 time)"


def mapping(value: object, field: str) -> Mapping[str, object]:
    """Return an object of JSON's.

    Raises:
        Refused: it is none.
    """
    if value is None:
        raise Refused(Code.MISSING_FIELD, field)
    if not isinstance(value, dict):
        raise Refused(Code.INVALID_FIELD, f"{field}: not an object")
    return value


def text(fields: Mapping[str, object], field: str) -> str:
    """Return a text that is not empty, and that UTF-8 can hold.

    Raises:
        Refused: it is missing, or none.
    """
    value = fields.get(field)
    if value is None or value == "":
        raise Refused(Code.MISSING_FIELD, field)
    if not isinstance(value, str):
        raise Refused(Code.INVALID_FIELD, f"{field}: not a string")
    if has_half_pair(value):
        raise Refused(Code.INVALID_FIELD, f"{field}: half a surrogate pair")
    return value


def has_half_pair(value: str) -> bool:
    """Tell whether a text has half a surrogate pair: JSON can contain it, UTF-8 cannot."""
    return _HALF_PAIR.search(value) is not None


def without_half_pairs(value: str) -> str:
    """Return a text that UTF-8 can hold."""
    return _HALF_PAIR.sub("\N{REPLACEMENT CHARACTER}", value)


def number_as_text(value: object) -> object:
    """Return an integer as text, and anything else as it is."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LEAST_LONG_ID:
        return str(value)
    return value


def id_of(fields: Mapping[str, object], field: str) -> str:
    """Return an id of the CRM's, text or a number, as text.

    Raises:
        Refused: it is missing, or has other than 1 to 64 letters, digits and `._:@+=-`.
    """
    value = text({field: number_as_text(fields.get(field))}, field)
    if not is_id(value):
        expected = f"1 to {MAX_CRM_ID_CHARS} of letters, digits and ._:@+=-"
        raise Refused(Code.INVALID_FIELD, f"{field}: {expected}")
    return value


def is_id(value: str) -> bool:
    """Tell whether a text can be an id of the CRM's."""
    return _ID.match(value) is not None


def items(fields: Mapping[str, object], field: str) -> list[object]:
    """Return a list.

    Raises:
        Refused: it is missing, or none.
    """
    value = fields.get(field)
    if value is None:
        raise Refused(Code.MISSING_FIELD, field)
    if not isinstance(value, list):
        raise Refused(Code.INVALID_FIELD, f"{field}: not a list")
    return value


def instant(fields: Mapping[str, object], field: str) -> datetime:
    """Return an RFC 3339 time, in UTC.

    Raises:
        Refused: it is missing, has no zone, or is something else, which the detail names.
    """
    value = fields.get(field)
    number = _epoch_number(value)
    if number is not None:
        raise Refused(Code.INVALID_FIELD, f"{field}: {_in_rfc_3339(number, str(value).strip())}")
    try:
        # RFC 3339 allows lower-case letters, Python does not.
        found = datetime.fromisoformat(text(fields, field).upper())
        if found.tzinfo is None:
            raise ValueError(field)
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(Code.INVALID_FIELD, f"{field}: {_TIME_EXPECTED}") from error


def _epoch_number(value: object) -> float | None:
    """Return the number that was sent in place of a time, as a number or as text."""
    if isinstance(value, str):
        return float(value) if _NUMBER.match(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 10**40 else None


def _in_rfc_3339(number: float, sent: str) -> str:
    """Say which time a number means that was sent in its place.

    In signs alone: the text is stored with a refused event, and read in every language.
    """
    for unit, each in _UNITS.items():
        seconds = number / each
        if 0 <= seconds < _MAX_SECONDS:
            meant = (_EPOCH + timedelta(seconds=round(seconds, 3))).isoformat(timespec="seconds")
            return f"{sent} {unit} = {meant.replace('+00:00', 'Z')} (RFC 3339 time)"
    return f"{sent} ≠ YYYY-MM-DDThh:mm:ssZ (RFC 3339 time)"
