"""E-mail addresses as they are matched."""

import re
import unicodedata
from functools import lru_cache
from typing import NewType

from mailmirror.domain.limits import MAX_ADDRESS_CHARS, MAX_ADDRESS_OCTETS, MAX_LOCAL_OCTETS

Address = NewType("Address", str)
"""An address as matched: case-folded, its domain in A-labels (RFC 5890)."""

_LOCAL = re.compile(r"[^\s@<>(),;:\\\"\[\]\x00-\x1f\x7f\ud800-\udfff]+\Z")
_QUOTED = re.compile(r"\"(?=\s*[^\s\"])[^@<>\"\\\x00-\x1f\x7f\ud800-\udfff]+\"\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
"""Default_Ignorable_Code_Point of Unicode 16: they are not displayed, and programs paste them."""
_MAYBE_WIDE = re.compile("[\u3000\uff01-\uffee]")
"""Every character whose decomposition is `<wide>` or `<narrow>` is among these."""


def normalise(text: str) -> Address | None:
    """Return the address in the form in which addresses are compared, or None where it is none.

    The local part is case-folded too: RFC 5321 lets a host tell cases apart, but none that
    sales people write to does, and a customer typed as `Kim@` must match `kim@`.
    """
    text = plain(text)
    if len(text) > MAX_ADDRESS_CHARS:
        return None
    local, at, domain = unicodedata.normalize("NFC", text).rpartition("@")
    # Folding takes some letters apart (U+1F97), which NFC joins again.
    local = unicodedata.normalize("NFC", local.casefold())
    if _QUOTED.match(local):
        # Quotes belong to an address only where its local part needs them (RFC 5321 4.1.2).
        content = " ".join(local[1:-1].split())
        local = content if _LOCAL.match(content) else f'"{content}"'
    elif not _LOCAL.match(local):
        return None
    labels = _a_labels(domain.rstrip("."))
    if (
        not at
        or local == '""'
        or labels is None
        or len(local.encode()) + 1 + len(labels) > MAX_ADDRESS_OCTETS
    ):
        return None
    return Address(f"{local}@{labels}")


def as_written(text: str) -> str | None:
    """Return an address to send to: its local part as it was written, its domain in A-labels.

    None where it is no address. Cases are kept: a host may tell them apart (RFC 5321 2.4).
    """
    if normalise(text) is None:
        return None
    local, _, domain = unicodedata.normalize("NFC", plain(text)).rpartition("@")
    if len(local.encode()) > MAX_LOCAL_OCTETS:
        return None
    return f"{local}@{_a_labels(domain.rstrip('.'))}"


def plain(text: str) -> str:
    """Return a text as it is read as an address: without invisible characters, of ordinary width.

    Takes linear time. Only the width of letters is folded (RFC 8265 3.3.1): NFKC would also make
    `kim2@` of `kim²@`, which is another address.
    """
    if text.isascii():
        return text.strip()
    return _MAYBE_WIDE.sub(_of_ordinary_width, _INVISIBLE.sub("", text)).strip()


def _of_ordinary_width(found: re.Match[str]) -> str:
    kind, _, code = unicodedata.decomposition(found[0]).partition(" ")
    return chr(int(code, 16)) if kind in ("<wide>", "<narrow>") else found[0]


def domain_of(address: Address) -> str:
    """Return the domain of an address, in A-labels."""
    return address.rpartition("@")[2]


def normalise_domain(text: str) -> str | None:
    """Return a domain of addresses, with or without `@`, as `domain_of` does; None if it is none.

    A top-level domain alone is none.
    """
    labels = _a_labels(unicodedata.normalize("NFC", plain(text)).removeprefix("@").rstrip("."))
    return labels if labels and "." in labels else None


@lru_cache(maxsize=1024)
def _a_labels(domain: str) -> str | None:
    """Return a domain in A-labels and lower case, or None where it cannot be a host's name.

    By the mapping of IDNA 2003 (RFC 3490), in which `ß` is `ss`: the standard library's only one.
    It takes 100 µs a domain beyond ASCII, and many addresses have the same domain.
    """
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = ascii_domain.split(".")
    return ascii_domain if labels and all(map(_LABEL.match, labels)) else None
