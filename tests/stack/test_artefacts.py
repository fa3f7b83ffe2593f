"""What `sam build` makes of the tree: what its folders hold, for which machine, and how large."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.deployment import architecture
from local.environments import ROOT
from local.sam import SAM, sam_environment
from local.stack import Home, Stack

LAYER, FUNCTIONS = ROOT / "layers" / "mailmirror", ROOT / "functions"
LAYER_BYTES, FUNCTION_BYTES = 60_000_000, 100_000
MACHINES = {"arm64": 183, "x86_64": 62}
"""Lambda's name of an architecture → ELF's number (e_machine)."""

# The layer's own packages are what is imported: no other directory of packages is on the path.
IMPORT_ALL = """
import importlib.util, pkgutil, sys
layer, *functions = sys.argv[1:]
sys.path.insert(0, layer)
import mailmirror
for module in pkgutil.walk_packages(mailmirror.__path__, "mailmirror."):
    importlib.import_module(module.name)
for function in functions:
    spec = importlib.util.spec_from_file_location("app", f"{function}/app.py")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""
REGION = {"AWS_DEFAULT_REGION": "us-east-1", "POWERTOOLS_SERVICE_NAME": "test"}


@dataclass(frozen=True, slots=True)
class Build:
    """The folder that was built into."""

    directory: Path
    architecture: str

    @property
    def packages(self) -> Path:
        return self.directory / "Layer" / "python"

    def function(self, name: str) -> Path:
        return self.directory / f"{name.title()}Function"

    def distributions(self) -> dict[str, Distribution]:
        found = distributions(path=[str(self.packages)])
        return {canonicalize_name(one.metadata["Name"]): one for one in found}


@pytest.fixture(scope="package")
def built(stack: Stack, stack_home: Home) -> Build:
    """What was built for the stack, and deployed to it."""
    return Build(stack_home.build, architecture())


@pytest.fixture(scope="package", params=sorted(MACHINES))
def layer(
    request: pytest.FixtureRequest,
    stack: Stack,
    built: Build,
    tmp_path_factory: pytest.TempPathFactory,
) -> Build:
    """The layer for each architecture, as `samconfig.toml` says it."""
    if request.param == built.architecture:
        return built
    directory = tmp_path_factory.mktemp(request.param)
    config = configured(request.param, directory / "samconfig.toml")
    sam(stack, "build", "Layer", "--build-dir", str(directory), "--config-file", str(config))
    return Build(directory, request.param)


def configured(architecture: str, path: Path) -> Path:
    """Our `samconfig.toml` as whoever deploys to another architecture changes it."""
    ours = (ROOT / "samconfig.toml").read_text()
    assert ours.count('"Architecture=arm64"') == 1
    path.write_text(ours.replace('"Architecture=arm64"', f'"Architecture={architecture}"'))
    return path


def sam(stack: Stack, *arguments: str) -> None:
    """Run the SAM CLI to its good end; it has nobody to ask."""
    done = subprocess.run(
        [str(SAM), *arguments],
        cwd=ROOT,
        env=sam_environment(stack.aws_endpoint),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def functions() -> list[str]:
    return sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))


def files(folder: Path) -> dict[str, bytes]:
    """A folder's files by their paths in it, but what Python leaves behind."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def pinned() -> dict[str, str]:
    lines = (LAYER / "requirements.txt").read_text().splitlines()
    needed = [Requirement(line) for line in lines if not line.startswith("#")]
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in needed
        if one.marker is None or one.marker.evaluate()
    }


def imported(folder: Path) -> Iterator[str]:
    """The modules that a folder's code imports, wherever in a file, by the first of their names."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def modules(distribution: Distribution) -> set[str]:
    """What a distribution can be imported by."""
    paths = distribution.files or []
    return {path.parts[0].partition(".")[0] for path in paths if path.suffix in (".py", ".so")}


def needs(distribution: Distribution) -> set[str]:
    """The distributions that one needs on Lambda, without its extras."""
    needed = [Requirement(text) for text in distribution.requires or []]
    return {
        canonicalize_name(one.name)
        for one in needed
        if one.marker is None or one.marker.evaluate({"extra": ""})
    }


def test_the_layer_has_our_package_as_it_is_in_the_tree(built: Build) -> None:
    assert files(built.packages / "mailmirror") == files(LAYER / "mailmirror")


def test_the_layer_has_what_is_pinned_and_nothing_else(layer: Build) -> None:
    found = layer.distributions()
    assert {name: one.version for name, one in found.items()} == pinned()

    recorded = {str(path) for one in found.values() for path in one.files or []}
    ours = {name for name in files(layer.packages) if name.startswith("mailmirror/")}
    assert set(files(layer.packages)) - recorded - ours == {"requirements.txt"}


def test_the_layer_has_no_package_that_nobody_needs(built: Build) -> None:
    """What our code imports, and what that needs by its own word."""
    found = built.distributions()
    ours = {*imported(LAYER / "mailmirror"), *imported(FUNCTIONS)} - sys.stdlib_module_names
    ours = {name for name in ours if not name.startswith("mypy_boto3_")}
    assert ours - {"mailmirror"} <= {name for one in found.values() for name in modules(one)}

    needed: set[str] = set()
    waiting = {name for name, one in found.items() if modules(one) & ours}
    while waiting:
        needed |= waiting
        waiting = {other for name in waiting for other in needs(found[name])} - needed
    assert set(found) - needed == set()


def test_all_that_is_imported_is_in_the_layer(built: Build) -> None:
    folders = [str(built.packages), *(str(built.function(name)) for name in functions())]
    command = [sys.executable, "-I", "-S", "-c", IMPORT_ALL, *folders]
    done = subprocess.run(command, env=REGION, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", functions())
def test_a_function_is_its_handler_alone(built: Build, name: str) -> None:
    folder = built.function(name)
    assert files(folder) == {"app.py": (FUNCTIONS / name / "app.py").read_bytes()}
    assert size(folder) <= FUNCTION_BYTES


def test_the_layer_is_small(layer: Build) -> None:
    assert size(layer.packages) <= LAYER_BYTES


def test_the_layers_binaries_are_of_its_architecture(layer: Build) -> None:
    headers = {path: path.read_bytes()[:20] for path in layer.packages.rglob("*.so*")}
    assert len(headers) > 3
    machines = {path.name: int.from_bytes(head[18:20], "little") for path, head in headers.items()}
    assert set(machines.values()) == {MACHINES[layer.architecture]}, machines


@pytest.mark.parametrize("architecture", sorted(MACHINES))
def test_what_is_deployed_is_of_the_architecture_that_was_built_for(
    stack: Stack, built: Build, aws: Any, tmp_path: Path, architecture: str
) -> None:
    """`layer` was built by the same file: only its global parameters reach both commands."""
    config = configured(architecture, tmp_path / "samconfig.toml")
    template = str(built.directory / "template.yaml")
    name = f"told-{architecture.replace('_', '-')}"
    try:
        sam(
            stack,
            *("deploy", "--config-file", str(config), "--template-file", template),
            *("--stack-name", name, "--no-execute-changeset", "--no-confirm-changeset"),
        )
        (summary,) = aws("cloudformation").list_change_sets(StackName=name)["Summaries"]
        change_set = aws("cloudformation").describe_change_set(
            StackName=name, ChangeSetName=summary["ChangeSetName"]
        )
    finally:
        aws("cloudformation").delete_stack(StackName=name)
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in change_set["Parameters"]}
    assert parameters["Architecture"] == architecture
