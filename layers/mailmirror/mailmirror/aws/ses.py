"""Sending through SES (API v2), and what its errors mean."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.outbound import Outbound
from mailmirror.domain.replies import Reply, classify

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

MAX_RECIPIENTS_A_CALL = 50
"""A call."""
TAG = "mailmirror"
"""The message tag that names the outbound in every notification."""

_BY_ERROR = {
    "TooManyRequestsException": DeliveryCode.SENDING_LIMIT_REACHED,
    "LimitExceededException": DeliveryCode.SENDING_LIMIT_REACHED,
    "ThrottlingException": DeliveryCode.SENDING_LIMIT_REACHED,
    "Throttling": DeliveryCode.SENDING_LIMIT_REACHED,
    "SendingPausedException": DeliveryCode.SERVER_UNAVAILABLE,
    "AccountSuspendedException": DeliveryCode.SENDER_NOT_ALLOWED,
    "MailFromDomainNotVerifiedException": DeliveryCode.SENDER_NOT_ALLOWED,
    "AccessDeniedException": DeliveryCode.SENDER_NOT_ALLOWED,
}
_TRANSIENT = frozenset(
    {
        "TooManyRequestsException",
        "LimitExceededException",
        "ThrottlingException",
        "Throttling",
        "SendingPausedException",
        # Of AWS's own: the request was not looked at (a clock, a role's session, a limit).
        "BandwidthLimitExceeded",
        "ExpiredToken",
        "ExpiredTokenException",
        "PriorRequestNotComplete",
        "RequestExpired",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "SlowDown",
        "ThrottledException",
    }
)


class SesRefused(Exception):
    """SES has not accepted the message."""

    def __init__(self, code: DeliveryCode, reply: str, *, transient: bool) -> None:
        super().__init__(code)
        self.code = code
        self.reply = reply
        self.transient = transient


class SesUnclear(Exception):
    """No answer came: SES may have accepted the message; its notifications say whether."""


class SesTransport:
    def __init__(self, client: "SESV2Client", configuration_set: str, region: str) -> None:
        self._client = client
        self._configuration_set = configuration_set
        self._region = region

    def send(self, outbound: Outbound, recipients: Sequence[str], raw: bytes) -> str:
        """Send to at most 50 recipients; return the Message-ID that SES puts in place of ours.

        Raises:
            SesRefused: it was not taken.
            SesUnclear: it may have been.
        """
        try:
            answer = self._client.send_email(
                FromEmailAddress=outbound.sender,
                Destination={"ToAddresses": list(recipients)},
                Content={"Raw": {"Data": raw}},
                ConfigurationSetName=self._configuration_set,
                EmailTags=[{"Name": TAG, "Value": reference(outbound)}],
            )
        except ClientError as error:
            raise _refusal(error, outbound, recipients) from error
        except (EndpointConnectionError, ConnectTimeoutError, NoCredentialsError) as error:
            text = type(error).__name__
            raise SesRefused(DeliveryCode.SERVER_UNAVAILABLE, text, transient=True) from error
        except BotoCoreError as error:
            raise SesUnclear from error
        return message_id(answer["MessageId"], self._region)

    def send_notice(self, sender: str, recipient: str, raw: bytes) -> None:
        """Send a message of the system's own; no notification is followed.

        Raises:
            SesRefused: it was not taken.
            SesUnclear: it may have been.
        """
        try:
            self._client.send_email(
                FromEmailAddress=sender,
                Destination={"ToAddresses": [recipient]},
                Content={"Raw": {"Data": raw}},
                ConfigurationSetName=self._configuration_set,
            )
        except ClientError as error:
            name = error.response["Error"].get("Code", "")
            code = _BY_ERROR.get(name, DeliveryCode.SENDER_NOT_ALLOWED)
            raise SesRefused(code, name, transient=name in _TRANSIENT) from error
        except BotoCoreError as error:
            raise SesUnclear from error


def message_id(ses_id: str, region: str) -> str:
    """The Message-ID of what SES sends under an id of its own."""
    return f"{ses_id}@{'email' if region == 'us-east-1' else region}.amazonses.com"


def reference(outbound: Outbound) -> str:
    """An outbound as a message tag: letters, digits and signs that a tag may have."""
    key = outbound.mailbox
    return f"{key.account}_{key.mailbox}_{key.epoch}_{outbound.id}"


def _refusal(error: ClientError, outbound: Outbound, recipients: Sequence[str]) -> Exception:
    """The text of an error may quote addresses: only this message's own are stored."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
    name = error.response["Error"].get("Code", "")
    if status >= 500 and name not in _TRANSIENT:
        return SesUnclear()
    text = error.response["Error"].get("Message", "")
    reply = Reply.parse(0, f"{name}: {text}")
    code = _BY_ERROR.get(name) or classify(reply)
    if name in _TRANSIENT and name not in _BY_ERROR:
        code = DeliveryCode.SERVER_UNAVAILABLE
    if "not verified" in text:
        lowered = text.lower()
        of_sender = outbound.sender.lower() in lowered
        sandboxed = any(one.lower() in lowered for one in recipients)
        code = (
            DeliveryCode.SANDBOX if sandboxed and not of_sender else DeliveryCode.SENDER_NOT_ALLOWED
        )
    return SesRefused(code, reply.text, transient=name in _TRANSIENT)
