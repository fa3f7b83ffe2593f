"""Stop what `up` started, and nothing else.

python -m local.down
"""

import argparse
import shutil
from pathlib import Path

from local.stack import Home
from local.steps import step


def down(home: Home) -> str:
    """Stop the local stack, up or half up, and say what was done."""
    with home.locked():
        return stop(home)


def stop(home: Home) -> str:
    """What `down` does, for a caller who holds the home's lock."""
    run = home.run()
    runs = run and (run.emulator.process.is_running() or run.emulator.ses.is_running())
    if run and runs:
        with step("stopping MiniStack"):
            run.emulator.stop()
    shutil.rmtree(home.emulator, ignore_errors=True)
    home.forget()
    if not run:
        return "no local stack is up: nothing was stopped"
    how = "the local stack is stopped" if runs else "the local stack had ended by itself"
    logs = home.directory / "logs"
    return f"{how}; what it held is deleted, its logs stay in {logs}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.down", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Home.default().directory)
    home = Home(parser.parse_args().directory)
    print(down(home))


if __name__ == "__main__":
    main()
