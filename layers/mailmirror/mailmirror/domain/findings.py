"""What may be found out about an address, and from whom; `domain.discovery` has the rules.

By themselves, for the function `api` tells of them and needs no more.
"""

from enum import StrEnum


class Origin(StrEnum):
    """Who names a server; those that count most first."""

    PROVIDER = "provider"
    """The list of known providers, by the address's domain."""
    AUTOCONFIG = "autoconfig"
    """A file of the domain's, over HTTPS."""
    SRV = "srv"
    MX = "mx"
    """The list of known providers, by the domain's mail exchangers."""
    AUTODISCOVER = "autodiscover"
    """The list of known providers, by the alias that Microsoft asks its customers for."""
    AUTOCONFIG_HTTP = "autoconfig_http"
    """A file over plain HTTP: anyone between may have written it."""
    GUESS = "guess"


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Stage(StrEnum):
    """What was asked."""

    PROVIDER = "provider"
    MX = "mx"
    AUTODISCOVER = "autodiscover"
    SRV = "srv"
    AUTOCONFIG = "autoconfig"
    IMAP = "imap"
    SMTP = "smtp"
    POP3 = "pop3"


class Outcome(StrEnum):
    """What came of asking, where it is no problem of `domain.problems`."""

    FOUND = "found"
    NOTHING = "nothing"
    NO_HOST = "no_host"
    UNANSWERED = "unanswered"
    REDIRECT_REFUSED = "redirect_refused"
    FILE_TOO_LARGE = "file_too_large"
    FILE_UNREADABLE = "file_unreadable"
    FILE_WITH_DTD = "file_with_dtd"
    NO_TLS = "no_tls"
    SIGN_IN_UNUSABLE = "sign_in_unusable"


class Finding(StrEnum):
    """What it all amounts to."""

    SIGN_IN = "sign_in"
    SIGN_IN_NOT_SET_UP = "sign_in_not_set_up"
    PASSWORD = "password"
    APP_PASSWORD = "app_password"
    ISSUED_SIGN_IN = "issued_sign_in"
    BRIDGE_ONLY = "bridge_only"
    NO_IMAP = "no_imap"
    POP3_ONLY = "pop3_only"
    SERVER_REFUSED = "server_refused"
    DOMAIN_UNKNOWN = "domain_unknown"
    NO_MAIL = "no_mail"
    UNANSWERED = "unanswered"
    NOT_FOUND = "not_found"
