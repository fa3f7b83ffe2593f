"""Which elements of HTML may be open at a tag: at least those that the parser has open.

No order of tags makes them fewer: an end tag removes an element only where it is certain that the
parser closes it there (HTML standard, 13.2.6). So what may be open is an upper bound for the
lengths of the stack of open elements and of the list of active formatting elements.
"""

from collections import Counter
from dataclasses import dataclass, field

FORMATTING = {
    *("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt"),
    "u",
}
"""Opened again in each block that follows, until they are closed (13.2.4.3)."""
_NOT_OPEN = {
    *("area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img"),
    *("input", "keygen", "link", "meta", "param", "source", "track", "wbr", "html", "head", "body"),
}
"""Without content, or ignored in a fragment."""
_CELLS = {"td", "th", "caption"}
TABLE_PARTS = {"tbody", "thead", "tfoot", "tr", "col", "colgroup"} | _CELLS
_SCOPES = {"table", "object", "applet", "marquee"} | _CELLS
"""An end tag does not close what was opened before the innermost of these."""
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "button", "center", "dd", "details", "dir"),
    *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3"),
    *("h4", "h5", "h6", "header", "hgroup", "li", "listing", "main", "menu", "nav", "ol", "p"),
    *("pre", "search", "section", "summary", "ul"),
}
"""The end tag of another element closes nothing beyond one of these ("special", 13.2.4.2)."""
_CLOSE_P = _BLOCKS - {"button", "form"}
"""A paragraph ends where one of these begins."""
_ALIKE = 3
"""Formatting elements with the same attributes that are opened again ("Noah's Ark", 13.2.4.3)."""
_CERTAIN_BLOCKS = 5
"""Blocks within a formatting element that its end tag is certain to leave: it moves the element
past one in a step, and has 8 steps (13.2.6.4.7)."""


@dataclass(slots=True)
class _Scope:
    """What is open, at most, within an element of `_SCOPES`."""

    name: str
    outside: int
    """Elements open outside of it."""
    formatting: Counter[tuple[int, str, str]]
    """How many are open of a weight (1 and the number of attributes), a name and its attributes."""
    open: list[str] = field(default_factory=list)

    def weight(self) -> int:
        """Return the formatting elements, with their attributes, that may be opened again."""
        if not self.formatting:
            return 0
        return sum(key[0] * min(count, _ALIKE) for key, count in self.formatting.items())

    def start(self, name: str, attributes: str, weight: int) -> None:
        if name == "a":
            # A link closes the one before.
            self._end_formatting(name)
        if name in FORMATTING:
            self.formatting[weight, name, attributes] += 1
        if name in _CLOSE_P:
            # And a list's item ends where the next begins.
            while self.open and self.open[-1] in ("p", "li" if name == "li" else "p"):
                self.open.pop()
        self.open.append(name)

    def end(self, name: str) -> None:
        """Remove the last element of that name if it is certain that its end tag closes it."""
        if name not in self.open:
            return
        within = self.open[::-1].index(name)
        blocks = sum(map(_BLOCKS.__contains__, self.open[len(self.open) - within :]))
        certain = _CERTAIN_BLOCKS if name in FORMATTING else 0
        if blocks <= certain or (name in _BLOCKS and name not in ("p", "li")):
            del self.open[-1 - within]
            self._end_formatting(name)
            if self.open[-2:] == ["li", "li"]:
                # One of them was closed with its list.
                self.open.pop()

    def _end_formatting(self, name: str) -> None:
        """Remove one of that name: of those that it may be, the one that weighs least."""
        alike = [key for key in self.formatting if key[1] == name]
        if alike:
            least = min(alike, key=lambda key: key[0] if self.formatting[key] <= _ALIKE else 0)
            self.formatting[least] -= 1
            if not self.formatting[least]:
                del self.formatting[least]


@dataclass(slots=True)
class Document:
    """What may be open, at the place in a document that its tags have led to."""

    scopes: list[_Scope] = field(default_factory=lambda: [_Scope("", 0, Counter())])
    """One in the other; the first is the document."""

    @property
    def innermost(self) -> _Scope:
        """The scope that the next end tag cannot leave, unless it is its own."""
        return self.scopes[-1]

    @property
    def outside_cells(self) -> bool:
        """Whether text here may stand in a table and outside of its cells."""
        return self.innermost.name == "table"

    def start(self, name: str, attributes: str, weight: int) -> None:
        """Open an element, after what its start tag closes.

        Parameters:
            weight: 1 and the number of its attributes.
        """
        table, within = self._table()
        if name in TABLE_PARTS:
            if table:
                # It closes what is open in the table, and the cell before.
                del self.scopes[table + 1 :]
                self.scopes[table].open.clear()
            if not table or name not in _CELLS:
                return
        elif name == "table" and table and within not in _CELLS:
            del self.scopes[table:]  # It closes the table that it is not in a cell of.
        scope = self.scopes[-1]
        if name in _SCOPES:
            # Formatting from outside is opened again in a table, in no other scope. With a table,
            # its `tbody` and `tr`, and a `p`, may be open: 4 elements.
            formatting = scope.formatting if name == "table" else Counter()
            self.scopes.append(_Scope(name, scope.outside + len(scope.open) + 4, formatting))
        elif name not in _NOT_OPEN:
            scope.start(name, attributes, weight)

    def end(self, name: str) -> bool:
        """Close what the end tag is certain to close.

        Returns:
            Whether what may be open is still an upper bound.
        """
        table, within = self._table()
        if name == "table":
            del self.scopes[table or len(self.scopes) :]
        elif name in TABLE_PARTS:
            if name == within or (name == "tr" and within in ("td", "th")):
                del self.scopes[table + 1 :]
            elif name in ("tr", "tbody", "thead", "tfoot"):
                # Unless there is nothing to close, it depends on the rows of the table.
                return within in ("", "caption")
        elif name not in _SCOPES:
            self.scopes[-1].end(name)
        elif self.scopes[-1].name == name:
            self.scopes.pop()
        return True

    def _table(self) -> tuple[int, str]:
        """Return where the last table stands, and the scope that is open in it.

        0, which is the document, if there is no table; "" if no scope is open in it.
        """
        within = ""
        for place in range(len(self.scopes) - 1, 0, -1):
            if self.scopes[place].name == "table":
                return place, within
            within = self.scopes[place].name
        return 0, ""
