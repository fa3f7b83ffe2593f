"""The bucket: large raw mail, drafts, uploads, and attachments that are downloaded."""

import hashlib
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, MailboxKey

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

LINK_SECONDS = 300
UPLOAD_SECONDS = 900


class TooLarge(Exception):
    """An upload has more bytes than may be sent."""


class NotErased(Exception):
    """S3 did not delete an object; repeat the erasure."""


class ObjectStore:
    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_raw(self, key: MailboxKey, message: MessageKey, sha256: str, packed: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=_raw(key, message, sha256), Body=packed)

    def get_raw(self, key: MailboxKey, message: MessageKey, sha256: str) -> bytes:
        """Read the raw bytes of a content, as `put_raw` stored them.

        Raises:
            KeyError: they are not there. S3 answers AccessDenied for a missing object to a role
                that may not list the bucket.
        """
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=_raw(key, message, sha256))
        except ClientError as error:
            if error.response["Error"].get("Code") in ("NoSuchKey", "AccessDenied"):
                raise KeyError(sha256) from error
            raise
        return answer["Body"].read()

    def erase_raw(self, key: MailboxKey, message: MessageKey, sha256: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=_raw(key, message, sha256))

    def erase_mail(self, key: MailboxKey) -> None:
        """Delete every object of a mailbox in its epoch, drafts and downloads too."""
        list_objects = self._client.get_paginator("list_objects_v2").paginate
        folders = (_folder(key), _downloads(key), _drafts(key))
        for page in chain.from_iterable(
            list_objects(Bucket=self._bucket, Prefix=folder) for folder in folders
        ):
            objects: list[ObjectIdentifierTypeDef] = [
                {"Key": entry["Key"]} for entry in page.get("Contents", ())
            ]
            if objects:
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
                )
                if answer.get("Errors"):
                    raise NotErased(answer["Errors"][0].get("Code", ""))

    def link(self, key: MailboxKey, name: str, content_type: str, data: bytes) -> str:
        """Put an attachment's bytes under `downloads/`, and return a link that lives five minutes.

        The name comes from strangers and is not part of the key; it is sent to the browser, as the
        name of a download.
        """
        digest = hashlib.sha256(data).hexdigest()
        at = f"{_downloads(key)}{digest}"
        self._client.put_object(Bucket=self._bucket, Key=at, Body=data)
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": at,
                "ResponseContentDisposition": _disposition(name),
                "ResponseContentType": content_type,
            },
            ExpiresIn=LINK_SECONDS,
        )

    def upload_link(self, account: AccountId, id: str, content_type: str) -> str:
        """A link to which an attachment is put within fifteen minutes."""
        return self._client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": _upload(account, id),
                "ContentType": content_type,
            },
            ExpiresIn=UPLOAD_SECONDS,
        )

    def get_upload(self, account: AccountId, id: str, most: int) -> bytes | None:
        """Read an upload; None where there is none.

        Raises:
            TooLarge: it has more than `most` bytes.
        """
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=_upload(account, id))
        except self._client.exceptions.NoSuchKey:
            return None
        if answer["ContentLength"] > most:
            raise TooLarge(answer["ContentLength"])
        return answer["Body"].read()

    def put_draft(self, key: MailboxKey, id: MessageKey, raw: bytes) -> None:
        """Store the draft of a message."""
        self._client.put_object(Bucket=self._bucket, Key=_draft(key, id), Body=raw)

    def get_draft(self, key: MailboxKey, id: MessageKey) -> bytes | None:
        """Read a draft; None where it was deleted: a rule does so after seven days.

        Raises:
            ClientError: also AccessDenied, which S3 answers for a missing object to a role that may
                not list the bucket.
        """
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=_draft(key, id))
        except self._client.exceptions.NoSuchKey:
            return None
        return answer["Body"].read()

    def delete_draft(self, key: MailboxKey, id: MessageKey) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=_draft(key, id))

    def read_text(self, at: str) -> str:
        """Read a text object, such as the authority that a deployment trusts beside the others."""
        return self._client.get_object(Bucket=self._bucket, Key=at)["Body"].read().decode()


def _folder(key: MailboxKey) -> str:
    return f"mail/{key.account}/{key.mailbox}.{key.epoch}/"


def _downloads(key: MailboxKey) -> str:
    return f"downloads/{key.account}/{key.mailbox}.{key.epoch}/"


def _drafts(key: MailboxKey) -> str:
    return f"drafts/{key.account}/{key.mailbox}.{key.epoch}/"


def _draft(key: MailboxKey, id: MessageKey) -> str:
    return f"{_drafts(key)}{id}.eml"


def _upload(account: AccountId, id: str) -> str:
    return f"uploads/{account}/{id}"


def _raw(key: MailboxKey, message: MessageKey, sha256: str) -> str:
    return f"{_folder(key)}{message}/{sha256}.zst"


def _disposition(name: str) -> str:
    """RFC 6266, with the name in the extended form of RFC 8187."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
