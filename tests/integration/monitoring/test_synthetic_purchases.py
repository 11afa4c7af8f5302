"""Synthetic purchases go through the product as a buyer's do, and leave nothing, wherever they are killed."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
import requests
from sqlalchemy import text

from functions.expire import main as expire
from infra.local.postgres import Postgres
from shared.catalog import synthetic_events
from shared.catalog.synthetic_events import SyntheticEvent
from shared.cloud.database import transaction
from shared.gateways import names, registry
from shared.gateways.sendgrid.client import Sender, SendGrid
from shared.identity import addresses
from shared.monitoring import product_client, synthetic_purchases
from shared.reports import overview
from shared.reports.periods import PeriodQuery
from tests import endpoints
from tests.doubles import Published
from tests.factories import a_user
from tests.integration.stories.test_stories import HANDLERS
from tests.model.gateways import KEY, Gateways, gateways

pytestmark = pytest.mark.usefixtures("database", "files")

DELIVERED = HANDLERS | {
    "order.ended": lambda payload: expire.close_payments(expire.OrderEnded(**payload)),
    "payment.closing": lambda payload: expire.close_payment(expire.PaymentClosing(**payload)),
    "refund.processed": lambda payload: None,
}


class Killed(BaseException):
    """The process has ended here."""


class Network:
    """Stands for the way to the product: calls its functions in this process, and delivers what they publish."""

    def __init__(self, published: Published) -> None:
        self.published = published
        self.calls: list[str] = []
        self.dies_at: tuple[int, str] | None = None
        self.loses_messages = False

    def post(
        self, session: requests.Session, url: str, *, json: Any, headers: dict[str, str], **_: Any
    ) -> requests.Response:
        """Take a request as a session does."""
        path = url.partition("/api/v1")[2]
        number = len(self.calls) + 1
        if self.dies_at and self.dies_at <= (number, "before"):
            raise Killed
        self.calls.append(path)
        answer = endpoints.call("POST", path, json=json, headers={**session.headers, **headers})
        if self.dies_at and self.dies_at <= (number, "between"):
            raise Killed
        self.deliver()
        response = requests.Response()
        response.status_code, response._content = answer.status_code, answer.get_data()
        return response

    def deliver(self) -> None:
        """Deliver all messages, and what they cause."""
        while self.published.messages and not self.loses_messages:
            topic, payload = self.published.messages.pop(0)
            DELIVERED[topic](payload)


@pytest.fixture(scope="module")
def at(postgres: Postgres, database: str) -> Iterator[Gateways]:
    with gateways(postgres, "synthetic_gateways") as served:
        mail = SendGrid(f"{served.url}/sendgrid", KEY, Sender("no-reply@example.com", "Karcis"))
        with mock.patch.object(registry, "sendgrid", return_value=mail):
            yield served


@pytest.fixture
def network(at: Gateways, published: Published, monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network(published)
    monkeypatch.setattr(product_client.requests.Session, "post", lambda *given, **named: found.post(*given, **named))
    monkeypatch.setattr(synthetic_purchases, "PATIENCE_SECONDS", 0)
    return found


@pytest.fixture
def event(monkeypatch: pytest.MonkeyPatch) -> SyntheticEvent:
    """The one event from which these tests buy."""
    monkeypatch.setattr(synthetic_events, "COUNT", 1)
    with transaction() as tx:
        return synthetic_events.find_or_add(tx, 0)


def outcomes(caplog: pytest.LogCaptureFixture, act: Callable[[], None]) -> list[tuple[str, str, str | None]]:
    """The log lines of a run: kind, outcome, and the step that failed."""
    caplog.clear()
    with caplog.at_level(logging.INFO, logger=synthetic_purchases.log.name):
        act()
    lines = [record.__dict__ for record in caplog.records if record.message == "synthetic_purchase"]
    return [(line["kind"], line["outcome"], line.get("step")) for line in lines]


def left() -> dict[str, Any]:
    """Everything that a synthetic purchase must not change."""
    with transaction() as tx:
        tiers = tx.execute(text("SELECT sum(reserved), sum(sold) FROM ticket_tiers")).one()
        counts = tx.execute(text("SELECT COALESCE(sum(units), 0), COALESCE(sum(orders), 0) FROM event_buyers")).one()
        return {
            "stock": tuple(tiers),
            "counted for limits": tuple(counts),
            "postings": tx.execute(text("SELECT count(*) FROM ledger_postings")).scalar_one(),
            "payouts": tx.execute(text("SELECT count(*) FROM payouts")).scalar_one(),
            "digests": tx.execute(text("SELECT count(*) FROM digest_sales")).scalar_one(),
            "manual tasks": tx.execute(text("SELECT count(*) FROM manual_tasks")).scalar_one(),
            "live": tx.execute(
                text("SELECT count(*) FROM orders WHERE status IN ('reserved', 'pending_payment', 'paid')")
            ).scalar_one(),
            "platform": overview.overview(tx, overview.period_of(PeriodQuery())).totals.model_dump(),
            "open at a gateway": tx.execute(
                text("SELECT count(*) FROM payments WHERE status IN ('opening', 'pending') OR must_end_at_gateway")
            ).scalar_one(),
        }


def statuses() -> dict[str, int]:
    with transaction() as tx:
        rows = tx.execute(text("SELECT status, count(*) AS number FROM orders GROUP BY status")).all()
    return {row.status: row.number for row in rows}


def make_older() -> None:
    """The runs that have died so far are old enough to be sure of that."""
    with transaction() as tx:
        tx.execute(text("UPDATE orders SET created_at = created_at - interval '4 minutes'"))


def test_a_ticket_is_bought_mailed_and_given_back(
    event: SyntheticEvent, network: Network, caplog: pytest.LogCaptureFixture
):
    before, ended = left(), statuses().get("refunded", 0)
    assert outcomes(caplog, synthetic_purchases.purchase) == [("purchase", "succeeded", None)]
    assert left() == before
    assert before["stock"] == (0, 0)
    assert statuses()["refunded"] == ended + 1
    with transaction() as tx:
        tickets = tx.execute(text("SELECT status, pdf_object IS NOT NULL FROM tickets")).all()
        sent = tx.execute(
            text("SELECT to_address, sent_at IS NOT NULL, provider_message_id FROM emails WHERE template = 'e_ticket'")
        ).all()
    assert set(map(tuple, tickets)) == {("void", True)}
    assert set(map(tuple, sent)) == {(event.buyer_email, True, None)}  # SendGrid has checked it, and delivers nothing


def test_payments_are_opened_at_both_gateways_and_end_there(
    event: SyntheticEvent, network: Network, caplog: pytest.LogCaptureFixture
):
    before = left()
    expected = [(f"payment at {gateway}", "succeeded", None) for gateway in names.NAMES]
    assert outcomes(caplog, synthetic_purchases.open_payments) == expected
    assert left() == before
    with transaction() as tx:
        kept = tx.execute(text("SELECT gateway, amount, status FROM payments WHERE amount > 0 ORDER BY gateway")).all()
    assert {(row.gateway, row.status) for row in kept} == {("midtrans", "expired"), ("xendit", "expired")}


@pytest.mark.parametrize("moment", ["before", "between"])
@pytest.mark.parametrize("call", [1, 2, 3], ids=["reserve", "checkout", "give back"])
def test_a_purchase_that_was_killed_is_ended_by_the_next(
    event: SyntheticEvent, network: Network, caplog: pytest.LogCaptureFixture, call: int, moment: str
):
    before = left()
    network.dies_at = (call, moment)
    with pytest.raises(Killed):
        synthetic_purchases.purchase()
    network.dies_at = None
    network.deliver()  # what was published, is
    make_older()
    assert outcomes(caplog, synthetic_purchases.purchase) == [("purchase", "succeeded", None)]
    assert left() == before


@pytest.mark.parametrize("moment", ["before", "between"])
@pytest.mark.parametrize("call", [1, 2, 3], ids=["reserve", "checkout", "cancel"])
def test_a_payment_that_was_killed_is_ended_by_the_next_purchase(
    event: SyntheticEvent, network: Network, caplog: pytest.LogCaptureFixture, call: int, moment: str
):
    before = left()
    network.dies_at = (call, moment)
    with pytest.raises(Killed):
        synthetic_purchases.open_payments()
    network.dies_at = None
    network.deliver()
    assert outcomes(caplog, synthetic_purchases.purchase) == [("purchase", "succeeded", None)]  # at once: it is held
    assert left() == before


def test_a_hold_that_a_run_has_just_left_is_gone_on_with(
    event: SyntheticEvent, network: Network, caplog: pytest.LogCaptureFixture
):
    before = left()
    network.dies_at = (2, "before")
    with pytest.raises(Killed):
        synthetic_purchases.purchase()
    network.dies_at = None
    assert outcomes(caplog, synthetic_purchases.purchase) == [("purchase", "succeeded", None)]
    assert left() == before


def test_a_ticket_that_does_not_come_is_a_failure_and_the_next_run_gives_the_order_back(
    event: SyntheticEvent, network: Network, caplog: pytest.LogCaptureFixture
):
    before = left()
    network.loses_messages = True
    assert outcomes(caplog, synthetic_purchases.purchase) == [("purchase", "failed", "ticket")]
    network.loses_messages = False
    make_older()
    network.deliver()
    assert outcomes(caplog, synthetic_purchases.purchase) == [("purchase", "succeeded", None)]
    assert left() == before


def test_a_product_that_does_not_answer_is_a_failure(
    event: SyntheticEvent, network: Network, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def refused(*_: Any, **__: Any) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(product_client.requests.Session, "post", refused)
    assert outcomes(caplog, synthetic_purchases.purchase) == [("purchase", "failed", "reserve")]


def test_an_edge_that_answers_with_a_page_is_a_failure(
    event: SyntheticEvent, network: Network, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    page = requests.Response()
    page.status_code, page._content = 502, b"<html>Server Error</html>"
    monkeypatch.setattr(product_client.requests.Session, "post", lambda *_, **__: page)
    assert outcomes(caplog, synthetic_purchases.purchase) == [("purchase", "failed", "reserve")]


def test_nobody_else_sees_the_event_or_buys_from_it(event: SyntheticEvent):
    with transaction() as tx:
        somebody, organizer = a_user(tx), a_user(tx, role="organizer")
    items = [{"tier_id": str(event.free_tier_id), "quantity": 1}]
    wanted = {"event_id": str(event.id), "items": items}
    for caller in (somebody, organizer):
        assert endpoints.problem(endpoints.call("POST", "/orders/reserve", by=caller, json=wanted)) == (
            404,
            "not-found",
        )
        assert endpoints.problem(endpoints.call("GET", f"/events/{event.id}", by=caller)) == (404, "not-found")
    for path in (f"/events/{event.id}", f"/events/{event.id}/tickets"):
        assert endpoints.problem(endpoints.call("GET", path)) == (404, "not-found")
    assert endpoints.problem(endpoints.call("POST", "/orders/quote", json=wanted)) == (404, "not-found")
    listed = endpoints.call("GET", "/events?q=synthetic").get_json()
    assert str(event.id) not in json.dumps(listed)


def test_not_even_an_admin_publishes_or_cancels_it(event: SyntheticEvent):
    with transaction() as tx:
        admin = a_user(tx, role="admin")
    published = endpoints.call("PUT", f"/events/{event.id}", by=admin, json={"status": "published"})
    assert endpoints.problem(published) == (404, "not-found")
    cancelled = endpoints.call("POST", f"/events/{event.id}/cancel", by=admin, json={"reason": "Salah"})
    assert endpoints.problem(cancelled) == (404, "not-found")


def test_the_buyer_has_no_way_to_sign_in(event: SyntheticEvent):
    with transaction() as tx:
        row = tx.execute(text("SELECT * FROM users WHERE id = :id"), {"id": event.buyer_id}).mappings().one()
    assert (row["password_hash"], row["oauth_id"], row["role"]) == (None, None, "customer")
    assert row["email"].endswith(f"@{addresses.SYNTHETIC_DOMAIN}")
