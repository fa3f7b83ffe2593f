"""`make hostile`: a mailbox of hostile mail, and histories with faults. See docs/hostile.md."""

import argparse

from tests.hostile import chaos, mailbox


def main() -> None:
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--part", choices=["mailbox", "costs", "chaos"], action="append")
    parser.add_argument("--minutes", type=float, default=2.0, help="of histories with faults")
    parser.add_argument("--seed", type=int, default=1, help="of the first history")
    parser.add_argument("--steps", type=int, default=chaos.STEPS, help="of one history")
    parser.add_argument("--html-mb", type=float, default=0.1, help="of a message of HTML")
    given = parser.parse_args()
    html_bytes = int(given.html_mb * 1e6)
    parts = given.part or ["mailbox", "costs", "chaos"]
    failed = False
    if "mailbox" in parts:
        outcome = mailbox.all_at_once(html_bytes)
        print(f"all at once: {outcome.cost}")
        for kind, verdicts in outcome.verdicts.items():
            print(f"  {kind:60} {dict(verdicts)}")
        print("\n".join(outcome.faults) or "nothing is lost", flush=True)
        failed |= bool(outcome.faults)
    if "costs" in parts:
        for kind, scale, size, cost in mailbox.one_by_one(html_bytes):
            print(f"{kind:60} ×{scale:<3} {size / 1e6:6.2f} MB: {cost}", flush=True)
            failed |= bool(cost.deaths)
    if "chaos" in parts:
        tally = chaos.run(given.seed, given.minutes, given.steps)
        print(tally)
        failed |= bool(tally.different)
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
