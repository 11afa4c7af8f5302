"""Nothing that a person can type breaks a page: each form and each address answers with words (U-003, SEC-014)."""

from typing import Any

import pytest
from playwright.sync_api import APIResponse

from tests.browser.visitors import Visitor
from tests.people import World

NASTY = [
    "",
    " ",
    "'; DROP TABLE orders; --",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }} %(x)s {0} %s",
    "\x00",
    "\u202eterbalik\u2066",
    "\ud83c\udfab" * 50,
    "1e999",
    "-1",
    "99999999999999999999999999",
    "\u0661\u0662\u0663",
    "nan",
    "../../etc/passwd",
    "//evil.example/\\",
    "\r\nSet-Cookie: a=b",
    "a" * 5_000,
    "%ff%00%zz",
]
SIGNED_OUT = ["/login", "/login/code", "/login/verify", "/reset-password", "/reset-password/code"]
FIELDS = (
    "email accept_terms code password next key name_0 email_0 method reason ticket_ids name full_name phone language"
)
MORE_FIELDS = "current_password new_password bank_code account_number account_holder_name promo page q from price_min"


def fields(text: str) -> dict[str, str | float | bool]:
    return dict.fromkeys((FIELDS + " " + MORE_FIELDS).split(), text)


def is_told(answer: APIResponse, text: str) -> None:
    assert answer.status < 500, f"{answer.url}: {answer.status} for {text!r}"
    assert "alert(1)</script>" not in answer.text(), f"{answer.url} shows a script that somebody typed"


@pytest.mark.parametrize("text", NASTY, ids=lambda text: repr(text)[:20])
def test_a_form(concert: dict[str, Any], visitor: Visitor, text: str):
    for path in [*SIGNED_OUT, f"/buy/{concert['slug']}/code", f"/buy/{concert['slug']}/sign-in"]:
        form = fields(text) | {f"t_{concert['tiers'][0]['id']}": text or "1"}
        is_told(visitor.page.context.request.post(path, form=form, headers=_of_ours(visitor)), text)


def test_the_forms_of_ones_own_things(concert: dict[str, Any], world: World, visitor: Visitor):
    buyer = world.somebody()
    order, bought = buyer.reserve(concert), buyer.buy(world.somebody("organizer").publish())
    visitor.sign_in(buyer)
    paths = [
        f"/buy/{concert['slug']}",
        f"/orders/{order['id']}/pay",
        f"/tickets/{bought['tickets'][0]['id']}/holder",
        f"/refunds/new/{bought['id']}",
        "/account",
        "/account/password",
        "/account/bank-account",
        "/account/confirm",
        "/account/delete",
    ]
    for text in NASTY:
        for path in paths:
            is_told(visitor.page.context.request.post(path, form=fields(text), headers=_of_ours(visitor)), text)


def test_an_address(concert: dict[str, Any], world: World, visitor: Visitor):
    visitor.sign_in(world.somebody())
    tier = f"t_{concert['tiers'][0]['id']}"
    for text in NASTY:
        asked = fields(text) | {tier: text, "category": text, "location": text, "sort": text, "lang": text}
        for path in ["/id/events", f"/buy/{concert['slug']}", f"/id/events/{concert['slug']}", "/orders", "/login"]:
            is_told(visitor.page.context.request.get(path, params=asked), text)


def _of_ours(visitor: Visitor) -> dict[str, str]:
    return {"Origin": visitor.world.url}
