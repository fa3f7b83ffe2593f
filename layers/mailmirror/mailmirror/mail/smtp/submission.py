"""Submit one message to a server (RFC 5321, 6409), with a result for each recipient."""

import smtplib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mailmirror.domain.replies import Reply
from mailmirror.mail.smtp.session import SubmissionSession


@dataclass(frozen=True, slots=True)
class Envelope:
    """RFC 5321 2.3.1. Domains are in A-labels."""

    sender: str
    recipients: Sequence[str]

    @property
    def needs_smtputf8(self) -> bool:
        return not all(one.isascii() for one in (self.sender, *self.recipients))


@dataclass(frozen=True, slots=True)
class SubmissionResult:
    """The server's reply for each recipient."""

    accepted: Mapping[str, Reply]
    refused: Mapping[str, Reply]


class Unclear(Exception):
    """The connection broke after the last byte: the server may have accepted the message."""


NO_SMTPUTF8 = Reply(553, "5.6.7", "the server does not offer SMTPUTF8")


def submit_message(
    session: SubmissionSession,
    envelope: Envelope,
    raw: bytes,
    before_last_byte: Callable[[Sequence[str]], None],
) -> SubmissionResult:
    """Send a message.

    Parameters:
        raw: with CRLF line ends.
        before_last_byte: called with the recipients for whom the server is about to take the
            message; nothing was accepted if it fails.

    Raises:
        Unclear: see there.
        OSError, smtplib.SMTPException: the server hung up before it could take the message.
    """
    everybody = envelope.recipients
    if envelope.needs_smtputf8 and not session.offers("smtputf8"):
        return SubmissionResult({}, dict.fromkeys(everybody, NO_SMTPUTF8))
    limit = session.size_limit
    if limit is not None and len(raw) > limit:
        text = f"message size {len(raw)} exceeds the server's limit of {limit} bytes"
        return SubmissionResult({}, dict.fromkeys(everybody, Reply(552, "5.3.4", text)))
    refused = _announce(session, envelope, raw)
    willing = [one for one in everybody if one not in refused]
    if not willing:
        return SubmissionResult({}, refused)
    (ready,) = _replies(session, ["DATA"])
    if ready.code != 354:
        return SubmissionResult({}, refused | dict.fromkeys(willing, ready))
    session.write(_stuffed(raw))
    before_last_byte(willing)
    try:
        session.write(b".\r\n")
        code, said = session.reply()
    except (OSError, smtplib.SMTPException) as error:
        raise Unclear from error
    last = Reply.parse(code, said.decode("utf-8", "replace"))
    if 200 <= code < 300:
        return SubmissionResult(dict.fromkeys(willing, last), refused)
    return SubmissionResult({}, refused | dict.fromkeys(willing, last))


def _announce(session: SubmissionSession, envelope: Envelope, raw: bytes) -> dict[str, Reply]:
    """Name sender and recipients; return who was refused."""
    mail, *rest = _replies(
        session,
        [
            f"MAIL FROM:<{envelope.sender}>{_parameters(session, envelope, raw)}",
            *(f"RCPT TO:<{one}>" for one in envelope.recipients),
        ],
    )
    if mail.code != 250:
        return dict.fromkeys(envelope.recipients, mail)
    return {
        one: reply
        for one, reply in zip(envelope.recipients, rest, strict=True)
        if reply.code not in (250, 251)
    }


def _parameters(session: SubmissionSession, envelope: Envelope, raw: bytes) -> str:
    parameters = ""
    if session.offers("size"):
        parameters += f" SIZE={len(raw)}"
    if session.offers("8bitmime") and not raw.isascii():
        parameters += " BODY=8BITMIME"
    return parameters + (" SMTPUTF8" if envelope.needs_smtputf8 else "")


def _replies(session: SubmissionSession, commands: Sequence[str]) -> list[Reply]:
    return [
        Reply.parse(code, text.decode("utf-8", "replace")) for code, text in session.ask(commands)
    ]


def _stuffed(raw: bytes) -> bytes:
    """The message as DATA wants it (RFC 5321 4.5.2), without the line that ends it."""
    text = raw.replace(b"\r\n.", b"\r\n..")
    text = b"." + text if text.startswith(b".") else text
    return text if text.endswith(b"\r\n") else text + b"\r\n"
