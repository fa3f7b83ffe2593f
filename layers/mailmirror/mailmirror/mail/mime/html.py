"""HTML from strangers: sanitised to be shown, and converted to text."""

import html
import re

from mailmirror.domain.limits import MAX_SANITISED_CHARS
from mailmirror.mail.mime.html_limits import Budget
from mailmirror.mail.mime.html_sheets import with_sheets
from mailmirror.mail.mime.html_styles import STYLES, harmless_style, hides, letters_are_seen

_TAGS = {
    *("a", "abbr", "address", "article", "aside", "b", "bdi", "bdo", "big", "blockquote", "br"),
    *("caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em"),
    *("figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr"),
    *("i", "img", "ins", "kbd", "li", "main", "mark", "nav", "ol", "p", "pre", "q", "rp", "rt"),
    *("ruby", "s", "samp", "section", "small", "span", "strike", "strong", "sub", "sup", "table"),
    *("tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "wbr"),
}
_CELL = {"align", "bgcolor", "colspan", "height", "rowspan", "valign", "width"}
_VOID = {"br", "col", "hr", "img", "wbr"}
"""Elements without content, and so without an end tag."""
_ATTRIBUTES = {
    "*": {"dir", "hidden", "lang", "style", "title"},
    "a": {"href"},
    "blockquote": {"type"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "div": {"align"},
    "font": {"color", "face", "size"},
    "hr": {"align", "size", "width"},
    "img": {"align", "alt", "border", "height", "src", "width"},
    "ol": {"start", "type"},
    "p": {"align"},
    "table": {"align", "bgcolor", "border", "cellpadding", "cellspacing", "width"},
    "td": _CELL,
    "th": _CELL,
    "tr": {"align", "bgcolor", "valign"},
}
_UNSEEN = {"script", "style", "title", "template", "noscript", "object", "svg", "math"}
"""Elements whose content is no text."""

_EMBEDDED = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,", re.IGNORECASE)
_LINK_SCHEMES = ("http:", "https:", "mailto:", "tel:")

_BLOCKS = {
    *("address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "figcaption"),
    *("figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav"),
    *("ol", "p", "pre", "section", "table", "tr", "ul"),
}
_SPACED = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre"}
_TAG = re.compile(r"<(/?)([a-z0-9]+)([^>]*)>")
"""Of nh3's: there is no other `>` in them."""
_HIDDEN_STYLE = "display:none"
_SEEN = ' style="font-size:1"'
_MAY_HIDE = re.compile(r' (?:hidden="|style="display:none")')
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_MANY_LINES = re.compile(r"\n{3,}")

_RAW = re.compile(r"<(script|style|title|template|object)(?![a-zA-Z0-9:-])", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*>|<[^<>]*\Z")


def sanitise(markup: str, budget: Budget | None = None) -> str:
    """Return HTML that may be shown on a card.

    Without scripts, forms and remote resources: the address of a remote image is removed, so that
    no sender learns that the message was opened; `cid:` and embedded images stay. Links open in a
    new window without a referrer.

    Beyond the limits in `html_limits` the bare text is returned, and `budget.exceeded` is set.
    """
    budget = budget or Budget()
    markup = with_sheets(markup)
    if not budget.admits(markup):
        return _bare_html(markup, budget)
    import nh3  # a library of 2 MB, which most functions never call

    clean = nh3.clean(
        markup,
        tags=_TAGS,
        clean_content_tags=_UNSEEN,
        attributes=_ATTRIBUTES,
        attribute_filter=_harmless,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        filter_style_properties=STYLES | {"display"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    if len(clean) > max(MAX_SANITISED_CHARS, len(markup)):
        budget.exceeded = True
        return _bare_html(markup, budget)
    return _without_hidden(clean)


def text_of(markup: str, budget: Budget | None = None) -> str:
    """Return the text of HTML as a reader sees it, quoted passages with `> ` before each line.

    Beyond the limits in `html_limits` the bare text is returned, and `budget.exceeded` is set.
    """
    budget = budget or Budget()
    markup = with_sheets(markup)
    if not budget.admits(markup):
        return _bare_text(budget.take_bare(markup))
    import nh3

    lines = _Lines()
    # Parsed as browsers do: what is left is well-formed.
    plain = _without_hidden(
        nh3.clean(
            markup,
            tags=_TAGS,
            clean_content_tags=_UNSEEN,
            attributes={"*": {"hidden", "style"}},
            attribute_filter=_visibility,
            link_rel=None,
        )
    )
    position = 0
    sizes = [True]
    """Whether letters are seen in each of the open elements."""
    for tag in _TAG.finditer(plain):
        if sizes[-1]:
            lines.write(html.unescape(plain[position : tag.start()]))
        lines.tag(tag[2], closing=bool(tag[1]))
        position = tag.end()
        if tag[1]:
            sizes.pop()
        elif tag[2] not in _VOID:
            sizes.append(tag[3] == _SEEN if tag[3] else sizes[-1])
    lines.write(html.unescape(plain[position:]))
    return lines.text()


def _without_hidden(markup: str) -> str:
    """Return well-formed HTML without the elements that are hidden, and what is in them."""
    if not _MAY_HIDE.search(markup):
        return markup
    shown, position, depth = [], 0, 0
    for tag in _TAG.finditer(markup):
        opened = 0 if tag[2] in _VOID else 1
        if depth:
            depth += -1 if tag[1] else opened
        elif _is_hidden(tag[3]):
            shown.append(markup[position : tag.start()])
            depth = opened
        else:
            continue
        position = tag.end()
    return "".join(shown) + markup[position:]


def _is_hidden(attributes: str) -> bool:
    if not _MAY_HIDE.search(attributes):
        return False
    found = dict(_ATTRIBUTE.findall(attributes))  # or else the words stand in a title
    return "hidden" in found or found.get("style") == _HIDDEN_STYLE


class _Lines:
    """Lines of text, built from HTML."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes = 0
        self._quotes_above = 0
        self._preformatted = 0
        self._gap = False

    def write(self, text: str) -> None:
        if not self._preformatted:
            self._line.append(_BLANKS.sub(" ", text))
            return
        first, *others = text.split("\n")
        self._line.append(first)
        for other in others:
            self._end_line()
            self._line.append(other)

    def tag(self, name: str, *, closing: bool) -> None:
        step = -1 if closing else 1
        if name == "br":
            self._end_line()
        elif name in ("td", "th"):
            self._line.append(" ")
        elif name in _BLOCKS:
            self._end_block()
            self._gap = self._gap or name in _SPACED
            if name == "blockquote":
                self._quotes = max(0, self._quotes + step)
            elif name == "pre":
                self._preformatted = max(0, self._preformatted + step)

    def text(self) -> str:
        self._end_block()
        return _MANY_LINES.sub("\n\n", "\n".join(self._lines)).strip()

    def _end_block(self) -> None:
        if "".join(self._line).strip():
            self._end_line()
        self._line.clear()

    def _end_line(self) -> None:
        text = "".join(self._line).replace("\N{NO-BREAK SPACE}", " ")
        self._line.clear()
        text = text.rstrip() if self._preformatted else _BLANKS.sub(" ", text).strip()
        if self._gap and text:
            self._lines.append(_quoted("", min(self._quotes, self._quotes_above)))
            self._gap = False
        self._lines.append(_quoted(text, self._quotes))
        self._quotes_above = self._quotes


def _quoted(text: str, levels: int) -> str:
    # Deep levels are not read, and each adds a sign to every line.
    return f"{'>' * min(levels, 20)} {text}".strip() if levels else text


def _bare_html(markup: str, budget: Budget) -> str:
    return f"<pre>{html.escape(_bare_text(budget.take_bare(markup)), quote=False)}</pre>"


def _bare_text(markup: str) -> str:
    """Return markup without its tags, in linear time."""
    shown, position, closable = [], 0, True
    while closable and (opened := _RAW.search(markup, position)):
        shown.append(markup[position : opened.start()])
        closed = re.compile(f"</{opened[1]}", re.IGNORECASE).search(markup, opened.end())
        # Where the end is missing, the rest is shown, and the end is not searched for again.
        closable = closed is not None
        position = closed.start() if closed else opened.end()
    shown.append(markup[position:])
    return html.unescape(_MARKUP.sub(" ", "".join(shown))).strip()


def _harmless(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "style":
        return _HIDDEN_STYLE if hides(value) else harmless_style(value)
    if attribute == "href":
        return value if value.strip().lower().startswith(_LINK_SCHEMES) else None
    if attribute == "src":
        kept = value.strip().lower().startswith("cid:") or _EMBEDDED.match(value.strip())
        return value if kept else None
    return value


def _visibility(tag: str, attribute: str, value: str) -> str | None:
    """Reduce a style to what says whether text is seen."""
    if attribute == "hidden":
        return value
    if hides(value):
        return _HIDDEN_STYLE
    seen = letters_are_seen(value)
    return None if seen is None else "font-size:1" if seen else "font-size:0"
