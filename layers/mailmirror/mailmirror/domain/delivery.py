"""Why mail does not arrive: every delivery error once, and which one a server's words mean."""

import re
from dataclasses import dataclass
from enum import StrEnum

_LONGEST_TEXT = 300


class DeliveryCode(StrEnum):
    """Stable names of delivery errors, as an outbound's recipients carry them."""

    UNKNOWN_FAILURE = "unknown_failure"
    SENDING_LIMIT_REACHED = "sending_limit_reached"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    MAILBOX_FULL = "mailbox_full"
    MESSAGE_TOO_LARGE = "message_too_large"
    REFUSED_BY_POLICY = "refused_by_policy"
    SENDER_NOT_ALLOWED = "sender_not_allowed"
    DOMAIN_NOT_FOUND = "domain_not_found"
    SIGN_IN_FAILED = "sign_in_failed"
    TIMED_OUT = "timed_out"
    GREYLISTED = "greylisted"
    SUPPRESSED = "suppressed"
    SANDBOX = "sandbox"
    ADDRESS_UNSUPPORTED = "address_unsupported"
    SERVER_UNAVAILABLE = "server_unavailable"
    COMPLAINT = "complaint"
    OUTCOME_UNKNOWN = "outcome_unknown"


@dataclass(frozen=True, slots=True)
class Words:
    """A delivery error in a person's words: one sentence of cause and one of remedy."""

    cause: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said (RFC 5321 4.2), with its enhanced code (RFC 3463) where it gave one."""

    code: int
    """0 where no server was asked, or where it said something else than a reply."""
    enhanced: str = ""
    text: str = ""

    @classmethod
    def parse(cls, code: int, text: str) -> "Reply":
        """From a reply's code and its lines; what cannot be seen is left out."""
        visible = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        found = _ENHANCED.match(visible)
        return cls(code, found[1] if found else "", visible[:_LONGEST_TEXT])

    @property
    def transient(self) -> bool:
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip() if self.code else self.text


_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")

_BY_TEXT: tuple[tuple[DeliveryCode, re.Pattern[str]], ...] = tuple(
    (code, re.compile(pattern, re.IGNORECASE))
    for code, pattern in (
        (DeliveryCode.SUPPRESSED, r"suppress"),
        (DeliveryCode.SANDBOX, r"identities failed the check|sandbox"),
        (DeliveryCode.GREYLISTED, r"gr[ae]y-? ?list"),
        (
            DeliveryCode.SENDING_LIMIT_REACHED,
            r"(?:daily|hourly|sending|submission|outgoing|relay) (?:user |message |mail )?(?:sending )?"
            r"(?:limit|quota|rate)|too many (?:messages|recipients|mails|emails)|rate limit"
            r"|throttl|maximum sending rate|exceeded (?:the|your) (?:rate|sending)",
        ),
        (
            DeliveryCode.MESSAGE_TOO_LARGE,
            r"message (?:file |size )?(?:is )?(?:too (?:big|large)|exceeds|length|larger)"
            r"|size (?:limit|exceed)|exceeds (?:the )?(?:fixed |maximum )?(?:maximum )?(?:message )?size"
            r"|too large|message size",
        ),
        (
            DeliveryCode.MAILBOX_FULL,
            r"(?:over|exceed\w*|out of|insufficient|not enough).{0,40}(?:quota|storage|space)"
            r"|(?:mail)?box.{0,20}full|quota.{0,20}exceed|disk quota|mailbox size limit",
        ),
        (
            DeliveryCode.SENDER_NOT_ALLOWED,
            r"sendasdenied|send as|sender address rejected|not allowed to send|not owned by"
            r"|sender (?:not|is not)|from address|address is not verified|sender denied"
            r"|envelope sender",
        ),
        (
            DeliveryCode.DOMAIN_NOT_FOUND,
            r"host (?:or domain name )?(?:name )?not found|domain (?:name )?(?:not found|does ?n.t exist)"
            r"|(?:bad|unknown|no such|unrouteable|invalid) (?:domain|host)|nxdomain|no mx|name server"
            r"|host unknown|unrouteable (?:mail )?domain",
        ),
        (
            DeliveryCode.RECIPIENT_UNKNOWN,
            r"user (?:is )?unknown|unknown (?:user|recipient|address|mailbox|local)"
            r"|(?:no|not a|invalid|bad) (?:such |valid |a )*(?:user|recipient|mailbox|address|person)"
            r"|(?:does not|doesn.?t) (?:exist|have)|not (?:exist|found)|recipient (?:address )?rejected"
            r"|mailbox (?:is )?(?:unavailable|disabled|not found|inactive)|account.{0,30}disabled"
            r"|address rejected|no longer",
        ),
        (DeliveryCode.SIGN_IN_FAILED, r"authenticat|credentials|log ?in"),
        (DeliveryCode.TIMED_OUT, r"timed? ?out|too long|expired|retry time"),
        (
            DeliveryCode.REFUSED_BY_POLICY,
            r"spam|block|black ?list|polic|dmarc|\bspf\b|dkim|reputation|virus|malware|content"
            r"|dnsbl|rbl|abuse|denied|refused|prohibited|banned|not permitted|relay",
        ),
    )
)
"""Tried in this order: a server's words say more than its code, which many choose at random."""

