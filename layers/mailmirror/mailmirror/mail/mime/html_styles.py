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

    clipped = values.get("overflow") in ("hidden", "clip")
    placed = values.get("position") in ("absolute", "fixed")
    return (
        values.get("display") == "none"
        or is_zero("opacity")
        or (clipped and (has_none("height") or has_none("width")))
        or (placed and any(_FAR_OUT.match(values.get(side, "")) for side in ("left", "top")))
    )


def letters_are_seen(style: str) -> bool | None:
    """Tell whether a style lets letters be seen, by their size and visibility; None where it says
    neither.

    Elements within may say otherwise: a table of pictures often has the size zero.
    """
    values = _values(style)
    size, visibility = values.get("font-size"), values.get("visibility")
    if size is None and visibility is None:
        return None
    return visibility not in ("hidden", "collapse") and not (size and _ZERO.match(size))


def _values(style: str) -> Mapping[str, str]:
    """The value of each property: of several the last that is important, else the last."""
    values: dict[str, str] = {}
    important: set[str] = set()
    for declaration in style.lower().split(";"):
        name, _, value = (one.strip() for one in declaration.partition(":"))
        before, mark, after = value.rpartition("!")
        if mark and after.strip() == "important":
            important.add(name)
            values[name] = before.rstrip()
        elif name not in important:
            values[name] = value
    return values
