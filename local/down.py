"""Stop what `up` started, and nothing else.

python -m local.down
"""

import argparse
import shutil
from pathlib import Path

from local.stack import Home
from local.steps import step


def down(home: Home) -> None:
    """Stop the local stack, up or half up; do nothing where there is none."""
    with home.locked():
        stop(home)


def stop(home: Home) -> None:
    """What `down` does, for a caller who holds the home's lock."""
    run = home.run()
    if run and (run.emulator.process.is_running() or run.emulator.ses.is_running()):
        with step("stopping MiniStack"):
            run.emulator.stop()
    shutil.rmtree(home.emulator, ignore_errors=True)
    home.forget()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.down", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Home.default().directory)
    home = Home(parser.parse_args().directory)
    if home.run() is None:
        print("no local stack is up")
    down(home)


if __name__ == "__main__":
    main()
