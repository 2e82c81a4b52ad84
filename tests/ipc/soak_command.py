"""What scripts/soak runs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import soak


def main() -> int:
    names = [one.__name__ for one in soak.SCENARIOS]
    parser = argparse.ArgumentParser(prog="scripts/soak")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="begin at this round")
    parser.add_argument("--only", default="", help=f"scenarios, with commas: {', '.join(names)}")
    parser.add_argument("--json", type=Path, help="write what happened to this file, too")
    options = parser.parse_args()
    only = tuple(filter(None, options.only.split(",")))
    if unknown := set(only) - set(names):
        parser.error(
            f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(names)}"
        )

    def say(tally: soak.Tally) -> None:
        print(soak.report(tally), flush=True)
        if options.json:
            options.json.write_text(json.dumps(vars(tally), indent=1) + "\n")

    print(f"seed {options.seed}", flush=True)
    tally = soak.soak(options.minutes * 60, options.seed, say, only=only, first=options.first)
    say(tally)
    return 1 if tally.finding else 0


if __name__ == "__main__":
    sys.exit(main())
