"""The mutations are of the product as it is, and the simulator catches one of them (SIM-1)."""

from pathlib import Path

from tests.simulation.mutate import PATCHES, Trial, apply, caught, fault

MUTATIONS = sorted(PATCHES.glob("*.patch"))


def test_each_mutation_still_is_one_of_the_product(tmp_path: Path):
    for patch in MUTATIONS:
        apply(patch, tmp_path)

    assert len(MUTATIONS) >= 40
    assert all(fault(patch).endswith(".") for patch in MUTATIONS)


def test_the_table_tells_of_each_mutation_what_caught_it_and_after_how_many_steps():
    rows = caught()

    assert {row["mutation"]: row["fault"] for row in rows} == {patch.stem: fault(patch) for patch in MUTATIONS}
    assert all(row["promise"] and int(row["steps"]) > 0 for row in rows)


def test_a_mutation_is_caught(simulation_folder: Path):
    [patch] = [path for path in MUTATIONS if path.stem == "paid-orders-do-not-sell"]

    found = Trial(simulation_folder, range(1, 21), steps=200).of(patch)

    assert found.promise.startswith("I1 and I2")
