"""`make simulate`: run seeds, print what was done, and tell the story of the first violation.

python -m tests.simulation.run --seeds 10 --steps 500
python -m tests.simulation.run --seed 12345          replay one, with its whole story
"""

import argparse
import secrets
import sys
import time
from collections import Counter

from tests.folders import a_folder
from tests.simulation import course, database
from tests.simulation.acts.registry import WEIGHTS
from tests.simulation.plan import drawn
from tests.simulation.world import world


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=500)
    wanted = parser.parse_args()
    seeds = [wanted.seed] if wanted.seed is not None else [secrets.randbelow(2**32) for _ in range(wanted.seeds)]
    with a_folder() as folder, database.server(folder) as postgres, world(postgres, "simulation") as made:
        total, faults, begun = 0, Counter[str](), time.perf_counter()
        for seed in seeds:
            done = course.run(made, drawn(seed, wanted.steps, WEIGHTS))
            total += done.steps
            faults.update(done.faults)
            if wanted.seed is not None:
                print("\n".join(done.lines))
                print("fingerprint", done.fingerprint)
            if done.violation:
                print("\n".join(done.lines[-30:]))
                print(f"seed {seed}: {done.violation}")
                return 1
        took = time.perf_counter() - begun
        print(f"{len(seeds)} seeds, {total} steps, {total / took:.0f} steps a second, {sum(faults.values())} faults")
        for kind, count in sorted(faults.items()):
            print(f"  {count:6} {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
