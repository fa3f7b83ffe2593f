"""Elements of HTML that style sheets hide or show, with that as their own `style` attribute.

The selectors that are read name an element's own tag, id and classes, so each start tag is decided
by itself, before the document is parsed.
"""

import html
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from mailmirror.domain.limits import MAX_HTML_CHARS_WITH_PICTURES, MAX_SHEET_STEPS
from mailmirror.mail.mime.css_rules import Declared, Rules, Selector, UnreadableSheet
from mailmirror.mail.mime.html_styles import hides, letters_are_seen
from mailmirror.mail.mime.html_tags import TOKEN

_SHEET = re.compile(r"<style[\s/>]", re.IGNORECASE)
_S = r"\t\n\f\r "
_NAMED = re.compile(
    rf"[{_S}/]*+([^{_S}/>][^{_S}/>=]*+)[{_S}]*+"
    rf"(?:=[{_S}]*+(?:\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^{_S}>]*+))|(?!=))"
)
"""An attribute, as `html_tags.ATTRIBUTE` has it, with its name and its value in one of three."""
_HIDDEN_LETTERS = re.compile(
    r"(?:font|font-size|visibility)\s*+:[^;\"'<>]{0,60}?(?:(?<![\w.#])0+(?:\.0*)?(?![.0-9])|hidden|collapse)",
    re.IGNORECASE,
)
_CSS = ("", "text/css")
_STEP_CHARS = 16
"""Characters of a style that are written: a step."""


def with_sheets(markup: str) -> str:
    """Return markup in which each element that a style sheet of it hides has a style that does.

    And a style that shows it, where a sheet shows what its own style or an element around it hides.
    Where a sheet is not read, the markup is returned as it is.
    """
    if len(markup) > MAX_HTML_CHARS_WITH_PICTURES or not _SHEET.search(markup):
        return markup
    try:
        rules = _rules_of(markup)
        letters = rules.hide_letters or _HIDDEN_LETTERS.search(markup) is not None
        return _Inlining(rules, letters).inlined(markup) if rules.matter or letters else markup
    except UnreadableSheet:
        return markup


def _rules_of(markup: str) -> Rules:
    rules = Rules()
    for token in TOKEN.finditer(markup):
        if (token["raw"] or "").lower() != "style":
            continue
        found = _attributes(token["attributes"])
        if found.get("type", "").strip().lower() in _CSS:
            sheet = markup[token.end("attributes") : token.end()].partition(">")[2]
            rules.add(sheet, found.get("media", ""))
    return rules


def _attributes(text: str) -> dict[str, str]:
    """Attributes by name: of several of one name the first counts (HTML standard, 13.2.5.33)."""
    found: dict[str, str] = {}
    for name, *values in _NAMED.findall(text):
        found.setdefault(name.lower(), html.unescape("".join(values)))
    return found


@dataclass(slots=True)
class _Inlining:
    rules: Rules
    letters: bool
    """Whether letters are hidden anywhere."""
    _styles: dict[tuple[str, str], str] = field(default_factory=dict)
    """The style of each tag with its attributes; "" where its own is right."""
    _steps: int = 0

    def inlined(self, markup: str) -> str:
        pieces, position = [], 0
        for token in TOKEN.finditer(markup):
            if not token["name"] or token["end"]:
                continue
            name, attributes = token["name"].lower(), token["attributes"]
            style = self._styles.get((name, attributes))
            if style is None:
                style = self._styles[name, attributes] = self._style(name, attributes)
            if style:
                self._step(len(style) // _STEP_CHARS)
                # Before its own, which is ignored then: the first of one name counts.
                pieces += [markup[position : token.end("name")], f' style="{html.escape(style)}"']
                position = token.end("name")
        return "".join(pieces) + markup[position:]

    def _style(self, name: str, attributes: str) -> str:
        """The style that an element is to have; "" where its own is right."""
        found = _attributes(attributes)
        values = self._values(name, found.get("id", ""), set(found.get("class", "").split()))
        if not values:
            return ""
        own = found.get("style", "")
        whole = ";".join([*values, own])
        if hides(whole):
            return "" if hides(own) else "display:none"
        changed = self.letters and letters_are_seen(whole) != letters_are_seen(own)
        return whole if changed or hides(own) else ""

    def _values(self, name: str, id: str, classes: Set[str]) -> list[str]:
        """What the rules say of an element, as declarations."""
        won: dict[str, Declared] = {}
        shown: dict[str, Declared] = {}
        keys = {"", name, f"#{id}", *(f".{one}" for one in classes)}
        self._step(len(keys))
        for key in keys & self.rules.selectors.keys():
            for selector in self.rules.selectors[key]:
                self._step(1 + len(selector.classes))
                if _selects(selector, name, id, classes):
                    self._take(self.rules.declared.get(selector, {}), won)
                    self._take(self.rules.shown.get(selector, {}), shown)
        texts = {
            property: f"{one.value}{' !important' if one.important else ''}"
            for property, one in won.items()
        }
        texts |= {property: one.value for property, one in shown.items()}
        return [f"{property}:{text}" for property, text in sorted(texts.items())]

    def _take(self, declared: Mapping[str, Declared], won: dict[str, Declared]) -> None:
        self._step(len(declared))
        for property, value in declared.items():
            won[property] = max(won.get(property, value), value)

    def _step(self, count: int) -> None:
        self._steps += count
        if self._steps > MAX_SHEET_STEPS:
            raise UnreadableSheet


def _selects(selector: Selector, name: str, id: str, classes: Set[str]) -> bool:
    return selector.tag in ("", name) and selector.id in ("", id) and selector.classes <= classes
