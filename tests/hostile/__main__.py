"""`make hostile`: a mailbox of hostile mail, and histories with faults. See docs/hostile.md."""

import argparse

from tests.hostile import chaos


def main() -> None:
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="of histories with faults")
    parser.add_argument("--seed", type=int, default=1, help="of the first history")
    parser.add_argument("--steps", type=int, default=chaos.STEPS, help="of one history")
    given = parser.parse_args()
    tally = chaos.run(given.seed, given.minutes, given.steps)
    print(tally)
    if tally.different:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
