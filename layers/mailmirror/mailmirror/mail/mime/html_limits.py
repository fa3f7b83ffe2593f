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

from mailmirror.mail.mime.html_open import FORMATTING, TABLE_PARTS, Document
from mailmirror.mail.mime.html_tags import ATTRIBUTE, ATTRIBUTES, TOKEN

HTML_TRUNCATED = "html_truncated"
"""The warning on a message of whose HTML only the bare text is shown."""

MAX_SANITISED_CHARS = 1_500_000
"""Sanitised: each link gains 60 characters, and an answer of a function may have 6 MB."""
MAX_ATTRIBUTES_OF_A_TAG = 500
"""The parser compares each name with all before it. Mail has fewer than 30."""
MAX_UNSURE_CHARS = 250_000
MAX_UNSURE_TAGS = 5_000
"""Of a document with `_UNSURE` elements, whose tags are not followed."""
_UNSURE = {"svg", "math", "select", "template", "plaintext", "frameset", "isindex"}
"""In or after these, other rules say what is a tag, and what it closes."""
_FORMATTING_TAG = re.compile(
    rf"<({'|'.join(FORMATTING)})(?=[\s/>])(?=((?:{ATTRIBUTE}){{0,{MAX_ATTRIBUTES_OF_A_TAG}}}+))",
    re.ASCII | re.IGNORECASE,
)
_PICTURE = re.compile(r"data:image/[a-z+.-]{1,20};base64,[A-Za-z0-9+/=]++", re.IGNORECASE)
_PIECE = re.compile(r"[^\t\n\f\r &]++|&")
"""A word or a reference in a table: each is moved by itself."""


@dataclass(slots=True)
class Budget:
    """What remains of the limits for one message, all of its HTML together.

    Seconds and bytes were measured on a core of 2026 by hostile input; at any one of the limits, a
    document costs less than 2.5 seconds and 100 MB.
    """

    chars: int = 2_000_000
    """Without embedded pictures. A long Outlook thread has some hundred thousand; text costs 0.4 µs
    a character to fold."""
    chars_with_pictures: int = 10_000_000
    """With `data:` URLs, which cost the parser their length, twice, and nothing else."""
    tags: int = 100_000
    """And comments: 0.4 KB and 12 µs each. An Outlook thread has one in 20 to 40 characters."""
    attributes: int = 300_000
    """40 bytes each, and a name and value of their own."""
    references: int = 50_000
    """10 to 30 µs each, for the parser tries every prefix of what is no name."""
    reopened: int = 500_000
    """Formatting elements that are open, and their attributes, at each tag: each may close them all
    and have them opened again, at 0.3 KB each."""
    steps: int = 60_000_000
    """Elements open at each tag, which most tags walk: 10 ns each."""
    fostered: int = 3_000
    """Tags and words in a table and outside of its cells: each is moved before the table, past all
    that is there already (13.2.6.1)."""
    bare_chars: int = 500_000
    """Of markup beyond the limits, whose bare text is taken: as much as an answer of the API
    shows."""
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
        return self.chars >= 0

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
            if count > MAX_ATTRIBUTES_OF_A_TAG or not self._is_left():
                return False
            if token["end"]:
                if scope.open[-1:] != [name]:
                    self.steps -= 3 * len(scope.open)  # It is looked for here, too.
                if not document.end(name):
                    return self._admits_unsure(markup)
            elif not token["raw"]:
                document.start(name, token["attributes"], 1 + count)
        return self._is_left()

    def _admits_unsure(self, markup: str) -> bool:
        """Count every tag as open: none is taken as hidden by another or as closed."""
        tags, weights = markup.count("<"), Counter[str]()
        if tags > MAX_UNSURE_TAGS or _chars(markup) > MAX_UNSURE_CHARS:
            return False
        for tag in _FORMATTING_TAG.finditer(markup):
            name, weight = tag[1].lower(), 1 + len(ATTRIBUTES.findall(tag[2]))
            weights[name] = max(weight, weights[name]) if name == "a" else weight + weights[name]
        self.reopened -= tags * weights.total()
        return self._is_left()

    def _is_left(self) -> bool:
        return min(self.attributes, self.reopened, self.steps, self.fostered) >= 0


def _chars(markup: str) -> int:
    if len(markup) <= MAX_UNSURE_CHARS:
        return len(markup)
    return len(markup) - sum(map(len, _PICTURE.findall(markup)))
