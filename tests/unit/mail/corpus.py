"""The corpus of real messages, and broken ones made of them."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

_DATA = Path(__file__).parents[2] / "data"


def _read(folder: str) -> dict[str, bytes]:
    root = _DATA / "corpus" / folder
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.eml"))}


MESSAGES = _read("messages")
BOUNCES = _read("bounces")

EXPECTED: dict[str, dict[str, Any]] = json.loads((_DATA / "expected.json").read_text("utf-8"))
"""What stands in a message, as read off the raw file; sizes as of `base64 -d | wc -c`."""


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Messages of the corpus with bytes cut out, put in, doubled or changed."""
    raw = bytearray(draw(st.sampled_from(list(MESSAGES.values()))))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, max(0, min(len(raw), 4000) - 1)))
        end = min(len(raw), start + draw(st.integers(0, 60)))
        change = draw(st.sampled_from(["cut", "put", "double", "case"]))
        if change == "cut":
            del raw[start:end]
        elif change == "put":
            raw[start:start] = draw(st.binary(max_size=12))
        elif change == "double":
            raw[start:start] = raw[start:end]
        else:
            raw[start:end] = raw[start:end].swapcase()
    return bytes(raw)
