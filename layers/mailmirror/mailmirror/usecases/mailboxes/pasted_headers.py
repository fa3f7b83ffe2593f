"""Headers that a person has pasted: which message they are of."""

from collections.abc import Set

from mailmirror.domain.address import Address
from mailmirror.domain.limits import MAX_EXPLAINED_SUBJECT_CHARS
from mailmirror.domain.mail_search import Sought
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.mime.headers import UnreadableHeaders, parse_headers


def sought_in(text: str) -> tuple[Sought, Set[Address]]:
    """Read headers: the message that they are of, and its participants.

    By the Message-ID; where there is none, by From, Subject and Date.

    Raises:
        Refused: `invalid_field`; no message can be found by them.
    """
    try:
        headers = parse_headers(text.lstrip().encode("utf-8", "replace"))
    except UnreadableHeaders as error:
        raise Refused(Code.INVALID_FIELD, "headers: no header of a message") from error
    if headers.message_id is not None:
        return Sought(headers.message_id), headers.participants
    sender = headers.from_[0].address if headers.from_ else None
    subject = headers.subject[:MAX_EXPLAINED_SUBJECT_CHARS]
    if sender is None and not subject.strip():
        raise Refused(Code.INVALID_FIELD, "headers: neither Message-ID nor From nor Subject")
    return Sought(sender=sender, subject=subject, date=headers.date), headers.participants
