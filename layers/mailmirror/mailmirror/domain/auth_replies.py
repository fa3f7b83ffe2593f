"""Classify what a submission server answers to AUTH (RFC 4954)."""

import re

from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.replies import Reply
from mailmirror.domain.sign_in_words import reason_in_words

_COMMAND_REFUSED = (500, 502, 503, 504)
"""RFC 5321 4.2.4, RFC 4954 4: the server has no AUTH, or not this mechanism."""
_SMTP_AUTH_OFF = re.compile(
    r"SmtpClientAuthentication is disabled|SMTP AUTH is disabled|basic authentication is"
    r"|\b5\.7\.(?:30|57|139)\b",
    re.IGNORECASE,
)
"""Microsoft's replies where SMTP AUTH, or signing in by password, is switched off."""
_WRONG_PASSWORD = "credentials were incorrect"
"""What it says with the same 5.7.139 to a wrong password."""
_OF_THE_PASSWORD = (Code.APP_PASSWORD_REQUIRED, Code.PASSWORD_EXPIRED)


def auth_refusal(reply: Reply, shown: Reply) -> Refused:
    """Return what a refusal of AUTH means, with the server's words.

    Parameters:
        shown: the same reply without secrets that the server repeats.
    """
    return Refused(_code(reply), str(shown))


def _code(reply: Reply) -> Code:
    if reply.for_now or reply.code < 400:
        return Code.SERVER_UNAVAILABLE
    named = reason_in_words(reply.text)
    if named in _OF_THE_PASSWORD:
        return named
    if _SMTP_AUTH_OFF.search(reply.text) and _WRONG_PASSWORD not in reply.text:
        return Code.SMTP_AUTH_DISABLED
    if reply.code in _COMMAND_REFUSED:
        return Code.SIGN_IN_UNSUPPORTED
    return Code.USER_DISABLED if named is Code.USER_DISABLED else Code.SIGN_IN_FAILED
