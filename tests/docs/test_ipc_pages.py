"""The pages of the IPC methods have one shape, and nothing public is left out of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lanline import ipc

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "ipc"
METHODS = ["pipe", "named-pipe", "message-queue", "semaphore", "shared-memory", "socket"]
HEADINGS = [
    "What it is",
    "When to choose it",
    "What it promises, and what not",
    "When somebody dies",
    "What it costs",
    "The code",
]
COMPARISON = (FOLDER / "README.md").read_text()
NAMES = [name for name in ipc.__all__ if not name.endswith("Error")]


@pytest.mark.parametrize("method", METHODS)
def test_a_page_of_a_method_has_the_headings_of_all(method: str) -> None:
    text = (FOLDER / f"{method}.md").read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("method", METHODS)
def test_a_page_of_a_method_has_a_picture_figures_code_and_an_example(method: str) -> None:
    text = (FOLDER / f"{method}.md").read_text()
    before, _, rest = text.partition("## What it is")
    assert re.search(r"!\[[^\]]{10,}\]\(\.\./images/ipc/[\w-]+\.svg\)", before)
    costs, _, code = rest.partition("## What it costs")[2].partition("## The code")
    assert re.search(r"\d+ (us|ns)\b", costs)
    assert "```python" in code
    assert f"](../../examples/{method}/)" in code


@pytest.mark.parametrize("method", METHODS)
def test_the_page_that_compares_leads_to_each_method(method: str) -> None:
    assert f"]({method}.md)" in COMPARISON


def test_every_public_class_and_function_is_on_a_page() -> None:
    pages = "".join(page.read_text() for page in FOLDER.glob("*.md"))
    unknown = [name for name in NAMES if not re.search(rf"\b{name}\b", pages)]
    assert unknown == []
