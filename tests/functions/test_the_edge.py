"""Input is checked at the edge: a bad request gets a document that says what to do, and no more."""

import json
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text

from tests.people import World
from tests.stack import KEYS, Stack
from tests.waiting import PATIENCE_SECONDS, until


@pytest.fixture(scope="module")
def shop(stack: Stack):
    """An event on sale and somebody who wants to buy."""
    world = World(stack)
    organizer = world.somebody("organizer")
    return world, organizer, organizer.publish(), world.somebody()


def problem(answer: requests.Response, status: int, slug: str) -> dict:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text
    document = answer.json()
    assert document["type"] == f"/problems/{slug}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == answer.headers["X-Request-Id"]
    return document


def test_malformed_json_is_400(shop):
    _, _, _, buyer = shop
    answer = buyer.api.call(
        "POST", "orders/reserve", data=b'{"event_id": ', headers={"Content-Type": "application/json"}
    )
    problem(answer, 400, "malformed-request")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_another_content_type_is_415(shop, content_type):
    _, _, _, buyer = shop
    answer = buyer.api.call("POST", "orders/reserve", data=b"{}", headers={"Content-Type": content_type})
    problem(answer, 415, "wrong-content-type")


def test_over_a_megabyte_is_413(shop):
    _, _, _, buyer = shop
    body = json.dumps({"promo_code": "x" * 1_000_001}).encode()
    answer = buyer.api.call("POST", "orders/reserve", data=body, headers={"Content-Type": "application/json"})
    problem(answer, 413, "too-large")


def test_each_wrong_field_is_named_with_a_remedy(shop):
    _, _, event, buyer = shop
    body = {"event_id": event["id"], "items": [{"tier_id": "x", "quantity": 0}], "surprise": 1}
    document = problem(buyer.api.call("POST", "orders/reserve", json=body), 422, "invalid")
    assert {error["field"] for error in document["errors"]} == {"items.0.tier_id", "items.0.quantity", "surprise"}
    assert all(error["message"] for error in document["errors"])


@pytest.mark.parametrize("quantity", ["2", 1.5, True, -1, 10**30, None])
def test_a_quantity_is_a_small_whole_number_and_nothing_is_guessed(shop, quantity):
    _, _, event, buyer = shop
    body = {"event_id": event["id"], "items": [{"tier_id": event["tiers"][0]["id"], "quantity": quantity}]}
    problem(buyer.api.call("POST", "orders/reserve", json=body), 422, "invalid")


@pytest.mark.parametrize("words", ["\x00", "a\x00b", "\ud800"])
def test_text_that_no_database_takes_is_refused(shop, words):
    _, _, event, buyer = shop
    body = json.dumps({"event_id": event["id"], "items": [], "promo_code": words}).encode("ascii")
    answer = buyer.api.call("POST", "orders/reserve", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_without_a_token_401_and_with_the_wrong_role_403(shop):
    world, _, _, buyer = shop
    answer = world.anybody.call("POST", "orders/reserve", json={})
    problem(answer, 401, "not-signed-in")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    problem(buyer.api.call("POST", "events", json={}), 403, "forbidden")


@pytest.mark.parametrize("token", ["", "x.y.z", "eyJhbGciOiJub25lIn0.e30."])
def test_a_forged_token_is_401(shop, token):
    world, _, _, _ = shop
    answer = world.anybody.call("GET", "orders/my-orders", headers={"Authorization": f"Bearer {token}"})
    problem(answer, 401, "not-signed-in")


def test_somebody_elses_order_payment_and_ticket_are_404(shop):  # ISO-1
    world, _, event, _ = shop
    owner, stranger = world.somebody(), world.somebody()
    order = owner.buy(event)
    rival = world.somebody("organizer")
    for nosy in (stranger, rival):
        for address in (
            f"orders/{order['id']}",
            f"payments/{order['payments'][0]['id']}/status",
            order["tickets"][0]["download_url"],
        ):
            problem(nosy.api.call("GET", address), 404, "not-found")
    for address in (f"orders/{order['id']}/cancel", f"orders/{order['id']}/checkout"):
        problem(stranger.api.call("POST", address, json={"payment_method": "QRIS"}), 404, "not-found")


def test_an_organizer_sees_the_orders_of_their_event(shop):
    _, organizer, event, _ = shop
    world = shop[0]
    order = world.somebody().reserve(event)
    assert organizer.api.get(f"orders/{order['id']}")["id"] == order["id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "nothing/here", 404, "not-found"),
        ("GET", "orders/not-a-uuid", 404, "not-found"),
        ("GET", "events/with%0Aa-line-break", 404, "not-found"),
        ("DELETE", "orders/my-orders", 405, "method-not-allowed"),
        ("GET", "events?page=0", 422, "invalid"),
        ("GET", "events?surprise=1", 422, "invalid"),
    ],
)
def test_addresses_that_lead_nowhere_say_so(shop, method, path, status, slug):
    _, _, _, buyer = shop
    problem(buyer.api.call(method, path), status, slug)


