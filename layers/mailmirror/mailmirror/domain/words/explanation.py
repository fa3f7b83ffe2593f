"""Explanations for people: a reason and a remedy, in each language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailmirror.domain.limits import MAX_LANGUAGE_RANGES


class Language(StrEnum):
    """The languages of texts for people (BCP 47)."""

    EN = "en"
    JA = "ja"

    @classmethod
    def preferred(cls, accept_language: str | None) -> "Language | None":
        """The language that a request's Accept-Language (RFC 9110 12.5.4) prefers of these.

        Of several with the same weight it is the first. None where the header is missing or names
        none of them with a weight above 0; `*` names none. Ranges behind the first
        MAX_LANGUAGE_RANGES, and those whose weight is malformed, are not read.
        """
        weights: dict[Language, float] = {}
        ranges = (accept_language or "").split(",", MAX_LANGUAGE_RANGES)[:MAX_LANGUAGE_RANGES]
        for one in ranges:
            tag, _, parameter = one.partition(";")
            main = tag.strip().partition("-")[0].lower()
            if main in set(cls):
                weights[cls(main)] = max(weights.get(cls(main), 0), _weight(parameter.strip()))
        best = max(weights, key=lambda language: weights[language], default=None)
        return best if best and weights[best] else None


_WEIGHT = re.compile(r"[Qq][ \t]*=[ \t]*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def _weight(parameter: str) -> float:
    """The weight of a range, of 0 to 1, by what stands behind its semicolon."""
    if not parameter:
        return 1
    found = _WEIGHT.fullmatch(parameter)
    return float(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class Explanation:
    reason: str
    remedy: str


type Explanations = Mapping[Language, Explanation]
"""One explanation in each language."""

type Catalogue[Key] = Mapping[Key, Explanations]
"""Explanations by code."""


def translated(reason: str, remedy: str, reason_ja: str, remedy_ja: str) -> Explanations:
    """One explanation in English and Japanese."""
    return {
        Language.EN: Explanation(reason, remedy),
        Language.JA: Explanation(reason_ja, remedy_ja),
    }
