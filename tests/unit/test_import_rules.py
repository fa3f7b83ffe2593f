"""Who may import whom is written in pyproject.toml; here it is held against the code."""

import sys

import grimp
import pytest
from importlinter.cli import lint_imports

from local.environments import ROOT

DOMAIN = "mailmirror.domain"


def test_imports_keep_to_the_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


def test_the_domain_stands_on_the_standard_library_alone() -> None:
    """The contracts list what is forbidden; this holds for what nobody has thought of, too."""
    graph = grimp.build_graph("mailmirror", include_external_packages=True, cache_dir=None)
    own = graph.find_descendants(DOMAIN) | {DOMAIN}
    imported = {name for module in own for name in graph.find_modules_directly_imported_by(module)}
    assert len(own) > 5
    assert {name.partition(".")[0] for name in imported - own} <= sys.stdlib_module_names
