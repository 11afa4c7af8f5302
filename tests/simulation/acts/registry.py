"""The acts that a plan is drawn from."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.world import World

Act = Callable[["World", random.Random], str | None]
"""Does one thing and says what came of it; None where nobody can do it at the moment."""

ACTS: dict[str, Act] = {}
WEIGHTS: dict[str, int] = {}


def act(name: str, weight: int) -> Callable[[Act], Act]:
    """Declare an act, by the words that stories tell it in."""

    def declare(function: Act) -> Act:
        ACTS[name] = function
        WEIGHTS[name] = weight
        return function

    return declare
