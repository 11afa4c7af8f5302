"""Nobody is woken without a page to read: every alert and every kind of manual task has its section in the runbook."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.unit.docs.documents import ROOT, anchors, headings, read

RUNBOOK = read("docs/runbook.md")
KINDS = {kind for heading in headings(RUNBOOK) for kind in re.findall(r"`([a-z_]+)`", heading)}
TERRAFORM = ROOT / "infra" / "terraform"
ALERTS = [*sorted(TERRAFORM.glob("monitoring_alerts*.tf")), TERRAFORM / "modules" / "vault" / "alerts.tf"]
BURNS = ["burn-rate-availability", "burn-rate-latency"]
OPENING = {"add": "manual_tasks", "_open_manual_task": None}
"""The functions that open a task, and the module they are called through."""


def alerts() -> list[str]:
    """The alerts of Terraform: each is a key of a map of alerts, and links to the heading of its name."""
    entry = re.compile(r"^    ([a-z-]+) = {\n      summary ", re.MULTILINE)
    return [key for file in ALERTS for key in entry.findall(file.read_text(encoding="utf-8"))]


@cache
def kinds_of_code() -> frozenset[str]:
    """Each kind that is opened, as a regular expression: what a call fills in may be any word."""
    sources = (file.read_text(encoding="utf-8") for file in (ROOT / "shared").rglob("*.py"))
    trees = [ast.parse(source) for source in sources if "manual_task" in source]
    calls = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    return frozenset(kind for call in calls if _opens_a_task(call) for kind in _pattern(call.args[1]))


def _opens_a_task(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        return OPENING.get(call.func.attr) == call.func.value.id
    return isinstance(call.func, ast.Name) and call.func.id in OPENING and OPENING[call.func.id] is None


def _pattern(kind: ast.expr) -> Iterator[str]:
    if isinstance(kind, ast.Constant):
        yield str(kind.value)
    elif isinstance(kind, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "[a-z_]+" for part in kind.values)


@pytest.mark.parametrize("alert", [*alerts(), *BURNS])
def test_every_alert_has_its_section(alert: str):
    assert alert in anchors(RUNBOOK)


def test_kinds_are_found_in_the_code():
    assert {"webhook_failed", "refund_failed", "payment_reversed", "payment_[a-z_]+"} <= kinds_of_code()


@pytest.mark.parametrize("kind", sorted(kinds_of_code()))
def test_every_manual_task_has_its_section(kind: str):
    assert any(re.fullmatch(kind, written) for written in KINDS), f"docs/runbook.md has no section `{kind}`"


@pytest.mark.parametrize(
    "kind",
    [
        *("payment_underpaid", "payment_overpaid", "payment_wrong_currency"),  # status_handling._hold_mismatch
        *("payment_refunded_out_of_order", "payment_reversed_out_of_order"),  # status_handling._reverse
        *("payment_refunded", "payment_partially_refunded", "payment_charged_back", "payment_unknown"),  # ._noted
        *("unknown_refund", "unknown_payout"),  # webhooks._UNKNOWN_MONEY
    ],
)
def test_kinds_that_are_put_together_have_theirs_too(kind: str):
    assert kind in KINDS
