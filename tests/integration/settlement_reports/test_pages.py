"""The pages and the API of settlement reports, for admins who have just proved who they are (CLEAR-1)."""

import csv
import io
from typing import Any
from uuid import UUID

import pytest
from werkzeug.datastructures import MultiDict

from shared import local_time
from shared.cloud import clock
from shared.cloud.database import transaction
from shared.identity.tokens import Principal, access_token
from shared.site.admin import arrival_pages, settlement_pages
from shared.web.pages import Language, Page, PageRequest, Redirect
from shared.web.requests import Upload
from tests.endpoints import call, problem
from tests.factories import a_user
from tests.integration.settlement_reports.steps import AMOUNT, FEE, TAX, a_payment, rows
from tests.unit.settlement_reports.files import STATEMENT, TRANSACTION, written

pytestmark = pytest.mark.usefixtures("database")
ADJUSTED = 7_000


@pytest.fixture(scope="module")
def admin(database: str) -> Principal:
    with transaction() as tx:
        return a_user(tx, role="admin", full_name="Rina Wulandari")


def request_of(path: str, language: Language = "en", **form: Any) -> PageRequest:
    return PageRequest(path, form=MultiDict(form), language=language)


def a_report() -> bytes:
    """A payment that agrees, and an adjustment."""
    paid = a_payment()
    own = {"Transaction ID": f"adj-{paid.id}", "Total Fee": 0, "Total VAT": 0, "Net Amount": -ADJUSTED}
    return written([paid.row(), paid.row(Type="ADJUSTMENT_DEDUCT", Amount=ADJUSTED, **own)])


def uploaded(admin: Principal, content: bytes) -> Page | Redirect:
    return settlement_pages.import_report(request_of(settlement_pages.IMPORT), Upload(content), admin)


def send(path: str, content: bytes, by: Principal) -> Any:
    return call("POST", path, by=by, data={"file": (io.BytesIO(content), "report.csv")})


@pytest.mark.parametrize("language", ["en", "id"])
def test_an_uploaded_report_shows_its_lines_and_differences(admin: Principal, language: Language):
    went = uploaded(admin, a_report())
    assert isinstance(went, Redirect)
    path, _, asked = went.location.partition("?")
    assert asked == "done=yes"
    page = settlement_pages.batch(request_of(path, language), UUID(path.rsplit("/", 1)[1]), admin)
    shown = page.html.replace("\N{NO-BREAK SPACE}", " ")
    money = {"en": ("−Rp 7,000", f"Rp {FEE + TAX}"), "id": ("−Rp 7.000", f"Rp {FEE + TAX}")}[language]
    assert all(amount in shown for amount in money)
    assert "Rina Wulandari" in shown
    listed = settlement_pages.listing(request_of(settlement_pages.LIST, language), admin)
    assert path in listed.html


def test_the_same_file_leads_to_its_batch_and_says_so(admin: Principal):
    content = a_report()
    first, again = uploaded(admin, content), uploaded(admin, content)
    assert isinstance(first, Redirect)
    assert isinstance(again, Redirect)
    assert again.location == first.location.replace("done", "known")


def test_a_refused_file_says_what_is_wrong_with_it(admin: Principal):
    lacking = {name: value for name, value in TRANSACTION.items() if name != "Total VAT"}
    page = uploaded(admin, written([lacking]))
    assert isinstance(page, Page)
    assert "The column “Total VAT” is missing." in page.html
    unreadable = uploaded(admin, written([{**TRANSACTION, "Amount": "<b>"}]))
    assert isinstance(unreadable, Page)
    assert "Line 2: “Amount” can&#39;t be read." in unreadable.html


def test_a_difference_says_what_to_do_and_is_booked(admin: Principal):
    uploaded(admin, a_report())
    [latest] = rows("SELECT id FROM settlement_differences ORDER BY created_at DESC LIMIT 1")
    page = settlement_pages.difference(request_of("/admin/settlements/differences/x"), latest.id, admin)
    assert f"/admin/settlements/differences/{latest.id}/book" in page.html
    done = call("POST", f"/admin/settlement-differences/{latest.id}/book", by=admin, json={"note": "A reserve"})
    assert (done.status_code, done.get_json()["is_booked"], done.get_json()["amount"]) == (200, True, -ADJUSTED)
    again = call("POST", f"/admin/settlement-differences/{latest.id}/book", by=admin, json={"note": "A reserve"})
    assert problem(again) == (409, "settlement-difference-not-bookable")
    assert "Booked" in settlement_pages.difference(request_of("/x"), latest.id, admin).html


