"""A promise that was not kept."""

from collections.abc import Sequence


class Violation(AssertionError):
    """A promise, and the rows or words that contradict it."""

    def __init__(self, promise: str, evidence: Sequence[object]) -> None:
        super().__init__(f"{promise}: {[str(each) for each in evidence[:5]]}")
        self.promise = promise
        self.evidence = evidence
