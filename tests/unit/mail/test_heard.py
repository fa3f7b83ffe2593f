"""What a session remembers of an IMAP server's status responses, and what a refusal quotes."""

import pytest

from mailmirror.domain.limits import MAX_HEARD_ALERTS, MAX_HEARD_LINE_BYTES
from mailmirror.domain.problems import Code
from mailmirror.mail.imap.heard import Heard


@pytest.mark.exceeds("MAX_HEARD_ALERTS")
def test_the_last_alerts_before_a_refusal_are_quoted() -> None:
    heard = Heard()
    for number in range(MAX_HEARD_ALERTS + 3):
        heard.line(b"* OK [ALERT] number %d\r\n" % number)
    heard.line(b"AAAA1 NO LOGIN failed\r\n")
    detail = heard.sign_in(Code.SIGN_IN_FAILED).detail
    assert detail == "[ALERT] number 3 / [ALERT] number 4 / LOGIN failed"


@pytest.mark.exceeds("MAX_HEARD_LINE_BYTES")
def test_of_a_line_the_beginning_is_remembered() -> None:
    heard = Heard()
    heard.line(b"* OK " + b"x" * (2 * MAX_HEARD_LINE_BYTES))
    assert len(heard.first_line) <= MAX_HEARD_LINE_BYTES
    heard.line(b"AAAA1 NO " + b" " * MAX_HEARD_LINE_BYTES + b"[ALERT] not reached\r\n")
    assert "not reached" not in heard.sign_in(Code.SIGN_IN_FAILED).detail
