"""Where an attachment's bytes are put before the message is composed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.domain.mailbox import AccountId
from mailmirror.runtime import Runtime
from mailmirror.store.objects import UPLOAD_SECONDS


@dataclass(frozen=True, slots=True)
class Upload:
    id: str
    url: str
    content_type: str
    """The header Content-Type that the PUT must carry."""
    expires_at: datetime


def make_upload(account: AccountId, content_type: str, runtime: Runtime) -> Upload:
    """Make a link to which one attachment can be put.

    Parameters:
        content_type: a media type without parameters, in lower case.
    """
    id = runtime.new_id()
    url = runtime.objects.upload_link(account, id, content_type)
    return Upload(id, url, content_type, runtime.now() + timedelta(seconds=UPLOAD_SECONDS))