_BY_ENHANCED: tuple[tuple[str, DeliveryCode], ...] = (
    ("1.2", DeliveryCode.DOMAIN_NOT_FOUND),
    ("4.4", DeliveryCode.DOMAIN_NOT_FOUND),
    ("1.7", DeliveryCode.SENDER_NOT_ALLOWED),
    ("1.8", DeliveryCode.SENDER_NOT_ALLOWED),
    ("2.2", DeliveryCode.MAILBOX_FULL),
    ("2.3", DeliveryCode.MESSAGE_TOO_LARGE),
    ("3.4", DeliveryCode.MESSAGE_TOO_LARGE),
    ("4.5", DeliveryCode.SENDING_LIMIT_REACHED),
    ("4.1", DeliveryCode.TIMED_OUT),
    ("4.2", DeliveryCode.TIMED_OUT),
    ("4.7", DeliveryCode.TIMED_OUT),
    ("6.7", DeliveryCode.ADDRESS_UNSUPPORTED),
    ("7.8", DeliveryCode.SIGN_IN_FAILED),
    ("7.9", DeliveryCode.SIGN_IN_FAILED),
    ("1", DeliveryCode.RECIPIENT_UNKNOWN),
    ("2.1", DeliveryCode.RECIPIENT_UNKNOWN),
    ("7", DeliveryCode.REFUSED_BY_POLICY),
)
"""RFC 3463, without the class."""
_BY_CODE = {
    421: DeliveryCode.SERVER_UNAVAILABLE,
    530: DeliveryCode.SIGN_IN_FAILED,
    535: DeliveryCode.SIGN_IN_FAILED,
    552: DeliveryCode.MAILBOX_FULL,
    553: DeliveryCode.RECIPIENT_UNKNOWN,
}


def classify(reply: Reply) -> DeliveryCode:
    """Say which error a server's reply means: by its words, its enhanced code, then its code."""
    if reply.transient and reply.enhanced in ("4.7.1", "4.2.0") and reply.code in (450, 451):
        return DeliveryCode.GREYLISTED
    for code, pattern in _BY_TEXT:
        if pattern.search(reply.text):
            return code
    detail = reply.enhanced.partition(".")[2]
    for prefix, code in _BY_ENHANCED:
        if detail == prefix or detail.startswith(f"{prefix}."):
            return code
    return _BY_CODE.get(reply.code, DeliveryCode.UNKNOWN_FAILURE)


