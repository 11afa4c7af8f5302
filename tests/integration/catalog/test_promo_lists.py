"""Admins see the codes of everybody, and those that the platform pays for alone (TS-006)."""

import pytest

from shared.cloud.database import transaction
from tests.endpoints import call
from tests.factories import a_user, an_event

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("funded_by", ["platform", "organizer"])
def test_an_admin_lists_the_codes_of_who_pays_for_them(funded_by: str):
    with transaction() as tx:
        admin, event = a_user(tx, role="admin"), an_event(tx)
    for payer in ("platform", "organizer"):
        code = {"code": f"HEMAT{payer}{funded_by}", "percent": 10, "funded_by": payer, "event_id": str(event.id)}
        assert call("POST", "/promos", by=admin, json=code).status_code == 201
    listed = call("GET", f"/promos?funded_by={funded_by}&event_id={event.id}", by=admin).get_json()["items"]
    assert [each["funded_by"] for each in listed] == [funded_by]
