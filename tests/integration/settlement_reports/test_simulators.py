"""The simulators' reports of what was paid there show no difference, unless they are asked to (CLEAR-1)."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from shared.cloud.database import transaction
from shared.payments import checkout, clearing, sync
from shared.settlement_reports import bank_statements
from shared.settlement_reports.bank_statements import StatementResult
from shared.settlement_reports.batches import BatchResponse
from tests.factories import a_user, an_event, reserve
from tests.integration.refunds.steps import rows
from tests.integration.settlement_reports.steps import an_admin, differences, imported, totals
from tests.model.gateways import Gateways, gateways

pytestmark = pytest.mark.usefixtures("database")
REPORTS = {"xendit": ("balance", "transactions"), "midtrans": ("transactions",)}


@pytest.fixture(scope="module")
def at(postgres, database) -> Iterator[Gateways]:
    """Both gateways, with a sale at each."""
    with gateways(postgres, "settlement_gateways") as served:
        for gateway in REPORTS:
            sell(served, gateway)
        yield served


@pytest.fixture(scope="module")
def admin(database: str) -> UUID:
    return an_admin()


def sell(at: Gateways, gateway: str) -> None:
    with transaction() as tx:
        buyer, event = a_user(tx), an_event(tx)
    order = reserve(buyer, event)
    wanted = checkout.CheckoutRequest(payment_method="QRIS", gateway=gateway)
    payment = checkout.checkout(buyer.id, order.id, wanted).payments[0]  # type: ignore[union-attr]
    at.does(gateway, str(payment.gateway_reference), "pay")
    sync.sync_payment(payment.id)


def download(at: Gateways, path: str) -> bytes:
    answer = at.session.get(f"{at.url}/{path}", timeout=60)
    answer.raise_for_status()
    return answer.content


def import_from(at: Gateways, gateway: str, name: str, admin: UUID, differ: str = "") -> BatchResponse:
    return imported(download(at, f"{gateway}/reports/{name}.csv?differ={differ}"), admin)


def test_what_was_paid_is_settled_without_a_difference(at: Gateways, admin: UUID):
    batches = [import_from(at, gateway, name, admin) for gateway, names in REPORTS.items() for name in names]
    assert [(each.lines, each.lines_known, each.differences) for each in batches] == [(1, 0, 0), (0, 1, 0), (1, 0, 0)]
    assert totals()["gateway_fees"] > 0
    clearing.check(window=timedelta(hours=1), margin=timedelta(seconds=-1))


def test_what_is_sent_to_our_bank_arrives_and_the_gateways_hold_nothing_more(at: Gateways, admin: UUID):
    at.session.post(f"{at.url}/xendit/withdrawals", timeout=60).raise_for_status()
    import_from(at, "xendit", "balance", admin)
    with transaction() as tx:
        done = bank_statements.import_statement(tx, download(at, "bank/statement.csv"), by=admin)
    assert done == StatementResult(entered=2, known=0, of_others=0)
    assert differences() == []
    assert totals()["gateway_clearing"] == 0
    [came_in] = rows("SELECT sum(received_amount) AS amount FROM payments")
    assert totals()["bank"] + totals()["gateway_fees"] + totals()["input_vat"] == came_in.amount
    clearing.check(window=timedelta(hours=1), margin=timedelta(seconds=-1))


@pytest.mark.parametrize(
    ("differ", "kind"),
    [
        ("gross", "gross_differs"),
        ("fee", "fees_differ"),
        ("unknown", "payment_unknown"),
        ("twice", "settled_twice"),
    ],
)
@pytest.mark.parametrize("gateway", ["xendit", "midtrans"])
def test_a_gateway_differs_on_demand(at: Gateways, admin: UUID, gateway: str, differ: str, kind: str):
    sell(at, gateway)
    batch = import_from(at, gateway, "transactions", admin, differ)
    assert kind in [found for found, *_ in differences(batch_id=batch.id)]
