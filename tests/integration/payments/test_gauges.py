"""The gauges say what is stuck and what does not add up, and all are in the line that metrics are read from."""

import logging

import pytest
from sqlalchemy import text

from functions.reconcile.main import light
from shared.cloud import dead_letters, manual_tasks, metrics, outbox
from shared.cloud.database import transaction
from shared.payments import clearing, gauges
from tests.factories import an_order

pytestmark = pytest.mark.usefixtures("database")

ALL = {gauge.name for gauge in metrics.GAUGES}


def now() -> dict[str, float]:
    with transaction() as tx:
        return gauges.read(tx)


def test_where_nothing_is_stuck_every_gauge_is_zero():
    assert now() == dict.fromkeys(ALL, 0)


def test_every_five_minutes_a_line_has_all_of_them(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        light()
    (line,) = [record for record in caplog.records if record.message == metrics.GAUGES_EVENT]
    assert {name for name in vars(line) if name.startswith("karcis_")} == ALL


def test_what_waits_is_as_old_as_it_is(published):
    order = an_order(paid=True)
    published.broken = True
    with transaction() as tx:
        outbox.add(tx, "order.ended", {"order_id": order.id})
    with transaction() as tx:
        tx.execute(text("UPDATE orders SET paid_at = now() - interval '7 minutes'"))
        tx.execute(text("UPDATE outbox SET created_at = now() - interval '9 minutes' WHERE published_at IS NULL"))
    found = now()
    assert found[metrics.UNISSUED_OLDEST.name] == pytest.approx(7 * 60, abs=30)
    assert found[metrics.OUTBOX_OLDEST.name] == pytest.approx(9 * 60, abs=30)


def test_what_a_person_has_to_decide_is_counted_and_money_that_differs_is_added_up():
    with transaction() as tx:
        dead_letters.record_failed_task(
            tx, "webhooks", "webhook_retry", "/tasks/retry", {"event_id": "x"}, ValueError()
        )
        for name, booked, moved in (("a", 100, 70), ("b", 0, 5)):
            details = {"gateway": "xendit", "booked": booked, "moved": moved}
            manual_tasks.add(tx, clearing.DIFFERENCE, subject="gateway_movement", subject_id=name, **details)
    found = now()
    assert found[metrics.DEAD_LETTERS.name] == 1
    assert found[metrics.MANUAL_TASKS.name] == 2
    assert found[metrics.CLEARING_DIFFERENCE.name] == 35
