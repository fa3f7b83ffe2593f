"""Causes that a doctor names beside the problems of `domain.problems`, and who can mend each.

The numbers 001 to 009 are those of Zendesk Sell's list of errors of its email integration
(support.zendesk.com, article 4408829007514, "Sell email integration errors").
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.problems import Code, Refused


class ServerCause(StrEnum):
    """What a doctor finds out that connecting does not tell apart."""

    # TLS
    HANDSHAKE_FAILED = "handshake_failed"
    TLS_VERSION_REFUSED = "tls_version_refused"
    TLS_CIPHER_REFUSED = "tls_cipher_refused"
    STARTTLS_STRIPPED = "starttls_stripped"
    """A device between has overwritten the offer."""
    STARTTLS_REFUSED = "starttls_refused"
    """It is offered, and refused when it is asked for."""
    CERTIFICATE_SELF_SIGNED = "certificate_self_signed"
    CERTIFICATE_CHAIN_INCOMPLETE = "certificate_chain_incomplete"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_OTHER_NAME = "certificate_other_name"
    CERTIFICATE_UNCHECKED = "certificate_unchecked"
    # Settings
    SERVERS_SWAPPED = "servers_swapped"
    SIGN_IN_NAME_DIFFERS = "sign_in_name_differs"
    # The server's state
    COMMAND_REFUSED = "command_refused"
    """What it refuses, or cannot answer in a way that is understood, after its capabilities: by
    then host and port are known to be those of the right service."""
    TOO_MANY_CONNECTIONS = "too_many_connections"
    THROTTLED = "throttled"
    OVER_QUOTA = "over_quota"
    # The mailbox that is connected
    FIRST_SYNC = "first_sync"
    SAME_ACCOUNT_NEEDED = "same_account_needed"
    APP_IN_TESTING = "app_in_testing"
    # What was not done
    TIME_IS_UP = "time_is_up"
    NOT_TRIED = "not_tried"
    """An earlier stage has failed, without which this one cannot be tried."""


type Diagnosis = Code | DeliveryCode | ServerCause
"""Why a stage is not as it should be."""


class RemedyReader(StrEnum):
    """Who can do what a remedy says."""

    USER = "user"
    ADMINISTRATOR = "administrator"
    """Of the user's mail: at Google, Microsoft, or another provider."""
    SERVER_OWNER = "server_owner"
    OPERATOR = "operator"
    """Of this deployment of Mailmirror."""


