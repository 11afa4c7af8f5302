"""Rules of addresses that are matched, and seldom or never built."""

from collections.abc import Callable
from typing import Any

from werkzeug import routing


class Rule(routing.Rule):
    """A rule that compiles what builds its addresses when one is built.

    werkzeug compiles that at once, which is most of what a rule costs at a start.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def build(rule: routing.Rule, /, **values: Any) -> tuple[str, str]:
            return routing.Rule._compile_builder(rule, append_unknown)(rule, **values)

        return build
