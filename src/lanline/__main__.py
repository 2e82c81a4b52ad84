"""The command `lanline`, also as `python -m lanline`.

Here and not in `lanline.cli`, so that Ctrl-C while that is imported is no traceback.
"""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from lanline.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(130)  # as shells say it of a process that SIGINT ended


if __name__ == "__main__":
    main()