def test_differences_are_listed_and_exported(admin: Principal):
    went = uploaded(admin, a_report())
    assert isinstance(went, Redirect)
    assert "−Rp" in settlement_pages.list_differences(request_of(settlement_pages.DIFFERENCES), admin).html
    batch_id = went.location.split("/")[-1].partition("?")[0]
    file = call("GET", f"/admin/settlement-differences?format=csv&batch_id={batch_id}", by=admin)
    [row] = csv.DictReader(io.StringIO(file.get_data().decode("utf-8-sig")))
    assert (row["Kind"], row["Difference"], row["State"]) == ("adjustment", str(-ADJUSTED), "open")


def test_the_api_imports_reads_and_pages(admin: Principal):
    answer = send("/admin/settlement-batches", a_report(), admin)
    assert (answer.status_code, answer.get_json()["lines"]) == (200, 2)
    batch = answer.get_json()["id"]
    assert call("GET", f"/admin/settlement-batches/{batch}", by=admin).get_json()["differences"] == 1
    lines = call("GET", f"/admin/settlement-batches/{batch}/lines?page_size=1", by=admin).get_json()
    assert (lines["total"], lines["items"][0]["gross"]) == (2, AMOUNT)
    assert call("GET", "/admin/settlement-batches", by=admin).get_json()["total"] >= 1
    refused = send("/admin/settlement-batches", b"a,b\r\n1,2\r\n", admin)
    assert problem(refused) == (422, "report-unknown")


def test_an_arrival_is_typed_and_shown(admin: Principal):
    today = str(local_time.day_start(clock.now()).date())
    typed = {"gateway": "xendit", "arrived_on": today, "amount": "1.500.000", "reference": "TRF 77"}
    went = arrival_pages.enter(request_of(arrival_pages.ENTER, **typed), admin)
    assert isinstance(went, Redirect)
    again = arrival_pages.enter(request_of(arrival_pages.ENTER, **typed), admin)
    assert isinstance(again, Page)
    assert "This arrival was entered before." in again.html
    wrong = arrival_pages.enter(request_of(arrival_pages.ENTER, **{**typed, "amount": "lots"}), admin)
    assert isinstance(wrong, Page)
    assert 'id="amount-error"' in wrong.html
    shown = arrival_pages.listing(request_of(arrival_pages.LIST), admin).html
    assert "TRF 77" in shown
    assert "Nothing explains it yet" in shown


def test_a_statement_is_uploaded_and_an_arrival_matched_by_the_api(admin: Principal):
    paid = a_payment()
    sent = {"Transaction ID": f"wd-{paid.id}", "Total Fee": 0, "Total VAT": 0, "Net Amount": -44_000}
    send("/admin/settlement-batches", written([paid.row(), paid.row(Type="WITHDRAWAL", Amount=44_000, **sent)]), admin)
    today = local_time.day_start(clock.now()).date()
    row = {**STATEMENT, "Tanggal": f"{today:%d/%m/%Y}", "Kredit": "43.000", "Keterangan": "CR XENDIT 4711"}
    answer = send("/admin/bank-statements", written([row]), admin)
    assert answer.get_json() == {"entered": 1, "known": 0, "of_others": 0}
    [arrival] = rows("SELECT id FROM bank_arrivals WHERE amount = 43000")
    [expected] = call("GET", "/admin/expected-arrivals?gateway=xendit", by=admin).get_json()["items"]
    matched = call(
        "POST", f"/admin/bank-arrivals/{arrival.id}/match", by=admin, json={"expected_ids": [expected["id"]]}
    )
    assert (matched.status_code, matched.get_json()["expected"]) == (200, 44_000)
    assert call("GET", "/admin/bank-arrivals", by=admin).get_json()["items"][0]["expected"] in (44_000, None)


READS = ("settlement-batches", "settlement-differences", "bank-arrivals", "expected-arrivals?gateway=xendit")


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("role", ["customer", "organizer"])
def test_nobody_else_sees_any_of_it(role: str, path: str):
    with transaction() as tx:
        somebody = a_user(tx, role=role)
    assert problem(call("GET", f"/admin/{path}", by=somebody)) == (403, "forbidden")
    assert problem(send("/admin/settlement-batches", a_report(), somebody)) == (403, "forbidden")


def test_what_moves_money_asks_for_a_fresh_proof(admin: Principal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tests.endpoints.bearer", _long_ago)
    assert problem(send("/admin/settlement-batches", a_report(), admin)) == (403, "fresh-proof-required")
    assert problem(send("/admin/bank-statements", written([STATEMENT]), admin)) == (403, "fresh-proof-required")
    typed = {"gateway": "xendit", "arrived_on": "2026-11-20", "amount": 5, "reference": "TRF"}
    assert problem(call("POST", "/admin/bank-arrivals", by=admin, json=typed)) == (403, "fresh-proof-required")


def _long_ago(principal: Principal) -> dict[str, str]:
    then = int(clock.now().timestamp()) - 3_000
    return {"Authorization": f"Bearer {access_token(principal.id, principal.role, None, None, auth_time=then)}"}
