"""The `style` attributes of HTML from strangers: what is kept of one, and whether it hides."""

import re
from collections.abc import Iterator, Mapping

STYLES = {
    *("background-color", "border", "border-bottom", "border-collapse", "border-left"),
    *("border-radius", "border-right", "border-spacing", "border-top", "color", "direction"),
    *("font", "font-family", "font-size", "font-style", "font-weight", "height", "letter-spacing"),
    *("line-height", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top"),
    *("max-width", "min-width", "padding", "padding-bottom", "padding-left", "padding-right"),
    *("padding-top", "text-align", "text-decoration", "text-indent", "text-transform"),
    *("vertical-align", "visibility", "white-space", "width", "word-break", "word-wrap"),
}
"""Properties that change their own box alone: none that moves over other parts of a card."""

_LOADS = re.compile(r"[(\\@]|/\*")
"""What a style needs to name a resource, plain or disguised."""
_NEGATIVE = re.compile(r"(?<![\w.])-[0-9.]")
_COLOUR = re.compile(r"(?:#[0-9a-f]{3,8}|[a-z]{3,20})(?:\s*!important)?", re.IGNORECASE)
_RGB = re.compile(r"\brgba?\([0-9., %]*\)")

_ZERO = re.compile(r"0*(?:\.0+)?(?<=0)\s*(?:[a-z]{2,4}|%)?\Z", re.IGNORECASE)
_FAR_OUT = re.compile(r"-[0-9]{3,}(?:\.[0-9]+)?(?:px|em|rem|pt|%|vw|vh)\Z", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9.]+(?:[a-z]+|%)\Z")
_FONT_SIZES = {
    *("xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large", "smaller"),
    "larger",
}
_CLIPS = {"hidden", "clip", "auto", "scroll"}
"""Values of `overflow` with which nothing is seen beyond a box."""
_SCROLLS = _CLIPS - {"clip"}
"""Those that make `auto` of `visible` along the other axis."""
_PLACED = {"absolute", "fixed"}
_UNSEEN = {"hidden", "collapse"}
_OF_THE_PARENT = {"inherit", "unset"}

COMMENT_OR_STRING = re.compile(
    r"/\*.*?(?:\*/|\Z)"
    r"|\"[^\"\\\n]*+(?:\\.[^\"\\\n]*+)*+\"?|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'?",
    re.DOTALL,
)
"""Of CSS (Syntax Level 3, 4.3). Each ends at its first end, or takes what is left."""


def harmless_style(style: str) -> str:
    """Return a style without what loads a resource, or moves its box over others.

    A background stays where it is a colour. Where it goes, so does the colour of the text: it may
    be readable on that background alone.
    """
    kept: dict[str, str] = {}
    readable = True
    for declaration in COMMENT_OR_STRING.sub(_without_comment, style).split(";"):
        name, _, value = (one.strip() for one in declaration.partition(":"))
        name = name.lower()
        plain = _RGB.sub("#000", declaration)
        if not value or _LOADS.search(plain) or _NEGATIVE.search(plain):
            readable = readable and name not in ("background", "background-image")
        elif name != "background":
            kept[name] = value
        elif _COLOUR.fullmatch(_RGB.sub("#000", value)):
            kept["background-color"] = value
        else:
            readable = False
    if not readable:
        kept.pop("color", None)
    kept.pop("display", None)  # `hides` has decided what it does
    return ";".join(f"{name}:{value}" for name, value in kept.items())


def hides(style: str) -> bool:
    """Tell whether nothing is seen of an element with this style, nor of those within it.

    `visibility` is no reason: elements within may be visible.
    """
    values = _values(style)

    def is_zero(name: str) -> bool:
        return _ZERO.match(values.get(name, "1")) is not None

    def has_none(side: str) -> bool:
        least = values.get(f"min-{side}")
        return (is_zero(side) or is_zero(f"max-{side}")) and (
            least is None or is_zero(f"min-{side}")
        )

    def is_clipped(axis: str, other: str) -> bool:
        own, across = (values.get(f"overflow-{one}", "visible") for one in (axis, other))
        return own in _CLIPS or (own == "visible" and across in _SCROLLS)

    placed = values.get("position") in _PLACED
    return (
        values.get("display") == "none"
        or is_zero("opacity")
        or (has_none("height") and is_clipped("y", "x"))
        or (has_none("width") and is_clipped("x", "y"))
        or (placed and any(_FAR_OUT.match(values.get(side, "")) for side in ("left", "top")))
    )


def letters_are_seen(style: str) -> bool | None:
    """Tell whether a style lets letters be seen, by their size and visibility; None where it says
    neither.

    Elements within may say otherwise: a table of pictures often has the size zero.
    """
    values = _values(style)
    size, visibility = values.get("font-size"), values.get("visibility")
    if {size, visibility} <= {None, *_OF_THE_PARENT}:
        return None
    return visibility not in _UNSEEN and not (size and _ZERO.match(size))


def says_hidden(name: str, value: str) -> bool | None:
    """Tell whether a property's value may hide an element; None where it says nothing of that."""
    match name:
        case "display":
            return value == "none"
        case "visibility" | "font-size" if value in _OF_THE_PARENT:
            return None
        case "visibility":
            return value in _UNSEEN
        case "position":
            return value in _PLACED
        case "left" | "top":
            return _FAR_OUT.match(value) is not None
        case "overflow-x" | "overflow-y":
            return value in _CLIPS
        case "opacity" | "font-size" | "height" | "max-height" | "min-height":
            return _ZERO.match(value) is not None
        case "width" | "max-width" | "min-width":
            return _ZERO.match(value) is not None
    return None


def declarations(style: str) -> Iterator[tuple[str, str, bool]]:
    """The properties of a style, with their values and whether they are important, in lower case.

    `font` and `overflow` stand for the properties of which they are a shorthand.
    """
    plain = COMMENT_OR_STRING.sub(_masked, style.lower())
    for declaration in plain.split(";"):
        name, _, value = (one.strip() for one in declaration.partition(":"))
        before, mark, after = value.rpartition("!")
        important = bool(mark) and after.strip() == "important"
        value = before.rstrip() if important else value
        if name == "font":
            if size := _font_size(value):
                yield "font-size", size, important
        elif name == "overflow":
            along, *across = value.split() or [""]
            yield "overflow-x", along, important
            yield "overflow-y", across[0] if across else along, important
        elif name:
            yield name, value, important


def _values(style: str) -> Mapping[str, str]:
    """The value of each property: of several the last that is important, else the last."""
    values: dict[str, str] = {}
    important: set[str] = set()
    for name, value, is_important in declarations(style):
        if is_important:
            important.add(name)
        if is_important or name not in important:
            values[name] = value
    return values


def _font_size(font: str) -> str:
    """The size in the value of `font`, which stands before the family; "" where it has none."""
    words = re.sub(r"\s*+/\s*+", "/", font).split()
    if words and words[0] in _OF_THE_PARENT:
        return words[0]
    for word in words[:-1]:
        size = word.partition("/")[0]
        if size in _FONT_SIZES or _ZERO.match(size) or _LENGTH.match(size):
            return size
    return ""


def _masked(noise: re.Match[str]) -> str:
    return " " if noise[0].startswith("/*") else '""'


def _without_comment(noise: re.Match[str]) -> str:
    return " " if noise[0].startswith("/*") else noise[0]
