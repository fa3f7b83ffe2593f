"""Limits on the cost of HTML: an upper bound, counted in one pass over its tags before parsing.

The parser (html5ever, by nh3) has no limits of its own, and the HTML standard makes some inputs
cost the product of two of their lengths: formatting elements that were not closed are opened again
in each block that follows (13.2.4.3), text in a table but outside of its cells is moved before it
(13.2.6.1), and most tags walk the stack of open elements (13.2.4.2). `Budget` adds up what each tag
may cost, given what may be open there.
"""

import re
from collections import Counter
from dataclasses import dataclass

from mailmirror.domain import limits
from mailmirror.mail.mime.html_open import FORMATTING, TABLE_PARTS, Document
from mailmirror.mail.mime.html_tags import ATTRIBUTE, ATTRIBUTES, TOKEN

HTML_TRUNCATED = "html_truncated"
"""The warning on a message of whose HTML only the bare text is shown."""

_UNSURE = {"svg", "math", "select", "template", "plaintext", "frameset", "isindex"}
"""In or after these, other rules say what is a tag, and what it closes."""
_FORMATTING_TAG = re.compile(
    rf"<({'|'.join(FORMATTING)})(?=[\s/>])(?=((?:{ATTRIBUTE}){{0,{limits.MAX_ATTRIBUTES_OF_A_TAG}}}+))",
    re.ASCII | re.IGNORECASE,
)
_PICTURE = re.compile(r"data:image/[a-z+.-]{1,20};base64,[A-Za-z0-9+/=]++", re.IGNORECASE)
_TAG_BEGINS = re.compile(r"</?[a-z]", re.ASCII | re.IGNORECASE)
_WORDS = re.compile(r"[^\t\n\f\r /]++")
_PIECE = re.compile(r"[^\t\n\f\r &]++|&")
"""A word or a reference in a table: each is moved by itself."""


@dataclass(slots=True)
class Budget:
    """What remains of the limits for one message, all of its HTML together.

    Seconds and bytes were measured on a core of 2026 by hostile input; at any one of the limits, a
    document costs less than 2.5 seconds and 100 MB.
    """

    chars: int = limits.MAX_HTML_CHARS
    chars_with_pictures: int = limits.MAX_HTML_CHARS_WITH_PICTURES
    tags: int = limits.MAX_HTML_TAGS
    attributes: int = limits.MAX_HTML_ATTRIBUTES
    references: int = limits.MAX_HTML_REFERENCES
    escaped: int = limits.MAX_HTML_ESCAPED_CHARS
    reopened: int = limits.MAX_HTML_REOPENED_ELEMENTS
    steps: int = limits.MAX_HTML_STEPS
    fostered: int = limits.MAX_HTML_FOSTERED_PIECES
    bare_chars: int = limits.MAX_BARE_HTML_CHARS
    exceeded: bool = False
    """Whether of some HTML only the bare text was, or is to be, taken."""

    def admits(self, markup: str) -> bool:
        """Subtract the cost of parsing `markup`; return whether it may be parsed.

        After the first that exceeds the limits, nothing else is admitted.
        """
        if not self.exceeded:
            self.exceeded = not (self._admits_length(markup) and self._admits_tags(markup))
        return not self.exceeded

    def take_bare(self, markup: str) -> str:
        """Return the beginning of `markup` whose bare text is still to be taken."""
        taken = markup[: self.bare_chars]
        self.bare_chars -= len(taken)
        return taken

    def _admits_length(self, markup: str) -> bool:
        self.chars_with_pictures -= len(markup)
        self.tags -= markup.count("<")
        self.references -= markup.count("&")
        if min(self.chars_with_pictures, self.tags, self.references) < 0:
            return False
        self.chars -= _chars(markup)
        # Each of them, and no other, begins with this octet in UTF-8.
        self.escaped -= markup.encode("utf-8", "replace").count(b"\xc2")
        return min(self.chars, self.escaped) >= 0

    def _admits_tags(self, markup: str) -> bool:
        document = Document()
        position = 0
        for token in TOKEN.finditer(markup):
            scope = document.innermost
            name = (token["raw"] or token["name"] or "").lower()
            if document.outside_cells:
                self.fostered -= len(_PIECE.findall(markup, position, token.start()))
                self.fostered -= name not in ("", "table") and name not in TABLE_PARTS
            position = token.end()
            if token["icon"]:
                self.attributes -= token["icon"].count("=")
            if not name:
                if not self._admits_unclosed(token[0]):
                    return False
                continue
            if (
                name in _UNSURE
                or (name == "script" and "<!--" in token[0])  # It may end later (13.2.5.17).
                or not name.isascii()  # Its lower case may be the name of another.
            ):
                return self._admits_unsure(markup)
            count = len(ATTRIBUTES.findall(token["attributes"]))
            self.attributes -= count
            self.reopened -= scope.weight()
            self.steps -= scope.outside + len(scope.open)
            if count > limits.MAX_ATTRIBUTES_OF_A_TAG or not self._is_left():
                return False
            if token["end"]:
                if scope.open[-1:] != [name]:
                    self.steps -= 3 * len(scope.open)  # It is looked for here, too.
                if not document.end(name):
                    return self._admits_unsure(markup)
            elif not token["raw"]:
                document.start(name, token["attributes"], 1 + count)
        return self._is_left()

    def _admits_unclosed(self, rest: str) -> bool:
        """Count the attributes of a tag that nothing closes: the parser reads them all the same."""
        if rest.startswith("<!") or not _TAG_BEGINS.match(rest):
            return True
        count = len(_WORDS.findall(rest))
        self.attributes -= count
        return count <= limits.MAX_ATTRIBUTES_OF_A_TAG and self._is_left()

    def _admits_unsure(self, markup: str) -> bool:
        """Count every tag as open: none is taken as hidden by another or as closed."""
        tags, weights = markup.count("<"), Counter[str]()
        if tags > limits.MAX_UNSURE_TAGS or _chars(markup) > limits.MAX_UNSURE_CHARS:
            return False
        for tag in _FORMATTING_TAG.finditer(markup):
            name, weight = tag[1].lower(), 1 + len(ATTRIBUTES.findall(tag[2]))
            weights[name] = max(weight, weights[name]) if name == "a" else weight + weights[name]
        self.reopened -= tags * weights.total()
        return self._is_left()

    def _is_left(self) -> bool:
        return min(self.attributes, self.reopened, self.steps, self.fostered) >= 0


def _chars(markup: str) -> int:
    if len(markup) <= limits.MAX_UNSURE_CHARS:
        return len(markup)
    return len(markup) - sum(map(len, _PICTURE.findall(markup)))
