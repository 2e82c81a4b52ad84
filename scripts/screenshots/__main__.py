"""Make the pictures of the documents, docs/images/*.png: real hubs, real people, each face as its
user sees it.

    .venv/bin/python scripts/screenshots [talk] [window] [terminal] [page] [watch] [ipc]

The window needs a virtual screen (Xvfb, and ImageMagick's `import`), the rest Chromium and tmux.
All of them take four minutes, since charts need something to show.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
FACES = sorted(
    file.stem
    for file in Path(__file__).parent.glob("*.py")
    if file.stem not in ("__main__", "people", "drawing")
)


def main() -> None:
    wanted = sys.argv[1:] or FACES
    if unknown := set(wanted) - set(FACES):
        sys.exit(
            f"There is no picture of {', '.join(sorted(unknown))}; choose from {', '.join(FACES)}."
        )
    sys.path.insert(0, str(ROOT))
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        print(f"{name} ...", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            os.environ |= {"XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder}
            os.environ["XDG_RUNTIME_DIR"] = folder
            importlib.import_module(name).take(Path(folder), IMAGES)


if __name__ == "__main__":
    main()
