"""SES's API v2 in front of the emulator's: sending a raw message as SES does it.

    python -m local.ses --port PORT --aws URL

The emulator's own v2 rebuilds a raw message from its text and says nothing of it. Its v1 relays
the message whole, so a call is passed on to that, with Date replaced as SES replaces it; then what
SES would say is published to the topic of the configuration set. Addresses of SES's mailbox
simulator (`bounce@`, `complaint@`, `suppressionlist@simulator.amazonses.com`) fare as there.
"""

import argparse
import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

from local import emulator

PATH = "/v2/email/outbound-emails"
_DATE = re.compile(rb"^Date:.*(?:\r?\n[ \t].*)*\r?\n", re.IGNORECASE | re.MULTILINE)
_SIMULATOR = "@simulator.amazonses.com"


class Ses:
    """What the server does with a call."""

    def __init__(self, url: str) -> None:
        session = emulator.session()
        self._v1 = session.client("ses", endpoint_url=url)
        self._v2 = session.client("sesv2", endpoint_url=url)
        self._sns = session.client("sns", endpoint_url=url)

    def send(self, call: Mapping[str, Any]) -> str:
        """Send a raw message; return SES's id of it.

        Raises:
            ClientError: as SES would have it.
        """
        recipients = call["Destination"]["ToAddresses"]
        raw = base64.b64decode(call["Content"]["Raw"]["Data"])
        answer = self._v1.send_raw_email(
            Source=call["FromEmailAddress"],
            Destinations=recipients,
            RawMessage={"Data": _dated(raw)},
        )
        id = answer["MessageId"].partition("@")[0]
        self._tell(call, id, recipients)
        return id

    def _tell(self, call: Mapping[str, Any], id: str, recipients: Sequence[str]) -> None:
        set_name = call["ConfigurationSetName"]
        found = self._v2.get_configuration_set_event_destinations(ConfigurationSetName=set_name)
        topics = [
            one["SnsDestination"]["TopicArn"]
            for one in found["EventDestinations"]
            if "SnsDestination" in one
        ]
        tags = {tag["Name"]: [tag["Value"]] for tag in call.get("EmailTags", ())}
        mail = {
            "timestamp": _now(),
            "source": call["FromEmailAddress"],
            "messageId": id,
            "destination": recipients,
            "tags": tags | {"ses:configuration-set": [set_name]},
        }
        for event in _events(recipients):
            for topic in topics:
                self._sns.publish(TopicArn=topic, Message=json.dumps({**event, "mail": mail}))


def _dated(raw: bytes) -> bytes:
    header, blank, body = raw.partition(b"\r\n\r\n")
    date = f"Date: {format_datetime(datetime.now(UTC))}\r\n".encode()
    return date + _DATE.sub(b"", header + b"\r\n") + blank[2:] + body


def _events(recipients: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What SES publishes of a message that it has accepted."""
    yield {"eventType": "Send", "send": {}}
    for recipient in recipients:
        local = recipient.partition("@")[0].partition("+")[0]
        match local if recipient.endswith(_SIMULATOR) else "":
            case "bounce":
                bounced = {
                    "emailAddress": recipient,
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }
                yield _bounce("General", bounced)
            case "suppressionlist":
                yield _bounce("OnAccountSuppressionList", {"emailAddress": recipient})
            case "complaint":
                yield _delivery(recipient)
                complained = {"complainedRecipients": [{"emailAddress": recipient}]}
                yield {"eventType": "Complaint", "complaint": complained}
            case _:
                yield _delivery(recipient)


def _bounce(subtype: str, recipient: Mapping[str, str]) -> dict[str, Any]:
    bounce = {"bounceType": "Permanent", "bounceSubType": subtype, "bouncedRecipients": [recipient]}
    return {"eventType": "Bounce", "bounce": {**bounce, "timestamp": _now()}}


def _delivery(recipient: str) -> dict[str, Any]:
    delivery = {"recipients": [recipient], "smtpResponse": "250 2.0.0 OK", "timestamp": _now()}
    return {"eventType": "Delivery", "delivery": delivery}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def serve(port: int, url: str) -> None:
    """Serve on the loopback until the process is ended."""
    ses = Ses(url)

    class Call(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or an answer's body waits 40 ms for the header's ACK

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != PATH:
                self._answer(404, {"message": "not here"}, "NotFoundException")
                return
            try:
                self._answer(200, {"MessageId": ses.send(json.loads(body))})
            except ClientError as error:
                said = error.response["Error"]
                self._answer(400, {"message": said["Message"]}, said["Code"])

        def _answer(self, status: int, fields: Mapping[str, str], error: str = "") -> None:
            body = json.dumps(fields).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if error:
                self.send_header("x-amzn-ErrorType", error)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: addresses are no matter for a log."""

    ThreadingHTTPServer(("127.0.0.1", port), Call).serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.ses", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--aws", required=True, metavar="URL")
    arguments = parser.parse_args()
    serve(arguments.port, arguments.aws)
