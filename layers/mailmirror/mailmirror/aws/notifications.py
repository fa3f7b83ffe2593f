"""Verify notifications of SNS.

A notification names the address of the certificate that it is signed with; the address is checked
first, and only Amazon's own is fetched.
"""

import base64
import re
from collections.abc import Callable, Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mailmirror.domain.limits import MAX_CERTIFICATE_BYTES
from mailmirror.domain.problems import Code, Refused

_FETCH_SECONDS = 5
_SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
"""In this order (Amazon SNS, "Verifying the signatures of Amazon SNS messages")."""
_DIGESTS: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}
_MAX_CERTIFICATES = 8


def fetch(url: str) -> bytes:
    """Fetch a certificate over TLS, following no redirect."""
    import requests

    with requests.get(url, timeout=_FETCH_SECONDS, allow_redirects=False, stream=True) as answer:
        answer.raise_for_status()
        return next(answer.iter_content(MAX_CERTIFICATE_BYTES), b"")


class Notifications:
    """Verifies the notifications of one topic.

    Parameters:
        topic: the ARN of the only topic that is believed.
        signed: False only for an emulator, which cannot sign.
        region: of the topic; its certificates lie there.
        fetch: gets a certificate (PEM) from a checked address.
    """

    def __init__(
        self, topic: str, *, signed: bool, region: str, fetch: Callable[[str], bytes] = fetch
    ) -> None:
        self._topic = topic
        self._signed = signed
        self._fetch = fetch
        name = r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem"
        host = rf"sns\.{re.escape(region)}\.amazonaws\.com(?:\.cn)?"
        self._address = re.compile(rf"https://{host}{name}\Z")
        self._keys: dict[str, rsa.RSAPublicKey] = {}

    def message(self, record: Mapping[str, object]) -> str:
        """Return the message of a notification that is genuine.

        Parameters:
            record: the notification's fields, as a function gets them.

        Raises:
            Refused: `notification_forged`; the detail says what is wrong.
        """
        fields = {name: value for name, value in record.items() if isinstance(value, str)}
        if fields.get("TopicArn") != self._topic:
            raise Refused(Code.NOTIFICATION_FORGED, "topic")
        if self._signed:
            self._verify(fields)
        return fields.get("Message", "")

    def _verify(self, fields: Mapping[str, str]) -> None:
        digest = _DIGESTS.get(fields.get("SignatureVersion", ""))
        if digest is None:
            raise Refused(Code.NOTIFICATION_FORGED, "signature version")
        address = fields.get("SigningCertUrl") or fields.get("SigningCertURL", "")
        if not self._address.match(address):
            raise Refused(Code.NOTIFICATION_FORGED, "address of the certificate")
        text = "".join(f"{name}\n{fields[name]}\n" for name in _SIGNED if name in fields)
        try:
            signature = base64.b64decode(fields.get("Signature", ""), validate=True)
            self._key(address).verify(signature, text.encode(), padding.PKCS1v15(), digest)
        except (InvalidSignature, ValueError) as error:
            raise Refused(Code.NOTIFICATION_FORGED, "signature") from error

    def _key(self, address: str) -> rsa.RSAPublicKey:
        known = self._keys.get(address)
        if known is not None:
            return known
        try:
            key = x509.load_pem_x509_certificate(self._fetch(address)).public_key()
        except ValueError as error:
            raise Refused(Code.NOTIFICATION_FORGED, "certificate") from error
        if not isinstance(key, rsa.RSAPublicKey):
            raise Refused(Code.NOTIFICATION_FORGED, "certificate")
        if len(self._keys) >= _MAX_CERTIFICATES:
            self._keys.clear()
        self._keys[address] = key
        return key
