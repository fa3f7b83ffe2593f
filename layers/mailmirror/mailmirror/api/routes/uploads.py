"""Where attachments are put."""

from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.api.routing import AnyRoute, Call, Route
from mailmirror.api.uploads import Upload, UploadBody
from mailmirror.usecases.sending.make_upload import make_upload


def upload(call: Call[UploadBody]) -> Answer:
    """Make a link to which one attachment is put within 15 minutes."""
    kind = call.body.content_type or "application/octet-stream"
    return Answer(HTTPStatus.CREATED, Upload.of(make_upload(call.account, kind, call.runtime)))


ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="POST",
        path="/v1/uploads",
        handler=upload,
        body=UploadBody,
        answers={HTTPStatus.CREATED: Upload},
    ),
)
