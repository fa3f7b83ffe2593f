"""Names under which a message's parts can be saved."""

import mimetypes
import re
import unicodedata

from mailmirror.domain.limits import MAX_ATTACHMENT_NAME_CHARS
from mailmirror.mail.mime.fields import decode_words, parameters, read_fields
from mailmirror.mail.mime.parts import OCTETS, Part

_MAX_EXTENSION_CHARS = 11
_NAME_EXTENSION = re.compile(r"\.[^. ]{1,10}\Z")
_SEPARATORS = re.compile(r"[/\\]")
_PATH = re.compile(r"[A-Za-z]:[/\\]|[/\\]|\.{1,2}[/\\]|~[/\\]|[^/\\]+\\")
"""Only what can be nothing else: `offers 1/2.pdf` is a name."""

_FILES = mimetypes.MimeTypes()
_FILES.add_type("text/calendar", ".ics")
"""Python's own table: the system's would give names that differ from host to host."""


def given_name(part: Part) -> str:
    """Return the name that the sender gave a part, "" where they gave none; of a path the last
    name."""
    _, disposition = parameters(part.fields.first("content-disposition"))
    name = disposition.get("filename") or part.attributes.get("name") or ""
    if len(name) > 1 and name[0] == name[-1] == "'":
        name = name[1:-1]
    return _SEPARATORS.split(name)[-1] if _PATH.match(name) else name


def name_of(part: Part, data: bytes, index: int) -> str:
    """Return a name under which a part can be saved: the sender's own, or one from its type."""
    name = _safe(given_name(part))
    if name:
        return name
    if part.content_type in ("message/rfc822", "message/global"):
        subject = _safe(decode_words(read_fields(data).first("subject")))
        return f"{subject or f'message-{index + 1}'}.eml"
    location = decode_words(part.fields.first("content-location"))
    if location and ":" not in location:
        return _safe(location.rpartition("/")[2]) or f"attachment-{index + 1}"
    readable = part.content_type.startswith(("text/", "message/"))
    extension = _FILES.guess_extension(part.content_type, strict=False)
    extension = extension or (".txt" if readable else ".bin")
    return f"attachment-{index + 1}{extension}"


def _safe(name: str) -> str:
    """Return a name without path separators and unprintable characters, shortened."""
    if len(name) > 3 * MAX_ATTACHMENT_NAME_CHARS:
        name = name[: 3 * MAX_ATTACHMENT_NAME_CHARS] + name[-_MAX_EXTENSION_CHARS:]
    visible = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    flat = " ".join(_SEPARATORS.sub("_", unicodedata.normalize("NFC", visible)).split())
    if not flat.strip("."):
        return ""
    if len(flat) <= MAX_ATTACHMENT_NAME_CHARS:
        return flat
    extension = _NAME_EXTENSION.search(flat)
    kept = extension.group() if extension else ""
    return flat[: MAX_ATTACHMENT_NAME_CHARS - len(kept)] + kept


def type_of(name: str) -> str:
    """Return the type of a file by its name."""
    return _FILES.guess_type(name)[0] or OCTETS
