"""What HTML may cost: counted before a native parser sees it, in time linear in its length.

The parser (html5ever, by nh3) has no limits of its own, and the standard makes some inputs cost the
product of two of their lengths: formatting elements that were not closed are opened again in each
block that follows ("reconstruct the active formatting elements", HTML 13.2.4.3), text within a
table but outside of its cells is moved before it (13.2.6.1), and most tags walk the stack of open
elements (13.2.4.2). `Budget` follows a document's tags as that parser will, without building
anything, and adds up these costs. Where it cannot follow (foreign content, `select`, `template`,
`plaintext`: what is a tag depends on more than the tags) a document has to be small.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

HTML_TRUNCATED = "html_truncated"
"""The warning on a message of whose HTML only the bare text is shown."""

# The limits of one message, all of its HTML together. Seconds and bytes were measured on a core of
# 2026 at the limit, by hostile input; each alone stays below 3 seconds and 150 MB.
MAX_CHARS = 2_000_000
"""Without embedded pictures. A long Outlook thread has some hundred thousand; text costs 0.4 µs a
character to fold."""
MAX_CHARS_WITH_PICTURES = 10_000_000
"""With `data:` URLs, which cost the parser their length, twice, and nothing else."""
MAX_TAGS = 100_000
"""Start tags, end tags and comments: 0.4 KB and 12 µs each. An Outlook thread has one in 20 to 40
characters."""
MAX_ATTRIBUTES_OF_A_TAG = 500
"""The parser compares each name with all before it. Mail has fewer than 30."""
MAX_ATTRIBUTES = 300_000
"""40 bytes each, and a name and value of their own."""
MAX_REFERENCES = 50_000
"""Character references: 10 to 30 µs each, for the parser tries every prefix of what is no name."""
MAX_REOPENED = 200_000
"""Elements and attributes that are copied as formatting is opened again: 0.3 KB each."""
MAX_FORMATTING = 1_000
"""Formatting elements open at once; each is compared with those before it. Mail has fewer than 100,
for a table's cells end what was opened in them."""
MAX_DEPTH = 4_000
"""Elements open at once. Replies quoted in replies have some hundred."""
MAX_STEPS = 100_000_000
"""Tags times elements open at that tag: 10 ns each."""
MAX_FOSTER_STEPS = 400_000_000
"""Nodes moved before a table, times the nodes that may already be there: 1 to 2 ns each."""

MAX_UNSURE_CHARS = 250_000
"""Of a document that cannot be followed."""
MAX_UNSURE_TAGS = 8_000
"""The same; the square of this is walked in less than a second."""

MAX_UNSURE_TAG_CHARS = 2_000
"""The same: of a formatting element's tag, which may be none, so that each is looked at alone."""

MAX_SANITISED_CHARS = 1_500_000
"""Sanitised: each link gains 60 characters, and an answer of a function may have 6 MB."""

MAX_BARE_CHARS = 500_000
"""Of markup beyond the limits, whose bare text is taken: as much as an answer of the API shows."""

