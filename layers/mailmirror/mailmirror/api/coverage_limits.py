"""The limits within which a mailbox is read, explained."""

from msgspec import Struct

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.words.coverage_limits import COVERAGE_LIMITS
from mailmirror.domain.words.explanation import Language


class CoverageLimit(Struct, frozen=True):
    """What may be missing although the mailbox is complete, or be there although it is no mail."""

    code: Limit
    reason: str
    remedy: str

    @classmethod
    def of(cls, limit: Limit, language: Language) -> "CoverageLimit":
        said = COVERAGE_LIMITS[limit][language]
        return cls(limit, said.reason, said.remedy)
