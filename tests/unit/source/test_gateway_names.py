"""Nothing of shared/ knows a gateway by name but its own package, and what says why (PS-005)."""

import ast
from pathlib import Path

from shared.gateways.names import NAMES
from tests.sources import nodes

ROOT = Path(__file__).parents[3]
OWN = (
    "shared/gateways/",
    "shared/settlement_reports/xendit_reports.py",
    "shared/settlement_reports/midtrans_reports.py",
)
BY_NAME = {
    "shared/chat/commands.py": "the command BUYMIDTRANS",
    "shared/cloud/settings.py": "which gateway is asked first, where its API is",
    "shared/settlement_reports/fee_rates.py": "what is agreed with each",
}


def test_only_what_says_why_names_a_gateway():
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "shared").rglob("*.py")
        for node in nodes(path)
        if isinstance(node, ast.Constant) and node.value in NAMES
    }
    assert {name for name in found if not name.startswith(OWN)} == set(BY_NAME)


def test_a_gateway_s_client_is_imported_by_the_registry_alone():
    importing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "shared").rglob("*.py")
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(("shared.gateways.xendit", "shared.gateways.midtrans"))
    }
    assert {name for name in importing if not name.startswith(OWN)} == set()
