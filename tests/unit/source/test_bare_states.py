"""A state is written as a member of its StrEnum (shared/states.py), so that a mistyped one can't pass."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import states
from tests.sources import nodes, parsed

STATES = {
    state.value
    for name, enum in vars(states).items()
    if name.endswith("Status") or name == "RefundKind"
    for state in enum
}
ROOT = Path(__file__).parents[3]
OF_OTHER_NOUNS = {
    ("shared/accounting/ledger.py", "unusable_payment"): "a kind of posting",
    ("shared/admin/webhooks.py", "failed"): "a filter of a list (WebhookFilter)",
    ("shared/chat/admission.py", "paid"): "a command",
    ("shared/chat/checkout.py", "cancelled"): "the name of a text",
    ("shared/chat/conversation.py", "paid"): "a command",
    ("shared/chat/conversation.py", "waiting"): "the name of a text",
    ("shared/gateways/whatsapp/webhooks.py", "sent"): "a status of WhatsApp's",
    ("shared/gateways/whatsapp/webhooks.py", "delivered"): "a status of WhatsApp's",
    ("shared/gateways/whatsapp/webhooks.py", "read"): "a status of WhatsApp's",
    ("shared/gateways/whatsapp/webhooks.py", "failed"): "a status of WhatsApp's",
    ("shared/chat/undelivered.py", "refused"): "how consent was withdrawn (consent.Source)",
    ("shared/chat/wording.py", "cancelled"): "the name of a text",
    ("shared/chat/wording.py", "waiting"): "the name of a text",
    ("shared/gateways/midtrans/responses.py", "pending"): "Midtrans's status",
    ("shared/messages/delivery_events.py", "delivered"): "an event of SendGrid's",
    ("shared/messages/delivery_events.py", "dropped"): "an event of SendGrid's",
    ("shared/messages/template_context.py", "paid"): "the occasion of an e-ticket (mails.Occasion)",
    ("shared/monitoring/synthetic_purchases.py", "failed"): "the outcome of a run",
    ("shared/monitoring/synthetic_purchases.py", "succeeded"): "the outcome of a run",
    ("shared/payments/records.py", "paid"): "a parameter of a statement: the amount",
    ("shared/payments/status_handling.py", "refunded"): "the reason why tickets are void, or an admin's decision",
    ("shared/payments/unallocated.py", "refunded"): "an admin's decision (ReviewDecision)",
    ("shared/refunds/approval.py", "refunded"): "the reason why tickets are void (mails.VoidReason)",
    ("shared/refunds/full_refunds.py", "refunded"): "the reason why tickets are void (mails.VoidReason)",
    ("shared/sales/inventory.py", "reserved"): "a parameter of a statement: units",
    ("shared/sales/promos.py", "requested"): "a parameter of a statement: codes",
    ("shared/reports/figures.py", "refunded"): "the name of a figure",
    ("shared/reports/figures.py", "reserved"): "the name of a figure",
    ("shared/reports/figures.py", "paid"): "the name of a figure",
    ("shared/reports/figures.py", "expired"): "the name of a figure",
    ("shared/reports/figures.py", "cancelled"): "the name of a figure",
    ("shared/settlement_reports/midtrans_reports.py", "completed"): "a status in Midtrans's report",
    ("shared/settlement_reports/xendit_reports.py", "completed"): "a column of Xendit's report",
    ("shared/tickets/gate.py", "refunded"): "a result of a scan (admission.Result)",
    ("shared/site/confirmation.py", "sent"): "a parameter of a page's address",
    ("shared/site/confirmation_pages.py", "sent"): "a parameter of a page's address",
    ("shared/site/error_pages.py", "refused"): "a kind of error page",
    ("shared/site/gate/results.py", "refunded"): "a result of a scan (admission.Result)",
    ("shared/site/gate/scan_pages.py", "refused"): "a kind of answer (gate.results.GateResult)",
    ("shared/site/order_pages.py", "paid"): "a state of the page (order_view.State)",
    ("shared/site/structured_data.py", "cancelled"): "a state of an offer (offers.State)",
}
"""Words that a file uses for something else, besides those of its own `Literal` types, which mypy checks."""


def sources() -> list[Path]:
    return sorted([*(ROOT / "shared").rglob("*.py"), *(ROOT / "functions").rglob("*.py")])


def words(node: ast.AST | None) -> Iterator[str]:
    """The states that stand as plain strings in an expression: alone, in a list, or as one of two choices."""
    match node:
        case ast.Constant(value=str(word)) if word in STATES:
            yield word
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts) | ast.BoolOp(values=parts):
            for part in parts:
                yield from words(part)
        case ast.IfExp(body=one, orelse=other):
            yield from words(one)
            yield from words(other)


def places(node: ast.AST) -> list[ast.AST | None]:
    """The expressions of a node by which a value gets somewhere, or is compared."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.Call(func=func, args=given, keywords=named):
            return [*given, *(keyword.value for keyword in named if not is_model(func))]
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.Return(value=value):
            return [value]
        case ast.MatchValue(value=value):
            return [value]
        case ast.Dict(keys=keys, values=values):
            return [*keys, *values]
        case ast.arguments(defaults=defaults, kw_defaults=named):
            return [*defaults, *named]
    return []