@pytest.mark.parametrize(
    ("gateway", "headers"),
    [("xendit", {}), ("xendit", {"x-callback-token": "wrong"}), ("midtrans", {})],
)
def test_a_webhook_with_a_bad_signature_is_401_and_audited(shop, stack, gateway, headers):
    world = shop[0]
    body = {
        "id": "x", "external_id": "x", "status": "PAID", "amount": 1, "order_id": "x", "status_code": "200",
        "gross_amount": "1.00", "signature_key": "0" * 128, "transaction_status": "settlement",
        "transaction_id": "t", "payment_type": "qris",
    }  # fmt: skip
    answer = world.anybody.call("POST", f"payments/webhook/{gateway}", json=body, headers=headers)
    problem(answer, 401, "not-signed-in")
    sampled = text("""
        SELECT count(*) FROM audit_log
        WHERE action = 'webhook.rejected' AND subject_id = :gateway AND at > now() - interval '5 minutes'
    """)  # the first of a minute; another test may have sent it
    with stack.database() as database, database.begin() as tx:
        assert tx.execute(sampled, {"gateway": gateway}).scalar_one() >= 1


def test_a_webhook_that_is_no_json_is_400(shop, stack):
    world = shop[0]
    headers = {"x-callback-token": KEYS["XENDIT_CALLBACK_TOKEN"]}
    answer = world.anybody.call("POST", "payments/webhook/xendit", data=b"not json", headers=headers)
    problem(answer, 400, "malformed-request")
    with stack.database() as database, database.begin() as tx:
        kept = text("SELECT count(*) FROM webhook_events WHERE payload->>'unreadable' = 'not json'")
        assert tx.execute(kept).scalar_one() == 1, "signed with our token, so it is kept all the same"


def test_a_webhook_for_an_unknown_order_is_recorded_and_answered(shop, stack):  # PS-008, PS-014
    world = shop[0]
    invoice = uuid4().hex[:24]
    body = {"id": invoice, "external_id": "ORDER-of-somebody-else", "status": "PAID", "amount": 1, "currency": "IDR"}
    headers = {"x-callback-token": KEYS["XENDIT_CALLBACK_TOKEN"]}
    for _ in range(2):
        assert world.anybody.call("POST", "payments/webhook/xendit", json=body, headers=headers).status_code == 200
    with stack.database() as database, database.begin() as tx:
        rows = tx.execute(
            text("SELECT outcome, processed FROM webhook_events WHERE payload->>'id' = :id"), {"id": invoice}
        ).all()
    assert [tuple(row) for row in rows] == [("unknown_payment", True)]


@pytest.mark.parametrize(
    "path",
    ["expire/tasks/expire", "expire/jobs/sweep", "issue-ticket/messages/payment.success", "reconcile/jobs/light"],
)
def test_internal_endpoints_open_for_our_own_services_only(shop, path):
    world, _, _, buyer = shop
    for caller in (world.anybody, buyer.api):
        answer = caller.call("POST", f"/functions/{path}", json={})
        assert answer.status_code in (401, 403)  # by the platform: the function hears nothing of it
        assert answer.headers["Content-Type"].startswith("text/html")


def test_no_answer_may_be_kept_by_a_cache_unless_it_says_so(shop):
    _, _, _, buyer = shop
    assert buyer.api.call("GET", "orders/my-orders").headers["Cache-Control"] == "private, no-store"


def test_the_log_holds_no_address_token_or_key(shop, stack):  # SEC-013
    world, _, event, _ = shop
    buyer = world.somebody()
    buyer.buy(event)
    output = stack.output()
    assert buyer.address not in output
    assert "Bearer ey" not in output
    for key in KEYS.values():
        assert key not in output


def test_a_request_id_is_carried_through_everything_it_causes(shop, stack):
    world, _, event, _ = shop
    buyer = world.somebody()
    order = buyer.reserve(event)
    payment = buyer.checkout(order)
    mine = f"test-{uuid4()}"
    answer = buyer.api.call("GET", f"orders/{order['id']}", headers={"X-Request-Id": mine})
    assert answer.headers["X-Request-Id"] == mine
    world.gateway("xendit", payment["gateway_reference"], "pay", deliver="never")
    address = f"payments/{payment['id']}/status"
    until(lambda: buyer.api.call("GET", address, headers={"X-Request-Id": mine}).json()["status"] == "paid")
    buyer.until_tickets(order, 1)

    def routes() -> set[str]:
        lines = [json.loads(line) for line in stack.output().splitlines() if mine in line and line.startswith("{")]
        return {line.get("route") for line in lines}

    until(lambda: {"/messages/payment.success", "/messages/ticket.created"} <= routes(), what="for the log lines")


def test_the_product_describes_itself(stack):
    document = requests.get(f"{stack.url}/openapi.json", timeout=PATIENCE_SECONDS).json()
    assert document["openapi"] == "3.1.0"
    assert "/api/v1/orders/reserve" in document["paths"]
    for page in ("/", "/docs", "/healthz", "/readyz", "/inbox", "/simulators/"):
        assert requests.get(f"{stack.url}{page}", timeout=PATIENCE_SECONDS).status_code == 200, page
