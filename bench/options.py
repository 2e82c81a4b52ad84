"""What every bench of one file can be told."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.result import FOLDER


def options(about: str) -> argparse.ArgumentParser:
    """`--quick` and `--results`; a bench adds its own. `about`: its docstring."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="whether it runs at all; no figures")
    parser.add_argument("--results", type=Path, default=FOLDER, help="where to save what is found")
    return parser
