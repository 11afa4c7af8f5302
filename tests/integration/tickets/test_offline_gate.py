"""A gate goes on without network: what it is given before, and what becomes of the scans it sends after (OFFLINE-1)."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.tickets import qr
from shared.tickets.offline_scans import OfflineScan
from tests.endpoints import call
from tests.integration.tickets.entrance import Entrance, scans_of

pytestmark = pytest.mark.usefixtures("database")

VALID, USED, VOID, OUTSIDE, REPLACED = range(5)


@pytest.fixture
def entrance():
    return Entrance()


def records_of(snapshot):
    """Hash to state and tier of a snapshot's records."""
    content = base64.b64decode(snapshot.tickets)
    assert len(content) % 7 == 0
    records = [content[at : at + 7] for at in range(0, len(content), 7)]
    return {record[:6]: (record[6] & 7, record[6] >> 3) for record in records}


def state_of(snapshot, code):
    return records_of(snapshot)[qr.short_hash(code)][0]


def offline(code, *, minutes_ago=5, admitted=True, **asked):
    """A scan that a device has decided, so long ago."""
    scanned_at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    given = {"scan_id": uuid4(), "gate": "Gerbang B", **asked}
    return OfflineScan(qr=code, scanned_at=scanned_at, admitted=admitted, **given)


def test_a_device_is_given_what_it_needs_and_nobodys_name(entrance):
    entrance.scan(entrance.codes[1])
    path = f"/gate/events/{entrance.event.id}/snapshot"
    answer = call("GET", path, by=entrance.staff)
    given = answer.get_json()
    assert (answer.status_code, given["is_delta"], given["hash_bytes"]) == (200, False, 6)
    assert given["tiers"] == [{"index": 0, "tier_id": str(entrance.event.tier_ids[0]), "name": "VIP"}]
    assert "Peserta" not in answer.get_data(as_text=True)
    [key] = given["keys"]
    public_key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["public_key"] + "="))
    signed, _, signature = entrance.codes[0].rpartition(".")
    assert signed.startswith(f"{key['prefix']}.")
    public_key.verify(base64.b32decode(signature + "=" * (-len(signature) % 8)), signed.encode())
    snapshot = entrance.snapshot()
    assert records_of(snapshot) == {
        qr.short_hash(entrance.codes[0]): (VALID, 0),
        qr.short_hash(entrance.codes[1]): (USED, 0),
    }
    later = call("GET", f"{path}?cursor={snapshot.cursor}", by=entrance.staff).get_json()
    assert (later["is_delta"], later["tickets"]) == (True, "")


def test_what_a_device_has_let_in_is_used_since_then(entrance):
    scan = offline(entrance.codes[0], minutes_ago=7)
    sent = [scan.model_dump(mode="json"), offline(entrance.codes[1], admitted=False).model_dump(mode="json")]
    answer = call("POST", f"/gate/events/{entrance.event.id}/scans", by=entrance.staff, json={"scans": sent})
    assert answer.status_code == 200
    first, second = answer.get_json()["items"]
    assert (first["result"], first["gate"], first["scan_id"]) == ("valid", "Gerbang B", str(scan.scan_id))
    assert datetime.fromisoformat(first["validated_at"]) == scan.scanned_at
    assert (second["result"], second["validated_at"]) == ("valid", None), "its device has refused it"
    assert entrance.scan(entrance.codes[0]).result == "already_used"
    assert entrance.scan(entrance.codes[1]).result == "valid"
    again = call("POST", f"/gate/events/{entrance.event.id}/scans", by=entrance.staff, json={"scans": sent})
    assert again.get_json() == answer.get_json()
    assert len(scans_of(entrance.event)) == 4
