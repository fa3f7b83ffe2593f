"""The `style` attributes of HTML from strangers: what is kept of one, and whether it hides."""

import re
from collections.abc import Mapping

STYLES = {
    *("background-color", "border", "border-bottom", "border-collapse", "border-left"),
    *("border-radius", "border-right", "border-spacing", "border-top", "color", "direction"),
    *("font", "font-family", "font-size", "font-style", "font-weight", "height", "letter-spacing"),
    *("line-height", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top"),
    *("max-width", "min-width", "padding", "padding-bottom", "padding-left", "padding-right"),
    *("padding-top", "text-align", "text-decoration", "text-indent", "text-transform"),
    *("vertical-align", "white-space", "width", "word-break", "word-wrap"),
}
"""Properties that change their own box alone: none that moves over other parts of a card."""

_LOADS = re.compile(r"[(\\@]|/\*")
"""What a style needs to name a resource, plain or disguised."""
_NEGATIVE = re.compile(r"(?<![\w.])-[0-9.]")
_COLOUR = re.compile(r"(?:#[0-9a-f]{3,8}|[a-z]{3,20})(?:\s*!important)?", re.IGNORECASE)
_RGB = re.compile(r"\brgba?\([0-9., %]*\)")

_IMPORTANT = re.compile(r"\s*!\s*important\Z", re.IGNORECASE)
_ZERO = re.compile(r"0*(?:\.0+)?(?<=0)\s*(?:[a-z]{2,4}|%)?\Z", re.IGNORECASE)
_FAR_OUT = re.compile(r"-[0-9]{3,}(?:\.[0-9]+)?(?:px|em|rem|pt|%|vw|vh)\Z", re.IGNORECASE)


def harmless_style(style: str) -> str:
    """Return a style without what loads a resource, or moves its box over others.

    A background stays where it is a colour. Where it goes, so does the colour of the text: it may
    be readable on that background alone.
    """
    kept: dict[str, str] = {}
    readable = True
    for declaration in style.split(";"):
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
    return ";".join(f"{name}:{value}" for name, value in kept.items())


def hides(style: str) -> bool:
    """Tell whether nothing is seen of an element with this style, nor of those within it."""
    values = _values(style)

    def is_zero(*names: str) -> bool:
        return any(_ZERO.match(values.get(name, "1")) for name in names)

    clipped = values.get("overflow") in ("hidden", "clip")
    placed = values.get("position") in ("absolute", "fixed")
    return (
        values.get("display") == "none"
        or values.get("visibility") in ("hidden", "collapse")
        or is_zero("opacity")
        or (clipped and is_zero("height", "max-height", "width", "max-width"))
        or (placed and any(_FAR_OUT.match(values.get(side, "")) for side in ("left", "top")))
    )


def letters_are_seen(style: str) -> bool | None:
    """Tell whether a style gives letters a size that is not zero; None where it gives none.

    Elements within may give theirs another one: a table of pictures often has the size zero.
    """
    size = _values(style).get("font-size")
    return None if size is None else not _ZERO.match(size)


def _values(style: str) -> Mapping[str, str]:
    """The value of each property; of several the last, as in a browser, important or not."""
    declarations = (one.partition(":") for one in style.lower().split(";"))
    return {name.strip(): _IMPORTANT.sub("", value.strip()) for name, _, value in declarations}
