"""Where a tag is in HTML, as its tokenization says (HTML standard, 13.2.5), in linear time."""

import re

_RAW = "title|textarea|style|script|iframe|noembed|noframes|noscript|xmp"
"""Elements whose content has no tags."""

_S = r"\t\n\f\r "
ATTRIBUTE = (
    rf"[{_S}/]*+[^{_S}/>][^{_S}/>=]*+[{_S}]*+"
    rf"(?:=[{_S}]*+(?:\"[^\"]*+\"|'[^']*+'|(?![\"'])[^{_S}>]*+)|(?!=))"
)
"""With the blanks before it (13.2.5.32 to 13.2.5.39). It has no quote that nothing closes."""
_ICON = (
    rf"<svg(?:[{_S}]++[\w:-]++=\"[^\"]*+\")*+[{_S}]*+>"
    r"(?:[^<]++|</?(?:circle|clippath|defs|ellipse|g|line|lineargradient|mask|path|polygon|polyline"
    rf"|radialgradient|rect|stop|symbol|text|tspan|use)(?:[{_S}]++[\w:-]++=\"[^\"]*+\"){{0,50}}+"
    rf"[{_S}]*+/?>){{0,500}}+</svg[{_S}]*+>"
)
"""An SVG image of plain shapes, as newsletters have: no tag in it is HTML, or hides another."""
TOKEN = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?][^>]*+>?|</(?![a-z])[^>]*+>?"
    rf"|(?P<icon>{_ICON})"
    rf"|<(?:(?P<raw>{_RAW})(?=[{_S}/>])|(?P<end>/?)(?P<name>[a-z][^{_S}/>]*+))"
    rf"(?P<attributes>(?:{ATTRIBUTE})*+)[{_S}/]*+>(?(raw).*?(?=</(?P=raw)[{_S}/>]|\Z))"
    r"|</?[a-z].*+|\Z",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
"""In their order: a comment, an SVG image, a tag (with the content of an element of `_RAW`), a tag
that nothing closes, which takes the rest of the document, and the document's end.

Each quantifier is possessive or stops at the first end, so that no character is read twice but
those of a tag that nothing closes.
"""
ATTRIBUTES = re.compile(ATTRIBUTE)
