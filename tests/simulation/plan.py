"""The plan of a seed: what is tried, step by step, drawn before anything runs, so that steps can be left out of it.

A step names an act and holds a number from which the act draws everything else: whom, what, how many. Where nobody can
do it at the moment the step is idle. Left-out steps change no draw of the others, so a failing plan shrinks by itself.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.simulation import seasons
from tests.simulation.faults import Fault, FaultKind

FAULT_SHARE = 0.3
"""The share of the steps that are given a fault; many of them end before it strikes."""
_FAULT_WEIGHTS = {
    FaultKind.CRASH: 50,
    FaultKind.PAUSE: 6,
    FaultKind.GATEWAY_TIMEOUT: 8,
    FaultKind.GATEWAY_LOST_ANSWER: 14,
    FaultKind.GATEWAY_ERROR: 8,
    FaultKind.GATEWAY_REFUSES: 5,
    FaultKind.GATEWAY_LIST_LAGS: 4,
    FaultKind.BANK_IS_SLOW: 9,
    FaultKind.GATEWAY_SLOW: 3,
    FaultKind.GATEWAY_UNREADABLE: 4,
    FaultKind.PUBLISH_FAILS: 6,
    FaultKind.TASK_FAILS: 4,
    FaultKind.STORAGE_FAILS: 4,
    FaultKind.CACHE_FAILS: 4,
    FaultKind.CACHE_IS_LATE: 4,
    FaultKind.DATABASE_RESTART: 2,
    FaultKind.DATABASE_AWAY: 2,
    FaultKind.COMMIT_UNANSWERED: 4,
}
_MOST_PLACES = {
    FaultKind.CRASH: 14,
    FaultKind.PAUSE: 10,
    FaultKind.DATABASE_RESTART: 12,
    FaultKind.DATABASE_AWAY: 12,
    FaultKind.COMMIT_UNANSWERED: 4,
    FaultKind.GATEWAY_REFUSES: 1,
    FaultKind.GATEWAY_LIST_LAGS: 1,
    FaultKind.BANK_IS_SLOW: 1,
}


@dataclass(frozen=True)
class Step:
    """One step of a plan."""

    act: str
    number: int
    fault: Fault | None = None

    def chance(self) -> random.Random:
        """The source of the act's choices."""
        return random.Random(self.number)

    def document(self) -> dict[str, Any]:
        """The step for a file."""
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """The acts that are tried under a seed."""

    seed: int
    steps: tuple[Step, ...]

    def keeping(self, steps: Sequence[Step]) -> "Plan":
        """The same with these steps only."""
        return Plan(self.seed, tuple(steps))

    def written(self) -> str:
        """The plan as JSON."""
        return json.dumps({"seed": self.seed, "steps": [step.document() for step in self.steps]})

    @classmethod
    def read(cls, document: str) -> "Plan":
        """The plan that `written` wrote."""
        found = json.loads(document)
        return cls(found["seed"], tuple(_step(each) for each in found["steps"]))


def drawn(seed: int, length: int, weights: Mapping[str, int]) -> Plan:
    """The plan of a seed: `length` steps, acts by weight and by the phase of its season."""
    chance = random.Random(seed)
    phases = [{**weights, **phase} for phase in seasons.of(seed).phases]
    acts = [_act(chance, phases[number * len(phases) // length]) for number in range(length)]
    return Plan(seed, tuple(Step(act, chance.getrandbits(48), _fault(chance)) for act in acts))


def _act(chance: random.Random, weights: Mapping[str, int]) -> str:
    [act] = chance.choices(list(weights), list(weights.values()))
    return act


def _fault(chance: random.Random) -> Fault | None:
    if chance.random() >= FAULT_SHARE:
        return None
    [kind] = chance.choices(list(_FAULT_WEIGHTS), list(_FAULT_WEIGHTS.values()))
    most = _MOST_PLACES.get(kind, 2)
    return Fault(kind, min(chance.randrange(most), chance.randrange(most)))


def _step(found: dict[str, Any]) -> Step:
    fault = found["fault"]
    return Step(found["act"], found["number"], Fault(FaultKind(fault["kind"]), fault["nth"]) if fault else None)
