"""Explanations for people: a reason and a remedy, in each language."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """The languages of texts for people (BCP 47)."""

    EN = "en"
    JA = "ja"

    @classmethod
    def preferred(cls, accept_language: str | None) -> "Language | None":
        """The language that a request names by the first tag of its Accept-Language.

        None where the header (RFC 9110 12.5.4) is missing or names another language first.
        """
        first = (accept_language or "").strip().partition(",")[0].partition(";")[0]
        main = first.partition("-")[0].strip().lower()
        return cls(main) if main in set(cls) else None


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
