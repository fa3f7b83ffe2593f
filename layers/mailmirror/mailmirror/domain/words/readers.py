"""Every catalogue of texts for people, and for whom each of its entries is written."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mailmirror.domain.card_overrides import Scope
from mailmirror.domain.contained import Cause
from mailmirror.domain.counted_copies import Uncounted
from mailmirror.domain.coverage import Gap
from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.deep_audit import FaultKind
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.findings import Finding, Outcome
from mailmirror.domain.folder_choice import LeftOut
from mailmirror.domain.missing_mail import MissingCause
from mailmirror.domain.overrides import Reason, Standing
from mailmirror.domain.problems import Code
from mailmirror.domain.server_causes import ServerCause
from mailmirror.domain.settings import MailboxSetting, Setting
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.contained import CAUSES
from mailmirror.domain.words.coverage import GAPS
from mailmirror.domain.words.coverage_limits import COVERAGE_LIMITS
from mailmirror.domain.words.deep_audit import FAULTS
from mailmirror.domain.words.delivery import DELIVERY_ERRORS
from mailmirror.domain.words.discovery import FINDINGS, OUTCOMES
from mailmirror.domain.words.doctor import SERVER_CAUSES
from mailmirror.domain.words.explanation import Catalogue
from mailmirror.domain.words.folders import LEFT_OUT_FOLDERS, UNCOUNTED_FOLDERS
from mailmirror.domain.words.mailbox_problems import MAILBOX_PROBLEMS
from mailmirror.domain.words.missing_mail import MISSING_CAUSES
from mailmirror.domain.words.overrides import CARD_OVERRIDES, REASONS, STANDINGS
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.domain.words.settings import EFFECTS, MAILBOX_EFFECTS
from mailmirror.domain.words.verdicts import VERDICTS


class Reader(StrEnum):
    """Who reads a text and can do what its remedy says, if only by asking another."""

    SALESPERSON = "salesperson"
    """A user of the CRM: an owner of a mailbox, or a reader of cards."""
    ADMINISTRATOR = "administrator"
    """Of the team's CRM and mail: sets the account up and changes its settings."""
    DEVELOPER = "developer"
    """Of the CRM, whose program sends events and calls the API."""
    OPERATOR = "operator"
    """Of the stack."""


@dataclass(frozen=True, slots=True)
class Catalogued:
    """A catalogue, and the reader of each entry."""

    title: str
    """What its entries explain, as documents name it."""
    texts: Catalogue[Any]
    readers: Mapping[Reader, Collection[Any]]
    """The codes of the entries, by their reader."""

    def reader(self, code: StrEnum) -> Reader:
        """For whom an entry is written.

        Raises:
            LookupError: the entry has no reader, or several.
        """
        found = [reader for reader, codes in self.readers.items() if code in codes]
        if len(found) != 1:
            raise LookupError(f"{self.title}: {code} has {len(found)} readers")
        return found[0]


