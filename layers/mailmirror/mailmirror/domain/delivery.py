"""Why mail does not arrive: every delivery error once, with its cause and its remedy."""

from enum import StrEnum


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
    DRAFT_LOST = "draft_lost"
    INTERNAL_ERROR = "internal_error"
