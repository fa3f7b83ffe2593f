"""Only what Amazon has signed for our topic is believed, and only Amazon's certificates fetched."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from mailmirror.aws import notifications
from mailmirror.aws.notifications import Notifications
from mailmirror.domain import limits
from mailmirror.domain.problems import Code, Refused

TOPIC = "arn:aws:sns:us-east-1:123456789012:mailmirror-FeedbackTopic"
ADDRESS = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem"
DIGESTS = {"1": hashes.SHA1(), "2": hashes.SHA256()}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = KEY) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def notification(
    version: str = "2",
    key: rsa.RSAPrivateKey = KEY,
    address: str = ADDRESS,
    **fields: str,
) -> dict[str, object]:
    """As a function gets it, with null where it has no subject."""
    said = {
        "Type": "Notification",
        "MessageId": "b9d1e6c6-2f1d-5c5f-a2d5-bc1a0a7c0d5a",
        "TopicArn": TOPIC,
        "Message": '{"eventType":"Send"}\n',
        "Timestamp": "2026-03-01T09:30:00.123Z",
    } | fields
    order = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    text = "".join(f"{name}\n{said[name]}\n" for name in order if name in said)
    signature = key.sign(text.encode(), padding.PKCS1v15(), DIGESTS[version])
    return {
        "Subject": None,
        **said,
        "SignatureVersion": version,
        "Signature": base64.b64encode(signature).decode(),
        "SigningCertUrl": address,
        "UnsubscribeUrl": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
        "MessageAttributes": {},
    }


class Certificates:
    """What lies at each address, and which were asked for."""

    def __init__(self, pem: bytes) -> None:
        self._pem = pem
        self.fetched: list[str] = []

    def __call__(self, address: str) -> bytes:
        self.fetched.append(address)
        return self._pem


def believing(
    pem: bytes | None = None, region: str = "us-east-1"
) -> tuple[Notifications, Certificates]:
    certificates = Certificates(certificate() if pem is None else pem)
    return Notifications(TOPIC, signed=True, region=region, fetch=certificates), certificates


def refusal(notifications: Notifications, record: dict[str, object]) -> str:
    with pytest.raises(Refused) as refused:
        notifications.message(record)
    assert refused.value.code is Code.NOTIFICATION_FORGED
    return refused.value.detail


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    ("field", "value"), [("Message", "例え"), ("Subject", "Amazon SES Email Event")]
)
def test_what_amazon_has_signed_is_believed(version: str, field: str, value: str) -> None:
    notifications, _ = believing()
    record = notification(version, KEY, ADDRESS, **{field: value})
    assert notifications.message(record) == record["Message"]


def test_the_spelling_of_the_http_form_is_understood_too() -> None:
    notifications, _ = believing()
    record = notification()
    record["SigningCertURL"] = record.pop("SigningCertUrl")
    assert notifications.message(record) == record["Message"]


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "Type", "Subject"])
def test_a_field_that_was_changed_or_added_is_refused(version: str, field: str) -> None:
    notifications, _ = believing()
    assert refusal(notifications, notification(version) | {field: "forged"}) == "signature"


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "Type"])
def test_a_field_that_was_left_out_is_refused(field: str) -> None:
    notifications, _ = believing()
    assert refusal(notifications, notification() | {field: None}) == "signature"


def test_another_key_and_another_digest_are_refused() -> None:
    notifications, _ = believing()
    assert refusal(notifications, notification(key=OTHER)) == "signature"
    assert refusal(notifications, notification("1") | {"SignatureVersion": "2"}) == "signature"


@pytest.mark.parametrize("version", [None, "", "0", "3", 2, "2 "])
def test_an_unknown_version_of_signatures_is_refused(version: object) -> None:
    notifications, certificates = believing()
    record = notification() | {"SignatureVersion": version}
    assert refusal(notifications, record) == "signature version"
    assert certificates.fetched == []


@pytest.mark.parametrize("signature", [None, "", "!", "AAAA", "é"])
def test_what_is_no_signature_is_refused(signature: object) -> None:
    notifications, _ = believing()
    assert refusal(notifications, notification() | {"Signature": signature}) == "signature"


@pytest.mark.parametrize(
    "topic",
    [None, "", TOPIC + "x", TOPIC.upper(), TOPIC.replace("123456789012", "999999999999"), [TOPIC]],
)
def test_another_topic_is_refused_though_amazon_signed_it(topic: object) -> None:
    notifications, certificates = believing()
    record = notification(TopicArn=topic) if isinstance(topic, str) else notification()
    assert refusal(notifications, record | {"TopicArn": topic}) == "topic"
    assert certificates.fetched == []


_NAME = ADDRESS.rpartition("/")[2]


@pytest.mark.parametrize(
    "address",
    [
        "",
        ADDRESS.replace("https", "http"),
        ADDRESS.replace("https", "HTTPS"),
        f"https://evil.example/{_NAME}",
        f"https://sns.us-east-1.amazonaws.com.evil.example/{_NAME}",
        f"https://evil.example/sns.us-east-1.amazonaws.com/{_NAME}",
        f"https://sns.us-east-1.amazonaws.com@evil.example/{_NAME}",
        f"https://sns.us-east-1.amazonaws.com:443@evil.example/{_NAME}",
        f"https://user@sns.us-east-1.amazonaws.com/{_NAME}",
        f"https://sns.us-east-1.amazonaws.com:8443/{_NAME}",
        f"https://sns.us-east-1.amazonaws.com\\@evil.example/{_NAME}",
        f"https://snsxus-east-1xamazonawsxcom/{_NAME}",
        f"https://bucket.s3.us-east-1.amazonaws.com/{_NAME}",
        f"https://sns.eu-west-1.amazonaws.com/{_NAME}",
        f"https://SNS.us-east-1.amazonaws.com/{_NAME}",
        f"https://sns.us-east-1.amazonaws.com/../{_NAME}",
        f"https://sns.us-east-1.amazonaws.com//{_NAME}",
        f"https://sns.us-east-1.amazonaws.com/x/{_NAME}",
        f"https://sns.us-east-1.amazonaws.com/%2e%2e/{_NAME}",
        f"https://sns.us-east-1.amazonaws.com/?x={_NAME}",
        f"{ADDRESS}?x=y",
        f"{ADDRESS}#x",
        f"{ADDRESS}\n",
        f"{ADDRESS}\r\nHost: evil.example",
        f" {ADDRESS}",
        ADDRESS.replace(".pem", ".pem.evil"),
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-.pem",
        "file:///etc/passwd",
    ],
)
def test_no_certificate_is_fetched_from_elsewhere(address: str) -> None:
    notifications, certificates = believing()
    record = notification(address=address)
    assert refusal(notifications, record) == "address of the certificate"
    assert certificates.fetched == []


def test_china_has_addresses_of_its_own() -> None:
    notifications, certificates = believing(region="cn-north-1")
    address = ADDRESS.replace("us-east-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
    assert notifications.message(notification(address=address))
    assert certificates.fetched == [address]


def test_a_certificate_is_fetched_once() -> None:
    notifications, certificates = believing()
    for number in range(3):
        notifications.message(notification(MessageId=str(number)))
    assert certificates.fetched == [ADDRESS]


@pytest.mark.parametrize(
    "pem",
    [b"", b"what?", certificate()[:200], certificate(ec.generate_private_key(ec.SECP256R1()))],
)
def test_what_is_no_certificate_of_an_rsa_key_is_refused(pem: bytes) -> None:
    notifications, _ = believing(pem)
    assert refusal(notifications, notification()) == "certificate"


def test_an_emulator_signs_nothing_and_must_still_name_the_topic() -> None:
    notifications = Notifications(TOPIC, signed=False, region="us-east-1")
    assert notifications.message({"TopicArn": TOPIC, "Message": "x"}) == "x"
    with pytest.raises(Refused):
        notifications.message({"TopicArn": "other", "Message": "x"})


@pytest.mark.exceeds("MAX_CERTIFICATE_BYTES")
def test_of_an_endless_certificate_only_the_beginning_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Endless(requests.Response):
        def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Any:
            while True:
                yield b"x" * (chunk_size or 1)

    endless = Endless()
    endless.status_code = 200
    monkeypatch.setattr(requests, "get", lambda *_, **__: endless)
    monkeypatch.setattr(endless, "close", lambda: None)
    assert len(notifications.fetch("https://sns.example/cert.pem")) == limits.MAX_CERTIFICATE_BYTES