CATALOGUES: Sequence[Catalogued] = (
    Catalogued(
        "Problems",
        PROBLEMS,
        {
            Reader.SALESPERSON: [
                Code.MESSAGE_LOST,
                Code.TOO_MANY_OVERRIDES,
                Code.TOO_MANY_BLOCKS,
                Code.POP3_UNSUPPORTED,
                Code.MAILBOX_LIMIT,
                Code.ADDRESS_CONNECTED,
                Code.MAILBOX_BUSY,
                Code.MAILBOX_DISCONNECTED,
                Code.MAILBOX_PAUSED,
                Code.PROVIDER_UNAVAILABLE,
                Code.STATE_UNKNOWN,
                Code.STATE_EXPIRED,
                Code.SIGN_IN_CANCELLED,
                Code.CODE_REFUSED,
                Code.ID_TOKEN_INVALID,
                Code.ADDRESS_UNKNOWN,
                Code.ADDRESS_MISMATCH,
                Code.ADDRESS_OF_ANOTHER_USER,
                Code.ADDRESS_OF_PERSON,
                Code.ADDRESS_UNPROVEN,
                Code.PROOF_CODE_NOT_SENT,
                Code.PROOF_CODE_LIMIT,
                Code.PROOF_CODE_WRONG,
                Code.PROOF_CODE_EXPIRED,
                Code.GRANT_REVOKED,
                Code.GRANT_EXPIRED,
                Code.PASSWORD_CHANGED,
                Code.MFA_REQUIRED,
                Code.CONSENT_MISSING,
                Code.BLOCKED_BY_POLICY,
                Code.USER_DISABLED,
                Code.TOKEN_REFUSED,
                Code.SMTP_AUTH_DISABLED,
                Code.HOST_UNKNOWN,
                Code.CONNECT_REFUSED,
                Code.CONNECT_TIMEOUT,
                Code.TLS_FAILED,
                Code.CERTIFICATE_INVALID,
                Code.STARTTLS_MISSING,
                Code.PROTOCOL_ERROR,
                Code.ANOTHER_SERVICE,
                Code.SIGN_IN_FAILED,
                Code.SIGN_IN_UNSUPPORTED,
                Code.SIGN_IN_UNANSWERED,
                Code.SIGN_IN_WITH_PROVIDER,
                Code.APP_PASSWORD_REQUIRED,
                Code.PASSWORD_EXPIRED,
                Code.IMAP_DISABLED,
                Code.ADMINISTRATOR_NEEDED,
                Code.SERVER_ALERT,
                Code.SERVER_UNAVAILABLE,
                Code.MAILBOX_NOT_OPENED,
                Code.CONNECTION_LOST,
                Code.INBOX_NOT_FOUND,
                Code.SENT_NOT_FOUND,
                Code.FOLDER_UNKNOWN,
                Code.FOLDER_REFUSED,
                Code.FOLDER_FAILING,
                Code.MESSAGES_PENDING,
                Code.NEWS_WAITING,
                Code.POLL_OVERDUE,
                Code.FROM_NOT_YOURS,
                Code.NO_RECIPIENT,
                Code.TOO_MANY_RECIPIENTS,
                Code.MESSAGE_TOO_LARGE,
                Code.SENDING_OFF,
                Code.DAILY_LIMIT_REACHED,
                Code.RATE_LIMIT_REACHED,
            ],
            Reader.ADMINISTRATOR: [
                Code.PROVIDER_NOT_CONFIGURED,
                Code.PROVIDER_MISCONFIGURED,
                Code.HOST_NOT_ALLOWED,
                Code.PROOF_SENDER_MISSING,
                Code.TRANSPORT_UNAVAILABLE,
            ],
            Reader.DEVELOPER: [
                Code.UNAUTHORIZED,
                Code.INVALID_SIGNATURE,
                Code.STALE_TIMESTAMP,
                Code.ACTING_USER_REQUIRED,
                Code.ACTING_USER_UNKNOWN,
                Code.NOT_FOUND,
                Code.METHOD_NOT_ALLOWED,
                Code.TOO_MANY_REQUESTS,
                Code.BODY_TOO_LARGE,
                Code.MALFORMED_JSON,
                Code.MISSING_FIELD,
                Code.INVALID_FIELD,
                Code.INVALID_EMAIL,
                Code.INVALID_CURSOR,
                Code.UNKNOWN_EVENT_TYPE,
                Code.EVENT_AHEAD,
                Code.EVENT_NOT_KEPT,
                Code.EVENT_FAILED,
                Code.CONTACT_UNKNOWN,
                Code.REDIRECTS_IN_CIRCLE,
                Code.TOO_MANY_JOINED,
                Code.DEAL_UNKNOWN,
                Code.DEAL_DELETED,
                Code.THREAD_UNKNOWN,
                Code.MESSAGE_UNKNOWN,
                Code.PROVIDER_UNSUPPORTED,
                Code.PROVIDER_SIGNS_IN,
                Code.USER_UNKNOWN,
                Code.RETURN_URL_NOT_ALLOWED,
                Code.UPLOAD_UNKNOWN,
                Code.IDEMPOTENCY_CONFLICT,
                Code.INTERNAL_ERROR,
                Code.PROBE_FAILED,
                Code.SENT_ALREADY,
            ],
            Reader.OPERATOR: [
                Code.NOTIFICATION_FORGED,
            ],
        },
    ),
    Catalogued(
        "Problems of a connected mailbox",
        MAILBOX_PROBLEMS,
        {
            Reader.SALESPERSON: [
                Code.HOST_UNKNOWN,
                Code.HOST_NOT_ALLOWED,
                Code.CONNECT_REFUSED,
                Code.CONNECT_TIMEOUT,
                Code.SERVER_UNAVAILABLE,
                Code.CONNECTION_LOST,
                Code.MAILBOX_NOT_OPENED,
                Code.FOLDER_UNKNOWN,
                Code.SIGN_IN_UNANSWERED,
                Code.TLS_FAILED,
                Code.CERTIFICATE_INVALID,
                Code.STARTTLS_MISSING,
                Code.PROTOCOL_ERROR,
                Code.SIGN_IN_FAILED,
                Code.INTERNAL_ERROR,
            ],
        },
    ),
    Catalogued(
        "Verdicts",
        VERDICTS,
        {
            Reader.SALESPERSON: [
                Verdict.UNREADABLE,
                Verdict.OUTSIDE_WINDOW,
                Verdict.DRAFT,
                Verdict.INTERNAL,
                Verdict.REPORT,
                Verdict.NO_PERSON,
                Verdict.BLOCKED,
                Verdict.TOO_MANY_RECIPIENTS,
                Verdict.MIRRORED,
                Verdict.PENDING,
                Verdict.GONE,
            ],
        },
    ),
    Catalogued(
        "Messages that could not be read",
        CAUSES,
        {
            Reader.SALESPERSON: [
                Cause.NOT_RETURNED,
                Cause.REFUSED,
                Cause.BREAKS_CONNECTION,
                Cause.TOO_HEAVY,
                Cause.NOT_STORED,
                Cause.HEADERS_ONLY,
                Cause.UNREADABLE,
            ],
        },
    ),
    Catalogued(
        "Gaps of cards",
        GAPS,
        {
            Reader.SALESPERSON: [
                Gap.NO_MAILBOX,
                Gap.FIRST_SYNC,
                Gap.DISCONNECTED,
                Gap.PAUSED,
                Gap.ERASING,
                Gap.LATE_FACTS,
                Gap.THREAD_PENDING,
                Gap.MATCHES_PENDING,
                Gap.FEED_SILENT,
                Gap.EVENTS_REFUSED,
                Gap.EVENTS_WAITING,
                Gap.ENTRIES_UNREAD,
            ],
        },
    ),
    Catalogued(
        "Limits of cards",
        COVERAGE_LIMITS,
        {
            Reader.SALESPERSON: [
                Limit.FOLDERS_LEFT_OUT,
                Limit.PERSONS_BLOCKED,
                Limit.TOO_MANY_RECIPIENTS,
                Limit.ALL_MAIL_HIDDEN,
                Limit.FOLDER_LIMITED,
                Limit.FOLDER_UNREADABLE,
                Limit.TRASH_NOT_FOUND,
                Limit.JUNK_NOT_FOUND,
                Limit.DRAFTS_NOT_FOUND,
            ],
        },
    ),
    Catalogued(
        "Folders that are not read",
        LEFT_OUT_FOLDERS,
        {
            Reader.SALESPERSON: [
                LeftOut.NOT_SELECTABLE,
                LeftOut.OTHER_NAMESPACE,
                LeftOut.TRASH,
                LeftOut.JUNK,
                LeftOut.DRAFTS,
                LeftOut.OUTBOX,
                LeftOut.NO_MAIL,
                LeftOut.COLLECTION,
                LeftOut.IN_ALL_MAIL,
                LeftOut.SETTING,
            ],
        },
    ),
    Catalogued(
        "Folders of a ledger whose copies do not count",
        UNCOUNTED_FOLDERS,
        {Reader.SALESPERSON: [Uncounted.NAMED, Uncounted.SETTING]},
    ),
    Catalogued(
        "Delivery errors",
        DELIVERY_ERRORS,
        {
            Reader.SALESPERSON: [
                DeliveryCode.UNKNOWN_FAILURE,
                DeliveryCode.SENDING_LIMIT_REACHED,
                DeliveryCode.RECIPIENT_UNKNOWN,
                DeliveryCode.MAILBOX_FULL,
                DeliveryCode.MESSAGE_TOO_LARGE,
                DeliveryCode.SENDER_NOT_ALLOWED,
                DeliveryCode.DOMAIN_NOT_FOUND,
                DeliveryCode.SIGN_IN_FAILED,
                DeliveryCode.TIMED_OUT,
                DeliveryCode.GREYLISTED,
                DeliveryCode.ADDRESS_UNSUPPORTED,
                DeliveryCode.SERVER_UNAVAILABLE,
                DeliveryCode.COMPLAINT,
                DeliveryCode.OUTCOME_UNKNOWN,
                DeliveryCode.DRAFT_LOST,
                DeliveryCode.INTERNAL_ERROR,
            ],
            Reader.ADMINISTRATOR: [
                DeliveryCode.REFUSED_BY_POLICY,
                DeliveryCode.SUPPRESSED,
                DeliveryCode.SANDBOX,
            ],
        },
    ),
    Catalogued(
        "Reasons to be on a deal, or off it",
        REASONS,
        {
            Reader.SALESPERSON: [
                Reason.MATCH,
                Reason.THREAD_ATTACHED,
                Reason.MESSAGE_ATTACHED,
                Reason.THREAD_DETACHED,
                Reason.MESSAGE_DETACHED,
            ],
        },
    ),
    Catalogued(
        "What is off the card of a person",
        CARD_OVERRIDES,
        {Reader.SALESPERSON: [Scope.ACCOUNT, Scope.OWNER]},
    ),
    Catalogued(
        "Attaches and detaches",
        STANDINGS,
        {
            Reader.SALESPERSON: [
                Standing.COUNTS,
                Standing.REPLACED,
                Standing.OUTRANKED,
            ],
        },
    ),
    Catalogued(
        "Changed settings",
        EFFECTS,
        {
            Reader.ADMINISTRATOR: [
                Setting.MAX_RECIPIENTS,
                Setting.DEAL_POLICY,
                Setting.MAILBOXES_PER_USER,
                Setting.MESSAGES_A_DAY,
                Setting.DELETED_MAIL,
                Setting.LANGUAGE,
            ],
        },
    ),
    Catalogued(
        "Changed settings of a mailbox",
        MAILBOX_EFFECTS,
        {Reader.SALESPERSON: list(MailboxSetting)},
    ),
    Catalogued(
        "What is found out about an address",
        FINDINGS,
        {
            Reader.SALESPERSON: [
                Finding.SIGN_IN,
                Finding.PASSWORD,
                Finding.APP_PASSWORD,
                Finding.ISSUED_SIGN_IN,
                Finding.BRIDGE_ONLY,
                Finding.NO_IMAP,
                Finding.POP3_ONLY,
                Finding.SERVER_REFUSED,
                Finding.DOMAIN_UNKNOWN,
                Finding.NO_MAIL,
                Finding.UNANSWERED,
                Finding.NOT_FOUND,
            ],
            Reader.ADMINISTRATOR: [Finding.SIGN_IN_NOT_SET_UP],
        },
    ),
    Catalogued(
        "What came of asking for settings",
        OUTCOMES,
        {Reader.ADMINISTRATOR: list(Outcome)},
    ),
    Catalogued("Faults that a deep audit finds", FAULTS, {Reader.SALESPERSON: list(FaultKind)}),
    Catalogued(
        "Causes that a doctor names", SERVER_CAUSES, {Reader.SALESPERSON: list(ServerCause)}
    ),
    Catalogued("Causes of missing mail", MISSING_CAUSES, {Reader.SALESPERSON: list(MissingCause)}),
)
