"""The Message-ID that a submission server says it gave a message, by its reply to DATA."""

import re
from collections.abc import Sequence

from mailmirror.aws.ses import message_id
from mailmirror.domain.identity import message_ids

_SES_HOST = re.compile(r"email-smtp(?:-fips)?\.([a-z0-9-]{1,40})\.amazonaws\.com\Z", re.IGNORECASE)
_SES_ID = re.compile(r"\bOk ([0-9a-f]{16}(?:-[0-9a-f]{4,12}){5}-[0-9a-f]{6})\s*\Z", re.IGNORECASE)
_SES_DEFAULT_REGION = "us-east-1"
"""Where SES is reached under a host of another name, as through a relay."""


def answered_ids(reply: str, host: str) -> Sequence[str]:
    """Return the Message-IDs that a server's reply names, without angle brackets.

    Exchange and Microsoft 365 name the id in full (`250 2.0.0 OK <…@….prod.outlook.com>
    [Hostname=…]`), also where it is the sender's own; SES names what stands before the `@`
    (`250 Ok 0100…-000000`).

    Parameters:
        reply: the reply that accepted the message.
        host: the server's.
    """
    found = [one for one in message_ids(reply) if "@" in one]
    if ses := _SES_ID.search(reply):
        region = _SES_HOST.match(host)
        found.append(message_id(ses[1], region[1].lower() if region else _SES_DEFAULT_REGION))
    return found
