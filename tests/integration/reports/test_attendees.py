"""An event's attendees, as a page and as files (AR-004, REP-1)."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pypdfium2
import pytest
from flask import Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.cloud.database import BATCH_ROWS, batches, snapshot, transaction
from shared.identity.tokens import Principal
from shared.reports import export_files
from tests.endpoints import call, problem
from tests.factories import Event, a_gate_staff, a_tier, a_user, an_event
from tests.integration.refunds.sales import a_paid_order
from tests.integration.reports.steps import give_back, organizer_of, paid_at

pytestmark = pytest.mark.usefixtures("database")

TITLES = ["Name", "E-mail", "Tier", "Order date (WITA)", "Check-in (WITA)", "BIB"]
FORMULA = '=HYPERLINK("https://example.com","Klik")'


def ask(event: Event, *, by: Principal | None = None, **query: Any) -> Response:
    path = f"/analytics/events/{event.id}/attendees"
    answer = call("GET", path, by=by or organizer_of(event), query_string=query)
    answer.get_data()  # as a server does: a file is closed at its end
    return answer


def names(event: Event, **query: Any) -> list[str]:
    answer = ask(event, **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [each["name"] for each in answer.get_json()["items"]]


def rename(order_id: Any, *new: str) -> None:
    """Give the attendees of an order these names, in the order of its items."""
    with transaction() as tx:
        for position, name in enumerate(new, 1):
            changed = text("UPDATE order_items SET attendee_name = :name WHERE order_id = :id AND position = :position")
            tx.execute(changed, {"name": name, "id": order_id, "position": position})


@pytest.fixture(scope="module")
def race(database) -> Event:
    """Two runners, of whom one has come, a guest with an odd name, a shirt, and a ticket that was given back."""
    tiers = [a_tier(name="10K", kind="registration"), a_tier(name="Tribune"), a_tier(name="Kaus", kind="product")]
    with transaction() as tx:
        event = an_event(tx, tiers=tiers, timezone="Asia/Makassar")
        buyer = a_user(tx)
    runners = a_paid_order(event, quantities=(2, 0, 1))
    guest = a_paid_order(event, quantities=(0, 1))
    give_back(a_paid_order(event, buyer=buyer, quantities=(0, 1)), buyer, organizer_of(event))
    rename(runners.id, "Siti Rahma", "José Ærø")
    rename(guest.id, FORMULA)
    paid_at(runners.id, datetime(2026, 11, 20, 16, 5, tzinfo=UTC))
    paid_at(guest.id, datetime(2026, 11, 21, 1, 30, tzinfo=UTC))
    with transaction() as tx:
        came = text("""
            UPDATE tickets SET status = 'used', validated_at = '2026-12-01T00:30:00Z'
            WHERE order_item_id = (SELECT id FROM order_items WHERE order_id = :id AND position = 2)
        """)
        tx.execute(came, {"id": runners.id})
    return event


ROWS = [
    ("Siti Rahma", "peserta1@example.com", "10K", datetime(2026, 11, 21, 0, 5), None, 1),
    ("José Ærø", "peserta2@example.com", "10K", datetime(2026, 11, 21, 0, 5), datetime(2026, 12, 1, 8, 30), 2),
    (FORMULA, "peserta1@example.com", "Tribune", datetime(2026, 11, 21, 9, 30), None, None),
]


def test_a_page_lists_who_has_paid_in_the_order_of_their_purchases(race: Event):
    answer = ask(race, page_size=2).get_json()
    assert (answer["total"], answer["page"], len(answer["items"])) == (3, 1, 2)
    second = answer["items"][1]
    assert {name: second[name] for name in ("name", "tier_name", "bib_number", "ordered_at", "checked_in_at")} == {
        "name": "José Ærø", "tier_name": "10K", "bib_number": 2,
        "ordered_at": "2026-11-20T16:05:00Z", "checked_in_at": "2026-12-01T00:30:00Z",
    }  # fmt: skip
    assert names(race, page=2, page_size=2) == [FORMULA]


def test_who_is_listed_can_be_narrowed_down(race: Event):
    assert names(race, tier_id=race.tier_ids[1]) == [FORMULA]
    assert names(race, **{"from": "2026-11-21", "to": "2026-11-21"}) == ["Siti Rahma", "José Ærø", FORMULA]
    assert names(race, **{"from": "2026-11-21T00:00:00Z"}) == [FORMULA]
    assert names(race, q="rahma") == ["Siti Rahma"]
    assert names(race, q="PESERTA2@") == ["José Ærø"]
    assert names(race, q="2") == ["José Ærø"]
    assert names(race, q="%") == []


def test_a_file_is_of_any_size(race: Event):
    """It is sent in chunks: of an answer whose length is told, Cloud Run takes 32 MiB at most."""
    path = f"/analytics/events/{race.id}/attendees"
    answer = call("GET", path, by=organizer_of(race), query_string={"format": "csv"})
    assert "Content-Length" not in answer.headers
    assert answer.get_data().startswith(b"\xef\xbb\xbf")


def test_a_csv_holds_them_all_and_calculates_nothing(race: Event):
    answer = ask(race, format="csv", language="en")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="attendees-acara-')
    content = answer.get_data()
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert header == TITLES
    assert rows == [
        ["Siti Rahma", "peserta1@example.com", "10K", "2026-11-21 00:05:00", "", "1"],
        ["José Ærø", "peserta2@example.com", "10K", "2026-11-21 00:05:00", "2026-12-01 08:30:00", "2"],
        [f"'{FORMULA}", "peserta1@example.com", "Tribune", "2026-11-21 09:30:00", "", ""],
    ]


def test_a_workbook_holds_the_same_as_texts_numbers_and_moments(race: Event):
    answer = ask(race, format="xlsx", language="en")
    [sheet] = openpyxl.load_workbook(io.BytesIO(answer.get_data())).worksheets
    header, *rows = sheet.iter_rows(values_only=True)
    assert list(header) == TITLES
    assert rows == ROWS
    assert {cell.data_type for cell in sheet["A"]} == {"s"}


def test_a_pdf_shows_the_same_on_paper(race: Event):
    document = pypdfium2.PdfDocument(ask(race, format="pdf", language="en").get_data())
    lines = document[0].get_textpage().get_text_bounded().splitlines()
    assert lines[0].startswith("Attendees · Konser Senja")
    assert lines[0].endswith("Page 1") or lines[1] == "Page 1"
    told = " ".join(lines)
    for words in ("José Ærø", "peserta2@example.com", "2026-12-01 08:30", FORMULA, "Check-in (WITA)"):
        assert words in told
    document.close()


def test_titles_are_in_indonesian_unless_asked_for_in_english(race: Event):
    content = ask(race, format="csv").get_data().decode("utf-8-sig")
    assert content.splitlines()[0].startswith('"Nama","E-mail","Kategori","Tanggal pesan (WITA)"')


@pytest.mark.parametrize("form", ["csv", "xlsx", "pdf"])
def test_an_event_without_attendees_has_a_file_with_titles(form: str):
    with transaction() as tx:
        event = an_event(tx)
    assert ask(event, format=form).status_code == 200


def test_names_in_any_script_are_on_paper_and_one_too_long_is_shortened():
    with transaction() as tx:
        event = an_event(tx)
    order = a_paid_order(event, quantities=(5,))
    rename(order.id, "محمد علي", "王小明", "ꦧꦸꦢꦶ", "Zoë Łukasz", "M" * 200)
    document = pypdfium2.PdfDocument(ask(event, format="pdf").get_data())
    told = document[0].get_textpage().get_text_bounded()
    document.close()
    for words in ("王小明", "Zoë Łukasz", "M…"):
        assert words in told


def test_long_lists_go_on_on_further_pages_with_their_titles():
    with transaction() as tx:
        event = an_event(tx, tiers=[a_tier(quota=100, max_per_order=80)])
    a_paid_order(event, quantities=(80,))
    document = pypdfium2.PdfDocument(ask(event, format="pdf", language="en").get_data())
    pages = [page.get_textpage().get_text_bounded() for page in document]
    document.close()
    assert len(pages) == 3
    assert all(f"Page {number}" in page and "Order date (WIB)" in page for number, page in enumerate(pages, 1))
    assert sum(page.count("@example.com") for page in pages) == 80


def test_a_file_that_would_be_too_large_is_refused(race: Event, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(export_files.MAX_ROWS, "pdf", 2)
    assert problem(ask(race, format="pdf")) == (422, "export-too-large")
    assert ask(race, format="pdf", tier_id=race.tier_ids[1]).status_code == 200


def test_rows_come_from_the_database_in_batches():
    fails_late = text(f"SELECT 1 / ({2 * BATCH_ROWS} - n) AS one FROM generate_series(1, 10000) AS n")
    with pytest.raises(DBAPIError, match="division by zero"), snapshot() as tx:  # noqa: PT012
        rows = batches(tx, fails_late, {})
        taken = [next(rows) for _ in range(BATCH_ROWS)]
        assert len(taken) == BATCH_ROWS
        list(rows)


def test_only_the_organizer_and_admins_see_attendees_and_every_look_is_audited(race: Event):
    with transaction() as tx:
        admin, stranger, buyer = a_user(tx, role="admin"), a_user(tx, role="organizer"), a_user(tx)
        staff = a_gate_staff(tx, race)
    for form in ("json", "csv", "xlsx", "pdf"):
        for caller, status in ((stranger, 404), (staff, 403), (buyer, 403)):
            assert ask(race, by=caller, format=form).status_code == status
    assert call("GET", f"/analytics/events/{race.id}/attendees").status_code == 401
    for form in ("json", "pdf"):
        assert ask(race, by=admin, format=form).status_code == 200
    with transaction() as tx:
        audited = text("SELECT action, subject, details->>'format' FROM audit_log WHERE actor_id = :id ORDER BY id")
        assert tx.execute(audited, {"id": admin.id}).all() == [
            ("admin.read", "attendees", None),
            ("admin.read", "attendees", None),
            ("attendees.exported", "event", "pdf"),
        ]


def test_an_organizer_s_own_look_and_export_are_audited():
    with transaction() as tx:
        event = an_event(tx)
    for form in ("json", "csv"):
        ask(event, format=form)
    with transaction() as tx:
        audited = text("SELECT action, subject_id FROM audit_log WHERE actor_id = :id ORDER BY id")
        found = tx.execute(audited, {"id": event.organizer_id}).all()
    assert found == [("organizer.read", str(event.id)), ("attendees.exported", str(event.id))]
