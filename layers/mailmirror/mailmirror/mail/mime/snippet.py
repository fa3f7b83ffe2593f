"""The beginning of what a message adds: without quotes, signature and the earlier message.

Programs introduce the earlier message in their user's language. It is known by its form: a
paragraph with a date or an address that ends in a colon, before quoted lines; or a block of lines
such as `From: …`, `Sent: …`, of which only the first label must be known.
"""

import re
from collections.abc import Iterator, Sequence, Set
from itertools import islice

from mailmirror.domain.limits import MAX_ATTRIBUTION_CHARS, MAX_SNIPPET_SOURCE_CHARS

_SNIPPET_CHARS = 200
_ATTRIBUTION = re.compile(
    r"(?:On\b.{4,300}\bwrote|Am\b.{4,300}\bschrieb\b.{0,200}|Le\b.{4,300}\ba écrit"
    r"|El\b.{4,300}\bescribió|.{1,300}さん[はが]書きました"
    r"|\d{4}年.{4,300}<[^\s<>@]+@[^\s<>@]+>)\s?[:\uff1a]\Z"
)
"""Those that are known without quoted lines behind them."""
_ATTRIBUTION_LINES = 3
_ENDS = tuple(".!?:;,。！？")
_HAS_DATE_OR_ADDRESS = re.compile(r"\d|@")
_ORIGINAL = re.compile(
    r"-{3,}\s*(?:Original Message|Forwarded Message|Original-Nachricht|Ursprüngliche Nachricht"
    r"|Message d'origine|Mensaje original|Mensagem original|Messaggio originale"
    r"|Oorspronkelijk bericht|元のメッセージ|原始邮件)\s*-{3,}\Z",
    re.IGNORECASE,
)
_RULE = re.compile(r"[_=-]{10,}\Z")
_FROM = re.compile(
    r"\*?(?:From|Von|De|Da|Van|Från|Fra|Od|От|Від|Lähettäjä|Feladó|Kimden|Gönderen|De la|Από"
    r"|差出人|送信元|发件人|寄件者|보낸 ?사람|من|מאת)\s?[:\uff1a]\*?\s*\S",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\*?[^\s:\uff1a][^:\uff1a]{0,25}[:\uff1a]\*?(?:\s|\S*@)")
_LABELS = 2
"""How many further labelled lines follow `From:` within four."""


def snippet_of(text: str) -> str:
    """Return the beginning of the new text on one line of at most 200 characters."""
    words: list[str] = []
    length = 0
    lines = iter(_new_lines(text[:MAX_SNIPPET_SOURCE_CHARS].split("\n")))
    while length <= _SNIPPET_CHARS and (line := next(lines, None)) is not None:
        for word in line.split():
            words.append(word)
            length += len(word) + 1
    folded = " ".join(words)
    return folded if len(folded) <= _SNIPPET_CHARS else folded[: _SNIPPET_CHARS - 1].rstrip() + "…"


def _new_lines(lines: Sequence[str]) -> Iterator[str]:
    """The lines that this message adds: no quoted ones, no signature, no earlier message."""
    introducing = _introducing(lines)
    has_new = False
    number = -1
    while (number := number + 1) < len(lines):
        bare = lines[number].strip()
        if lines[number].rstrip() == "--" or _ORIGINAL.match(bare) or _begins_block(lines, number):
            return
        if number in introducing or bare.startswith(">") or _RULE.match(bare):
            continue
        if count := _attribution_lines(lines, number):
            number += count - 1
            if has_new and not _is_quoted_after(lines, number):
                return
            continue
        has_new = has_new or bool(bare)
        yield bare


def _attribution_lines(lines: Sequence[str], number: int) -> int:
    """How many lines an attribution has that begins here; 0 where none begins."""
    for count in range(1, _ATTRIBUTION_LINES + 1):
        some = [one.strip() for one in lines[number : number + count]]
        if _is_attribution(" ".join(some)):
            later = (" ".join(some[first:]) for first in range(1, count))
            return 0 if any(map(_is_attribution, later)) else count
        if not _goes_on(some[-1]):
            break
    return 0


def _is_quoted_after(lines: Sequence[str], number: int) -> bool:
    """Whether the text behind a line is marked as quoted; where it is not, it is all of it."""
    following = (one for one in lines[number + 1 :] if one.strip())
    return next(following, ">").startswith(">")


def _introducing(lines: Sequence[str]) -> Set[int]:
    """The numbers of the lines that introduce quoted ones, in whatever language."""
    found: set[int] = set()
    for number, line in enumerate(lines):
        if not line.startswith(">") or (number and lines[number - 1].startswith(">")):
            continue
        last = number - 1
        while last >= 0 and not lines[last].strip():
            last -= 1
        if last < 0 or not lines[last].rstrip().endswith((":", "\uff1a")):
            continue
        first = last
        while first > 0 and last - first + 1 < _ATTRIBUTION_LINES and _goes_on(lines[first - 1]):
            first -= 1
        joined = " ".join(lines[first : last + 1])
        if len(joined) <= MAX_ATTRIBUTION_CHARS and _HAS_DATE_OR_ADDRESS.search(joined):
            found |= set(range(first, last + 1))
    return found


def _goes_on(line: str) -> bool:
    """Whether a line is not empty, and no sentence ends with it."""
    bare = line.strip()
    return bool(bare) and not bare.startswith(">") and not bare.endswith(_ENDS)


def _begins_block(lines: Sequence[str], number: int) -> bool:
    """Whether the header of an earlier message begins here, as Outlook writes it."""
    if not _FROM.match(lines[number].strip()):
        return False
    some = lines[number + 1 : number + 9]
    following = islice((one.strip() for one in some if one.strip()), 4)
    return sum(_LABEL.match(one) is not None for one in following) >= _LABELS


def _is_attribution(line: str) -> bool:
    """Whether a line is like `On …, Kim wrote:`. Long lines are not examined."""
    return len(line) <= MAX_ATTRIBUTION_CHARS and _ATTRIBUTION.match(line) is not None
