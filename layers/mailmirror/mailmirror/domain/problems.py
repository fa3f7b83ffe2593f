"""Problems: their codes and HTTP statuses. Their texts are in `domain.words.problems`."""

from enum import StrEnum
from http import HTTPStatus


class Code(StrEnum):
    """Stable names of problems, as the API, the webhook and a mailbox's `error` give them."""

    # Who asks
    UNAUTHORIZED = "unauthorized"
    INVALID_SIGNATURE = "invalid_signature"
    STALE_TIMESTAMP = "stale_timestamp"
    ACTING_USER_REQUIRED = "acting_user_required"
    ACTING_USER_UNKNOWN = "acting_user_unknown"
    # What is asked
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_MANY_REQUESTS = "too_many_requests"
    BODY_TOO_LARGE = "body_too_large"
    MALFORMED_JSON = "malformed_json"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    INVALID_EMAIL = "invalid_email"
    INVALID_CURSOR = "invalid_cursor"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    EVENT_AHEAD = "event_ahead"
    EVENT_NOT_KEPT = "event_not_kept"
    EVENT_FAILED = "event_failed"
    CONTACT_UNKNOWN = "contact_unknown"
    REDIRECTS_IN_CIRCLE = "redirects_in_circle"
    TOO_MANY_JOINED = "too_many_joined"
    # Which deal, thread or message
    DEAL_UNKNOWN = "deal_unknown"
    DEAL_DELETED = "deal_deleted"
    THREAD_UNKNOWN = "thread_unknown"
    MESSAGE_UNKNOWN = "message_unknown"
    MESSAGE_LOST = "message_lost"
    TOO_MANY_OVERRIDES = "too_many_overrides"
    TOO_MANY_BLOCKS = "too_many_blocks"
    # Which mailbox
    PROVIDER_UNSUPPORTED = "provider_unsupported"
    PROVIDER_SIGNS_IN = "provider_signs_in"
    POP3_UNSUPPORTED = "pop3_unsupported"
    USER_UNKNOWN = "user_unknown"
    MAILBOX_LIMIT = "mailbox_limit"
    ADDRESS_CONNECTED = "address_connected"
    MAILBOX_BUSY = "mailbox_busy"
    MAILBOX_DISCONNECTED = "mailbox_disconnected"
    MAILBOX_PAUSED = "mailbox_paused"
    # What an OAuth provider says, and what becomes of a sign-in there
    PROVIDER_NOT_CONFIGURED = "provider_not_configured"
    PROVIDER_MISCONFIGURED = "provider_misconfigured"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    RETURN_URL_NOT_ALLOWED = "return_url_not_allowed"
    STATE_UNKNOWN = "state_unknown"
    STATE_EXPIRED = "state_expired"
    SIGN_IN_CANCELLED = "sign_in_cancelled"
    CODE_REFUSED = "code_refused"
    ID_TOKEN_INVALID = "id_token_invalid"
    ADDRESS_UNKNOWN = "address_unknown"
    ADDRESS_MISMATCH = "address_mismatch"
    ADDRESS_OF_ANOTHER_USER = "address_of_another_user"
    ADDRESS_OF_PERSON = "address_of_person"
    ADDRESS_UNPROVEN = "address_unproven"
    PROOF_SENDER_MISSING = "proof_sender_missing"
    PROOF_CODE_NOT_SENT = "proof_code_not_sent"
    PROOF_CODE_LIMIT = "proof_code_limit"
    PROOF_CODE_WRONG = "proof_code_wrong"
    PROOF_CODE_EXPIRED = "proof_code_expired"
    GRANT_REVOKED = "grant_revoked"
    GRANT_EXPIRED = "grant_expired"
    PASSWORD_CHANGED = "password_changed"
    MFA_REQUIRED = "mfa_required"
    CONSENT_MISSING = "consent_missing"
    BLOCKED_BY_POLICY = "blocked_by_policy"
    USER_DISABLED = "user_disabled"
    TOKEN_REFUSED = "token_refused"
    SMTP_AUTH_DISABLED = "smtp_auth_disabled"
    # What a mail server says, by stage
    HOST_UNKNOWN = "host_unknown"
    HOST_NOT_ALLOWED = "host_not_allowed"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    CERTIFICATE_INVALID = "certificate_invalid"
    STARTTLS_MISSING = "starttls_missing"
    PROTOCOL_ERROR = "protocol_error"
    ANOTHER_SERVICE = "another_service"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_UNSUPPORTED = "sign_in_unsupported"
    SIGN_IN_UNANSWERED = "sign_in_unanswered"
    SIGN_IN_WITH_PROVIDER = "sign_in_with_provider"
    APP_PASSWORD_REQUIRED = "app_password_required"
    PASSWORD_EXPIRED = "password_expired"
    IMAP_DISABLED = "imap_disabled"
    ADMINISTRATOR_NEEDED = "administrator_needed"
    SERVER_ALERT = "server_alert"
    SERVER_UNAVAILABLE = "server_unavailable"
    MAILBOX_NOT_OPENED = "mailbox_not_opened"
    CONNECTION_LOST = "connection_lost"
    INBOX_NOT_FOUND = "inbox_not_found"
    SENT_NOT_FOUND = "sent_not_found"
    FOLDER_UNKNOWN = "folder_unknown"
    FOLDER_REFUSED = "folder_refused"
    FOLDER_FAILING = "folder_failing"
    MESSAGES_PENDING = "messages_pending"
    NEWS_WAITING = "news_waiting"
    POLL_OVERDUE = "poll_overdue"
    # What is to be sent
    TRANSPORT_UNAVAILABLE = "transport_unavailable"
    FROM_NOT_YOURS = "from_not_yours"
    NO_RECIPIENT = "no_recipient"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    MESSAGE_TOO_LARGE = "message_too_large"
    UPLOAD_UNKNOWN = "upload_unknown"
    SENDING_OFF = "sending_off"
    DAILY_LIMIT_REACHED = "daily_limit_reached"
    RATE_LIMIT_REACHED = "rate_limit_reached"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    SENT_ALREADY = "sent_already"
    NOTIFICATION_FORGED = "notification_forged"
    # Ours
    PROBE_FAILED = "probe_failed"
    INTERNAL_ERROR = "internal_error"


