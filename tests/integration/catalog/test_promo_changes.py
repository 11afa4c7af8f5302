"""A change of a promo code leaves the terms alone that it does not name (TS-006)."""

from uuid import UUID

import pytest

from shared.catalog import promo_codes
from shared.catalog.promo_codes import PromoChange, PromoResponse
from shared.cloud.database import Transaction, transaction
from shared.identity.tokens import Principal
from tests.factories import a_promo, an_event
from tests.integration.reports.steps import organizer_of
from tests.threads import behind

pytestmark = pytest.mark.usefixtures("database")


def change(tx: Transaction, organizer: Principal, promo_id: UUID, **terms: object) -> PromoResponse:
    return promo_codes.change(tx, organizer, promo_id, PromoChange.model_validate(terms))


def test_of_two_changes_at_the_same_moment_both_stay():
    with transaction() as tx:
        event = an_event(tx)
        promo_id, organizer = a_promo(tx, event), organizer_of(event)

    def limit() -> PromoResponse:
        with transaction() as tx:
            return change(tx, organizer, promo_id, max_uses=50)

    with transaction() as tx:
        change(tx, organizer, promo_id, percent=20)
        limiting = behind(tx, limit)
    changed = limiting.result()
    assert (changed.percent, changed.max_uses) == (20, 50)