_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[a-zA-Z][^\t\n\f\r />]*+)"
    r"(?P<names>[^>\"'=]*+)(?:>|(?P<values>[\"'=])|(?P<cut>\Z))"
)
"""A tag without values of attributes; `values` is the first mark of one that has some."""
_ATTRIBUTE = re.compile(
    r"[\t\n\f\r /]*+(?:(?P<close>>)|"
    r"[^\t\n\f\r />][^\t\n\f\r />=]*+[\t\n\f\r ]*+"
    r"(?:=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+'|(?=>)|(?![\"'])[^\t\n\f\r >]++|(?P<open>[\"'])))?)"
)
"""One attribute (13.2.5.32 to 13.2.5.39), the end of its tag, or a quote that nothing closes."""
_PICTURE = re.compile(r"data:image/[a-z+.-]{1,20};base64,[A-Za-z0-9+/=]++", re.IGNORECASE)
_UNSURE_TAG = re.compile(
    r"<(?:svg|math|select|template|plaintext|frameset|noscript|xmp)(?![a-zA-Z0-9:-])|<!\[CDATA\[",
    re.IGNORECASE,
)
_SVG = re.compile("<svg", re.IGNORECASE)
_PLAIN = r"(?=[\s/>])(?:[^<>\"'=]++|=\s*+(?:\"[^\"<>]*+\"|'[^'<>]*+'|[^\s<>\"'=]++))*+>"
_ICON = re.compile(
    rf"<svg{_PLAIN}(?:[^<]++|</?(?:circle|clippath|defs|ellipse|g|line|lineargradient|mask|path"
    rf"|polygon|polyline|radialgradient|rect|stop|symbol|text|tspan|use){_PLAIN})*+</svg\s*+>",
    re.IGNORECASE,
)
"""An SVG image, as an icon is, whose tags are what they look like; only without those is it said
that a document cannot be followed."""
_END_OF_RAW = {
    name: re.compile(f"</{name}(?=[\\t\\n\\f\\r />])", re.IGNORECASE)
    for name in ("title", "textarea", "style", "script", "iframe", "noembed", "noframes")
}
"""Elements whose content has no tags, and what ends them."""
_END_OF_COMMENT = re.compile(r"--!?>")
_VOID = {
    *("area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img"),
    *("input", "keygen", "link", "meta", "param", "source", "track", "wbr", "html", "head", "body"),
}
"""Never open: without content, or ignored in a fragment."""
_FORMATTING = {
    *("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt"),
    "u",
}
_FORMATTING_TAG = re.compile(
    r"<(a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\t\n\f\r />])", re.IGNORECASE
)
_CELLS = {"td", "th", "caption"}
_MARKERS = {"object", "applet", "marquee"} | _CELLS
_SCOPES = {"table"} | _MARKERS
_TABLE_PARTS = {"tbody", "thead", "tfoot", "tr", "colgroup"}
_IN_TABLES = {"col", "style", "script"}
"""Beside its parts, what stays in a table where it stands."""
_FOSTERING = {"table", "tbody", "thead", "tfoot", "tr"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_SPECIAL = {
    *("address", "article", "aside", "blockquote", "button", "center", "dd", "details", "dir"),
    *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header"),
    *(
        "hgroup",
        "li",
        "listing",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "search",
        "section",
        "summary",
    ),
    "ul",
    *_SCOPES,
    *_TABLE_PARTS,
    *_HEADINGS,
}
_CLOSE_P = _SPECIAL - _SCOPES - _TABLE_PARTS - {"button"} | {"hr"}
_ITEMS = {"li": ("li",), "dd": ("dd", "dt"), "dt": ("dd", "dt")}
_LET_ITEMS_CLOSE = {"address", "div", "p"}
_ALIKE = 3
"""Formatting elements with the same attributes that are opened again (13.2.4.3, Noah's Ark)."""


@dataclass(slots=True)
class Budget:
    """What is left of the limits of one message, and whether some HTML was beyond them."""

    chars: int = MAX_CHARS
    chars_with_pictures: int = MAX_CHARS_WITH_PICTURES
    tags: int = MAX_TAGS
    attributes: int = MAX_ATTRIBUTES
    references: int = MAX_REFERENCES
    reopened: int = MAX_REOPENED
    steps: int = MAX_STEPS
    foster_steps: int = MAX_FOSTER_STEPS
    bare_chars: int = MAX_BARE_CHARS
    exceeded: bool = False
    """Whether of some HTML only the bare text was, or is to be, taken."""

    def admits(self, markup: str) -> bool:
        """Take the cost of parsing `markup` off, and tell whether it may be parsed.

        Once something was beyond the limits, nothing more is within them.
        """
        if not self.exceeded:
            self.exceeded = not self._admits(markup)
        return not self.exceeded

    def take_bare(self, markup: str) -> str:
        """Return the beginning of `markup` whose bare text is still to be taken."""
        taken = markup[: self.bare_chars]
        self.bare_chars -= len(taken)
        return taken

    def _admits(self, markup: str) -> bool:
        self.chars_with_pictures -= len(markup)
        tags = markup.count("<")
        self.tags -= tags
        self.references -= markup.count("&")
        if min(self.chars_with_pictures, self.tags, self.references) < 0:
            return False
        length = len(markup)
        if length > MAX_UNSURE_CHARS:
            length -= sum(map(len, _PICTURE.findall(markup)))
        self.chars -= length
        if self.chars < 0:
            return False
        if _UNSURE_TAG.search(_ICON.sub("", markup) if _SVG.search(markup) else markup):
            return self._admits_unsure(markup, length, tags)
        return _Walk(self, markup).goes_through()

    def _admits_unsure(self, markup: str, length: int, tags: int) -> bool:
        if length > MAX_UNSURE_CHARS or tags > MAX_UNSURE_TAGS:
            return False
        weight = weight_of_link = 0
        for tag in _FORMATTING_TAG.finditer(markup):
            count, _ = _attributes(markup, tag.end(), tag.end() + MAX_UNSURE_TAG_CHARS)
            if count > MAX_ATTRIBUTES_OF_A_TAG:
                return False
            if tag[1] in "aA":
                weight_of_link = max(weight_of_link, 1 + count)
            else:
                weight += 1 + count
        self.reopened -= tags * (weight + weight_of_link)
        return self.reopened >= 0


@dataclass(slots=True)
class _Formatting:
    """An entry of the list of active formatting elements."""

    name: str
    key: str
    weight: int
    """1 and its attributes."""
    place: int
    """Where it stands in the stack; -1 where it was closed with its block."""


@dataclass(slots=True)
class _Walk:
    """Follows the tags of one document as the tree construction will (13.2.6)."""

    budget: Budget
    markup: str
    stack: list[str] = field(default_factory=list)
    places: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Where each name stands in the stack, and the kinds of names, by `_kinds`."""
    active: list[_Formatting | None] = field(default_factory=list)
    """The active formatting elements; None is a marker."""
    closed: int = 0
    """How many of them, after the last marker, were closed with their block."""
    tags_seen: int = 0

    def goes_through(self) -> bool:
        """Tell whether the document stays within the budget."""
        markup, budget = self.markup, self.budget
        position = 0
        while (start := markup.find("<", position)) >= 0:
            if start > position:
                self._text(position, start)
            self.tags_seen += 1
            tag = _TAG.match(markup, start)
            if tag is None:
                position = self._other(start)
                continue
            if tag["cut"] is not None:
                return True
            count, position = self._attributes(tag)
            if position < 0:
                # A tag that nothing closes is the end (13.2.5.8).
                return count <= MAX_ATTRIBUTES_OF_A_TAG
            budget.attributes -= count
            name = tag["name"].lower()
            if tag["end"]:
                self._end(name)
            else:
                key = markup[start:position] if name in _FORMATTING else ""
                self._start(name, key, count)
                if name in _END_OF_RAW:
                    position = self._end_of_raw(name, position)
            budget.steps -= len(self.stack)
            if (
                count > MAX_ATTRIBUTES_OF_A_TAG
                or len(self.stack) > MAX_DEPTH
                or len(self.active) > MAX_FORMATTING
                or min(budget.attributes, budget.reopened, budget.steps, budget.foster_steps) < 0
            ):
                return False
        self._text(position, len(markup))
        return min(budget.reopened, budget.foster_steps) >= 0

    def _attributes(self, tag: re.Match[str]) -> tuple[int, int]:
        if tag["values"] is None:
            names = tag["names"]
            return (len(names.replace("/", " ").split()) if len(names) > 1 else 0), tag.end()
        return _attributes(self.markup, tag.end("name"), len(self.markup))

    def _other(self, start: int) -> int:
        """Return where a comment or a bare `<` ends."""
        markup = self.markup
        if markup.startswith("<!--", start):
            if markup.startswith((">", "->"), start + 4):
                return markup.index(">", start) + 1
            end = _END_OF_COMMENT.search(markup, start + 4)
            return end.end() if end else len(markup)
        if markup.startswith(("<!", "<?", "</"), start):
            return markup.find(">", start) + 1 or len(markup)
        self._text(start, start + 1)
        return start + 1

    def _end_of_raw(self, name: str, position: int) -> int:
        """Return where the end tag begins of an element whose content has no tags."""
        found = _END_OF_RAW[name].search(self.markup, position)
        stop = found.start() if found else len(self.markup)
        if name == "script" and "<!--" in self.markup[position:stop]:
            # Where such a script ends depends on what it says (13.2.5.17 to 13.2.5.31).
            self.budget.steps = -1
        return stop

    def _text(self, start: int, end: int) -> None:
        if self.stack and self.stack[-1] in _FOSTERING:
            if not self.markup[start:end].strip("\t\n\f\r "):
                return
            self._foster()
        if self.closed:
            self._reopen()

    def _start(self, name: str, key: str, attributes: int) -> None:
        if name in _TABLE_PARTS or name in _CELLS:
            self._table_part(name)
            return
        if self.stack and self.stack[-1] in _FOSTERING and name not in _IN_TABLES:
            if name == "table":
                self._close_to(self._last("table"))
            else:
                self._foster()
        if name in _CLOSE_P:
            self._close("p", "button scope")
        if name in _ITEMS:
            for item in _ITEMS[name]:
                self._close(item, "item stop")
        elif name in _HEADINGS:
            name = "h"
            if self.stack and self.stack[-1] == name:
                self._cut(len(self.stack) - 1)
        if name == "a":
            # One is open at most: the next closes it.
            self._end("a")
        if self.closed and name not in _SPECIAL and name != "h":
            self._reopen()
        if name in _FORMATTING:
            self._activate(name, key, 1 + attributes)
        if name in _VOID:
            return
        self._push(name)
        if name in _MARKERS:
            self._mark()

    def _end(self, name: str) -> None:
        if name in _FORMATTING:
            self._end_formatting(name)
            return
        if name in _HEADINGS:
            name = "h"
        if name in _TABLE_PARTS or name in _CELLS or name == "table":
            if self._last(name) > self._last("table") or name == "table":
                self._close_to(self._last(name))
        elif name in _SPECIAL or name == "h":
            stop = "button scope" if name == "p" else "scope"
            if self._last(name) > self._last(stop) or self._last(name) == self._last("scope"):
                self._close_to(self._last(name))
        elif self._last(name) > self._last("special"):
            self._cut(self._last(name))

    def _end_formatting(self, name: str) -> None:
        """Follow the "adoption agency" (13.2.6.4.7) as far as it changes what is counted."""
        entry = next((one for one in self._since_marker() if one.name == name), None)
        special = self._last("special")
        if entry is None:
            if self._last(name) > special:
                self._cut(self._last(name))
        elif entry.place < 0 or entry.place > self._last("scope"):
            place = entry.place
            self._drop(entry)
            # Where it holds a block it leaves the stack from the middle: here it is counted still.
            if place > special:
                self._cut(place)

    def _table_part(self, name: str) -> None:
        """Open a part of a table: what is open within the table is closed first."""
        table = self._last("table")
        if table < 0:
            return
        keep = table
        if name == "tr":
            keep = max(table, *(self._last(part) for part in ("tbody", "thead", "tfoot")))
        elif name in ("td", "th"):
            keep = max(table, self._last("tr"))
        self._close_to(keep + 1)
        if name in ("td", "th"):
            for part in ("tbody", "tr"):
                if self._last(part) < table and self.stack[-1] != "tr":
                    self._push(part)
        self._push(name)
        if name in _CELLS:
            self._mark()

    def _push(self, name: str) -> None:
        place = len(self.stack)
        self.stack.append(name)
        for kind in _kinds(name):
            self.places[kind].append(place)

    def _last(self, kind: str) -> int:
        places = self.places.get(kind)
        return places[-1] if places else -1

    def _close(self, name: str, stop: str) -> None:
        if self._last(name) > self._last(stop):
            self._cut(self._last(name))

    def _close_to(self, place: int) -> None:
        """Close what stands at a place and above, with the formatting since its marker."""
        if place < 0:
            return
        for _ in range(sum(1 for name in self.stack[place:] if name in _MARKERS)):
            while self.active and self.active.pop() is not None:
                pass
        self._cut(place)

    def _cut(self, place: int) -> None:
        for name in self.stack[place:]:
            for kind in _kinds(name):
                self.places[kind].pop()
        del self.stack[place:]
        self.closed = 0
        for entry in reversed(self.active):
            # They stand in the order of the stack, and after them those that are closed.
            if entry is None or 0 <= entry.place < place:
                break
            entry.place = -1
            self.closed += 1

    def _since_marker(self) -> Sequence[_Formatting]:
        entries = []
        for entry in reversed(self.active):
            if entry is None:
                break
            entries.append(entry)
        return entries

    def _mark(self) -> None:
        self.active.append(None)
        self.closed = 0

    def _activate(self, name: str, key: str, weight: int) -> None:
        since = self._since_marker()
        alike = [entry for entry in since if entry.key == key]
        if len(alike) >= _ALIKE:
            self._drop(alike[-1])
        self.active.append(_Formatting(name, key, weight, len(self.stack)))

    def _drop(self, entry: _Formatting) -> None:
        for place in range(len(self.active) - 1, -1, -1):
            if self.active[place] is entry:
                del self.active[place]
                break
        self.closed -= entry.place < 0

    def _reopen(self) -> None:
        for entry in reversed(self._since_marker()):
            if entry.place < 0:
                self.budget.reopened -= entry.weight
                entry.place = len(self.stack)
                self._push(entry.name)
            if self.budget.reopened < 0:
                break
        self.closed = 0

    def _foster(self) -> None:
        self.budget.foster_steps -= 2 * self.tags_seen


def _attributes(markup: str, position: int, end: int) -> tuple[int, int]:
    """Return how many attributes a tag has after its name, and where it ends; -1 if it does not.

    At most one more than MAX_ATTRIBUTES_OF_A_TAG are counted, and those alone that end before
    `end`.
    """
    count = 0
    while attribute := _ATTRIBUTE.match(markup, position, end):
        if attribute["close"]:
            return count, attribute.end()
        if attribute["open"]:
            break
        count, position = count + 1, attribute.end()
        if count > MAX_ATTRIBUTES_OF_A_TAG:
            break
    return count, -1


def _kinds(name: str) -> tuple[str, ...]:
    known = _KINDS.get(name)
    return known if known is not None else (name,)


def _kinds_of(name: str) -> tuple[str, ...]:
    kinds = [name]
    if name in _SPECIAL or name == "h":
        kinds.append("special")
        if name not in _LET_ITEMS_CLOSE:
            kinds.append("item stop")
    if name in _SCOPES:
        kinds.append("scope")
    if name in _SCOPES or name == "button":
        kinds.append("button scope")
    return tuple(dict.fromkeys(kinds))


_KINDS = {name: _kinds_of(name) for name in (*_SPECIAL, "h")}
