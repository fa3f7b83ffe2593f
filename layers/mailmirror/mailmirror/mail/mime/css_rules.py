"""The rules of style sheets that say whether elements are seen (CSS Syntax Level 3, Cascade 4).

Read are rules for plain selectors (`tag`, `.class`, `#id`, and compounds of them) that hold on a
screen without conditions. Of all other rules only those that show what a plain one hides count:
text is rather shown than lost.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from mailmirror.domain.limits import MAX_SHEET_CHARS, MAX_SHEET_RULES
from mailmirror.mail.mime.html_styles import COMMENT_OR_STRING, declarations, says_hidden

_PIECE = re.compile(r"([^{};]*+)([{};]|\Z)")
_AT_RULE = re.compile(r"@([a-z-]++)\s*+", re.IGNORECASE)
_GROUPS = {"supports", "layer", "container", "scope", "document", "starting-style"}
"""Of rules that hold under conditions which are not examined. Other blocks have no rules."""
_ON_SCREENS = {"all", "screen", "only all", "only screen"}
_OTHER_MEDIUM = re.compile(
    r"(?:only\s)?\s*+(?!(?:not|only|all|screen)\b)[a-z][a-z-]*+\s*+(?:and\b|\Z)"
)
_OTHER_READER = re.compile(
    r"\(\s*+(?:max-(?:device-)?width\s*+:\s*+[0-9]{1,3}(?:\.[0-9]{1,3})?(?:px|em|rem)"
    r"|prefers-color-scheme\s*+:\s*+dark)\s*+\)"
)
"""Narrow screens, and dark ones."""
_PLAIN = re.compile(r"\*?([a-z][a-z0-9]*+)?((?:[.#]-?[a-z_][\w-]*+)*+)", re.IGNORECASE)
_CLASS_OR_ID = re.compile(r"[.#][^.#]++")
_COMMA = re.compile(r"\s*+,\s*+")
_COMBINATOR = re.compile(r"[\s>+~]++")
_CONDITION = re.compile(r"[:\[].*", re.DOTALL)
_HIDE_ALONE = {"display", "opacity", "left", "top", "height", "max-height", "width", "max-width"}
_LETTERS = {"font-size", "visibility"}
_MAX_VALUE_CHARS = 40


class UnreadableSheet(Exception):
    """A sheet beyond the limits, or with a structure that is not read: it hides nothing."""


class Selector(NamedTuple):
    """A compound of simple selectors; nothing in it stands for every element."""

    tag: str = ""
    id: str = ""
    classes: frozenset[str] = frozenset()

    @property
    def specificity(self) -> tuple[bool, int, bool]:
        return self.id != "", len(self.classes), self.tag != ""

    @property
    def key(self) -> str:
        """A part that each element which it selects has."""
        return f"#{self.id}" if self.id else f".{min(self.classes)}" if self.classes else self.tag


class Declared(NamedTuple):
    """A property's value in a rule: of several the greatest wins."""

    important: bool
    specificity: tuple[bool, int, bool]
    place: int
    value: str


