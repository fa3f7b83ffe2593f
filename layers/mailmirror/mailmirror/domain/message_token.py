"""The message token of mail that Mailmirror sends: the field X-Mailmirror-Id.

Transports replace Message-ID and Date (SES always does), but not a field that they do not know. The
token names the message, its vertex in the graph of threads, and its Date: two hashes and a time,
which disclose nothing that the message itself does not. It is signed with a key of the account, so
that nobody else can make one.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from mailmirror.domain.identity import MessageKey, Vertex

FIELD = "X-Mailmirror-Id"

_KEY_BYTES, _TIME_BYTES, _MAC_BYTES = 16, 8, 16
_PLAIN_BYTES = 2 * _KEY_BYTES + _TIME_BYTES


@dataclass(frozen=True, slots=True)
class MessageToken:
    message: MessageKey
    vertex: Vertex
    """Of the Message-ID that Mailmirror gave the message."""
    date: datetime
    """To the second."""

    def sealed(self, key: bytes) -> str:
        """The field's value: 75 letters and digits."""
        seconds = int(self.date.timestamp()).to_bytes(_TIME_BYTES, signed=True)
        plain = bytes.fromhex(self.message) + bytes.fromhex(self.vertex) + seconds
        mac = hmac.digest(key, plain, "sha256")[:_MAC_BYTES]
        return base64.urlsafe_b64encode(plain + mac).decode().rstrip("=")

    @classmethod
    def read(cls, value: str, key: bytes) -> "MessageToken | None":
        """Read a field's value; None where it is not signed by the account."""
        text = value.strip()
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        if len(data) != _MAC_BYTES + _PLAIN_BYTES:
            return None
        plain, mac = data[:_PLAIN_BYTES], data[_PLAIN_BYTES:]
        if not hmac.compare_digest(mac, hmac.digest(key, plain, "sha256")[:_MAC_BYTES]):
            return None
        seconds = int.from_bytes(plain[2 * _KEY_BYTES :], signed=True)
        try:
            date = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            return None
        return cls(
            MessageKey(plain[:_KEY_BYTES].hex()),
            Vertex(plain[_KEY_BYTES : 2 * _KEY_BYTES].hex()),
            date,
        )
