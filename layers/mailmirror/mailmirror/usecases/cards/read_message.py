"""One message, whole, as the acting user has it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import MAX_SHOWN_CHARS
from mailmirror.domain.message import Attachment
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.fetched import TOO_LARGE
from mailmirror.mail.mime.content import Content, attachment_bytes, parse_message
from mailmirror.mail.mime.fields import read_fields
from mailmirror.mail.mime.html import sanitise
from mailmirror.mail.mime.html_limits import HTML_TRUNCATED, Budget
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import SHORTENED, Summary
from mailmirror.store.timelines import Hit
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.read_card import Line, line_of
from mailmirror.usecases.cards.shown_versions import shown_versions
from mailmirror.usecases.cards.still_matched import is_of_a_person
from mailmirror.usecases.cards.whereabouts import Whereabouts, whereabouts

_KEY = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class WholeMessage:
    line: Line
    content: Content
    html: str | None
    """Sanitised now, so that a corrected rule holds for all mail at once."""
    attachments: Sequence[Attachment]
    header_fields: Sequence[tuple[str, str]]
    """Name and decoded value, in their order."""
    warnings: Sequence[str]
    """Those of its line, and those of reading it now."""
    place: Whereabouts


def read_message(
    viewer: Viewer, id: str, runtime: Runtime, version: str | None = None
) -> WholeMessage:
    """Read a message of which the viewer owns a copy.

    Parameters:
        version: see `find_message`.

    Raises:
        Refused: as `find_message`.
    """
    line, raw = find_message(viewer, id, runtime, version)
    content = parse_message(raw)
    budget = Budget()
    html = sanitise(content.html[:MAX_SHOWN_CHARS], budget) if content.html is not None else None
    of_line = [one for one in line.summary.warnings if one != SHORTENED]
    warnings = [*of_line, *content.warnings]
    if budget.exceeded:
        warnings.append(HTML_TRUNCATED)
    # Of a message that was cut short, no attachment is whole.
    attachments = () if TOO_LARGE in line.summary.warnings else content.attachments
    fields = [(field.name, field.value) for field in read_fields(raw).all]
    return WholeMessage(
        line,
        content,
        html,
        attachments,
        fields,
        tuple(dict.fromkeys(warnings)),
        whereabouts(viewer, line, runtime),
    )


def attachment_link(
    viewer: Viewer, id: str, index: int, runtime: Runtime, version: str | None = None
) -> str:
    """Return a link to an attachment's decoded bytes that lives five minutes.

    Parameters:
        version: see `find_message`.

    Raises:
        Refused: `not_found`; there is no such attachment. As `find_message`.
    """
    line, raw = find_message(viewer, id, runtime, version)
    if TOO_LARGE in line.summary.warnings:
        raise Refused(Code.NOT_FOUND, "the message was over the size limit")
    try:
        attachment, data = attachment_bytes(raw, index)
    except IndexError as error:
        raise Refused(Code.NOT_FOUND) from error
    return runtime.objects.link(line.summary.key, attachment.name, attachment.content_type, data)


def find_message(
    viewer: Viewer, id: str, runtime: Runtime, version: str | None = None
) -> tuple[Line, bytes]:
    """Find a message of which the viewer owns a copy, and its raw bytes.

    Parameters:
        version: the SHA-256 of one of its contents; else the one that is shown.

    Raises:
        Refused: `not_found`; the viewer owns no copy of such a message, no person has any of its
            addresses now, or it has no such version. `message_lost`; its raw bytes are not stored.
    """
    hit = hit_of(viewer, id, runtime)
    for shown in shown_versions([hit] if hit else [], {}, runtime):
        one = shown if version is None else shown.of(version)
        if one and (line := line_of(viewer, one, runtime)):
            return line, _raw(line.summary, runtime)
    raise Refused(Code.NOT_FOUND)


def _raw(content: Summary, runtime: Runtime) -> bytes:
    try:
        return runtime.contents.raw(content)
    except KeyError as error:
        raise Refused(Code.MESSAGE_LOST) from error


def hit_of(viewer: Viewer, id: str, runtime: Runtime) -> Hit | None:
    """Find the contents of a message that the viewer's mailboxes keep.

    None where there are none, and where no person has any of its addresses now. A read unit a
    mailbox and 4 KB, an address and a person.
    """
    if not _KEY.match(id):
        return None
    message = MessageKey(id)
    found = {key: kept for key in viewer.keys if (kept := runtime.contents.versions(key, message))}
    if not found:
        return None
    entries = [
        entry
        for thread in {one.thread for kept in found.values() for one in kept}
        for entry in runtime.threads.copies(viewer.account, thread, message)
        if entry.key in found
    ]
    if not is_of_a_person(viewer.account, entries, runtime):
        return None
    instant = min(one.instant for kept in found.values() for one in kept)
    contents = {key: {one.sha256 for one in kept} for key, kept in found.items()}
    return Hit(message, instant, contents)
