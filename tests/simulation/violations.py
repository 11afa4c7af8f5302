"""A promise that was not kept."""

from collections.abc import Sequence


class Violation(AssertionError):
    """A promise, and the rows or words that contradict it. It can be sent between processes."""

    def __init__(self, promise: str, evidence: Sequence[object]) -> None:
        self.promise = promise
        self.evidence = [str(each) for each in evidence]
        super().__init__(promise, self.evidence)

    def __str__(self) -> str:
        return f"{self.promise}: {self.evidence[:5]}"
