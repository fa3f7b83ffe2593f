"""What a calendar's method says of its event (RFC 5546), in the text of a message without another.

A message has one text, whatever its reader's language, so that each language stands in it.
"""

from collections.abc import Mapping

CANCELLED = "Cancelled / キャンセル"
PROPOSED = "Another time is proposed / 日時変更の提案"
ANSWERS: Mapping[str, str] = {
    "ACCEPTED": "Accepted / 承諾",
    "TENTATIVE": "Accepted tentatively / 仮承諾",
    "DECLINED": "Declined / 辞退",
    "DELEGATED": "Delegated / 委任",
}
"""By the attendee's participation status (PARTSTAT, RFC 5545 3.2.12)."""
