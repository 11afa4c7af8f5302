"""Templates are compiled once in an instance, also where its first requests come together."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from jinja2 import Environment

from shared.site import rendering
from tests.threads import at_the_same_time


def test_a_template_is_compiled_once_for_all_who_wait(monkeypatch: pytest.MonkeyPatch):
    compiled: Counter[str] = Counter()
    compile_one = Environment.compile

    def counting(self: Environment, source: Any, name: Any = None, *more: Any, **options: Any) -> Any:
        compiled[name] += 1
        return compile_one(self, source, name, *more, **options)

    monkeypatch.setattr(Environment, "compile", counting)
    rendering._made_environment.cache_clear()
    at_the_same_time([lambda: rendering._environment("id").get_template("event.html")] * 8)
    assert compiled == {"event.html": 1}


@pytest.mark.parametrize("name", ["moment", "clock", "exact_clock"])
@pytest.mark.parametrize(("zone", "label"), [("Asia/Jayapura", "WIT"), ("Asia/Kuala_Lumpur", "UTC+8")])
def test_no_line_break_parts_a_time_from_its_zone(name: str, zone: str, label: str):
    shown = rendering._made_environment("id").filters[name](datetime(2026, 11, 21, 12, tzinfo=UTC), zone)
    assert shown.endswith(f"\u00a0{label}")
