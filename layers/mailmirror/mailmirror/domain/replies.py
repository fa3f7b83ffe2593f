"""Classify a server's reply: by its text, its enhanced code (RFC 3463), then its code."""

import re
from dataclasses import dataclass

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.limits import MAX_REPLY_CHARS


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply (RFC 5321 4.2), with its enhanced code (RFC 3463) where it has one."""

    code: int
    """0 where no server was asked, or where its answer is no reply."""
    enhanced: str = ""
    text: str = ""

    @classmethod
    def parse(cls, code: int, text: str) -> "Reply":
        """From a reply's code and its lines; unprintable characters are left out."""
        visible = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        found = _ENHANCED.match(visible)
        return cls(code, found[1] if found else "", visible[:MAX_REPLY_CHARS])

    @property
    def transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def for_now(self) -> bool:
        """Whether a refusal before the message is one for now, as some say with a 5xx.

        Not for replies to the message itself, in which `temporary` may speak of anything.
        """
        return self.transient or (
            self.code >= 500
            and (self.enhanced.startswith("4.") or _FOR_NOW.search(self.text) is not None)
        )

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip() if self.code else self.text


_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")
_FOR_NOW = re.compile(
    r"try (?:it )?again later|retry later|temporar(?:y|ily)|too many (?:concurrent |simultaneous )?"
    r"(?:connections|sessions|log-?ins?|sign-?ins?|authentication|failed|attempts)"
    r"|throttl|rate limit|server (?:is )?(?:too )?busy",
    re.IGNORECASE,
)
_NAMES = re.compile(r"<[^<>]*>|https?://\S+|\S+@\S+", re.IGNORECASE)
"""Addresses and links in a text: their letters say nothing about the reason."""

_BY_TEXT: tuple[tuple[DeliveryCode, re.Pattern[str]], ...] = tuple(
    (code, re.compile(pattern, re.IGNORECASE))
    for code, pattern in (
        (DeliveryCode.SUPPRESSED, r"suppress"),
        (DeliveryCode.SANDBOX, r"identities failed the check|sandbox"),
        (DeliveryCode.GREYLISTED, r"gr[ae]y-? ?list"),
        (
            DeliveryCode.SENDING_LIMIT_REACHED,
            r"(?:daily|hourly|sending|submission|outgoing|relay) (?:user |message |mail )?"
            r"(?:sending )?(?:limit|quota|rate)|too many (?:messages|recipients|mails|emails)"
            r"|(?:rate|frequency|thread) limit|submission ?quota"
            r"|throttl|maximum sending rate|exceeded (?:the|your) (?:rate|sending)",
        ),
        (
            DeliveryCode.MESSAGE_TOO_LARGE,
            r"message (?:file |size )?(?:is )?(?:too (?:big|large)|exceeds|length|larger)"
            r"|size (?:limit|exceed)|exceeds (?:the )?(?:fixed |maximum )*(?:message )?size"
            r"|(?<!headers )too large|message size",
        ),
        (DeliveryCode.SERVER_UNAVAILABLE, r"insufficient (?:system|disk)|system storage"),
        (
            DeliveryCode.MAILBOX_FULL,
            r"(?:over|exceed\w*|out of|insufficient|not enough).{0,40}(?:quota|storage|space)"
            r"|(?:mail)?box.{0,20}full|quota.{0,20}exceed|disk quota|mailbox size limit",
        ),
        (
            DeliveryCode.SENDER_NOT_ALLOWED,
            r"sendasdenied|send as|sender address rejected|not allowed to send|not owned by"
            r"|sender (?:not|is not)|from address|address is not verified|sender denied"
            r"|envelope sender|domain of sender",
        ),
        (
            DeliveryCode.DOMAIN_NOT_FOUND,
            r"host (?:or domain name )?(?:name )?not found"
            r"|domain (?:name )?(?:not found|does ?n.t exist)"
            r"|(?:bad|unknown|no such|unrouteable|invalid) (?:domain|host)|nxdomain|no mx"
            r"|name server|host unknown|unrouteable (?:mail )?domain|domain is not reachable"
            r"|null mx|no relevant answers",
        ),
        (
            DeliveryCode.RECIPIENT_UNKNOWN,
            r"user (?:is )?unknown|unknown (?:user|recipient|address|mailbox|local)"
            r"|(?:no|not a|invalid|bad) (?:such |valid |a )*"
            r"(?:user|recipient|mailbox|address|person)"
            r"|(?:does not|doesn.?t) (?:exist|have an? .{0,40}(?:account|mailbox))"
            r"|not (?:exist|found)|unrouteable address"
            r"|recipient (?:address )?rejected|account.{0,30}(?:disabled|blocked|suspended)"
            r"|mailbox (?:is )?(?:unavailable|disabled|not found|inactive)"
            r"|address rejected|no longer",
        ),
        (
            DeliveryCode.SIGN_IN_FAILED,
            r"authentication (?:fail|unsuccessful|credentials)|credentials|username and password"
            r"|basic authentication is|client not authenticated",
        ),
        (DeliveryCode.TIMED_OUT, r"timed? ?out|too long|expired|retry time"),
        (
            DeliveryCode.REFUSED_BY_POLICY,
            r"spam|block|black ?list|polic|dmarc|\bspf\b|dkim|reputation|virus|malware|content"
            r"|dnsbl|rbl|abuse|denied|refused|prohibited|banned|not permitted|relay"
            r"|\bptr\b|reverse dns|\brejected\b|not accept",
        ),
    )
)
"""Tried in this order: a server's text says more than its code, which many choose at random."""