REMEDY_READERS: Mapping[Diagnosis, RemedyReader] = {
    Code.HOST_UNKNOWN: RemedyReader.USER,
    Code.HOST_NOT_ALLOWED: RemedyReader.OPERATOR,
    Code.CONNECT_REFUSED: RemedyReader.USER,
    Code.CONNECT_TIMEOUT: RemedyReader.USER,
    Code.CONNECTION_LOST: RemedyReader.SERVER_OWNER,
    Code.PROTOCOL_ERROR: RemedyReader.USER,
    Code.TLS_FAILED: RemedyReader.USER,
    Code.STARTTLS_MISSING: RemedyReader.USER,
    Code.ANOTHER_SERVICE: RemedyReader.USER,
    Code.POP3_UNSUPPORTED: RemedyReader.USER,
    Code.SIGN_IN_FAILED: RemedyReader.USER,
    Code.SIGN_IN_UNSUPPORTED: RemedyReader.SERVER_OWNER,
    Code.SIGN_IN_UNANSWERED: RemedyReader.USER,
    Code.SIGN_IN_WITH_PROVIDER: RemedyReader.USER,
    Code.APP_PASSWORD_REQUIRED: RemedyReader.USER,
    Code.PASSWORD_EXPIRED: RemedyReader.USER,
    Code.IMAP_DISABLED: RemedyReader.ADMINISTRATOR,
    Code.SMTP_AUTH_DISABLED: RemedyReader.ADMINISTRATOR,
    Code.ADMINISTRATOR_NEEDED: RemedyReader.ADMINISTRATOR,
    Code.SERVER_ALERT: RemedyReader.USER,
    Code.USER_DISABLED: RemedyReader.ADMINISTRATOR,
    Code.SERVER_UNAVAILABLE: RemedyReader.SERVER_OWNER,
    Code.MAILBOX_NOT_OPENED: RemedyReader.ADMINISTRATOR,
    Code.CONSENT_MISSING: RemedyReader.ADMINISTRATOR,
    Code.BLOCKED_BY_POLICY: RemedyReader.ADMINISTRATOR,
    Code.TOKEN_REFUSED: RemedyReader.USER,
    Code.GRANT_REVOKED: RemedyReader.USER,
    Code.GRANT_EXPIRED: RemedyReader.USER,
    Code.PASSWORD_CHANGED: RemedyReader.USER,
    Code.MFA_REQUIRED: RemedyReader.USER,
    Code.PROVIDER_NOT_CONFIGURED: RemedyReader.OPERATOR,
    Code.PROVIDER_MISCONFIGURED: RemedyReader.OPERATOR,
    Code.PROVIDER_UNAVAILABLE: RemedyReader.USER,
    Code.INBOX_NOT_FOUND: RemedyReader.SERVER_OWNER,
    Code.SENT_NOT_FOUND: RemedyReader.USER,
    Code.FOLDER_UNKNOWN: RemedyReader.USER,
    Code.FOLDER_REFUSED: RemedyReader.USER,
    Code.FOLDER_FAILING: RemedyReader.USER,
    Code.MESSAGES_PENDING: RemedyReader.SERVER_OWNER,
    Code.NEWS_WAITING: RemedyReader.OPERATOR,
    Code.POLL_OVERDUE: RemedyReader.OPERATOR,
    Code.MAILBOX_PAUSED: RemedyReader.USER,
    Code.INTERNAL_ERROR: RemedyReader.OPERATOR,
    DeliveryCode.SENDER_NOT_ALLOWED: RemedyReader.USER,
    ServerCause.HANDSHAKE_FAILED: RemedyReader.SERVER_OWNER,
    ServerCause.TLS_VERSION_REFUSED: RemedyReader.SERVER_OWNER,
    ServerCause.TLS_CIPHER_REFUSED: RemedyReader.SERVER_OWNER,
    ServerCause.STARTTLS_STRIPPED: RemedyReader.SERVER_OWNER,
    ServerCause.STARTTLS_REFUSED: RemedyReader.SERVER_OWNER,
    ServerCause.CERTIFICATE_SELF_SIGNED: RemedyReader.SERVER_OWNER,
    ServerCause.CERTIFICATE_CHAIN_INCOMPLETE: RemedyReader.SERVER_OWNER,
    ServerCause.CERTIFICATE_UNTRUSTED: RemedyReader.OPERATOR,
    ServerCause.CERTIFICATE_EXPIRED: RemedyReader.SERVER_OWNER,
    ServerCause.CERTIFICATE_NOT_YET_VALID: RemedyReader.SERVER_OWNER,
    ServerCause.CERTIFICATE_OTHER_NAME: RemedyReader.USER,
    ServerCause.CERTIFICATE_UNCHECKED: RemedyReader.SERVER_OWNER,
    ServerCause.SERVERS_SWAPPED: RemedyReader.USER,
    ServerCause.SIGN_IN_NAME_DIFFERS: RemedyReader.USER,
    ServerCause.COMMAND_REFUSED: RemedyReader.SERVER_OWNER,
    ServerCause.TOO_MANY_CONNECTIONS: RemedyReader.USER,
    ServerCause.THROTTLED: RemedyReader.USER,
    ServerCause.OVER_QUOTA: RemedyReader.USER,
    ServerCause.FIRST_SYNC: RemedyReader.USER,
    ServerCause.SAME_ACCOUNT_NEEDED: RemedyReader.USER,
    ServerCause.APP_IN_TESTING: RemedyReader.OPERATOR,
    ServerCause.TIME_IS_UP: RemedyReader.SERVER_OWNER,
    ServerCause.NOT_TRIED: RemedyReader.USER,
}
"""Every diagnosis that a doctor gives, and who can do what its remedy says."""

