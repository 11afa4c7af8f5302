"""The mutations are of the product as it is, and the tests catch one of each kind (SIM-1)."""

import os
from pathlib import Path

from tests import migrated_cluster
from tests.simulation.lock_mutations import LockTrial
from tests.simulation.mutate import Trial
from tests.simulation.mutation_patches import LOCKS, PATCHES, ROOT, apply, catching_test, fault
from tests.simulation.mutation_table import caught

MUTATIONS = sorted(PATCHES.glob("*.patch"))
OF_LOCKS = sorted(LOCKS.glob("*.patch"))


def test_each_mutation_still_is_one_of_the_product(tmp_path: Path):
    for patch in [*MUTATIONS, *OF_LOCKS]:
        apply(patch, tmp_path)

    assert len(MUTATIONS) >= 40
    assert all(fault(patch).endswith(".") for patch in [*MUTATIONS, *OF_LOCKS])


def test_the_table_tells_of_each_mutation_what_caught_it_and_after_how_many_steps():
    rows = caught(PATCHES)

    assert {row["mutation"]: row["fault"] for row in rows} == {patch.stem: fault(patch) for patch in MUTATIONS}
    assert all(row["promise"] and int(row["steps"]) > 0 for row in rows)


def test_the_table_of_locks_tells_which_test_caught_each_and_after_how_many_runs():
    rows = caught(LOCKS)

    told = {row["mutation"]: (row["fault"], row["test"]) for row in rows}
    assert told == {patch.stem: (fault(patch), catching_test(patch)) for patch in OF_LOCKS}
    assert all(row["failed_by"] and int(row["runs"]) > 0 for row in rows)


def test_what_catches_a_lock_that_is_dropped_is_a_test():
    for file, name in (catching_test(patch).split("::") for patch in OF_LOCKS):
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def test_a_mutation_is_caught(simulation_folder: Path):
    [patch] = [path for path in MUTATIONS if path.stem == "paid-orders-do-not-sell"]

    found = Trial(simulation_folder, range(1, 21), steps=200).of(patch)

    assert found.promise.startswith("I1 and I2")


def test_a_lock_that_is_dropped_is_noticed():
    [patch] = [path for path in OF_LOCKS if path.stem == "promo-codes-are-changed-without-a-lock"]

    found = LockTrial(Path(os.environ[migrated_cluster.FOLDER]), repetitions=3).of(patch)

    assert (found.failed_by, found.runs) == ("assertion", 1)
