"""What an IMAP server has said of itself in a session: its refusals, in its own words.

The texts of imaplib's errors quote whole lines, which may be mail; these are status responses only.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from mailmirror.domain.imap_answers import (
    Condition,
    StatusResponse,
    greeting_refusal,
    session_refusal,
    sign_in_refusal,
    visible,
)
from mailmirror.domain.limits import MAX_HEARD_ALERTS, MAX_HEARD_LINE_BYTES
from mailmirror.domain.problems import Code, Refused

_STATUS = re.compile(rb"(\*|[A-P]{4}\d+) (OK|NO|BAD|BYE|PREAUTH)(?: |(?=\r?\n))", re.IGNORECASE)
"""The beginning of a status response (RFC 9051 7.1); imaplib's tags are four letters and digits."""
_LITERAL = re.compile(rb"(?<=[ (])~?\{([0-9]{1,20}+)\+?\}\r\n\Z")
_ALERT = re.compile(r"\[(?:WEB)?ALERT\b", re.IGNORECASE)
_EXCHANGE_ONLINE = re.compile(r"Microsoft Exchange IMAP4 service is ready\. \[")
"""A server of one's own does not add the name of a server in brackets."""


def completed(line: bytes) -> bytes:
    """Return a line as imaplib expects it: a status in capitals, and a blank before its text.

    Some servers send a tagged `OK` without a text (RFC 9051 7.1 demands one). A literal is
    announced as `{5}` also where the server writes `~{5}` (literal8, RFC 3516 and RFC 9051) or
    `{5+}`, which only a client may.
    """
    if line.endswith(b"}\r\n") and (literal := _LITERAL.search(line)):
        return line[: literal.start()] + b"{" + literal[1] + b"}\r\n"
    found = _STATUS.match(line)
    if found is None:
        return line
    return found[1] + b" " + found[2].upper() + b" " + line[found.end() :]


class CommandRefused(Refused):
    """A tagged NO or BAD to a command after the sign-in that is about this command."""


@dataclass(slots=True)
class Heard:
    """The status responses since `begin`. One object a session."""

    redact: Callable[[str], str] = str
    """Hides secrets that a server repeats."""
    first_line: str = ""
    """Of the session: the greeting, of whatever service."""
    _refusal: StatusResponse | None = field(init=False, default=None)
    _notices: list[str] = field(init=False, default_factory=list)

    def begin(self) -> None:
        """Forget what was said before the next command."""
        self._refusal = None
        self._notices.clear()

    def line(self, line: bytes) -> None:
        """Take note of a line that is not part of a literal."""
        line = line[:MAX_HEARD_LINE_BYTES]
        if not self.first_line:
            self.first_line = visible(line.decode("utf-8", "replace"))
        found = _STATUS.match(line)
        if found is None:
            return
        condition, text = found[2].upper().decode(), line[found.end() :].decode("utf-8", "replace")
        is_tagged = found[1] != b"*"
        if condition == "BYE" or (is_tagged and condition in ("NO", "BAD")):
            text = text.strip()
            self._refusal = StatusResponse(Condition(condition), text, self.redact(text))
        elif not is_tagged and _ALERT.search(text):
            self._notices.append(text.strip())
            del self._notices[:-MAX_HEARD_ALERTS]

    def greeting(self) -> Refused:
        """Return why the server does not greet."""
        if self._refusal is not None and self._refusal.condition is Condition.BYE:
            return greeting_refusal(self._refusal)
        return Refused(Code.PROTOCOL_ERROR, f"no IMAP greeting: {self.first_line}".rstrip(": "))

    def before_sign_in(self, unsaid: Code) -> Refused:
        """Return why a command before the sign-in failed; see `sign_in`.

        Some servers greet, and then say with a BYE that they serve no one at present.
        """
        if self._refusal is not None and self._refusal.condition is Condition.BYE:
            return greeting_refusal(self._refusal)
        return self.command(unsaid)

    def sign_in(self, unsaid: Code) -> Refused:
        """Return why the sign-in failed.

        Parameters:
            unsaid: the code where the server has not said why.
        """
        if self._refusal is None:
            return Refused(unsaid)
        refused = sign_in_refusal(self._refusal)
        if refused.code is Code.SIGN_IN_FAILED and self._notices:
            # The tagged response is often a bare `LOGIN failed`, and the reason an alert before it.
            notice = StatusResponse(self._refusal.condition, self._notices[-1], "")
            refused = Refused(sign_in_refusal(notice).code, refused.detail)
        if refused.code is Code.SIGN_IN_FAILED and _EXCHANGE_ONLINE.search(self.first_line):
            # It refuses every password, the right one too, with a bare `LOGIN failed.`
            refused = Refused(Code.SIGN_IN_WITH_PROVIDER, refused.detail)
        words = " / ".join([*map(self.redact, self._notices), refused.detail])
        return Refused(refused.code, visible(words))

    def command(self, unsaid: Code) -> Refused:
        """Return why a command after the sign-in failed; see `sign_in`."""
        if self._refusal is None:
            return Refused(unsaid)
        refused = session_refusal(self._refusal)
        if refused.code is Code.PROTOCOL_ERROR:
            return CommandRefused(refused.code, refused.detail)
        return refused
