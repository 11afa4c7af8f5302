"""The mutations are of the product as it is, and the simulator catches one of them (SIM-1)."""

from pathlib import Path

from tests.simulation.mutate import PATCHES, apply, copied, fault, tried

MUTATIONS = sorted(PATCHES.glob("*.patch"))


def test_each_mutation_still_is_one_of_the_product(tmp_path: Path):
    copy = copied(tmp_path)

    for patch in MUTATIONS:
        apply(patch, copy)
        apply(patch, copy, undo=True)

    assert len(MUTATIONS) >= 40
    assert all(fault(patch).endswith(".") for patch in MUTATIONS)


def test_a_mutation_is_caught():
    [patch] = [path for path in MUTATIONS if path.stem == "paid-orders-do-not-sell"]

    outcome = tried(patch, seeds=20, steps=200)

    assert outcome.promise is not None
    assert outcome.promise.startswith("I1 and I2")
