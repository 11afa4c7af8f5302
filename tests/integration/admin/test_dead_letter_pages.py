"""Many dead letters are decided about at once; what a colleague has decided is said, the rest is done (PS-028)."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from werkzeug.datastructures import MultiDict

from shared.cloud import dead_letters
from shared.cloud.database import transaction
from shared.cloud.dead_letters import Decision
from shared.identity.tokens import Principal
from shared.site.admin import dead_letter_pages
from shared.web.pages import Page, PageRequest, Redirect
from tests.doubles import Published
from tests.factories import a_user

pytestmark = pytest.mark.usefixtures("database")

ADD = """
    INSERT INTO dead_letters (kind, source, target, payload, message_id)
    VALUES ('message', 'email.requested', 'send_email', CAST(:payload AS jsonb), :mark)
    RETURNING id
"""


@pytest.fixture
def admin() -> Principal:
    with transaction() as tx:
        return a_user(tx, role="admin")


def a_letter(**payload: str) -> UUID:
    values = {"payload": json.dumps(payload or {"email_id": str(uuid4())}), "mark": uuid4().hex}
    with transaction() as tx:
        letter_id: UUID = tx.execute(text(ADD), values).scalar_one()
        return letter_id


def letters(number: int) -> list[UUID]:
    return [a_letter() for _ in range(number)]


def decide(admin: Principal, chosen: list[UUID], decision: str) -> Page | Redirect:
    fields: list[tuple[str, Any]] = [("decision", decision), ("reason", "the gateway is back")]
    form = MultiDict([*fields, *(("letter", str(each)) for each in chosen)])
    return dead_letter_pages.decide(PageRequest(f"{dead_letter_pages.LIST}/decide", form=form, language="en"), admin)


def decisions(chosen: list[UUID]) -> list[str | None]:
    with transaction() as tx:
        return [dead_letters.read(tx, each).decision for each in chosen]


@pytest.mark.parametrize(("act", "decided"), [("replay", "replayed"), ("discard", "discarded")])
def test_all_of_the_chosen_are_decided(admin: Principal, published: Published, act: str, decided: str):
    chosen = letters(3)
    before = len(published.of("email.requested"))
    assert isinstance(decide(admin, chosen, act), Redirect)
    assert decisions(chosen) == [decided] * 3
    assert len(published.of("email.requested")) - before == (3 if act == "replay" else 0)


def test_a_colleague_who_was_quicker_is_told_of_and_the_rest_is_done(admin: Principal):
    chosen = letters(2)
    with transaction() as tx:
        dead_letters.discard(tx, chosen[0], Decision(reason="over"), by="colleague")
    page = decide(admin, chosen, "replay")
    assert isinstance(page, Page)
    assert "A colleague was quicker." in page.html
    assert decisions(chosen) == ["discarded", "replayed"]


def test_a_decision_needs_a_reason(admin: Principal):
    chosen = letters(1)
    form = MultiDict([("decision", "replay"), ("letter", str(chosen[0]))])
    page = dead_letter_pages.decide(PageRequest("/admin/dead-letters/decide", form=form, language="en"), admin)
    assert isinstance(page, Page)
    assert decisions(chosen) == [None]


def test_personal_data_in_a_payload_is_masked(admin: Principal):
    a_letter(unreadable="to: siti@example.com")
    page = dead_letter_pages.listing(PageRequest("/admin/dead-letters", language="en"), admin)
    assert "siti@example.com" not in page.html
    assert "s***@example.com" in page.html
