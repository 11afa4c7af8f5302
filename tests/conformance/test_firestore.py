"""Firestore as the product uses it: the same tests against our local server and Google's emulator.

Known differences, none of which the product may lean on:
- A transaction that lost a race: ours is ABORTED when it commits; the emulator makes the other writer wait
  about two seconds for its lock, so contention is kept tiny here.
- The emulator forgets everything when it stops; ours keeps what it acknowledged over kill -9.
- Neither asks for composite indexes, applies time-to-live policies or checks security rules. The cloud does.
- Ours refuses (UNIMPLEMENTED) reads in the past, vector search, PartitionQuery and the Write stream.
"""

import datetime
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import And, FieldFilter, Or

CONCERT = datetime.datetime(2026, 12, 31, 12, 30, 0, 123456, tzinfo=datetime.UTC)
EVENTS: dict[str, dict[str, Any]] = {
    "akustik": {"city": "Bandung", "price": 75_000, "tags": ["musik", "malam"], "seats": {"free": 3}},
    "bazar": {"city": "Bandung", "price": 0, "tags": ["makan"], "seats": {"free": 0}},
    "charity": {"city": "Solo", "price": 50_000.0, "tags": [], "seats": {"free": 9}, "closed": None},
    "dangdut": {"city": "Jakarta", "price": 150_000, "tags": ["musik"], "seats": {"free": 1}, "closed": True},
    "expo": {"city": "Jakarta", "price": "gratis", "tags": ["makan", "malam"], "seats": {"free": 5}},
}


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


@pytest.fixture
def programme(events: firestore.CollectionReference) -> firestore.CollectionReference:
    """A collection with EVENTS in it."""
    for name, fields in EVENTS.items():
        events.document(name).create(fields)
    return events


