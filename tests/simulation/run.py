"""Runs seeds in several processes, prints what was done, and tells the story of the first broken promise.

make simulate                          20 new seeds of 500 steps
make simulate SEEDS=2000 WORKERS=2     a long run
make simulate KNOWN=1                  the seeds that once failed as well
make simulate DRAW=12345               the seeds of an earlier run, which has printed this number
make simulate SEED=12345               that seed alone, with its whole story
make simulate BESIDE=<git reference>   each call is taken by the working tree or by that revision, on one schema
"""

import argparse
import multiprocessing
import random
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.local.postgres import Postgres
from tests.folders import a_folder
from tests.simulation import course, database
from tests.simulation.acts import WEIGHTS
from tests.simulation.course import Course
from tests.simulation.plan import Plan, drawn
from tests.simulation.processor_time import python_seconds, server_seconds
from tests.simulation.report import Report
from tests.simulation.revisions import unpack
from tests.simulation.shrink import shrunk
from tests.simulation.world import World, world

KNOWN_SEEDS = [
    int(line.split("#")[0])
    for line in (Path(__file__).parent / "seeds.txt").read_text(encoding="utf-8").splitlines()
    if line.split("#")[0].strip()
]
"""Seeds that have broken a promise once."""

TOLD_EVERY = 100


def main() -> int:
    """Run as the command line says."""
    wanted = _arguments()
    report = Report()
    with a_folder() as folder, database.server(folder) as postgres:
        beside = unpack(wanted.beside, folder / "beside") if wanted.beside else None
        begun, python_begun, server_begun = time.perf_counter(), python_seconds(), server_seconds(postgres.pid)
        if wanted.seed is not None:
            courses: Iterator[Course] = iter([_one(postgres, wanted.seed, wanted.steps, beside)])
        else:
            seeds = _seeds(wanted.draw, wanted.seeds, are_known_too=wanted.known)
            print(f"{len(seeds)} seeds, drawn from {wanted.draw}: DRAW={wanted.draw} runs the same again", flush=True)
            courses = _many(folder, seeds, wanted.steps, wanted.workers, beside)
        for each in courses:
            report.add(each)
            if report.seeds % TOLD_EVERY == 0:
                print(f"{report.seeds} seeds, {report.steps} steps so far", flush=True)
            if each.violation:
                print(f"seed {each.seed} broke a promise: {each.violation.promise}", flush=True)
                print(f"  {each.violation}", flush=True)
                if wanted.stop:
                    break
        seconds = time.perf_counter() - begun
        in_python, in_postgresql = python_seconds() - python_begun, server_seconds(postgres.pid) - server_begun
        if report.violations and wanted.seed is None and not wanted.stop:
            _tell(postgres, next(iter(report.violations)), wanted.steps, beside)
    print("\n".join(report.lines(seconds, in_python, in_postgresql)))
    return 0 if report.has_seen_enough and not report.violations else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="replay this seed")
    parser.add_argument("--seeds", type=int, default=20, help="how many new seeds")
    parser.add_argument("--draw", type=int, default=secrets.randbelow(2**32), help="from what the seeds are drawn")
    parser.add_argument("--steps", type=int, default=500, help="how many steps are drawn for each")
    parser.add_argument("--workers", type=int, default=1, help="how many processes")
    parser.add_argument("--known", action="store_true", help="run those that once failed (seeds.txt) as well")
    parser.add_argument("--beside", help="a git reference: the revision that takes calls too")
    parser.add_argument("--stop", action="store_true", help="end at the first broken promise, without its story")
    return parser.parse_args()


def _seeds(draw: int, number: int, *, are_known_too: bool) -> list[int]:
    chance = random.Random(draw)
    return [*(KNOWN_SEEDS if are_known_too else []), *(chance.randrange(2**32) for _ in range(number))]


def _one(postgres: Postgres, seed: int, steps: int, beside: Path | None) -> Course:
    """Replay a seed, and print all that happens."""
    with world(postgres, "replay", beside) as made:
        done = course.run(made, drawn(seed, steps, WEIGHTS))
    print("\n".join(done.lines))
    print(f"fingerprint {done.fingerprint}")
    if done.violation:
        print(f"broken: {done.violation}")
    return done


def _many(folder: Path, seeds: Sequence[int], steps: int, workers: int, beside: Path | None) -> Iterator[Course]:
    """Run seeds, each process a share of them."""
    shares = [
        (folder, seeds[first::workers], steps, first, beside) for first in range(workers) if seeds[first::workers]
    ]
    if len(shares) == 1:
        yield from _share(*shares[0])
        return
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.SimpleQueue[Course | Exception] = context.SimpleQueue()
    processes = [context.Process(target=_send_share, args=(results, *share), daemon=True) for share in shares]
    for process in processes:
        process.start()
    for _ in seeds:
        done = results.get()
        if isinstance(done, Exception):
            raise done
        yield done
    for process in processes:
        process.join()


def _send_share(results: "multiprocessing.SimpleQueue[Course | Exception]", *share: object) -> None:
    try:
        for done in _share(*share):  # type: ignore[arg-type]
            done.lines.clear()  # what is told is replayed
            results.put(done)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must not wait for ever
        results.put(error)


def _share(folder: Path, seeds: Sequence[int], steps: int, number: int, beside: Path | None) -> Iterator[Course]:
    with world(Postgres(folder, settings=database.SERVER), f"simulation_{number}", beside) as made:
        for seed in seeds:
            yield course.run(made, drawn(seed, steps, WEIGHTS))


def _tell(postgres: Postgres, seed: int, steps: int, beside: Path | None) -> None:
    """Shrink the plan of a failing seed, and tell what is left of it."""
    with world(postgres, "shrinking", beside) as made:
        plan = drawn(seed, steps, WEIGHTS)
        done = course.run(made, plan)
        short = shrunk(plan, lambda each: _breaks(made, each, done))
        told = course.run(made, short)
    print(f"\nThe shortest story of seed {seed} that was found:\n")
    print("\n".join(line for line in told.lines if "at rest" not in line))
    print(f"\nbroken: {told.violation}\nreplay: make simulate SEED={seed} STEPS={steps}\nplan: {short.written()}\n")


def _breaks(made: World, plan: Plan, wanted: Course) -> bool:
    found = course.run(made, plan).violation
    return found is not None and wanted.violation is not None and found.promise == wanted.violation.promise


if __name__ == "__main__":
    sys.exit(main())