_BY_ENHANCED: tuple[tuple[str, DeliveryCode], ...] = (
    ("1.2", DeliveryCode.DOMAIN_NOT_FOUND),
    ("4.4", DeliveryCode.DOMAIN_NOT_FOUND),
    ("1.7", DeliveryCode.SENDER_NOT_ALLOWED),
    ("1.8", DeliveryCode.SENDER_NOT_ALLOWED),
    ("2.2", DeliveryCode.MAILBOX_FULL),
    ("2.3", DeliveryCode.MESSAGE_TOO_LARGE),
    ("3.1", DeliveryCode.SERVER_UNAVAILABLE),
    ("3.2", DeliveryCode.SERVER_UNAVAILABLE),
    ("3.4", DeliveryCode.MESSAGE_TOO_LARGE),
    ("4.5", DeliveryCode.SENDING_LIMIT_REACHED),
    ("4.1", DeliveryCode.TIMED_OUT),
    ("4.2", DeliveryCode.TIMED_OUT),
    ("4.7", DeliveryCode.TIMED_OUT),
    ("6.7", DeliveryCode.ADDRESS_UNSUPPORTED),
    ("7.8", DeliveryCode.SIGN_IN_FAILED),
    ("1", DeliveryCode.RECIPIENT_UNKNOWN),
    ("2.1", DeliveryCode.RECIPIENT_UNKNOWN),
    ("6", DeliveryCode.REFUSED_BY_POLICY),
    ("7", DeliveryCode.REFUSED_BY_POLICY),
)
"""RFC 3463, without the class."""
_BY_CODE = {
    552: DeliveryCode.MAILBOX_FULL,
    553: DeliveryCode.RECIPIENT_UNKNOWN,
}


_SIGN_IN_CODES = (530, 534, 535, 538)
"""RFC 4954 6: no server says these of a message."""
_GREYLISTING = {(450, "4.2.0"), (450, "4.7.1"), (451, "4.2.0"), (451, "4.7.1")}
_GREYLISTERS_WORDS = (None, DeliveryCode.RECIPIENT_UNKNOWN, DeliveryCode.REFUSED_BY_POLICY)
"""What their text is taken for, as in `Recipient address rejected: policy, try later`."""


def classify(reply: Reply) -> DeliveryCode:
    """Return the error that a reply means: by its text, its enhanced code, then its code."""
    if reply.code in _SIGN_IN_CODES:
        return DeliveryCode.SIGN_IN_FAILED
    text = _NAMES.sub("", reply.text)
    told = next((code for code, pattern in _BY_TEXT if pattern.search(text)), None)
    if (reply.code, reply.enhanced) in _GREYLISTING and told in _GREYLISTERS_WORDS:
        return DeliveryCode.GREYLISTED
    if told is not None:
        return told
    detail = reply.enhanced.partition(".")[2]
    for prefix, code in _BY_ENHANCED:
        if detail == prefix or detail.startswith(f"{prefix}."):
            return code
    passing = DeliveryCode.SERVER_UNAVAILABLE if reply.transient else DeliveryCode.UNKNOWN_FAILURE
    return _BY_CODE.get(reply.code, passing)