SELL_NUMBERS: Mapping[Diagnosis, str] = {
    Code.HOST_UNKNOWN: "001",
    Code.HOST_NOT_ALLOWED: "001",
    Code.CONNECT_REFUSED: "002",
    Code.CONNECT_TIMEOUT: "002",
    Code.CONNECTION_LOST: "003",
    Code.PROTOCOL_ERROR: "003",
    Code.INTERNAL_ERROR: "003",
    ServerCause.COMMAND_REFUSED: "003",
    Code.STARTTLS_MISSING: "004",
    ServerCause.STARTTLS_STRIPPED: "004",
    ServerCause.STARTTLS_REFUSED: "004",
    ServerCause.CERTIFICATE_SELF_SIGNED: "005",
    ServerCause.CERTIFICATE_CHAIN_INCOMPLETE: "005",
    ServerCause.CERTIFICATE_UNTRUSTED: "005",
    ServerCause.CERTIFICATE_EXPIRED: "005",
    ServerCause.CERTIFICATE_NOT_YET_VALID: "005",
    ServerCause.CERTIFICATE_OTHER_NAME: "006",
    ServerCause.CERTIFICATE_UNCHECKED: "007",
    Code.TLS_FAILED: "008",
    ServerCause.HANDSHAKE_FAILED: "008",
    ServerCause.TLS_VERSION_REFUSED: "008",
    ServerCause.TLS_CIPHER_REFUSED: "008",
    Code.SIGN_IN_FAILED: "009",
    Code.SIGN_IN_UNSUPPORTED: "009",
    Code.APP_PASSWORD_REQUIRED: "009",
    Code.PASSWORD_EXPIRED: "009",
    ServerCause.SIGN_IN_NAME_DIFFERS: "009",
}
"""Sell's number of a diagnosis; what it names without a number, or not at all, has none."""

SELL_NAMES: Mapping[Diagnosis, str] = {
    **dict.fromkeys(
        (
            Code.CONSENT_MISSING,
            Code.BLOCKED_BY_POLICY,
            Code.MFA_REQUIRED,
            Code.USER_DISABLED,
            Code.IMAP_DISABLED,
            Code.SMTP_AUTH_DISABLED,
            Code.SIGN_IN_WITH_PROVIDER,
            Code.TOKEN_REFUSED,
            Code.ADMINISTRATOR_NEEDED,
            ServerCause.APP_IN_TESTING,
        ),
        "unable to authenticate",
    ),
    ServerCause.FIRST_SYNC: "first sync in progress",
    ServerCause.SAME_ACCOUNT_NEEDED: "must reconnect with the same account",
}
"""What the same list names without a number (「認証できません」, 「最初の同期を実行中」,
「同じアカウントに再接続する必要があります」)."""

LINKED = frozenset(
    {
        Code.SIGN_IN_FAILED,
        Code.APP_PASSWORD_REQUIRED,
        Code.PASSWORD_EXPIRED,
        Code.IMAP_DISABLED,
        Code.SERVER_ALERT,
    }
)
"""Diagnoses with which the page of a known provider is given, where its users mend them."""


def refined(refusal: Refused) -> Diagnosis:
    """Return the diagnosis of a refusal; by the server's words where its code has several causes.

    Gmail says `[OVERQUOTA] Account exceeded command or bandwidth limits` of its daily bandwidth
    (support.google.com/a/answer/1071518), where others speak of the mailbox's size.
    """
    if refusal.code is not Code.SERVER_UNAVAILABLE:
        return refusal.code
    return next((cause for cause, words in _WORDS if words.search(refusal.detail)), refusal.code)


_WORDS = (
    (
        ServerCause.TOO_MANY_CONNECTIONS,
        re.compile(
            r"too many (?:\w+ ){0,2}(?:connections|sessions)"
            r"|maximum number of connections|connections? limit",
            re.IGNORECASE,
        ),
    ),
    (
        ServerCause.THROTTLED,
        re.compile(
            r"throttl|bandwidth|rate[ -]?limit|back-?off|too many (?:log-?ins?|requests|commands)",
            re.IGNORECASE,
        ),
    ),
    (ServerCause.OVER_QUOTA, re.compile(r"quota|mailbox (?:is )?full", re.IGNORECASE)),
)
"""Gmail: `[ALERT] Too many simultaneous connections. (Failure)` (MailKit#377, wildduck#35);
Dovecot: `Maximum number of connections from user+IP exceeded` (mail_max_userip_connections);
Postfix: `421 4.7.0 Error: too many connections` (smtpd_client_connection_count_limit); Exchange
Online: `432 4.3.2 Concurrent connections limit exceeded` (aka.ms/concurrent_sending);
Microsoft: `Request is throttled. Suggested Backoff Time: … milliseconds` (imap_tools#135)."""
