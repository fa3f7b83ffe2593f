"""Build an image that stands in for Lambda's Python image, where that cannot be pulled.

    python -m tests.lambda_image

Debian's Python of the same version, Lambda's runtime client, and Lambda's layout. It has no boto3,
which Lambda's has, so that a layer which forgot it is found out. It gets the very name that the SAM
CLI looks for, and a label with a digest of its recipe: with the same recipe it is built once.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local import engine, environments
from local.engine import EngineFailed
from local.stack import Home
from local.steps import step

HERE = Path(__file__).parent
PINS = environments.PINS / "runtime.txt"
SUITE = "trixie"
PACKAGES = ["ca-certificates", "libpython3.13-stdlib", "python3.13-minimal"]
UNUSED = [
    "usr/bin/perl*",
    "usr/lib/*/gconv",
    "usr/lib/*/perl-base",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt",
    "var/lib/dpkg/info",
]
"""More than half: an engine without a union file system copies the image for each container."""

FOLDERS = ["opt", "var/task", "var/runtime", "var/lang/bin"]
SETTINGS = [
    'ENTRYPOINT ["/lambda-entrypoint.sh"]',
    "WORKDIR /var/task",
    "ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime",
    "ENV LANG=C.UTF-8 TZ=:UTC PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
]


class BuildFailed(Exception):
    """The image cannot be built; the message says what is missing, or where to read why."""


def build(log: Path) -> None:
    """Build the image and tag it, unless the present recipe has been built already.

    Raises:
        BuildFailed: debootstrap is missing or failed, or this is not root.
        EngineFailed: no engine answers, or it does not take the image.
    """
    image, recipe = engine.image(), _recipe()
    if engine.label(image, engine.RECIPE) == recipe:
        return
    if not shutil.which("debootstrap"):
        raise BuildFailed("the image is built by debootstrap: apt-get install debootstrap")
    if os.geteuid() != 0:
        raise BuildFailed("debootstrap makes a system's files: only root may build the image")
    with tempfile.TemporaryDirectory(prefix="lambda-image-") as directory:
        # Whoever is not root must be able to read the image's root folder.
        root = Path(directory) / "root"
        root.mkdir(mode=0o755)
        with step(f"making a Debian {SUITE} with its Python"):
            _debian(root, log)
        with step("adding Lambda's runtime client"):
            _runtime(root, log)
        with step(f"handing {_megabytes(root)} MB to the engine as {image}"):
            engine.import_image(root, image, [*SETTINGS, f"LABEL {engine.RECIPE}={recipe}"])


def _recipe() -> str:
    digest = hashlib.sha256()
    for path in [*sorted(path for path in HERE.iterdir() if path.is_file()), PINS]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _debian(root: Path, log: Path) -> None:
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    _run([*command, SUITE, str(root), *_mirror()], log)
    for pattern in UNUSED:
        for path in root.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _runtime(root: Path, log: Path) -> None:
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "var/lang/bin/python3.13").symlink_to("/usr/bin/python3.13")
    command = [environments.uv(), "pip", "install", "--target", str(root / "var/runtime")]
    command += ["--python", sys.executable, "--only-binary", ":all:"]
    _run([*command, "--requirement", str(PINS)], log)
    shutil.copy(HERE / "bootstrap", root / "var/runtime")
    shutil.copy(HERE / "lambda-entrypoint.sh", root)


def _mirror() -> list[str]:
    """The Debian archive that this machine's own packages come from, else debootstrap's own."""
    if not shutil.which("apt-get"):
        return []
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    found = subprocess.run(command, capture_output=True, text=True).stdout.split()
    archives = (uri for uri in found if uri.rstrip("/").endswith("/debian"))
    return list(archives)[:1]


def _megabytes(root: Path) -> int:
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) // 1_000_000


def _run(command: list[str], log: Path) -> None:
    with log.open("a") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    if done.returncode:
        raise BuildFailed(f"{Path(command[0]).name} failed: see {log}")


def main() -> None:
    log = Home.default().log("lambda-image")
    log.unlink(missing_ok=True)
    try:
        engine.ensure_it_answers()
        build(log)
    except (BuildFailed, EngineFailed) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
