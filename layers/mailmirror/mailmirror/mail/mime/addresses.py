"""Address fields: the mailboxes in From, To and the others (RFC 5322 3.4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailmirror.domain.address import Address, normalise
from mailmirror.domain.message import Participant
from mailmirror.mail.mime.fields import WORD, decode_words

_TOKEN = re.compile(
    rf"""(?P<word>{WORD})
      | (?P<quote>")
      | (?P<angle><[^<>]*>|<[^<>,;]*)
      | (?P<literal>\[[^\[\]]*\])
      | (?P<mark>[,;:])
      | (?P<open>\()
      | (?P<text>[^=",;:<(\[]+|.)""",
    re.DOTALL | re.VERBOSE,
)
_QUOTED_REST = re.compile(r'((?:\\.|[^"\\])*)"(?=(@?))', re.DOTALL)
_COMMENT_MARK = re.compile(r"\\.|[()]", re.DOTALL)
_ROUTE = re.compile(r"\A\s*@[^:]*:")
_LOOSE = re.compile(r'("[^"]*")| ?([.@]) ?')
_ASIDE = re.compile(r'"[^"]*"|\([^()]*\)')
_APART = r"\s@<>(),;:\\\"\[\]?"
_ANYWHERE = re.compile(rf'(?<![^{_APART}])(?<!@)[^{_APART}]{{1,64}}+@[^{_APART}]{{1,255}}+(?!"?@)')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(slots=True)
class _Element:
    """The text between two commas."""

    words: list[str]
    comment: str = ""
    angle: str | None = None

    def is_empty(self) -> bool:
        return not "".join(self.words).strip() and not (self.angle or "").strip()


def read_mailboxes(field: str, *, cut: bool = False) -> list[Participant]:
    """Return the mailboxes of an address field.

    An empty group (`undisclosed-recipients:;`) and a null path (`<>`) are nothing. RFC 2047 words
    are decoded after the addresses were split off, so that a display name is never taken for an
    address. Only where a field has no mailbox at all, addresses are searched for in its text.

    Parameters:
        cut: whether the field goes on. What may belong to its last mailbox is left out then: its
            beginning could be another address.
    """
    elements = [element for element in _elements(field, cut) if not element.is_empty()]
    mailboxes = [mailbox for mailbox in map(_mailbox, elements) if mailbox is not None]
    if elements and not mailboxes and not cut:
        mailboxes = _rescue(field)
    return mailboxes


def _elements(field: str, cut: bool) -> Iterator[_Element]:
    """Yield what stands between commas; of a field that is cut, without the last."""
    element = _Element([])
    position = 0
    # A bracket without its end opens nothing, nor do later ones of its kind: else the time to
    # read a field would grow with its square.
    quotes = comments = True
    while token := _TOKEN.match(field, position):
        kind, text, position = token.lastgroup, token.group(), token.end()
        if kind == "mark":
            # The text before a colon is a group's name, or a `mailto`.
            if text != ":":
                yield element
            element = _Element([])
        elif kind == "angle":
            if element.angle is not None and element.words[-1].strip():
                yield element
                element = _Element([])
            element.angle = text.strip("<>")
            element.words.append("")
        elif kind == "quote" and quotes:
            quoted = _QUOTED_REST.match(field, position)
            if quoted is None and cut:
                return
            quotes = quoted is not None
            if quoted is not None:
                # Before an @ it is a local part, whose quotes belong to the address.
                element.words.append(f'"{quoted[1]}"' if quoted[2] else quoted[1])
                position = quoted.end()
        elif kind == "open" and comments:
            end = _comment_end(field, position)
            if end is None and cut:
                return
            comments = end is not None
            if end is not None:
                element.comment, position = field[position : end - 1], end
        else:
            element.words.append(text)
    if not cut:
        yield element


def _mailbox(element: _Element) -> Participant | None:
    words = "".join(element.words)
    if element.angle is None:
        address, name = _address(words), element.comment
    else:
        spec = _ROUTE.sub("", _without_comments(element.angle)).strip(" \t'")
        address, name = _address(spec), words if words.strip() else element.comment
    if address is None:
        return None
    return Participant(_display(name), address)


def _address(spec: str) -> Address | None:
    """Return an address that may have blanks around its dots (RFC 5322 4.4)."""
    return normalise(_LOOSE.sub(r"\1\2", " ".join(spec.split())))


def _rescue(field: str) -> list[Participant]:
    """Search for addresses in a field without a well-formed mailbox.

    Within its angle brackets where it has some, for then the rest is display names; else outside
    of quotes and comments, and only then in all of it.
    """
    angles = re.findall(r"<([^<>]*)", field)
    texts = angles if angles else [_ASIDE.sub(" ", field), field, decode_words(field)]
    for text in texts:
        found = [normalise(match.strip("'.")) for match in _ANYWHERE.findall(text)]
        if any(found):
            return [Participant("", address) for address in found if address is not None]
    return []


def _display(name: str) -> str:
    return " ".join(decode_words(_ESCAPED.sub(r"\1", name)).split()).strip("\"' ")


def _without_comments(text: str) -> str:
    kept, position = "", 0
    while (opened := text.find("(", position)) >= 0:
        end = _comment_end(text, opened + 1)
        if end is None:
            break
        kept, position = kept + text[position:opened], end
    return kept + text[position:]


def _comment_end(text: str, position: int) -> int | None:
    """Return where the comment whose text begins at a position ends, None where it never does."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(text, position):
        if mark.group() in "()":
            depth += 1 if mark.group() == "(" else -1
            if depth == 0:
                return mark.end()
    return None
