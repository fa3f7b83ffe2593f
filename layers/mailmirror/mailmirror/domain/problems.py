"""Every problem that a person may be told of: its code, its reason and its remedy, once."""

from dataclasses import dataclass
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
    BODY_TOO_LARGE = "body_too_large"
    MALFORMED_JSON = "malformed_json"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    INVALID_EMAIL = "invalid_email"
    INVALID_CURSOR = "invalid_cursor"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    EVENT_AHEAD = "event_ahead"
    EVENT_NOT_KEPT = "event_not_kept"
    # Which deal, thread or message
    DEAL_UNKNOWN = "deal_unknown"
    DEAL_DELETED = "deal_deleted"
    THREAD_UNKNOWN = "thread_unknown"
    MESSAGE_UNKNOWN = "message_unknown"
    # Which mailbox
    PROVIDER_UNSUPPORTED = "provider_unsupported"
    PROVIDER_SIGNS_IN = "provider_signs_in"
    POP3_UNSUPPORTED = "pop3_unsupported"
    USER_UNKNOWN = "user_unknown"
    MAILBOX_LIMIT = "mailbox_limit"
    ADDRESS_CONNECTED = "address_connected"
    MAILBOX_BUSY = "mailbox_busy"
    MAILBOX_DISCONNECTED = "mailbox_disconnected"
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
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_UNSUPPORTED = "sign_in_unsupported"
    SERVER_UNAVAILABLE = "server_unavailable"
    CONNECTION_LOST = "connection_lost"
    INBOX_NOT_FOUND = "inbox_not_found"
    SENT_NOT_FOUND = "sent_not_found"
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
    DAILY_LIMIT_REACHED = "daily_limit_reached"
    RATE_LIMIT_REACHED = "rate_limit_reached"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    SENT_ALREADY = "sent_already"
    NOTIFICATION_FORGED = "notification_forged"
    # Ours
    PROBE_FAILED = "probe_failed"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A problem in a person's words, and the HTTP status that goes with it."""

    status: HTTPStatus
    reason: str
    remedy: str


_UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY

