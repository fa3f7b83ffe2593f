"""Hide a secret in what a server says, in whatever form the server repeats it.

Servers quote the command that they refuse: as it was sent, encoded once more, cut short, or broken
over two lines. The comparison ignores case and blanks:

    535-5.7.8 PLAIN AHJlcEB1cy5leGFt…     a piece of what was sent as base64
    535-5.7.8 hunter / 535 5.7.8 2-Geheim a secret on two lines of an SMTP reply
    BAD LOGIN "rep" "ab\\"cd"              the quoted string of IMAP
"""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

_PIECE_CHARS = 12
"""Of a longer secret every piece of so many characters is hidden, since servers cut what they
repeat."""
_SURE_CHARS, _SURE_MIXED_CHARS = 8, 4
"""A shorter secret, or one of letters or digits alone, can be part of any word: it is hidden only
where no letter or digit of ASCII adjoins. Japanese words have no blanks between them."""
_SHOWN_CHARS = 4_000
"""More of what a server says is shown nowhere; replies of a megabyte would take a second."""
_BREAK = re.compile(r"\s+(?:[245]\.\d{1,3}\.\d{1,3}\s+)?")
"""Between two lines of a reply, of which the second begins with its enhanced code (RFC 2034)."""
_RUN = re.compile(r"[A-Za-z0-9+/=_-]+")
"""The alphabets of base64; a run of them is hidden as a whole."""
_NOT_ENCODED_IN_URLS = ("", "!'()*~", "/")
"""By RFC 3986, by JavaScript's `encodeURIComponent`, and by Python's `quote`."""

HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class SecretForms:
    """The forms of a secret in which a server may repeat it."""

    anywhere: frozenset[str]
    """Hidden wherever they stand; case-folded, without blanks, 12 characters at the most."""
    alone: frozenset[str]
    """Hidden where they stand by themselves."""

    @classmethod
    def of(cls, secret: str, *sent: str) -> "SecretForms":
        """Make the forms of a secret.

        Parameters:
            sent: what was sent as base64 and has the secret in it.
        """
        forms = {one for one in _written(secret, sent) if one.strip()}
        sure = {one for one in forms if _is_sure(one)}
        return cls(
            frozenset(piece for one in sure for piece in _pieces(_without_blanks(one))),
            frozenset(forms - sure),
        )

    def hide(self, text: str) -> str:
        """Replace each form, or piece of one, by an ellipsis, in what may be shown of a text."""
        text = text[:_SHOWN_CHARS]
        hidden = self._places(text)
        for run in _RUN.finditer(text):
            if not hidden.isdisjoint(range(*run.span())):
                hidden.update(range(*run.span()))
        kept = "".join("\0" if n in hidden else one for n, one in enumerate(text))
        kept = re.sub("\0+", HIDDEN, kept) if hidden else text
        for one in self.alone:
            # No other case: in a server's words a short password is rarely the user's.
            kept = re.sub(rf"(?a:(?<!\w)){re.escape(one)}(?a:(?!\w))", HIDDEN, kept)
        return kept

    def _places(self, text: str) -> set[int]:
        """Where the characters of forms stand in a text."""
        breaks = {n for one in _BREAK.finditer(text) for n in range(*one.span())}
        folded = [
            (letter, n)
            for n, one in enumerate(text)
            if n not in breaks
            for letter in one.casefold()
        ]
        letters = "".join(letter for letter, _ in folded)
        places: set[int] = set()
        for size in {len(one) for one in self.anywhere}:
            for start in range(len(letters) - size + 1):
                if letters[start : start + size] in self.anywhere:
                    places.update(range(folded[start][1], folded[start + size - 1][1] + 1))
        return places


def _written(secret: str, sent: Iterable[str]) -> Iterator[str]:
    """The ways in which a secret may be written; some of them are the same."""
    raw = secret.encode()
    yield secret
    # As IMAP quotes it (RFC 9051 4.3), and JSON.
    yield secret.replace("\\", "\\\\").replace('"', '\\"')
    yield json.dumps(secret)[1:-1]
    yield from (html.escape(secret), html.escape(secret).replace("&#x27;", "&#39;"))
    yield from (quote(secret, safe=safe) for safe in _NOT_ENCODED_IN_URLS)
    yield quote_plus(secret)
    yield raw.hex()
    for one in (secret, *sent):
        encoded = b64encode(one.encode()).decode("ascii")
        yield from (encoded, encoded.rstrip("="))
    for before in range(3):
        # The characters of base64 that are the secret's alone, in whatever it is encoded with.
        encoded = b64encode(bytes(before) + raw).decode("ascii")
        inner = encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]
        if len(inner) >= _SURE_CHARS:
            yield inner


def _is_sure(form: str) -> bool:
    """Whether a form is not part of a word by chance."""
    letters = _without_blanks(form)
    is_mixed = not letters.isalpha() and not letters.isdigit()
    return len(letters) >= (_SURE_MIXED_CHARS if is_mixed else _SURE_CHARS)


def _without_blanks(form: str) -> str:
    return "".join(form.casefold().split())


def _pieces(form: str) -> Iterator[str]:
    for start in range(max(1, len(form) - _PIECE_CHARS + 1)):
        yield form[start : start + _PIECE_CHARS]