WORDS: dict[DeliveryCode, dict[str, Words]] = {
    DeliveryCode.UNKNOWN_FAILURE: {
        "en": Words(
            "The mail could not be delivered, for a reason that the server's words do not tell.",
            "Read the server's reply; if it does not help, ask the recipient another way.",
        ),
        "ja": Words(
            "メールを配信できませんでしたが、サーバーの応答から理由を特定できません。",
            "サーバーの応答を確認し、分からない場合は別の方法で相手に連絡してください。",
        ),
    },
    DeliveryCode.SENDING_LIMIT_REACHED: {
        "en": Words(
            "The mail provider's limit on sending is reached.",
            "Wait until the limit resets, as a rule within a day, and send again.",
        ),
        "ja": Words(
            "メールプロバイダーの送信上限に達しました。",
            "通常は一日以内に上限が解除されますので、解除後に再送してください。",
        ),
    },
    DeliveryCode.RECIPIENT_UNKNOWN: {
        "en": Words(
            "The recipient's server knows no such address.",
            "Correct the address, and send again.",
        ),
        "ja": Words(
            "宛先のサーバーにこのアドレスは存在しません。",
            "アドレスを修正して再送してください。",
        ),
    },
    DeliveryCode.MAILBOX_FULL: {
        "en": Words(
            "The recipient's mailbox is full.",
            "Send again later, or tell the recipient another way.",
        ),
        "ja": Words(
            "宛先のメールボックスの容量が一杯です。",
            "時間をおいて再送するか、別の方法で相手に知らせてください。",
        ),
    },
    DeliveryCode.MESSAGE_TOO_LARGE: {
        "en": Words(
            "The message is larger than a server on its way takes.",
            "Make the attachments smaller, or send a link to them.",
        ),
        "ja": Words(
            "メールのサイズが経路上のサーバーの上限を超えています。",
            "添付ファイルを小さくするか、リンクで送ってください。",
        ),
    },
    DeliveryCode.REFUSED_BY_POLICY: {
        "en": Words(
            "The recipient's server refuses the message as spam, or by a rule of its own.",
            "Check SPF, DKIM and DMARC of your domain, and links and attachments in the message.",
        ),
        "ja": Words(
            "宛先のサーバーが迷惑メール判定または独自の規則により受信を拒否しました。",
            "自社ドメインの SPF・DKIM・DMARC と、本文のリンクや添付ファイルを確認してください。",
        ),
    },
    DeliveryCode.SENDER_NOT_ALLOWED: {
        "en": Words(
            "The server does not let this sender's address send.",
            "Send from the mailbox's own address, or verify the address or its domain at SES.",
        ),
        "ja": Words(
            "サーバーがこの送信元アドレスからの送信を許可していません。",
            "メールボックス自身のアドレスを使うか、SES でアドレスまたはドメインを検証してください。",
        ),
    },
    DeliveryCode.DOMAIN_NOT_FOUND: {
        "en": Words(
            "The domain of the recipient's address does not exist, or takes no mail.",
            "Correct what stands behind the @, and send again.",
        ),
        "ja": Words(
            "宛先のドメインが存在しないか、メールを受け付けていません。",
            "@ 以降を修正して再送してください。",
        ),
    },
    DeliveryCode.SIGN_IN_FAILED: {
        "en": Words(
            "The submission server refuses the sign-in.",
            "Connect the mailbox again, then send again.",
        ),
        "ja": Words(
            "送信サーバーへのサインインが拒否されました。",
            "メールボックスを接続し直してから再送してください。",
        ),
    },
    DeliveryCode.TIMED_OUT: {
        "en": Words(
            "No server took the message within a day.",
            "Send again later; if it stays, ask the recipient's administrator.",
        ),
        "ja": Words(
            "一日以内にメールを受け取ったサーバーがありませんでした。",
            "時間をおいて再送し、続く場合は相手先の管理者に確認してください。",
        ),
    },
    DeliveryCode.GREYLISTED: {
        "en": Words(
            "The recipient's server makes unknown senders wait (greylisting).",
            "Nothing to do: it is sent again in a few minutes.",
        ),
        "ja": Words(
            "宛先のサーバーが未知の送信元を一時的に待たせています（グレイリスト）。",
            "数分後に自動で再送されるため、操作は不要です。",
        ),
    },
    DeliveryCode.SUPPRESSED: {
        "en": Words(
            "The address is on the SES suppression list: mail to it has bounced or was reported.",
            "Make sure that the address works, then let the operator take it off the list.",
        ),
        "ja": Words(
            "過去の不達または苦情により、アドレスが SES の抑制リストに入っています。",
            "アドレスが有効であることを確認し、運用者にリストからの削除を依頼してください。",
        ),
    },
    DeliveryCode.SANDBOX: {
        "en": Words(
            "The AWS account's SES is in its sandbox: it sends from and to verified addresses only.",
            "Let the operator verify the address, or request production access for SES.",
        ),
        "ja": Words(
            "AWS アカウントの SES がサンドボックス状態のため、検証済みアドレス間でしか送信できません。",
            "運用者にアドレスの検証、または SES の本番アクセス申請を依頼してください。",
        ),
    },
    DeliveryCode.ADDRESS_UNSUPPORTED: {
        "en": Words(
            "The server takes no address with such letters before the @ (SMTPUTF8).",
            "Ask the recipient for an address in ASCII letters.",
        ),
        "ja": Words(
            "サーバーが @ より前に ASCII 以外の文字を含むアドレス (SMTPUTF8) に対応していません。",
            "ASCII 文字だけのアドレスを相手に確認してください。",
        ),
    },
    DeliveryCode.SERVER_UNAVAILABLE: {
        "en": Words(
            "The server cannot be reached, or is busy.",
            "Nothing to do: it is tried again for a day.",
        ),
        "ja": Words(
            "サーバーに接続できないか、混み合っています。",
            "一日の間自動で再試行されるため、操作は不要です。",
        ),
    },
    DeliveryCode.COMPLAINT: {
        "en": Words(
            "The recipient has reported the message as spam.",
            "Do not write to this address again unless the recipient asks for it.",
        ),
        "ja": Words(
            "受信者がこのメールを迷惑メールとして報告しました。",
            "受信者から求められない限り、このアドレスには送信しないでください。",
        ),
    },
    DeliveryCode.OUTCOME_UNKNOWN: {
        "en": Words(
            "The connection broke as the server took the message over: it may have been sent.",
            "Look into Sent, or ask the recipient; send it again only if it did not arrive.",
        ),
        "ja": Words(
            "サーバーへの引き渡し中に接続が切れたため、送信済みかどうか分かりません。",
            "送信済みフォルダーか相手に確認し、届いていない場合にのみ再送してください。",
        ),
    },
}
"""By code and language (BCP 47)."""
