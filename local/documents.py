"""Write what documents have from the code.

docs/openapi.json, the rows of docs/problems.md, and docs/errors.md, docs/limits.md and
docs/remedies.md below their heads.

python -m local.documents
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.environments import ROOT
from mailmirror.api.openapi import openapi
from mailmirror.domain import limits
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.server_causes import REMEDY_READERS, SELL_NAMES, SELL_NUMBERS
from mailmirror.domain.words.doctor import explain_diagnosis
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.mailbox_problems import MAILBOX_PROBLEMS
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.domain.words.readers import CATALOGUES

OPENAPI = ROOT / "docs" / "openapi.json"
PROBLEMS_PAGE = ROOT / "docs" / "problems.md"
REMEDIES_PAGE = ROOT / "docs" / "remedies.md"
ERRORS_PAGE = ROOT / "docs" / "errors.md"
LIMITS_PAGE = ROOT / "docs" / "limits.md"
TESTS = ROOT / "tests"

_BYTE_UNITS = ((1 << 20, "MB"), (1 << 10, "KB"))
_UNITS = {"chars": "characters", "octets": "bytes", "bytes": "bytes"}


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
    reader = CATALOGUES[0].reader(code)
    return f'| <a id="{code}"></a>`{code}` | {status} | {reader} | {reason} | {remedy} |'


def remedy_lines() -> list[str]:
    """A table for each further catalogue of texts for people, with the reader of each entry."""
    lines = list[str]()
    for one in CATALOGUES[1:]:
        head = ["| code | reader | reason | remedy |", "| --- | --- | --- | --- |"]
        lines += ["", f"## {one.title}", *head]
        for code, by_language in one.texts.items():
            words = by_language[Language.EN]
            lines.append(f"| `{code}` | {one.reader(code)} | {words.reason} | {words.remedy} |")
    return lines


@dataclass(frozen=True, slots=True)
class Limit:
    """A constant of domain/limits.py."""

    name: str
    value: int
    reason: str
    """Its docstring, on one line."""
    written_by: str
    """Whose input it bounds: the comment above its group."""


def read_limits() -> Sequence[Limit]:
    """The limits in their order.

    Raises:
        ValueError: a constant has no docstring, or stands in no group.
    """
    source = Path(limits.__file__).read_text("utf-8")
    groups = {
        number: line.removeprefix("# Written by ")
        for number, line in enumerate(source.splitlines(), 1)
        if line.startswith("# Written by ")
    }
    found = []
    body = ast.parse(source).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.Assign):
            continue
        (target,) = node.targets
        above = [group for number, group in groups.items() if number < node.lineno]
        if not isinstance(target, ast.Name) or not above:
            raise ValueError(f"line {node.lineno}: not a constant of a group")
        if not (
            isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            raise ValueError(f"{target.id}: no docstring")
        reason = " ".join(after.value.value.split())
        found.append(Limit(target.id, getattr(limits, target.id), reason, above[-1]))
    return found


def exceeding_tests() -> Mapping[str, Sequence[tuple[str, str]]]:
    """The tests that exceed each limit: file, relative to the repository, and name."""
    return _marked_tests("exceeds")


def diagnosing_tests() -> Mapping[str, Sequence[tuple[str, str]]]:
    """The tests that have the doctor name each cause: as `exceeding_tests`."""
    return _marked_tests("diagnoses")


def error_lines() -> list[str]:
    """A table of the causes that a doctor names, by Sell's numbers, with a test of each."""
    tests = diagnosing_tests()
    lines = [
        "## Causes",
        "| code | Sell | who acts | cause and remedy | 原因と対処 | test |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    codes = sorted(REMEDY_READERS, key=lambda code: (SELL_NUMBERS.get(code, "~"), str(code)))
    for code in codes:
        english, japanese = (
            explain_diagnosis(code, language, connected=False) for language in Language
        )
        file, test = tests[str(code)][0]
        words = test.removeprefix("test_").replace("_", " ")
        cells = (
            f"`{code}`",
            SELL_NUMBERS.get(code, SELL_NAMES.get(code, "")),
            REMEDY_READERS[code].replace("_", " "),
            f"{english.reason} *{english.remedy}*",
            f"{japanese.reason} {japanese.remedy}",
            f"[{words}](../{file})",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _marked_tests(mark: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for name in _named_by(mark, node):
                    at = (path.relative_to(ROOT).as_posix(), node.name)
                    found.setdefault(name, []).append(at)
    return found


def _named_by(mark: str, test: ast.FunctionDef) -> Iterator[str]:
    """The names in a test's marks of this name."""
    for one in test.decorator_list:
        if isinstance(one, ast.Call) and ast.unparse(one.func) == f"pytest.mark.{mark}":
            yield from map(ast.literal_eval, one.args)


def limit_lines() -> list[str]:
    """A table for each group of limits, with a test that exceeds each."""
    tests = exceeding_tests()
    lines = list[str]()
    group = ""
    for limit in read_limits():
        if limit.written_by != group:
            group = limit.written_by
            head = ["| limit | value | reason | test |", "| --- | --- | --- | --- |"]
            lines += ["", f"## Written by {group}", *head]
        file, test = tests[limit.name][0]
        words = test.removeprefix("test_").replace("_", " ")
        cells = f"`{limit.name}`", readable(limit), limit.reason, f"[{words}](../{file})"
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def readable(limit: Limit) -> str:
    """A limit's value with its unit: the last word of its name, or what the name says."""
    words = limit.name.removeprefix("MAX_").lower().split("_")
    if words[-1] in ("bytes", "octets"):
        for size, unit in _BYTE_UNITS:
            if limit.value % size == 0:
                return f"{limit.value // size:,} {unit}"
    if words[-1] in (*_UNITS, "minutes", "digits", "lines"):
        return f"{limit.value:,} {_UNITS.get(words[-1], words[-1])}"
    if "chars" in words:
        return f"{limit.value:,} characters"
    return f"{limit.value:,} {' '.join(re.sub('^html$', 'HTML', word) for word in words)}"


def main() -> None:
    OPENAPI.write_text(openapi_text(), "utf-8")
    page = PROBLEMS_PAGE.read_text("utf-8").splitlines()
    head = [line for line in page if not line.startswith("| <a id=")]
    PROBLEMS_PAGE.write_text("\n".join([*head, *problem_rows()]) + "\n", "utf-8")
    intro = REMEDIES_PAGE.read_text("utf-8").partition("\n## ")[0].rstrip("\n")
    REMEDIES_PAGE.write_text("\n".join([intro, *remedy_lines()]) + "\n", "utf-8")
    intro = ERRORS_PAGE.read_text("utf-8").partition("\n## Causes")[0].rstrip("\n")
    ERRORS_PAGE.write_text("\n".join([intro, "", *error_lines()]) + "\n", "utf-8")
    intro = LIMITS_PAGE.read_text("utf-8").partition("\n## ")[0].rstrip("\n")
    LIMITS_PAGE.write_text("\n".join([intro, *limit_lines()]) + "\n", "utf-8")


if __name__ == "__main__":
    main()
