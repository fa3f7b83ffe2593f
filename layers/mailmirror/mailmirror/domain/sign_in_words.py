"""Why a mail server, of IMAP or of SMTP, refuses a sign-in, where its words say it."""

import re

from mailmirror.domain.problems import Code


def words(*alternatives: str) -> re.Pattern[str]:
    """Compile a pattern that is searched for in a server's words, in any case."""
    return re.compile("|".join(alternatives), re.IGNORECASE)


def reason_in_words(text: str) -> Code | None:
    """Return the reason that a text names; None where it names none, or one that passes."""
    if _FOR_NOW.search(text):
        return None
    return next((code for code, pattern in _REASONS if pattern.search(text)), None)


_FOR_NOW = words(r"temporar", r"\blater\b", r"\bbusy\b")
_REASONS = (
    (Code.APP_PASSWORD_REQUIRED, words(r"app(?:lication)?[- ](?:specific[- ])?password")),
    (
        Code.IMAP_DISABLED,
        words(
            r"\bimap4?\b[^.]{0,40}(?:\bnot (?:been )?\w*(?:enabled|activ|allowed|available|permit)"
            r"|\bdisabled|\bturned off|\bswitched off|\bis off|\bblocked)",
            r"\bnot (?:been )?(?:enabled|activated|allowed|permitted|have)\b[^.]{0,40}\bimap4?\b",
            r"(?:enable|activate|turn on|switch on)\b[^.]{0,30}\bimap4?\b",
        ),
    ),
    (
        Code.PASSWORD_EXPIRED,
        words(r"password (?:has |is |was )*expired", r"expired password", r"change your password"),
    ),
    (
        Code.USER_DISABLED,
        words(r"(?:account|user|mailbox)\b[^.]{0,20}\b(?:locked|disabled|suspended|deactivated)"),
    ),
)
"""What servers say beside ALERT, AUTHENTICATIONFAILED or no code at all, the most exact first."""