def connect(host: str, monkeypatch: pytest.MonkeyPatch) -> firestore.Client:
    """A client as the product makes it."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
    return firestore.Client(project="karcis-conformance", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]


def a_collection(client: firestore.Client) -> firestore.CollectionReference:
    """A collection nobody else uses."""
    return client.collection(f"events-{uuid.uuid4().hex}")


def ids(documents: Any) -> list[str]:
    """The ids of snapshots or references, in their order."""
    return [document.id for document in documents]


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


def test_a_generated_id_is_new(events: firestore.CollectionReference) -> None:
    _, one = events.add({"free": 1})
    _, other = events.add({"free": 2})
    assert one.id != other.id
    assert sorted(ids(events.stream())) == sorted([one.id, other.id])


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
    [found] = events.select(["name"]).stream()
    assert found.to_dict() == {"name": "Bazar"}


def test_transforms_are_done_by_the_server(events: firestore.CollectionReference) -> None:
    event = events.document("1")
    event.set({"sold": 1, "share": 1, "best": 5, "worst": 5, "tags": ["a", "b"], "text": "x"})
    event.update(
        {
            "sold": firestore.Increment(2),
            "share": firestore.Increment(0.5),
            "views": firestore.Increment(7),
            "text": firestore.Increment(1),
            "best": firestore.Maximum(9),
            "worst": firestore.Minimum(9),
            "tags": firestore.ArrayUnion(["b", "c"]),
            "new": firestore.ArrayUnion(["z", "z"]),
            "at": firestore.SERVER_TIMESTAMP,
        }
    )
    fields = event.get().to_dict() or {}
    at = fields.pop("at")
    assert fields == {
        "sold": 3,
        "share": 1.5,
        "views": 7,
        "text": 1,
        "best": 9,
        "worst": 5,
        "tags": ["a", "b", "c"],
        "new": ["z"],
    }
    assert abs(datetime.datetime.now(datetime.UTC) - at) < datetime.timedelta(minutes=1)
    event.update({"tags": firestore.ArrayRemove(["a", "missing"])})
    assert event.get().get("tags") == ["b", "c"]


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
    assert ids(events.stream()) == []

    batch = client.batch()
    batch.create(events.document("1"), {"free": 1})
    batch.update(events.document("1"), {"free": firestore.Increment(1)})
    batch.create(events.document("2"), {"free": 1})
    first, *_, last = batch.commit()
    assert first.update_time == last.update_time
    assert events.document("1").get().get("free") == 2


def test_bulk_writes_succeed_and_fail_one_by_one(
    client: firestore.Client, events: firestore.CollectionReference
) -> None:
    events.document("1").create({"free": 1})
    failures: list[int] = []

    def give_up(error: Any, _writer: Any) -> bool:
        failures.append(error.code)
        return False

    writer: Any = client.bulk_writer()
    writer.on_write_error(give_up)
    for number in range(4):
        writer.create(events.document(str(number)), {"free": 9})
    writer.close()
    assert failures == [grpc.StatusCode.ALREADY_EXISTS.value[0]]
    assert {event.id: event.get("free") for event in events.stream()} == {"0": 9, "1": 1, "2": 9, "3": 9}


def test_a_transaction_reads_and_writes_as_one(client: firestore.Client, events: firestore.CollectionReference) -> None:
    event = events.document("1")
    event.set({"sold": 0})

    @firestore.transactional
    def sell(transaction: firestore.Transaction) -> None:
        sold = event.get(transaction=transaction).get("sold")
        transaction.update(event, {"sold": sold + 1})

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: sell(client.transaction(max_attempts=20)), range(3)))
    assert event.get().get("sold") == 3


def test_a_refused_transaction_leaves_nothing(client: firestore.Client, events: firestore.CollectionReference) -> None:
    @firestore.transactional
    def sell(transaction: firestore.Transaction) -> None:
        list(transaction.get(events.where(filter=FieldFilter("free", ">", 0))))
        transaction.create(events.document("1"), {"free": 1})
        transaction.update(events.document("missing"), {"free": 0})

    with pytest.raises(NotFound):
        sell(client.transaction())
    assert ids(events.stream()) == []


def test_a_transaction_that_lost_the_race_is_aborted(local_client: firestore.Client) -> None:
    events = a_collection(local_client)
    events.document("1").set({"sold": 0})
    transaction = local_client.transaction(max_attempts=1)
    transaction._begin()
    events.document("1").get(transaction=transaction)
    events.document("1").update({"sold": 5})
    transaction.update(events.document("1"), {"sold": 1})
    with pytest.raises(Aborted):
        transaction._commit()
    assert events.document("1").get().get("sold") == 5


def test_a_document_that_joins_a_query_aborts_the_transaction_that_ran_it(
    local_client: firestore.Client,
) -> None:
    events = a_collection(local_client)
    transaction = local_client.transaction()
    transaction._begin()
    assert ids(transaction.get(events.where(filter=FieldFilter("free", ">", 0)))) == []
    events.document("new").create({"free": 1})
    transaction.set(events.document("sold-out"), {"notice": True})
    with pytest.raises(Aborted):
        transaction._commit()
    assert not events.document("sold-out").get().exists


def test_many_contended_transactions_count_exactly(local_client: firestore.Client) -> None:
    event = a_collection(local_client).document("1")
    event.set({"sold": 0})

    @firestore.transactional
    def sell(transaction: firestore.Transaction) -> None:
        sold = event.get(transaction=transaction).get("sold")
        transaction.update(event, {"sold": sold + 1})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: sell(local_client.transaction(max_attempts=500)), range(40)))
    assert event.get().get("sold") == 40


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (FieldFilter("city", "==", "Bandung"), "akustik bazar"),
        (FieldFilter("price", "==", 50_000), "charity"),
        (FieldFilter("price", "!=", 0), "charity akustik dangdut expo"),
        (FieldFilter("price", "<", 75_000), "bazar charity"),
        (FieldFilter("price", "<=", 75_000), "bazar charity akustik"),
        (FieldFilter("price", ">", 0), "charity akustik dangdut"),
        (FieldFilter("price", ">=", "g"), "expo"),
        (FieldFilter("city", "in", ["Solo", "Bandung"]), "akustik bazar charity"),
        (FieldFilter("city", "not-in", ["Solo", "Bandung"]), "dangdut expo"),
        (FieldFilter("tags", "array_contains", "musik"), "akustik dangdut"),
        (FieldFilter("tags", "array_contains_any", ["makan", "malam"]), "akustik bazar expo"),
        (FieldFilter("seats.free", ">", 3), "expo charity"),
        (FieldFilter("closed", "==", None), "charity"),
        (FieldFilter("closed", "!=", None), "dangdut"),
        (FieldFilter("unknown", "==", None), ""),
        (And([FieldFilter("city", "==", "Jakarta"), FieldFilter("seats.free", ">", 1)]), "expo"),
        (
            Or([FieldFilter("price", "==", 0), FieldFilter("tags", "array_contains", "musik")]),
            "akustik bazar dangdut",
        ),
        (
            Or(
                [
                    And([FieldFilter("city", "==", "Bandung"), FieldFilter("price", ">", 0)]),
                    FieldFilter("city", "==", "Solo"),
                ]
            ),
            "charity akustik",
        ),
    ],
)
def test_a_query_finds_what_matches(programme: firestore.CollectionReference, condition: Any, expected: str) -> None:
    assert ids(programme.where(filter=condition).stream()) == expected.split()


def test_documents_can_be_queried_by_their_names(programme: firestore.CollectionReference) -> None:
    names = [programme.document("bazar"), programme.document("expo")]
    assert ids(programme.where(filter=FieldFilter("__name__", "in", names)).stream()) == ["bazar", "expo"]
    after = programme.where(filter=FieldFilter("__name__", ">", programme.document("charity")))
    assert ids(after.stream()) == ["dangdut", "expo"]


def test_results_are_ordered_limited_and_paged(programme: firestore.CollectionReference) -> None:
    by_price = programme.order_by("price")
    assert ids(by_price.stream()) == ["bazar", "charity", "akustik", "dangdut", "expo"]
    assert ids(by_price.limit(2).offset(1).stream()) == ["charity", "akustik"]
    cheapest = by_price.limit(2).get()
    assert ids(by_price.start_after(cheapest[-1]).limit(2).stream()) == ["akustik", "dangdut"]
    assert ids(by_price.start_at({"price": 75_000}).end_before({"price": "a"}).stream()) == [
        "akustik",
        "dangdut",
    ]
    by_city = programme.order_by("city", direction=firestore.Query.DESCENDING).order_by("price")
    assert ids(by_city.stream()) == ["charity", "dangdut", "expo", "bazar", "akustik"]
    assert ids(by_city.start_after({"city": "Jakarta", "price": 150_000}).stream()) == [
        "expo",
        "bazar",
        "akustik",
    ]
    assert ids(by_city.end_at({"city": "Jakarta"}).stream()) == ["charity", "dangdut", "expo"]
    assert ids(programme.order_by("closed").stream()) == ["charity", "dangdut"]  # the others have no such field
    assert ids(by_price.limit_to_last(2).get()) == ["dangdut", "expo"]  # last, as it turns the query around


def test_values_of_different_types_sort_in_firestores_order(events: firestore.CollectionReference) -> None:
    values = [
        None,
        False,
        True,
        float("nan"),
        -1,
        0.5,
        1,
        CONCERT,
        "Z",
        "a",
        "é",
        b"\x01",
        events.document("a"),
        firestore.GeoPoint(1, 2),
        [],
        [1, 2],
        [2],
        {"a": 1},
        {"a": 2},
        {"b": 0},
    ]
    names = [f"{number:02d}" for number in range(len(values))]
    for name, value in reversed(list(zip(names, values, strict=True))):
        events.document(name).set({"value": value})
    assert ids(events.order_by("value").stream()) == names


def test_aggregations_are_counted_by_the_server(programme: firestore.CollectionReference) -> None:
    in_java = programme.where(filter=FieldFilter("city", "in", ["Bandung", "Jakarta", "Solo"]))
    nowhere = programme.where(filter=FieldFilter("city", "==", "Nowhere"))
    assert aggregate(in_java.count(alias="events")) == ("events", 5)
    assert aggregate(programme.sum("seats.free", alias="free")) == ("free", 18)
    assert aggregate(programme.sum("price", alias="rupiah")) == ("rupiah", 275_000)
    assert aggregate(nowhere.sum("price", alias="rupiah")) == ("rupiah", 0)
    assert aggregate(programme.avg("seats.free", alias="mean")) == ("mean", 3.6)


def aggregate(query: Any) -> tuple[str, float]:
    """Name and value of a query's one aggregation."""
    [[result]] = query.get()
    return result.alias, result.value


def test_collections_below_documents_are_found(client: firestore.Client, events: firestore.CollectionReference) -> None:
    group = f"tiers-{uuid.uuid4().hex}"
    events.document("a").collection(group).document("1").set({"free": 1})
    events.document("b").collection(group).document("2").set({"free": 2})
    events.document("b").set({"name": "Bazar"})
    assert ids(events.stream()) == ["b"]
    assert ids(events.list_documents()) == ["a", "b"]
    assert ids(events.document("a").collections()) == [group]
    assert ids(events.document("b").collection(group).stream()) == ["2"]
    found = client.collection_group(group).where(filter=FieldFilter("free", ">", 0)).stream()
    assert ids(found) == ["1", "2"]
    assert events.id in ids(client.collections())


def test_long_listings_come_in_pages(client: firestore.Client, events: firestore.CollectionReference) -> None:
    batch = client.batch()
    for number in range(25):
        batch.set(events.document(f"{number:02d}"), {"n": number})
    batch.commit()
    assert ids(events.list_documents(page_size=10)) == [f"{number:02d}" for number in range(25)]


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
    assert ids(events.stream()) == ["1"]
