"""Which service answers at a port, by the first line that it says."""

import re
from enum import StrEnum


class Service(StrEnum):
    """As a person knows it."""

    IMAP = "IMAP"
    POP3 = "POP3"
    SMTP = "SMTP"
    WEB = "a web server"
    FTP = "FTP"
    SSH = "SSH"
    MANAGE_SIEVE = "ManageSieve"


def service_of(line: str) -> Service | None:
    """Name the service; None where the line is of none that is known."""
    return next((one for one, pattern in _FIRST_LINES if pattern.match(line)), None)


_FIRST_LINES = (
    (Service.IMAP, re.compile(r"\* (?:OK|PREAUTH|BYE|BAD|NO)\b", re.IGNORECASE)),
    (Service.POP3, re.compile(r"(?:\+OK|-ERR)\b", re.IGNORECASE)),
    (Service.WEB, re.compile(r"HTTP/|<(?:!doctype|html)\b", re.IGNORECASE)),
    (Service.SSH, re.compile(r"SSH-")),
    (Service.MANAGE_SIEVE, re.compile(r'"IMPLEMENTATION"', re.IGNORECASE)),
    (Service.FTP, re.compile(r"220[ -](?!.{0,200}SMTP).{0,200}ftp", re.IGNORECASE)),
    (Service.SMTP, re.compile(r"(?:220|421|554)[ -]")),
)
"""RFC 3501, 1939, 9112, 4253, 5804, 959 and 5321. FTP and SMTP both begin with 220."""
