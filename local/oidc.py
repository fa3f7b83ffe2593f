"""Install the packages of the tests' OpenID provider below `.local/`, as its lock file pins them.

python -m local.oidc
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from local.environments import HOME, ROOT
from local.steps import step

PINS = ROOT / "tests" / "servers" / "oidc_provider"
DIRECTORY = HOME / "oidc"


def installed() -> Path:
    """Install the packages, unless they are there as pinned, and return the folder they are in.

    Raises:
        subprocess.CalledProcessError: npm failed; what it said is on standard error.
        FileNotFoundError: there is no npm.
    """
    files = [PINS / name for name in ("package.json", "package-lock.json", ".npmrc")]
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()
    stamp = DIRECTORY / ".pins"
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with (DIRECTORY / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != digest:
            with step("installing the tests' OpenID provider"):
                for each in files:
                    shutil.copy(each, DIRECTORY)
                command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
                subprocess.run(command, check=True, cwd=DIRECTORY, stdin=subprocess.DEVNULL)
            stamp.write_text(digest)
    return DIRECTORY


def main() -> None:
    try:
        installed()
    except subprocess.CalledProcessError as error:
        sys.exit(f"npm failed with status {error.returncode}")


if __name__ == "__main__":
    main()