def about_status(node: ast.AST) -> list[ast.AST | None]:
    """The expressions that are compared with something called `status`, or given to it."""
    match node:
        case ast.Compare(left=left, comparators=others) if any(is_status(side) for side in (left, *others)):
            return [left, *others]
        case ast.Assign(targets=[target], value=value) if is_status(target):
            return [value]
        case ast.AnnAssign(target=target, annotation=kind, value=value) if is_status(target):
            return [] if ast.unparse(kind).endswith("Filter") else [value]  # of a list, which mypy checks
        case ast.Call(func=func, keywords=named) if not is_model(func):
            return [keyword.value for keyword in named if (keyword.arg or "").endswith("status")]
        case ast.Match(subject=subject, cases=cases) if is_status(subject):
            return [part.value for case in cases for part in ast.walk(case.pattern) if isinstance(part, ast.MatchValue)]
    return []


def is_status(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name.endswith("status")
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name.endswith("status")
    return False


def is_model(func: ast.expr) -> bool:
    """True for a request or response, whose fields mypy checks."""
    return re.search(r"(Change|Response|Query)$", ast.unparse(func)) is not None


def literals(tree: ast.AST) -> set[str]:
    """The words of the `Literal` types that a file defines."""
    return {
        part.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"
        for part in ast.walk(node.slice)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one, but for the members of the file's own enumerations."""
    if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "StrEnum" for base in node.bases):
        return
    yield node
    for part in ast.iter_child_nodes(node):
        yield from walk(part)


def bare_states(tree: ast.Module, name: str) -> set[str]:
    """The states that a file writes as plain strings."""
    others = literals(tree) | {word for path, word in OF_OTHER_NOUNS if path == name}
    anywhere = {word for node in walk(tree) for place in places(node) for word in words(place)}
    as_status = {word for node in walk(tree) for place in about_status(node) for word in words(place)}
    return (anywhere - others) | as_status


def test_no_state_is_a_plain_string():
    found = {name: bare_states(parsed(path), name) for path in sources() if (name := str(path.relative_to(ROOT)))}
    assert {name: states for name, states in found.items() if states} == {}


def test_every_exception_is_needed():
    for name, word in OF_OTHER_NOUNS:
        used = {found for node in nodes(ROOT / name) for part in places(node) for found in words(part)}
        assert word in used, (name, word)


@pytest.mark.parametrize(
    "source",
    [
        "if order.status == 'paid': pass",
        "if row['status'] in ('paid', 'expired'): pass",
        "status = 'paid'",
        "order.status = 'paid'",
        "change(tx, refund, 'failed')",
        "change(tx, refund, status='failed')",
        "words = {'requested': 1}",
        "def f(status='paid'): pass",
        "def f():\n    return 'failed' if late else None",
        "match status:\n    case 'paid': pass",
        "State = Literal['paid']\nif order.status == 'paid': pass",
    ],
)
def test_a_plain_string_is_found(source: str):
    assert bare_states(ast.parse(source), "some.py") & {"paid", "failed", "requested"}


@pytest.mark.parametrize(
    "source",
    [
        "if order.status == OrderStatus.PAID: pass",
        "State = Literal['paid', 'open']\ndef state():\n    return 'paid'",
        "query = text(\"WHERE status = 'paid'\")",
        "EventChange(status='published')",
    ],
)
def test_other_words_are_not(source: str):
    assert bare_states(ast.parse(source), "some.py") == set()
