"""Uploads: where an attachment's bytes are put before the message is composed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from mailmirror.api.decoding import Strict
from mailmirror.api.fields import MediaType
from mailmirror.api.times import utc
from mailmirror.usecases.sending.make_upload import Upload as Made


class UploadBody(Strict):
    """The body of `POST /v1/uploads`."""

    content_type: MediaType | None = None


class Upload(Struct, frozen=True):
    upload_id: str
    url: str
    method: Literal["PUT"]
    headers: Mapping[str, str]
    """To be sent along with the bytes."""
    expires_at: datetime

    @classmethod
    def of(cls, made: Made) -> "Upload":
        headers = {"Content-Type": made.content_type}
        return cls(made.id, made.url, "PUT", headers, utc(made.expires_at))