STATUS: dict[Code, HTTPStatus] = {
    Code.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Code.INVALID_SIGNATURE: HTTPStatus.UNAUTHORIZED,
    Code.STALE_TIMESTAMP: HTTPStatus.UNAUTHORIZED,
    Code.ACTING_USER_REQUIRED: HTTPStatus.BAD_REQUEST,
    Code.ACTING_USER_UNKNOWN: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Code.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    Code.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.MALFORMED_JSON: HTTPStatus.BAD_REQUEST,
    Code.INVALID_CURSOR: HTTPStatus.BAD_REQUEST,
    Code.DEAL_UNKNOWN: HTTPStatus.NOT_FOUND,
    Code.DEAL_DELETED: HTTPStatus.CONFLICT,
    Code.THREAD_UNKNOWN: HTTPStatus.NOT_FOUND,
    Code.MESSAGE_UNKNOWN: HTTPStatus.NOT_FOUND,
    Code.MESSAGE_LOST: HTTPStatus.CONFLICT,
    Code.TOO_MANY_OVERRIDES: HTTPStatus.CONFLICT,
    Code.TOO_MANY_BLOCKS: HTTPStatus.CONFLICT,
    Code.MAILBOX_LIMIT: HTTPStatus.CONFLICT,
    Code.ADDRESS_CONNECTED: HTTPStatus.CONFLICT,
    Code.MAILBOX_BUSY: HTTPStatus.CONFLICT,
    Code.MAILBOX_DISCONNECTED: HTTPStatus.CONFLICT,
    Code.MAILBOX_PAUSED: HTTPStatus.CONFLICT,
    Code.PROVIDER_MISCONFIGURED: HTTPStatus.BAD_GATEWAY,
    Code.PROVIDER_UNAVAILABLE: HTTPStatus.BAD_GATEWAY,
    Code.STATE_UNKNOWN: HTTPStatus.BAD_REQUEST,
    Code.STATE_EXPIRED: HTTPStatus.BAD_REQUEST,
    Code.ID_TOKEN_INVALID: HTTPStatus.BAD_GATEWAY,
    Code.ADDRESS_OF_ANOTHER_USER: HTTPStatus.CONFLICT,
    Code.ADDRESS_OF_PERSON: HTTPStatus.CONFLICT,
    Code.ADDRESS_UNPROVEN: HTTPStatus.CONFLICT,
    Code.PROOF_SENDER_MISSING: HTTPStatus.CONFLICT,
    Code.PROOF_CODE_NOT_SENT: HTTPStatus.CONFLICT,
    Code.PROOF_CODE_LIMIT: HTTPStatus.TOO_MANY_REQUESTS,
    Code.FROM_NOT_YOURS: HTTPStatus.FORBIDDEN,
    Code.MESSAGE_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.SENDING_OFF: HTTPStatus.FORBIDDEN,
    Code.DAILY_LIMIT_REACHED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.RATE_LIMIT_REACHED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.SENT_ALREADY: HTTPStatus.CONFLICT,
    Code.NOTIFICATION_FORGED: HTTPStatus.FORBIDDEN,
    Code.PROBE_FAILED: HTTPStatus.BAD_GATEWAY,
    Code.INTERNAL_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The HTTP status of a problem, where it is another than 422."""


class Refused(Exception):
    """What was asked cannot be done, for a reason that a person can be told.

    Parameters:
        code: which problem.
        detail: the field, the stage or the server's own words; never a secret or mail.
        figures: what a program wants to know of it, such as `limit` and `resets_at`.
    """

    def __init__(self, code: Code, detail: str = "", **figures: str | int) -> None:
        super().__init__(f"{code}: {detail}" if detail else code.value)
        self.code = code
        self.detail = detail
        self.figures = figures
        self.of_connected_mailbox = False
        """Whether the server of a mailbox that is connected is the cause, which worked before."""

    @property
    def status(self) -> HTTPStatus:
        return STATUS.get(self.code, HTTPStatus.UNPROCESSABLE_ENTITY)

    def as_refused(self) -> dict[str, object]:
        """The refusal as one function tells another of it."""
        return {"code": self.code.value, "detail": self.detail, "figures": self.figures}
