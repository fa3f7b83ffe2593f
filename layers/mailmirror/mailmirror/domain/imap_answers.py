"""Classify what an IMAP server says in a NO, a BAD or a BYE: by response code, then by words.

Response codes are those of RFC 5530, and OVERQUOTA of RFC 9208. Many servers give none, or one that
their words contradict, and say only in English what is the matter.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from mailmirror.domain.limits import MAX_REPLY_CHARS
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.sign_in_words import reason_in_words, words

OF_THE_SERVER = frozenset({Code.SERVER_UNAVAILABLE, Code.MAILBOX_NOT_OPENED})
"""Codes of a server that would refuse any other command at present, too."""


class Condition(StrEnum):
    """The conditions of a status response (RFC 9051 7.1) that are a refusal."""

    NO = "NO"
    BAD = "BAD"
    BYE = "BYE"


@dataclass(frozen=True, slots=True)
class StatusResponse:
    """A refusal, as the server words it."""

    condition: Condition
    text: str
    """With its response code, as in `[UNAVAILABLE] try later`."""
    shown: str
    """The text without secrets that the server repeats."""

    @property
    def response_code(self) -> str:
        """In capitals; empty where it has none."""
        found = _RESPONSE_CODE.match(self.text)
        return found[1].upper() if found else ""


def visible(text: str) -> str:
    """Return a server's words as they are shown: printable, on one line, and not too many."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_REPLY_CHARS]


def without_addresses(text: str) -> str:
    """Hide mail addresses, which a server may quote from a message."""
    return _ADDRESS.sub("…@…", text)


def greeting_refusal(said: StatusResponse) -> Refused:
    """Return what a BYE in place of a greeting means: the server accepts no one at present."""
    return Refused(Code.SERVER_UNAVAILABLE, visible(said.shown))


def sign_in_refusal(said: StatusResponse) -> Refused:
    """Return what a refusal of LOGIN or AUTHENTICATE means."""
    return Refused(_sign_in_code(said), visible(said.shown))


def session_refusal(said: StatusResponse) -> Refused:
    """Return what a refusal of a command after the sign-in means.

    A response code that says why a command failed, such as SERVERBUG or CORRUPTION, is about what
    was asked for, whatever its text adds; only words of throttling are about the server even then.
    """
    text, response_code = said.text, said.response_code
    has_reason = response_code not in ("", "ALERT")
    if _NOT_OPENED.search(text):
        code = Code.MAILBOX_NOT_OPENED
    elif (
        response_code in _UNAVAILABLE_CODES
        or _THROTTLED.search(text)
        or (not has_reason and _UNAVAILABLE.search(text))
    ):
        code = Code.SERVER_UNAVAILABLE
    elif said.condition is Condition.BYE:
        code = Code.CONNECTION_LOST
    else:
        code = Code.PROTOCOL_ERROR
    return Refused(code, visible(without_addresses(said.shown)))


def _sign_in_code(said: StatusResponse) -> Code:
    text, response_code = said.text, said.response_code
    if _NOT_OPENED.search(text):
        return Code.MAILBOX_NOT_OPENED
    if response_code in _UNAVAILABLE_CODES or response_code == "SERVERBUG":
        return Code.SERVER_UNAVAILABLE
    if (named := reason_in_words(text)) is not None:
        return named
    if response_code in _SIGN_IN_CODES:
        return _SIGN_IN_CODES[response_code]
    if _UNAVAILABLE.search(text) or _THROTTLED.search(text) or _SERVER_FAILED.search(text):
        return Code.SERVER_UNAVAILABLE
    if _CREDENTIAL.search(text):
        return Code.SIGN_IN_FAILED
    if response_code in ("ALERT", "WEBALERT"):
        return Code.SERVER_ALERT
    return {
        Condition.NO: Code.SIGN_IN_FAILED,
        Condition.BAD: Code.PROTOCOL_ERROR,
        Condition.BYE: Code.CONNECTION_LOST,
    }[said.condition]


_RESPONSE_CODE = re.compile(r"\s*\[([A-Za-z0-9/_-]{1,40})")
_ADDRESS = re.compile(r"[^\s<>@\"]{1,64}@[^\s<>@\"]{1,255}")
_UNAVAILABLE_CODES = {"UNAVAILABLE", "INUSE", "LIMIT", "OVERQUOTA", "THROTTLED", "SYS/TEMP"}
"""THROTTLED is Google's, and OVERQUOTA is said by Google where its daily bandwidth is used up."""
_SIGN_IN_CODES = {
    "AUTHENTICATIONFAILED": Code.SIGN_IN_FAILED,
    "AUTHORIZATIONFAILED": Code.SIGN_IN_FAILED,
    "EXPIRED": Code.PASSWORD_EXPIRED,
    "CONTACTADMIN": Code.ADMINISTRATOR_NEEDED,
    "PRIVACYREQUIRED": Code.SIGN_IN_UNSUPPORTED,
}
_THROTTLED = words(
    r"throttl",
    r"bandwidth",
    r"\brate[ -]limit",
    r"back-?off",
    r"too many (?:\w+ )?(?:connections|sessions|requests|commands)",
)
_UNAVAILABLE = words(
    r"temporar",
    r"\bbusy\b",
    r"overload",
    r"\blimits?\b",
    r"unavailable",
    r"not available",
    r"connections",
    r"too many (?:\w+ )?(?:log-?ins?|sign-?ins?|authentication|failed|failures|invalid|attempts)",
    r"\b(?:again|try|retry|back) (?:it )?(?:later|in \d)",
    r"maintenance",
)
_NOT_OPENED = words(r"authenticated,? but not connected")
"""Exchange, to every command after the sign-in, where no mailbox could be opened for the user."""
_SERVER_FAILED = words(r"(?:server|internal|system|backend|service) error", r"time(?:d)?[ -]?out")
"""At the sign-in these are about the server; of a message they may be about the message."""
_CREDENTIAL = words(
    r"credential",
    r"password",
    r"(?:log-?in|sign-?in|authenticat\w+|authoriz\w+) (?:has )?(?:fail|unsuccessful|denied|reject)",
    r"(?:invalid|unknown|wrong|bad|no such) (?:user|log-?in|account)",
)
