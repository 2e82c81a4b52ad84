"""What type checkers tell whoever uses the library; mypy checks `consumer` with everything else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "src"


def test_the_package_says_that_it_has_types() -> None:
    assert (SOURCES / "lanline" / "py.typed").is_file()


def test_pyright_agrees_with_what_is_said_of_types(tmp_path: Path) -> None:
    pyright = shutil.which("basedpyright", path=str(Path(sys.executable).parent))
    if pyright is None:
        pytest.skip("Not installed: basedpyright, of the dev group.")
    settings = {
        "include": [str(HERE / "consumer")],
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": True,
        "extraPaths": [str(SOURCES)],
        "venvPath": str(Path(sys.prefix).parent),
        "venv": Path(sys.prefix).name,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    done = subprocess.run(
        [pyright, "--outputjson", "-p", str(tmp_path)], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)
    said = [
        f"{one['file']}:{one['range']['start']['line'] + 1}: {one['message']}"
        for one in found["generalDiagnostics"]
    ]
    assert said == []
    assert found["summary"]["filesAnalyzed"] >= 4
