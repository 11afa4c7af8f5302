"""One field finds a person, an event, an order or its money by whatever is known of it, for admins alone (SEC-012)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.admin import search
from shared.admin.search import AdminSearch
from shared.admin.search_hits import Hit, HitKind
from shared.cloud.database import transaction
from shared.identity.tokens import Principal
from tests.endpoints import call
from tests.factories import a_user, an_event
from tests.integration.admin.steps import Case, a_case, an_admin, run

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def case(database: str) -> Case:
    return a_case()


@pytest.fixture(scope="module")
def admin(database: str) -> Principal:
    return an_admin()


def found(admin: Principal, words: str) -> dict[HitKind, list[Hit]]:
    """The hits by kind."""
    with transaction() as tx:
        hits = search.search(tx, admin, AdminSearch(q=words)).hits
    return {kind: [hit for hit in hits if hit.kind == kind] for kind in {hit.kind for hit in hits}}


BY_ID: dict[HitKind, Callable[[Case], UUID]] = {
    HitKind.USER: lambda case: case.buyer.id,
    HitKind.EVENT: lambda case: case.event.id,
    HitKind.ORDER: lambda case: case.order.id,
    HitKind.PAYMENT: lambda case: case.payment_id,
    HitKind.REFUND: lambda case: case.refund_id,
    HitKind.TRANSFER: lambda case: case.transfer_id,
    HitKind.PAYOUT: lambda case: case.payout_id,
    HitKind.WEBHOOK: lambda case: case.webhook_id,
}
BY_REFERENCE = {
    "external id": HitKind.PAYMENT,
    "gateway's id": HitKind.PAYMENT,
    "VA number": HitKind.PAYMENT,
    "transaction": HitKind.PAYMENT,
    "refund at its gateway": HitKind.REFUND,
    "transfer at its bank": HitKind.TRANSFER,
    "webhook": HitKind.WEBHOOK,
    "mail at its service": HitKind.MAIL,
}


@pytest.mark.parametrize("kind", BY_ID)
def test_by_its_id(case: Case, admin: Principal, kind: HitKind):
    wanted = BY_ID[kind](case)
    assert [hit.id for hit in found(admin, str(wanted))[kind]] == [wanted]


@pytest.mark.parametrize("name", BY_REFERENCE)
def test_by_what_a_gateway_or_a_bank_calls_it(case: Case, admin: Principal, name: str):
    (hit,) = found(admin, case.references[name])[BY_REFERENCE[name]]
    assert hit.order_id == case.order.id
    assert any(str(each) in hit.page for each in (case.order.id, case.payment_id, case.refund_id))


def test_a_va_number_is_found_with_the_gaps_that_people_write(case: Case, admin: Principal):
    number = case.references["VA number"]
    spaced = " ".join(number[start : start + 4] for start in range(0, len(number), 4))
    assert [hit.id for hit in found(admin, spaced)[HitKind.PAYMENT]] == [case.payment_id]


def test_an_order_by_the_beginning_of_its_number(case: Case, admin: Principal):
    assert case.order.id in [hit.id for hit in found(admin, str(case.order.id)[:8])[HitKind.ORDER]]


def test_a_pickup_code_leads_to_its_order(case: Case, admin: Principal):
    with transaction() as tx:
        code = "W3RT-9K2M"
        run(
            tx,
            "INSERT INTO pickups (order_id, event_id, code) VALUES (:order_id, :event_id, :code)",
            order_id=case.order.id,
            event_id=case.event.id,
            code=code,
        )
    assert [hit.id for hit in found(admin, "w3rt9k2m")[HitKind.ORDER]] == [case.order.id]


def test_an_address_leads_to_the_person_and_their_orders_however_they_write_it(case: Case, admin: Principal):
    hits = found(admin, case.email.upper())
    assert [hit.id for hit in hits[HitKind.USER]] == [case.buyer.id]
    assert [hit.id for hit in hits[HitKind.ORDER]] == [case.order.id]


def test_the_address_of_an_attendee_without_an_account_leads_to_the_order(case: Case, admin: Principal):
    hits = found(admin, case.mailed)
    assert set(hits) == {HitKind.ORDER}
    assert [hit.id for hit in hits[HitKind.ORDER]] == [case.order.id]


@pytest.mark.parametrize("status", ["draft", "published", "cancelled"])
def test_an_event_by_words_of_its_name_whatever_its_state(admin: Principal, status: str):
    name = f"Pawai {uuid4().hex[:8]}x"
    with transaction() as tx:
        event = an_event(tx, title=name, status=status)
    assert [hit.id for hit in found(admin, name)[HitKind.EVENT]] == [event.id]


@pytest.mark.parametrize("words", ["x", "%", "'", '"', "\\", "((", "a & !b", ":*", "0", "@", "--", "Ω" * 200])
def test_whatever_is_typed_is_no_error(admin: Principal, words: str):
    assert isinstance(found(admin, words), dict)


def test_no_more_than_a_few_of_a_kind_are_found(admin: Principal):
    with transaction() as tx:
        for _ in range(30):
            an_event(tx, title="Seribu Lentera")
    assert len(found(admin, "seribu lentera")[HitKind.EVENT]) == 25


def test_a_search_is_audited_with_what_it_found_and_without_what_was_typed(case: Case):
    admin = an_admin()
    answer = call("GET", "/admin/search", by=admin, query_string={"q": case.email}).get_json()
    assert {hit["kind"] for hit in answer["hits"]} == {"user", "order"}
    with transaction() as tx:
        (line,) = tx.execute(
            text("SELECT action, subject, details FROM audit_log WHERE actor_id = :id"), {"id": admin.id}
        )
    assert (line.action, line.subject) == ("admin.read", "search")
    assert set(line.details["hits"]) == {f"user:{case.buyer.id}", f"order:{case.order.id}"}
    assert "sari" not in str(line.details)


@pytest.mark.parametrize("role", ["customer", "organizer"])
def test_nobody_else_may_search(case: Case, role: str):
    with transaction() as tx:
        somebody = a_user(tx, role=role)
    assert call("GET", "/admin/search", by=somebody, query_string={"q": case.email}).status_code == 403


def test_the_address_of_a_mail_is_masked(case: Case, admin: Principal):
    (hit,) = found(admin, case.references["mail at its service"])[HitKind.MAIL]
    told: Any = hit.note
    assert case.mailed not in told
    assert told.endswith("@example.com")
