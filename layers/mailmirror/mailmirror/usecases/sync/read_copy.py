"""Read the bytes of a copy: what it says, which message it is and which others it names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.aliases import Evidence, is_of_token, token_counts
from mailmirror.domain.identity import (
    MessageKey,
    SentFields,
    Vertex,
    message_key,
    sent_fields,
    vertex,
)
from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.message import Participant
from mailmirror.domain.message_token import MessageToken
from mailmirror.domain.threads import vertices
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.mail.mime.content import Content, parse_message
from mailmirror.mail.mime.headers import UnreadableHeaders
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.crm_view import CrmView


@dataclass(frozen=True, slots=True)
class ReadCopy:
    """A copy whose bytes are read, and what it shows of its identity."""

    copy: FetchedCopy
    content: Content
    message: MessageKey
    vertices: list[Vertex]
    """Its own last."""
    date: datetime | None
    """The Date that the message was given here, where a transport has replaced it."""
    evidence: Evidence
    own_key: MessageKey
    """The identity that it has by its own Message-ID and Date."""
    composed_here: bool = False
    """Whether its message token says so."""

    @property
    def was_sent(self) -> bool:
        """Whether it shows by itself that its message was sent by the team.

        By a token alone only under the Message-ID that the token names: recipients know both, and
        that Message-ID and Date are the identity of what was composed here.
        """
        return self.evidence.in_sent or (self.composed_here and self.message == self.own_key)

    @property
    def sent_fields(self) -> SentFields | None:
        """What the copies of a message of the team have in common, in sent mail and elsewhere.

        None where it is not of the team, or was composed here, with a Message-ID; where its Date
        cannot be read; and where, without a Message-ID, it lies where strangers can write.
        """
        headers = self.content.headers
        if headers.date is None or not self.evidence.from_team or self.composed_here:
            return None
        if headers.message_id is None and not self.evidence.in_sent:
            return None
        return sent_fields(
            _addresses(headers.from_), headers.date, headers.subject, _addresses(headers.to)
        )


def read_copy(copy: FetchedCopy, role: FolderRole, view: CrmView, runtime: Runtime) -> ReadCopy:
    """Parse a copy, and tell its identity and the Message-IDs that it joins.

    Parameters:
        role: of its folder.
    """
    try:
        content = parse_message(copy.raw)
    except UnreadableHeaders:  # the server gives other bytes than in the header pass
        copy = copy.without_body()
        content = parse_message(copy.raw)
    headers = content.headers
    key = _message_key(content)
    own = vertex(headers.message_id) if headers.message_id else Vertex(key)
    members = vertices(own, headers.in_reply_to, headers.references)
    evidence = Evidence(
        own=own,
        from_team=any(one.address in view.team for one in headers.from_),
        in_sent=role is FolderRole.SENT,
        date=headers.date,
        received_at=copy.received_at,
    )
    token = headers.token and MessageToken.read(
        headers.token, runtime.vault.signature_key(view.account, runtime.now())
    )
    read = ReadCopy(copy, content, key, members, headers.date, evidence, key)
    if not token or not token_counts(evidence, token):
        return read
    if own != token.vertex:
        read = replace(read, vertices=[token.vertex, *members])
    if is_of_token(evidence, token):
        read = replace(read, message=token.message, date=token.date)
    return replace(read, composed_here=True)


def _message_key(content: Content) -> MessageKey:
    headers = content.headers
    return message_key(
        headers.message_id,
        headers.date,
        sender=_addresses(headers.from_),
        subject=headers.subject,
        recipients=_addresses(headers.to),
        text=content.text,
    )


def _addresses(field: Sequence[Participant]) -> str:
    return ",".join(one.address for one in field)
