"""Write what documents have from the code: docs/openapi.json, and the rows of docs/problems.md.

python -m local.documents
"""

import json

from local.environments import ROOT
from mailmirror.api.openapi import openapi
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.mailbox_problems import MAILBOX_PROBLEMS
from mailmirror.domain.words.problems import PROBLEMS

OPENAPI = ROOT / "docs" / "openapi.json"
PROBLEMS_PAGE = ROOT / "docs" / "problems.md"


def openapi_text() -> str:
    """The API's description."""
    return json.dumps(openapi(), ensure_ascii=False, indent=1) + "\n"


def problem_rows() -> list[str]:
    """A row of the table of problems for each code, to which a problem's `type` leads."""
    return [_row(code) for code in sorted(PROBLEMS)]


def _row(code: Code) -> str:
    words, status = PROBLEMS[code][Language.EN], Refused(code).status.value
    reason, remedy = words.reason, words.remedy
    if code in MAILBOX_PROBLEMS:
        later = MAILBOX_PROBLEMS[code][Language.EN]
        reason += f" *Of a connected mailbox:* {later.reason}"
        remedy += f" *Of a connected mailbox:* {later.remedy}"
    return f'| <a id="{code}"></a>`{code}` | {status} | {reason} | {remedy} |'


def main() -> None:
    OPENAPI.write_text(openapi_text(), "utf-8")
    page = PROBLEMS_PAGE.read_text("utf-8").splitlines()
    head = [line for line in page if not line.startswith("| <a id=")]
    PROBLEMS_PAGE.write_text("\n".join([*head, *problem_rows()]) + "\n", "utf-8")


if __name__ == "__main__":
    main()
