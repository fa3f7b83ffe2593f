"""Where an attachment's bytes are put before the message is composed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.store.objects import UPLOAD_SECONDS
from mailmirror.usecases.sending.compose_message import content_type


@dataclass(frozen=True, slots=True)
class Upload:
    id: str
    url: str
    content_type: str
    """The header Content-Type that the PUT must carry."""
    expires_at: datetime


def make_upload(account: AccountId, raw: object, runtime: Runtime) -> Upload:
    """Make a link to which one attachment can be put.

    Raises:
        Refused: the content type is none.
    """
    if not isinstance(raw, dict):
        raise Refused(Code.MALFORMED_JSON, "not an object")
    kind = content_type(raw.get("content_type"), "content_type")
    id = runtime.new_id()
    url = runtime.objects.upload_link(account, id, kind)
    return Upload(id, url, kind, runtime.now() + timedelta(seconds=UPLOAD_SECONDS))
