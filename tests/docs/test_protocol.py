"""docs/protocol.md names every command, event, field and error code that there is."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec
import pytest

from lanline.wire import messages

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
TYPES = [*messages.AnyCommand.__args__, *messages.AnyEvent.__args__]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_every_message_has_a_row_with_its_fields(kind: type[msgspec.Struct]) -> None:
    tag = str(kind.__struct_config__.tag)
    rows = [m[0] for m in re.finditer(rf"^\| `{tag}` \|.*$", TEXT, flags=re.MULTILINE)]
    assert rows, tag
    for field in kind.__struct_fields__:
        if field != "id":
            assert any(f"`{field}`" in row for row in rows), f"{tag}.{field}"


@pytest.mark.parametrize("code", typing.get_args(messages.ErrorCode))
def test_every_error_code_is_explained(code: str) -> None:
    assert f"`{code}`" in TEXT
