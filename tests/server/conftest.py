"""One hub for a file of tests that leave it as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub")) as process:
        yield process
