"""Statements show the ledger to people."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from shared.accounting import statements
from shared.accounting.statements import TrialBalanceQuery
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from shared.payments import cancellation
from shared.payments.cancellation import Cancellation
from tests.endpoints import call
from tests.factories import a_tier, a_user, an_event
from tests.integration.refunds.sales import a_paid_order

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def admin(database) -> Principal:
    with transaction() as tx:
        return a_user(tx, role="admin")


@pytest.fixture(scope="module")
def organizer(database, admin: Principal) -> Principal:
    """Sold three tickets at Rp 100.000; then one of the two events was cancelled."""
    with transaction() as tx:
        events = [an_event(tx, tiers=[a_tier(price=100_000)])]
        events.append(an_event(tx, tiers=[a_tier(price=100_000)], organizer_id=events[0].organizer_id))
    for sold, quantity in zip(events, (2, 1), strict=True):
        a_paid_order(sold, quantities=[quantity])
    with transaction() as tx:
        cancellation.start(tx, admin, events[1].id, Cancellation(reason="Hujan"))
    cancellation.run_batch(events[1].id)
    return Principal(events[0].organizer_id, "organizer", events[0].organizer_id)


def test_an_organizer_sees_every_movement_and_the_balance_after_it(organizer: Principal):
    lines = call("GET", "/ledger/statement", by=organizer).get_json()["items"]
    assert [(line["kind"], line["amount"], line["balance"]) for line in lines] == [
        ("cancellation_penalty", -5_000, 175_000),
        ("refund_owed", -90_000, 180_000),
        ("sale", 90_000, 270_000),
        ("sale", 180_000, 180_000),
    ]


def test_the_trial_balance_sums_to_zero(organizer: Principal, admin: Principal):
    balance = call("GET", "/admin/ledger/trial-balance", by=admin).get_json()
    assert balance["difference"] == 0
    assert {line["account"]: line["balance"] for line in balance["lines"]} == {
        "gateway_clearing": 322_500,
        "organizer_payable": -175_000,
        "commission_revenue": -20_000,
        "platform_fee_revenue": -15_000,
        "penalty_revenue": -5_000,
        "refunds_payable": -107_500,
    }
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert call("GET", f"/admin/ledger/trial-balance?at={yesterday}", by=admin).get_json()["lines"] == []


def test_the_trial_balance_of_now_is_that_of_this_moment_and_reads_neither_postings_nor_sorted_entries(
    organizer: Principal, admin: Principal
):
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    balance = call("GET", "/admin/ledger/trial-balance", by=admin).get_json()
    assert call("GET", f"/admin/ledger/trial-balance?at={now}", by=admin).get_json() == balance
    [payable] = [line for line in balance["lines"] if line["account"] == "organizer_payable"]
    assert (payable["subaccounts"], payable["credits"] - payable["debits"]) == (1, 175_000)
    executed: list[str] = []
    with transaction() as tx:
        event.listen(tx, "before_cursor_execute", lambda *about: executed.append(about[2]))
        statements.trial_balance(tx, TrialBalanceQuery())
    [query] = executed
    assert "ledger_postings" not in query
    assert "DISTINCT" not in query  # which sorts every entry


def test_the_platform_s_revenue_is_summed_up(organizer: Principal, admin: Principal):
    now = datetime.now(UTC)
    span = f"from={(now - timedelta(days=1)):%Y-%m-%dT%H:%M:%SZ}&to={(now + timedelta(days=1)):%Y-%m-%dT%H:%M:%SZ}"
    items = call("GET", f"/admin/ledger/revenue?{span}&by=month", by=admin).get_json()["items"]
    assert sum(item["total"] for item in items) == 20_000 + 15_000 + 5_000
    refused = call("GET", "/admin/ledger/revenue?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", by=admin)
    assert refused.status_code == 422


def test_only_admins_see_all(organizer: Principal):
    assert call("GET", "/admin/ledger/trial-balance", by=organizer).status_code == 403
