"""A refusal as programs read it (RFC 9457)."""

from mailmirror.domain.problems import Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.mailbox_problems import explain_mailbox_problem
from mailmirror.domain.words.problems import PROBLEMS

PROBLEMS_PAGE = "docs/problems.md"
"""Where problems are described, relative to the project's repository: a deployment does not know
at which address that is published."""


def as_problem(refused: Refused, language: Language = Language.EN) -> dict[str, str | int]:
    """A refusal as RFC 9457 wants it, with `code`, `reason` and `remedy`."""
    if refused.of_connected_mailbox:
        explanation = explain_mailbox_problem(refused.code, language)
    else:
        explanation = PROBLEMS[refused.code][language]
    problem: dict[str, str | int] = {
        "type": f"{PROBLEMS_PAGE}#{refused.code.value}",
        "title": refused.status.phrase,
        "status": int(refused.status),
        "code": refused.code.value,
        "reason": explanation.reason,
        "remedy": explanation.remedy,
    }
    return problem | ({"detail": refused.detail} if refused.detail else {}) | refused.figures