@dataclass(slots=True)
class Rules:
    """What style sheets say of whether elements are seen."""

    selectors: dict[str, set[Selector]] = field(default_factory=dict)
    """By their key."""
    declared: dict[Selector, dict[str, Declared]] = field(default_factory=dict)
    shown: dict[Selector, dict[str, Declared]] = field(default_factory=dict)
    """Values that show, of rules that may hold: each wins over `declared`."""
    matter: bool = False
    """Whether any value hides elements, or wins over an element's own style."""
    hide_letters: bool = False
    """Whether any value hides letters."""
    _chars: int = 0
    _count: int = 0
    _place: int = 0

    def add(self, sheet: str, media: str) -> None:
        """Add the rules of a further sheet.

        Raises:
            UnreadableSheet: see there.
        """
        self._chars += len(sheet)
        if self._chars > MAX_SHEET_CHARS:
            raise UnreadableSheet
        for selectors, style, holds in _rules(sheet, _holds(media)):
            values = [one for one in declarations(style) if says_hidden(*one[:2]) is not None]
            if not values or holds is False:
                continue
            self._count += len(selectors)
            if self._count > MAX_SHEET_RULES:
                raise UnreadableSheet
            compounds = [_COMBINATOR.split(one) for one in selectors]
            holds = holds and all(map(_is_plain, chain(*compounds)))
            for compound in compounds:
                sure = bool(holds) and len(compound) == 1
                self._put(_subject(compound[-1]), values, sure=sure)

    def _put(self, of: Selector, values: list[tuple[str, str, bool]], *, sure: bool) -> None:
        self.selectors.setdefault(of.key, set()).add(of)
        known = (self.declared if sure else self.shown).setdefault(of, {})
        for name, text, important in values:
            value = text if len(text) <= _MAX_VALUE_CHARS else ""
            hides = bool(says_hidden(name, value))
            if sure or not hides:
                self._place += 1
                new = Declared(important, of.specificity, self._place, value)
                known[name] = max(known.get(name, new), new)
            if sure:
                self.matter = self.matter or important or (hides and name in _HIDE_ALONE)
                self.hide_letters = self.hide_letters or (hides and name in _LETTERS)


def _rules(sheet: str, holds: bool | None) -> Iterator[tuple[list[str], str, bool | None]]:
    """The rules of a sheet: selectors, declarations, and whether the rule holds.

    Whether it holds is None where that depends on what is not examined.
    """
    groups = [holds]
    prelude, body = "", list[str]()
    in_rule, skipped = False, 0
    text = COMMENT_OR_STRING.sub(lambda one: " " if one[0][0] == "/" else '""', sheet)
    for before, mark in _PIECE.findall(text.replace("<!--", " ").replace("-->", " ")):
        if skipped:
            skipped += (mark == "{") - (mark == "}")
        elif in_rule:
            if mark == "{":
                raise UnreadableSheet  # rules within rules, or a brace is missing
            body.append(before)
            if mark != ";":
                yield _COMMA.split(prelude), ";".join(body), groups[-1]
                in_rule, prelude, body = False, "", []
        elif mark == "{":
            prelude = (prelude + before).strip()
            at = _AT_RULE.match(prelude)
            if at is None:
                in_rule = True
                continue
            name, condition = at[1].lower(), prelude[at.end() :]
            if name == "media":
                groups.append(_both(groups[-1], _holds(condition)))
            elif name in _GROUPS:
                groups.append(_both(groups[-1], None))
            else:
                skipped = 1
            prelude = ""
        elif mark == "}" and len(groups) > 1:
            groups.pop()
            prelude = ""
        elif mark == ";" and before.lstrip().startswith("@"):
            prelude = ""
        else:
            prelude += before + mark  # no selector has these: the rule is none


def _both(outer: bool | None, inner: bool | None) -> bool | None:
    return False if False in (outer, inner) else None if None in (outer, inner) else True


def _holds(media: str) -> bool | None:
    """Whether a list of media queries holds on a wide, light screen; None where it is not known."""
    if not media.strip():
        return True
    answers = [_query_holds(" ".join(one.split())) for one in media.lower().split(",")]
    return True if True in answers else None if None in answers else False


def _query_holds(query: str) -> bool | None:
    if query in _ON_SCREENS:
        return True
    other = _OTHER_MEDIUM.match(query) or (
        not query.startswith("not ") and _OTHER_READER.search(query)
    )
    return False if other else None


def _is_plain(compound: str) -> bool:
    return compound != "" and _PLAIN.fullmatch(compound) is not None


def _subject(compound: str) -> Selector:
    """What a compound selects at most: every element, where it is not read."""
    read = _PLAIN.fullmatch(_CONDITION.sub("", compound))
    if read is None:
        return Selector()
    parts = _CLASS_OR_ID.findall(read[2])
    ids = [one[1:] for one in parts if one[0] == "#"]
    classes = frozenset(one[1:] for one in parts if one[0] == ".")
    return Selector((read[1] or "").lower(), ids[0] if ids else "", classes)
