"""Reading the bytes of an autoconfig file. They come from strangers.

The bytes are bounded before they are parsed; a document type or an entity is refused before it is
expanded (defusedxml), so that the parser reads nothing that is not in these bytes.
"""

from collections.abc import Iterator
from itertools import islice
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from mailmirror.domain.autoconfig import ClientConfig, ConfigServer
from mailmirror.domain.findings import Outcome
from mailmirror.domain.limits import (
    MAX_AUTOCONFIG_BYTES,
    MAX_AUTOCONFIG_FIELD_CHARS,
    MAX_AUTOCONFIG_SERVERS,
)


class NotAutoconfig(Exception):
    """The file is not used; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


def parse_autoconfig(data: bytes) -> ClientConfig:
    """Read the servers of a `clientConfig`.

    Raises:
        NotAutoconfig: it is too long, has a document type or entities, or is another document.
    """
    if len(data) > MAX_AUTOCONFIG_BYTES:
        raise NotAutoconfig(Outcome.FILE_TOO_LARGE)
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        # A web page has a document type too.
        is_page = b"<html" in data[:_HEAD_BYTES].lower()
        outcome = Outcome.FILE_UNREADABLE if is_page else Outcome.FILE_WITH_DTD
        raise NotAutoconfig(outcome) from error
    except (ParseError, LookupError, ValueError) as error:  # an unknown charset is a LookupError
        raise NotAutoconfig(Outcome.FILE_UNREADABLE) from error
    if root.tag != "clientConfig":
        raise NotAutoconfig(Outcome.FILE_UNREADABLE)
    return ClientConfig(list(islice(_servers(root), MAX_AUTOCONFIG_SERVERS)))


_HEAD_BYTES = 2_000


def _servers(root: Element) -> Iterator[ConfigServer]:
    for provider in root.iterfind("emailProvider"):
        for name in ("incomingServer", "outgoingServer"):
            for one in provider.iterfind(name):
                yield ConfigServer(
                    kind=_field(one.get("type")),
                    host=_text(one, "hostname"),
                    port=_text(one, "port"),
                    socket=_text(one, "socketType"),
                    username=_text(one, "username"),
                    authentications=[_field(each.text) for each in one.iterfind("authentication")][
                        :MAX_AUTOCONFIG_SERVERS
                    ],
                )


def _text(element: Element, name: str) -> str:
    return _field(element.findtext(name))


def _field(text: str | None) -> str:
    text = (text or "").strip()
    return text if len(text) <= MAX_AUTOCONFIG_FIELD_CHARS else ""
