"""The faults of scripts/mutants can be made in the code as it is, and what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.ipc import soak
from tests.ipc.mutations import MUTATIONS, Mutation

HERE = Path(__file__).parent
LIBRARY = HERE.parents[1] / "src/lanline/ipc"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_has_one_place_and_something_that_finds_it(mutation: Mutation) -> None:
    places = (LIBRARY / mutation.file).read_text().count(mutation.old)
    assert places == 1, f"{mutation.file} has changed: say in mutations.py how to break it now"
    assert mutation.scenario or mutation.test or mutation.model
    assert mutation.scenario in {"", *(one.__name__ for one in soak.SCENARIOS)}
    assert set(mutation.kinds) <= set(soak.FINDINGS)
    assert bool(mutation.kinds) == bool(mutation.scenario)
    if mutation.test:
        assert (HERE / "native" / f"{mutation.test}.c").exists()
    if mutation.model:
        model, name = mutation.model.split()
        text = (HERE / "models" / f"{model}.pml").read_text()
        assert re.search(rf"^ \* mutation {name}:", text, re.MULTILINE)


def test_the_names_of_mutations_differ() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(names) == len(set(names))


def test_each_kind_of_finding_is_due_for_some_mutation() -> None:
    assert set(soak.FINDINGS) == {kind for mutation in MUTATIONS for kind in mutation.kinds}
