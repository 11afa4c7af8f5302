"""Templates are compiled once in an instance, also where its first requests come together."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from jinja2 import Environment

from shared.messages import mails
from shared.payments.status_handling import StatusOutcome
from shared.site import rendering
from shared.site.languages import Language
from shared.states import RefundStatus, TransferStatus
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


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("template", get_args(mails.Template))
def test_every_mail_has_its_words(template: str, language: Language):
    module = rendering._environment(language).get_template("timeline.html").make_module()
    assert module.mail_words(template) != template  # type: ignore[attr-defined]


OUTCOMES = {*StatusOutcome, *RefundStatus, *TransferStatus, "test", "ignored"} | {
    f"unknown_{kind}" for kind in ("payment", "refund", "payout")
}


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_every_outcome_of_a_webhook_has_its_words(outcome: str):
    module = rendering._environment("en").get_template("admin/parts.html").make_module()
    assert f'<span title="{outcome}">{outcome}</span>' != module.outcome(outcome)  # type: ignore[attr-defined]
