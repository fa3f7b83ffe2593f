"""Install npm's packages below `.local/`, as a lock file pins them."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from local.environments import HOME
from local.steps import step


def installed(pins: Path) -> Path:
    """Install packages, unless they are there as pinned, and return the folder they are in.

    Parameters:
        pins: the folder with `package.json`, its lock file and `.npmrc`; its name is theirs.

    Raises:
        subprocess.CalledProcessError: npm failed; what it said is on standard error.
        FileNotFoundError: there is no npm.
    """
    directory = HOME / pins.name
    files = [pins / name for name in ("package.json", "package-lock.json", ".npmrc")]
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()
    stamp = directory / ".pins"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != digest:
            with step(f"installing the packages of {pins.name}"):
                for each in files:
                    shutil.copy(each, directory)
                command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
                subprocess.run(command, check=True, cwd=directory, stdin=subprocess.DEVNULL)
            stamp.write_text(digest)
    return directory
