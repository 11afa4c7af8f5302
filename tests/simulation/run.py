"""Runs seeds in several processes, prints what was done, and tells the story of the first broken promise.

make simulate                          20 new seeds of 500 steps
make simulate SEEDS=2000 WORKERS=2     a long run
make simulate KNOWN=1                  the seeds that once failed as well
make simulate DRAW=12345               the seeds of an earlier run, which has printed this number
make simulate SEED=12345 STEPS=500     that seed alone, with its whole story
make simulate BESIDE=<git reference>   each call is taken by the working tree or by that revision, on one schema
"""

import argparse
import multiprocessing
import os
import random
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from itertools import repeat
from multiprocessing.util import Finalize
from pathlib import Path

from infra.local.postgres import Postgres
from tests.folders import a_folder
from tests.simulation import course, database, seasons
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
        is_one = wanted.plan or wanted.seed is not None
        courses = _one(postgres, wanted, beside) if is_one else _many(folder, wanted, beside)
        for each in courses:
            _record(report, each)
            if each.violation and wanted.stop:
                break
        seconds = time.perf_counter() - begun
        in_python, in_postgresql = python_seconds() - python_begun, server_seconds(postgres.pid) - server_begun
        if report.violations and not (is_one or wanted.stop):
            _tell(postgres, next(iter(report.violations)), wanted.steps, beside)
    print("\n".join(report.lines(seconds, in_python, in_postgresql)))
    return 0 if report.has_seen_enough and not report.violations else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="replay this seed")
    parser.add_argument("--seeds", type=int, default=20, help="how many new seeds")
    parser.add_argument("--plan", type=Plan.read, help="run this plan: what a failure has printed")
    parser.add_argument("--draw", type=int, default=secrets.randbelow(2**32), help="from what the seeds are drawn")
    parser.add_argument("--steps", type=int, default=500, help="how many steps are drawn for each")
    parser.add_argument("--workers", type=int, default=1, help="how many processes")
    parser.add_argument("--known", action="store_true", help="run those that once failed (seeds.txt) as well")
    parser.add_argument("--beside", help="a git reference: the revision that takes calls too")
    parser.add_argument("--stop", action="store_true", help="end at the first broken promise, without its story")
    return parser.parse_args()


def _record(report: Report, done: Course) -> None:
    report.add(done)
    if report.seeds % TOLD_EVERY == 0:
        print(f"{report.seeds} seeds, {report.steps} steps so far", flush=True)
    if done.violation:
        print(f"seed {done.seed} broke a promise: {done.violation.promise}\n  {done.violation}", flush=True)


def _one(postgres: Postgres, wanted: argparse.Namespace, beside: Path | None) -> Iterator[Course]:
    """Run the plan that is given, or that of the seed, and print all that happens."""
    plan = wanted.plan or drawn(wanted.seed, wanted.steps, WEIGHTS)
    with world(postgres, "replay", beside) as made:
        done = course.run(made, plan)
    print(f"season: {seasons.of(plan.seed).name}")
    print("\n".join(done.lines))
    print(f"fingerprint {done.fingerprint}")
    if done.violation:
        print(f"broken: {done.violation}")
    yield done


def _many(folder: Path, wanted: argparse.Namespace, beside: Path | None) -> Iterator[Course]:
    """Run new seeds, each process one after the other. Raises BrokenProcessPool where a process is killed."""
    chance = random.Random(wanted.draw)
    seeds = [*(KNOWN_SEEDS if wanted.known else []), *(chance.randrange(2**32) for _ in range(wanted.seeds))]
    print(f"{len(seeds)} seeds, drawn from {wanted.draw}: DRAW={wanted.draw} runs the same again", flush=True)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(wanted.workers, len(seeds)), context, _open_world, (folder, beside))
    try:
        yield from pool.map(_run_one, seeds, repeat(wanted.steps))
    finally:
        pool.shutdown(cancel_futures=True)


_worlds: list[World] = []
"""The world of this process, which ends with it."""


def _open_world(folder: Path, beside: Path | None) -> None:
    stack, server = ExitStack(), Postgres(folder, settings=database.SERVER)
    _worlds.append(stack.enter_context(world(server, f"simulation_{os.getpid()}", beside)))
    Finalize(None, stack.close, exitpriority=1)  # before what the product registers with atexit


def _run_one(seed: int, steps: int) -> Course:
    done = course.run(_worlds[0], drawn(seed, steps, WEIGHTS))
    done.lines.clear()  # what is told is replayed
    return done


def _tell(postgres: Postgres, seed: int, steps: int, beside: Path | None) -> None:
    """Shrink the plan of a failing seed, and tell what is left of it."""
    with world(postgres, "shrinking", beside) as made:
        plan = drawn(seed, steps, WEIGHTS)
        done = course.run(made, plan)
        short = shrunk(plan, lambda each: _breaks(made, each, done))
        told = course.run(made, short)
    print(f"\nThe shortest story of seed {seed} that was found:\n")
    print("\n".join(line for line in told.lines if "at rest" not in line))
    print(f"\nbroken: {told.violation}\nall of it: make simulate SEED={seed} STEPS={steps}")
    print(f"this much: python -m tests.simulation.run --plan '{short.written()}'\n")


def _breaks(made: World, plan: Plan, wanted: Course) -> bool:
    found = course.run(made, plan).violation
    return found is not None and wanted.violation is not None and found.promise == wanted.violation.promise


if __name__ == "__main__":
    sys.exit(main())