PROBLEMS: dict[Code, Explanation] = {
    Code.UNAUTHORIZED: Explanation(
        HTTPStatus.UNAUTHORIZED,
        "The API key is missing, unknown or revoked.",
        "Send `Authorization: Bearer <API key>` with a key of this account.",
    ),
    Code.INVALID_SIGNATURE: Explanation(
        HTTPStatus.UNAUTHORIZED,
        "The webhook's signature is missing or does not match its body.",
        "Sign `<t>.<raw body>` with the account's webhook secret and send"
        " `X-Mailmirror-Signature: t=<unix>,v1=<hex HMAC-SHA256>`.",
    ),
    Code.STALE_TIMESTAMP: Explanation(
        HTTPStatus.UNAUTHORIZED,
        "The webhook's timestamp is more than five minutes from now.",
        "Sign at the time of sending, and set the sender's clock by NTP.",
    ),
    Code.ACTING_USER_REQUIRED: Explanation(
        HTTPStatus.BAD_REQUEST,
        "This is about a user's mail, and does not say whose.",
        "Name the acting user's id in the header X-Mailmirror-User.",
    ),
    Code.ACTING_USER_UNKNOWN: Explanation(
        HTTPStatus.FORBIDDEN,
        "The acting user is not a user of this account.",
        "Send the user by a `user.upserted` event first, or correct X-Mailmirror-User.",
    ),
    Code.NOT_FOUND: Explanation(
        HTTPStatus.NOT_FOUND,
        "There is no such thing, or the acting user may not see it.",
        "Check the id, and the acting user.",
    ),
    Code.BODY_TOO_LARGE: Explanation(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is larger than 256 KB.",
        "Send fewer events at once.",
    ),
    Code.MALFORMED_JSON: Explanation(
        HTTPStatus.BAD_REQUEST, "The body is not the JSON expected here.", "Correct the body."
    ),
    Code.MISSING_FIELD: Explanation(
        _UNPROCESSABLE, "A required field is missing.", "Add the field that `detail` names."
    ),
    Code.INVALID_FIELD: Explanation(
        _UNPROCESSABLE, "A field has a value that it cannot have.", "Correct what `detail` names."
    ),
    Code.INVALID_EMAIL: Explanation(
        _UNPROCESSABLE,
        "An e-mail address is not one.",
        "Correct the address that `detail` names, or leave it out.",
    ),
    Code.INVALID_CURSOR: Explanation(
        HTTPStatus.BAD_REQUEST,
        "The cursor was not made by this API.",
        "Pass `next_cursor` as it came, or start without a cursor.",
    ),
    Code.UNKNOWN_EVENT_TYPE: Explanation(
        _UNPROCESSABLE,
        "The event's type is not known.",
        "Send only the types in docs/api.md.",
    ),
    Code.EVENT_AHEAD: Explanation(
        _UNPROCESSABLE,
        "The event is dated more than five minutes ahead.",
        "Send it again under the same id, with the time at which it happened; set the sender's"
        " clock by NTP.",
    ),
    Code.EVENT_NOT_KEPT: Explanation(
        _UNPROCESSABLE,
        "The event was understood, and what it says cannot be stored.",
        "Send less in one item: fewer persons with one address, or fewer threads on one deal. If it"
        " stays, let whoever runs the stack look at the log of the function `apply`.",
    ),
    Code.DEAL_UNKNOWN: Explanation(
        HTTPStatus.NOT_FOUND,
        "The account has no such deal.",
        "Send the deal by a `deal.upserted` event first, or correct its id.",
    ),
    Code.DEAL_DELETED: Explanation(
        HTTPStatus.CONFLICT,
        "The deal is deleted.",
        "Send it again by a `deal.upserted` event, or choose another deal.",
    ),
    Code.THREAD_UNKNOWN: Explanation(
        HTTPStatus.NOT_FOUND,
        "The account has no such thread, or the acting user has no message of it.",
        "Take `thread_id` from a message of a card.",
    ),
    Code.MESSAGE_UNKNOWN: Explanation(
        HTTPStatus.NOT_FOUND,
        "The account has no such message, or the acting user has no copy of it.",
        "Take `id` from a message of a card.",
    ),
    Code.PROVIDER_UNSUPPORTED: Explanation(
        _UNPROCESSABLE,
        "The provider is not supported.",
        "Use `imap`, or sign in at `google` or `microsoft`.",
    ),
    Code.PROVIDER_SIGNS_IN: Explanation(
        _UNPROCESSABLE,
        "This provider signs people in itself: no password is entered here.",
        "Begin with `POST /v1/mailboxes/authorize`, or use `imap` with an app password.",
    ),
    Code.POP3_UNSUPPORTED: Explanation(
        _UNPROCESSABLE,
        "POP3 shows only an inbox, without stable ids, and cannot be mirrored faithfully.",
        "Switch IMAP on at the provider and use its IMAP host and port 993.",
    ),
    Code.USER_UNKNOWN: Explanation(
        _UNPROCESSABLE,
        "The mailbox's user is not a user of this account.",
        "Send the user by a `user.upserted` event first.",
    ),
    Code.MAILBOX_LIMIT: Explanation(
        HTTPStatus.CONFLICT,
        "The user has as many mailboxes as the account allows.",
        "Disconnect the other mailbox first.",
    ),
    Code.ADDRESS_CONNECTED: Explanation(
        HTTPStatus.CONFLICT,
        "The address is connected by another user of this account.",
        "Let the other user disconnect it first, or disconnect it for them by"
        " `DELETE /v1/mailboxes/{id}`; its id is in `GET /v1/mailboxes`.",
    ),
    Code.MAILBOX_BUSY: Explanation(
        HTTPStatus.CONFLICT,
        "The mailbox is being changed or erased right now.",
        "Try again in a few minutes.",
    ),
    Code.MAILBOX_DISCONNECTED: Explanation(
        HTTPStatus.CONFLICT, "The mailbox is disconnected.", "Connect the address again."
    ),
    Code.PROVIDER_NOT_CONFIGURED: Explanation(
        _UNPROCESSABLE,
        "The account has no OAuth client at this provider.",
        "Let the operator register one and enter it with `make provider`; docs/deploy.md says how.",
    ),
    Code.PROVIDER_MISCONFIGURED: Explanation(
        HTTPStatus.BAD_GATEWAY,
        "The provider refuses Mailmirror's own OAuth client.",
        "Let the operator check client id, secret (it may have expired), tenant and redirect URI.",
    ),
    Code.PROVIDER_UNAVAILABLE: Explanation(
        HTTPStatus.BAD_GATEWAY,
        "The provider's sign-in service does not answer as it should.",
        "Nothing to do: it is tried again. If it stays, look at the provider's status page.",
    ),
    Code.RETURN_URL_NOT_ALLOWED: Explanation(
        _UNPROCESSABLE,
        "The return URL is not on the account's list.",
        "Let the operator add it with `make return_urls`, or use one that is listed.",
    ),
    Code.STATE_UNKNOWN: Explanation(
        HTTPStatus.BAD_REQUEST,
        "This sign-in was not begun here, or has been used already.",
        "Begin again from the CRM; each link works once.",
    ),
    Code.STATE_EXPIRED: Explanation(
        HTTPStatus.BAD_REQUEST,
        "The sign-in took longer than ten minutes.",
        "Begin again from the CRM.",
    ),
    Code.SIGN_IN_CANCELLED: Explanation(
        _UNPROCESSABLE,
        "The sign-in was cancelled at the provider.",
        "Begin again, and allow what Mailmirror asks for.",
    ),
    Code.CODE_REFUSED: Explanation(
        _UNPROCESSABLE,
        "The provider refuses the authorisation code: it was used already, or is too old.",
        "Begin again from the CRM.",
    ),
    Code.ID_TOKEN_INVALID: Explanation(
        HTTPStatus.BAD_GATEWAY,
        "The provider's ID token is not for this sign-in.",
        "Begin again. If it stays, let the operator check the provider's issuer and client id.",
    ),
    Code.ADDRESS_UNKNOWN: Explanation(
        _UNPROCESSABLE,
        "The provider does not say which verified address was signed in.",
        "Sign in with an account that has a mailbox and a verified address.",
    ),
    Code.ADDRESS_MISMATCH: Explanation(
        _UNPROCESSABLE,
        "Another address was signed in than the one expected.",
        "Begin again, and choose the expected account at the provider; or name the address that is"
        " meant as login_hint.",
    ),
    Code.ADDRESS_OF_ANOTHER_USER: Explanation(
        HTTPStatus.CONFLICT,
        "The address is another user's of this account.",
        "Let that user connect it, or correct the users' addresses in the CRM.",
    ),
    Code.ADDRESS_OF_PERSON: Explanation(
        HTTPStatus.CONFLICT,
        "The address is a lead's or contact's of this account, and the CRM does not give it to"
        " this user.",
        "If it is the user's own, enter it at the user in the CRM; else connect another address.",
    ),
    Code.ADDRESS_UNPROVEN: Explanation(
        HTTPStatus.CONFLICT,
        "SES sends only from addresses that are proven to be the user's, and this one is not.",
        "Enter it at the user in the CRM, or prove it with a code: `POST"
        " /v1/users/{id}/addresses`, then `POST /v1/users/{id}/addresses/confirm`.",
    ),
    Code.PROOF_SENDER_MISSING: Explanation(
        HTTPStatus.CONFLICT,
        "No mailbox is named that could send a code.",
        "Enter the address at the user in the CRM; or let the operator name a connected mailbox"
        " that can send, with `make codes_mailbox`.",
    ),
    Code.PROOF_CODE_NOT_SENT: Explanation(
        HTTPStatus.CONFLICT,
        "The code could not be sent.",
        "Check the address; if it is right, let the operator look at the mailbox that sends codes.",
    ),
    Code.PROOF_CODE_LIMIT: Explanation(
        HTTPStatus.TOO_MANY_REQUESTS,
        "As many codes were sent for this user, or to this address, as an hour may have.",
        "Use the latest code, or ask again in an hour.",
    ),
    Code.PROOF_CODE_WRONG: Explanation(
        _UNPROCESSABLE,
        "The code is not the one that was sent last.",
        "Enter the six digits of the latest message; `detail` says how many tries are left.",
    ),
    Code.PROOF_CODE_EXPIRED: Explanation(
        _UNPROCESSABLE,
        "There is no code to confirm: none was sent, it is older than ten minutes, or it was tried"
        " five times.",
        "Ask for another with `POST /v1/users/{id}/addresses`.",
    ),
    Code.GRANT_REVOKED: Explanation(
        _UNPROCESSABLE,
        "The permission to use the mailbox was withdrawn, or its password changed.",
        "Sign in again. Where it happens every week, the Google app is still in testing: publish"
        " it, or make it internal.",
    ),
    Code.GRANT_EXPIRED: Explanation(
        _UNPROCESSABLE,
        "The sign-in has expired by the provider's rules.",
        "Sign in again. Where it happens often, let an administrator lengthen how long sign-ins"
        " last.",
    ),
    Code.PASSWORD_CHANGED: Explanation(
        _UNPROCESSABLE, "The password of the mailbox was changed.", "Sign in again."
    ),
    Code.MFA_REQUIRED: Explanation(
        _UNPROCESSABLE,
        "The provider wants a second factor.",
        "Sign in again, and pass the second step.",
    ),
    Code.CONSENT_MISSING: Explanation(
        _UNPROCESSABLE,
        "Mailmirror may not read and send this mailbox's mail.",
        "Sign in again and leave every permission ticked; where an administrator must consent, ask"
        " them to grant it for the organisation.",
    ),
    Code.BLOCKED_BY_POLICY: Explanation(
        _UNPROCESSABLE,
        "A policy of the organisation blocks the sign-in (conditional access).",
        "Ask the administrator to allow Mailmirror for this user, then sign in again.",
    ),
    Code.USER_DISABLED: Explanation(
        _UNPROCESSABLE,
        "The provider has locked, disabled or deleted the user.",
        "Ask the administrator to enable the user, then sign in again.",
    ),
    Code.TOKEN_REFUSED: Explanation(
        _UNPROCESSABLE,
        "The mail server refuses the provider's token.",
        "Check that IMAP and SMTP are on for this mailbox, then sign in again.",
    ),
    Code.SMTP_AUTH_DISABLED: Explanation(
        _UNPROCESSABLE,
        "Sending by SMTP AUTH is switched off for the mailbox or its tenant; reading goes on.",
        "Ask the administrator to allow authenticated SMTP for the mailbox and connect it again,"
        " or send through SES.",
    ),
    Code.HOST_UNKNOWN: Explanation(
        _UNPROCESSABLE, "The host's name does not resolve.", "Correct the host's name."
    ),
    Code.HOST_NOT_ALLOWED: Explanation(
        _UNPROCESSABLE,
        "The host resolves to an address that is not a public one.",
        "Use a public host, or let the operator allow its network (parameter AllowedNetworks).",
    ),
    Code.CONNECT_REFUSED: Explanation(
        _UNPROCESSABLE,
        "The host refuses connections at this port, or cannot be reached.",
        "Correct host and port: IMAP is 993 (tls) or 143 (starttls), SMTP 465 or 587.",
    ),
    Code.CONNECT_TIMEOUT: Explanation(
        _UNPROCESSABLE,
        "The host does not answer.",
        'Correct host, port and security (`"tls"` for 993 and 465), and check that a firewall'
        " lets the connection through.",
    ),
    Code.TLS_FAILED: Explanation(
        _UNPROCESSABLE,
        "The host does not speak TLS as expected at this port.",
        'Try `"security": "starttls"` for ports 143 and 587, `"tls"` for 993 and 465.',
    ),
    Code.CERTIFICATE_INVALID: Explanation(
        _UNPROCESSABLE,
        "The host's certificate does not verify.",
        "Use the host's name as its certificate has it, or let the host's owner renew it; a"
        " private authority is trusted by the parameter ExtraCaObject.",
    ),
    Code.STARTTLS_MISSING: Explanation(
        _UNPROCESSABLE,
        "The host does not offer STARTTLS, and passwords go only over TLS.",
        'Use `"security": "tls"` with port 993 for IMAP and 465 for SMTP.',
    ),
    Code.PROTOCOL_ERROR: Explanation(
        _UNPROCESSABLE,
        "The host answers in another protocol than expected, or against its rules.",
        "Check that host and port are those of the right service.",
    ),
    Code.SIGN_IN_FAILED: Explanation(
        _UNPROCESSABLE,
        "The server refuses the user name or the password.",
        "Correct them; where two-step sign-in is on, make an app password at the provider.",
    ),
    Code.SIGN_IN_UNSUPPORTED: Explanation(
        _UNPROCESSABLE,
        "The server offers no sign-in by password.",
        "Let the server's owner allow AUTH PLAIN or LOGIN over TLS.",
    ),
    Code.SERVER_UNAVAILABLE: Explanation(
        _UNPROCESSABLE,
        "The server says that it cannot serve this mailbox right now.",
        "Nothing to do: it is tried again. If it stays, ask the server's owner.",
    ),
    Code.CONNECTION_LOST: Explanation(
        _UNPROCESSABLE,
        "The server closed the connection, or stopped answering.",
        "Nothing to do: it is tried again. If it stays, ask the server's owner.",
    ),
    Code.INBOX_NOT_FOUND: Explanation(
        _UNPROCESSABLE,
        "The mailbox has no inbox that can be opened.",
        "Let the server's owner give the user an INBOX.",
    ),
    Code.SENT_NOT_FOUND: Explanation(
        _UNPROCESSABLE,
        "No folder of sent mail was found, so sent mail is not mirrored.",
        "Mark the folder of sent mail with \\Sent at the server, or name it Sent.",
    ),
    Code.MESSAGES_PENDING: Explanation(
        _UNPROCESSABLE,
        "The server lists messages that it does not hand over, so they are not mirrored.",
        "Nothing to do: they are tried again. If it stays, ask the server's owner.",
    ),
    Code.NEWS_WAITING: Explanation(
        _UNPROCESSABLE,
        "The server has mail that no sync has finished reading.",
        "Wait for the next sync. If this stays for an hour, ask whoever runs the stack to look at"
        " the alarms of the function `sync`.",
    ),
    Code.POLL_OVERDUE: Explanation(
        _UNPROCESSABLE,
        "The server has not been asked for new mail for more than a quarter of an hour.",
        "Wait some minutes. If this stays for an hour, ask whoever runs the stack to look at the"
        " alarms of the functions `dispatch` and `poll`.",
    ),
    Code.TRANSPORT_UNAVAILABLE: Explanation(
        _UNPROCESSABLE,
        "The mailbox cannot send this way.",
        "Connect it with its submission server (`smtp`), or let the operator set SES up.",
    ),
    Code.FROM_NOT_YOURS: Explanation(
        HTTPStatus.FORBIDDEN,
        "The sender's address is not that of a connected mailbox of the acting user's.",
        "Send from one of the user's own mailboxes, or connect the address first.",
    ),
    Code.NO_RECIPIENT: Explanation(
        _UNPROCESSABLE, "The message has no recipient.", "Add an address to `to`, `cc` or `bcc`."
    ),
    Code.TOO_MANY_RECIPIENTS: Explanation(
        _UNPROCESSABLE,
        "The message has more recipients than the account's limit.",
        "Send it to fewer people at once; `limit` says how many.",
    ),
    Code.MESSAGE_TOO_LARGE: Explanation(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The message, with its attachments encoded, is larger than can be sent.",
        "Make the attachments smaller, or send a link to them; `limit` is in bytes.",
    ),
    Code.UPLOAD_UNKNOWN: Explanation(
        _UNPROCESSABLE,
        "An attachment was never uploaded, or more than a day ago.",
        "Put its bytes to the link that `POST /v1/uploads` answers, then send again.",
    ),
    Code.DAILY_LIMIT_REACHED: Explanation(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The mailbox has sent as many messages as it may in a day.",
        "Send again when the limit frees; `resets_at` says when.",
    ),
    Code.RATE_LIMIT_REACHED: Explanation(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The mailbox has sent as many messages as it may in a minute.",
        "Send again when the limit frees; `resets_at` says when.",
    ),
    Code.IDEMPOTENCY_CONFLICT: Explanation(
        _UNPROCESSABLE,
        "The Idempotency-Key was used for another message.",
        "Use a new key for each message, and the same key only to repeat a request.",
    ),
    Code.SENT_ALREADY: Explanation(
        HTTPStatus.CONFLICT,
        "The message is being sent, or has been: it cannot be taken back.",
        "Nothing to do; `GET /v1/outbound/{id}` says how far it is.",
    ),
    Code.NOTIFICATION_FORGED: Explanation(
        HTTPStatus.FORBIDDEN,
        "The notification is not one that Amazon SNS has signed for this deployment.",
        "Nothing to do: it was not believed. If real ones are refused, check the topic's region.",
    ),
    Code.PROBE_FAILED: Explanation(
        HTTPStatus.BAD_GATEWAY,
        "The function that asks mail servers and providers has failed, or took too long.",
        "Try again; if it stays, let whoever runs the stack look into the log of the function"
        " `probe`, which says why.",
    ),
    Code.INTERNAL_ERROR: Explanation(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Mailmirror failed.",
        "Try again; if it stays, report it with the request's id.",
    ),
}


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

    def as_problem(self) -> dict[str, str | int]:
        """The problem as RFC 9457 wants it, with `code`, `reason` and `remedy`."""
        explanation = PROBLEMS[self.code]
        problem: dict[str, str | int] = {
            "type": "about:blank",
            "title": explanation.status.phrase,
            "status": int(explanation.status),
            "code": self.code.value,
            "reason": explanation.reason,
            "remedy": explanation.remedy,
        }
        return problem | ({"detail": self.detail} if self.detail else {}) | self.figures
