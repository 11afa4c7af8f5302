"""Firestore as the product uses it: the same tests against our local server and Google's emulator.

Known differences, none of which the product may lean on:
- The emulator forgets everything when it stops; ours keeps what it acknowledged over kill -9.
- Neither applies time-to-live policies or checks security rules. The cloud does.
- Ours serves documents by their names and commits; all else is UNIMPLEMENTED, as the product calls nothing else.
"""

import datetime
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

CONCERT = datetime.datetime(2026, 12, 31, 12, 30, 0, 123456, tzinfo=datetime.UTC)


@pytest.fixture
def client(firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> firestore.Client:
    """A client of each implementation in turn."""
    return connect(firestore_host, monkeypatch)


@pytest.fixture
def local_client(local_cloud: Any, monkeypatch: pytest.MonkeyPatch) -> firestore.Client:
    """A client of our server, for what the emulator does otherwise."""
    return connect(local_cloud.grpc_address, monkeypatch)


@pytest.fixture
def events(client: firestore.Client) -> firestore.CollectionReference:
    """An empty collection."""
    return a_collection(client)


def connect(host: str, monkeypatch: pytest.MonkeyPatch) -> firestore.Client:
    """A client as the product makes it."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
    return firestore.Client(project="karcis-conformance", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]


def a_collection(client: firestore.Client) -> firestore.CollectionReference:
    """A collection nobody else uses."""
    return client.collection(f"events-{uuid.uuid4().hex}")


def test_every_type_of_value_comes_back_as_it_went_in(
    client: firestore.Client, events: firestore.CollectionReference
) -> None:
    fields = {
        "nothing": None,
        "yes": True,
        "rupiah": 2**62,
        "share": 0.025,
        "starts": CONCERT,
        "name": "Pentas Seni – Jalan Kaki",
        "poster": b"\x00\xff",
        "organizer": client.document("organizers/1"),
        "place": firestore.GeoPoint(-6.2, 106.8),
        "tiers": [1, "two", {"three": 3}],
        "nested": {"a b": {"c`d": 1}},
    }
    events.document("1").set(fields)
    assert events.document("1").get().to_dict() == fields


def test_a_document_is_created_once(events: firestore.CollectionReference) -> None:
    first = events.document("1").create({"free": 1})
    with pytest.raises(AlreadyExists):
        events.document("1").create({"free": 2})
    snapshot = events.document("1").get()
    assert snapshot.to_dict() == {"free": 1}
    assert snapshot.create_time == snapshot.update_time == first.update_time


def test_a_missing_document_is_read_as_missing_and_cannot_be_updated(
    client: firestore.Client, events: firestore.CollectionReference
) -> None:
    events.document("there").create({"free": 1})
    found = client.get_all([events.document("there"), events.document("missing")])
    assert {snapshot.id: snapshot.exists for snapshot in found} == {"there": True, "missing": False}
    with pytest.raises(NotFound):
        events.document("missing").update({"free": 2})


def test_deleting_is_idempotent_unless_the_document_must_exist(
    client: firestore.Client, events: firestore.CollectionReference
) -> None:
    event = events.document("1")
    event.create({"free": 1})
    event.delete()
    event.delete()
    assert not event.get().exists
    with pytest.raises(NotFound):
        event.delete(option=client.write_option(exists=True))


def test_a_write_based_on_an_old_version_is_refused(
    client: firestore.Client, events: firestore.CollectionReference
) -> None:
    event = events.document("1")
    read = event.create({"free": 2}).update_time
    event.update({"free": 1}, option=client.write_option(last_update_time=read))
    with pytest.raises(FailedPrecondition):
        event.update({"free": 0}, option=client.write_option(last_update_time=read))
    with pytest.raises(FailedPrecondition):
        event.delete(option=client.write_option(last_update_time=read))
    assert event.get().to_dict() == {"free": 1}


def test_a_write_that_changes_nothing_keeps_the_version(events: firestore.CollectionReference) -> None:
    event = events.document("1")
    created = event.create({"free": 2}).update_time
    assert event.set({"free": 2}).update_time == created
    assert event.set({"free": 1}).update_time > created


def test_an_update_touches_only_the_fields_it_names(events: firestore.CollectionReference) -> None:
    event = events.document("1")
    event.set({"name": "Bazar", "seats": {"free": 2, "sold": 1}, "draft": True})
    event.update({"seats.free": 1, "seats.held": 1, "draft": firestore.DELETE_FIELD})
    assert event.get().to_dict() == {"name": "Bazar", "seats": {"free": 1, "sold": 1, "held": 1}}
    event.set({"seats": {"free": 0}}, merge=True)
    assert event.get().to_dict() == {"name": "Bazar", "seats": {"free": 0, "sold": 1, "held": 1}}
    event.set({"name": "Bazar Malam"})
    assert event.get().to_dict() == {"name": "Bazar Malam"}


def test_only_the_asked_fields_are_read(events: firestore.CollectionReference) -> None:
    events.document("1").set({"name": "Bazar", "seats": {"free": 2, "sold": 1}})
    assert events.document("1").get(["seats.free", "none"]).to_dict() == {"seats": {"free": 2}}


def test_counters_are_added_to_by_the_server_which_tells_the_totals(
    client: firestore.Client, events: firestore.CollectionReference
) -> None:
    event = events.document("1")
    event.set({"sold": 1, "share": 1, "text": "x"})
    batch = client.batch()
    amounts = {"sold": 2, "share": 0.5, "views": 7, "text": 1}
    batch.set(event, {name: firestore.Increment(amount) for name, amount in amounts.items()}, merge=True)
    [result] = batch.commit()
    assert event.get().to_dict() == {"sold": 3, "share": 1.5, "views": 7, "text": 1}
    told = [value.integer_value or value.double_value for value in result.transform_results]
    assert sorted(told) == [1, 1.5, 3, 7]


def test_what_the_product_never_calls_is_refused(local_client: firestore.Client) -> None:
    events = a_collection(local_client)
    for call in (
        events.get,
        lambda: list(events.list_documents()),
        events.count().get,
        local_client.transaction()._begin,
    ):
        with pytest.raises(MethodNotImplemented):
            call()


def test_an_increment_stops_at_the_end_of_64_bits(events: firestore.CollectionReference) -> None:
    events.document("1").set({"n": 2**63 - 2})
    events.document("1").update({"n": firestore.Increment(5)})
    assert events.document("1").get().get("n") == 2**63 - 1


def test_contended_increments_are_all_counted(events: firestore.CollectionReference) -> None:
    event = events.document("1")
    event.set({"sold": 0})
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: event.update({"sold": firestore.Increment(1)}), range(24)))
    assert event.get().get("sold") == 24


def test_a_batch_is_written_whole_or_not_at_all(
    client: firestore.Client, events: firestore.CollectionReference
) -> None:
    batch = client.batch()
    batch.create(events.document("1"), {"free": 1})
    batch.update(events.document("missing"), {"free": 1})
    with pytest.raises(NotFound):
        batch.commit()
    assert not events.document("1").get().exists

    batch = client.batch()
    batch.create(events.document("1"), {"free": 1})
    batch.update(events.document("1"), {"free": firestore.Increment(1)})
    batch.create(events.document("2"), {"free": 1})
    first, *_, last = batch.commit()
    assert first.update_time == last.update_time
    assert events.document("1").get().get("free") == 2


def test_what_no_document_may_be_is_refused(events: firestore.CollectionReference) -> None:
    with pytest.raises(InvalidArgument):
        events.document("big").set({"poster": b"x" * 1_048_577})
    with pytest.raises(InvalidArgument):
        events.document("nested").set({"seats": [[1]]})
    with pytest.raises(InvalidArgument):
        events.document("__reserved__").set({"n": 1})


def test_kill_9_keeps_what_was_acknowledged(local_cloud: Any, local_client: firestore.Client) -> None:
    events = a_collection(local_client)
    for number in range(20):
        events.document("1").set({"free": number})

    local_cloud.restart(kill=True)

    assert events.document("1").get().to_dict() == {"free": 19}  # the client itself waits for the server
