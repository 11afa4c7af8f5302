"""The site's pages as a browser's wire sees them: who may keep them, what they let in, and in which language."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import requests

from tests.functions.browsing import Browser
from tests.people import World
from tests.waiting import PATIENCE_SECONDS, until

PUBLIC = "", "/events", "/help", "/terms", "/privacy"
PRIVATE = "/orders", "/account", "/refunds"


def get(world: World, path: str, **headers: str) -> requests.Response:
    return requests.get(world.url + path, headers=headers, timeout=PATIENCE_SECONDS, allow_redirects=False)


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_page_is_the_same_for_everybody_and_may_be_kept(world: World, language: str, path: str):
    answer = get(world, f"/{language}{path}", Cookie="access=nonsense; refresh=nonsense")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"].startswith("public, ")
    assert "Set-Cookie" not in answer.headers
    assert f'<html lang="{language}">' in answer.text
    other = {"id": "en", "en": "id"}[language]
    assert f'hreflang="{other}"' in answer.text
    again = get(world, f"/{language}{path}", **{"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/id", "/login", "/id/nothing"])
def test_every_page_lets_in_nothing_inline_and_nothing_from_elsewhere(world: World, path: str):
    answer = get(world, path)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<style|style=|<script(?![^>]*(src|ld\+json))|\son[a-z]+=", answer.text)


@pytest.mark.parametrize("path", PRIVATE)
def test_a_page_of_ones_own_asks_to_sign_in_and_comes_back(world: World, path: str):
    answer = get(world, path)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/login?next=%2F{path[1:]}")
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_signing_in_brings_a_person_back_to_the_very_page(world: World):
    assert get(world, "/orders?page=2").headers["Location"] == "/login?next=%2Forders%3Fpage%3D2"


@pytest.mark.parametrize(
    ("form", "target"),
    [
        ("{site}/orders/7?mailed=yes", "/login?next=%2Forders%2F7%3Fmailed%3Dyes&unsent=yes"),
        ("https://evil.example/orders/7", "/login"),
        ("", "/login"),
    ],
    ids=["ours", "elsewhere", "unknown"],
)
def test_who_sends_a_form_signed_out_comes_back_to_the_page_it_stood_on(world: World, form: str, target: str):
    headers = {"Origin": world.url, "Referer": form.format(site=world.url)}
    sent = requests.post(
        f"{world.url}/account/photo/remove", headers=headers, timeout=PATIENCE_SECONDS, allow_redirects=False
    )
    assert (sent.status_code, sent.headers["Location"]) == (303, target)


def test_who_was_signed_out_while_sending_a_form_is_told_that_it_did_not_arrive(world: World):
    headers = {"Origin": world.url, "Referer": f"{world.url}/orders/7"}
    shown = requests.post(
        f"{world.url}/orders/{uuid4()}/pay", data={"method": "QRIS"}, headers=headers, timeout=PATIENCE_SECONDS
    )
    assert shown.url == f"{world.url}/login?next=%2Forders%2F7&unsent=yes"
    assert "Yang baru Anda kirim tidak sampai" in shown.text


def test_whose_account_may_not_do_this_finds_where_to_sign_out(world: World):
    browser = Browser(world)
    browser.sign_in(world.somebody())
    refused = browser.get("/gate")
    assert refused.status_code == 403
    assert 'href="/account">Ke akun Anda, untuk keluar' in refused.text


def test_who_was_signed_out_on_all_devices_signs_in_again(world: World):
    organizer = world.somebody("organizer")
    browser = requests.Session()
    form = {"email": organizer.address, "password": "Rahasia-123!"}
    browser.post(f"{world.url}/login", data=form, headers={"Origin": world.url}, timeout=PATIENCE_SECONDS)
    organizer.api.post("auth/logout-everywhere", {})
    shown = browser.get(f"{world.url}/orders", timeout=PATIENCE_SECONDS)
    assert shown.url == f"{world.url}/login?next=%2Forders"
    assert {cookie.name for cookie in browser.cookies} <= {"device", "language"}


@pytest.mark.parametrize(
    ("accepts", "language"), [("en-US,en;q=0.9", "en"), ("id-ID,id;q=0.9,en;q=0.8", "id"), ("", "id"), ("fr", "id")]
)
def test_a_page_without_language_in_its_address_takes_the_browsers(world: World, accepts: str, language: str):
    assert f'<html lang="{language}">' in get(world, "/login", **{"Accept-Language": accepts}).text


def test_the_chosen_language_is_remembered(world: World):
    browser = requests.Session()
    browser.get(f"{world.url}/login?lang=en", timeout=PATIENCE_SECONDS)
    assert '<html lang="en">' in browser.get(f"{world.url}/login", timeout=PATIENCE_SECONDS).text


def test_files_are_kept_for_a_year_and_names_of_other_releases_answered_for_the_moment(world: World):
    """In a canary a page of the new revision asks the old one for its files, nine times of ten at first."""
    [style] = re.findall(r'href="(/assets/site\.[0-9a-f]+\.css)"', get(world, "/id").text)
    answer = get(world, style)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    other = get(world, "/assets/site.000000000000.css")
    assert (other.status_code, other.headers["Cache-Control"]) == (200, "no-store")
    assert other.text == answer.text
    for unknown in ("sites.000000000000.css", "site.css", "site.0000.css", "site.000000000000.js.map"):
        assert get(world, f"/assets/{unknown}").status_code == 404


def test_what_is_not_there_is_told_as_a_page(world: World):
    answer = get(world, "/id/events/nothing-here")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Halaman ini tidak ada" in answer.text


@pytest.mark.parametrize("page", ["orders", "tickets"])
def test_nobody_sees_what_is_anothers(world: World, page: str):
    owner, stranger = world.somebody(), world.somebody()
    order = owner.buy(world.somebody("organizer").publish())
    ticket = owner.until_tickets(order, 1)["tickets"][0]
    address = f"/{page}/{order['id'] if page == 'orders' else ticket['id']}"
    browser = requests.Session()
    form = {"email": stranger.address, "password": "Rahasia-123!"}
    browser.post(f"{world.url}/login", data=form, headers={"Origin": world.url}, timeout=PATIENCE_SECONDS)
    answer = browser.get(world.url + address, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 404


def test_a_form_of_another_site_changes_nothing(world: World):
    form = {"email": "somebody@example.com", "password": "Rahasia-123!"}
    answer = requests.post(
        f"{world.url}/login", data=form, headers={"Origin": "https://evil.example"}, timeout=PATIENCE_SECONDS
    )
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "query", ["page=abc", "page=%C2%B2", "page=" + "9" * 500, "from=yesterday", "price_min=-1", "q=" + "x" * 300]
)
def test_a_filter_that_cannot_be_read_is_left_out_and_said_so(world: World, query: str):
    answer = get(world, f"/id/events?{query}")
    assert answer.status_code == 200
    assert "kami lewati" in answer.text


@pytest.mark.parametrize("query", ["t_x=1", "t_=2", "t_a=99999999999999999999", "t_a=-1", "promo=%F0%9F%8E%9F", ""])
def test_a_choice_that_no_form_sends_breaks_nothing(world: World, query: str):
    event = world.somebody("organizer").publish()
    assert get(world, f"/buy/{event['slug']}?{query}").status_code in (200, 303, 404)


@pytest.mark.parametrize("path", ["/xyz", "/id/queue/tidak-ada", "/events"])
def test_an_address_that_nobody_serves_is_a_page_that_leads_on(world: World, path: str):
    answer = get(world, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/id"' in answer.text


def test_who_has_chosen_nothing_without_script_is_told_to_choose(world: World):
    event = world.publish()
    path = f"/buy/{event['slug']}?lang=id&t_{event['tiers'][0]['id']}=0"
    shown = requests.get(world.url + path, timeout=PATIENCE_SECONDS)
    assert f"/id/events/{event['slug']}?chosen=none" in shown.url
    assert "Anda belum memilih tiket" in shown.text


def test_the_gates_are_told_where_the_organizer_has_set_them_only(world: World):
    start = datetime.now(UTC) + timedelta(days=3)
    event = {"start_date": start.isoformat(), "end_date": (start + timedelta(hours=2)).isoformat(), "terms": ""}
    unset, set_ = world.publish(**event), world.publish(**event, gates_open_at=(start - timedelta(hours=1)).isoformat())
    shown = ["Pintu dibuka" in get(world, f"/id/events/{each['slug']}").text for each in (unset, set_)]
    assert (shown, unset["gates_setting"]) == ([False, True], None)


def test_what_comes_back_if_plans_change_is_told_as_long_as_the_event_can_change(world: World):
    organizer = world.somebody("organizer")
    event = organizer.publish()
    path, told = f"/id/events/{event['slug']}", "sembilan puluh persen harga tiket"
    assert told in get(world, path).text
    organizer.api.post(f"events/{event['id']}/cancel", {"reason": "Hujan badai"}, status=202)

    def shown_as_cancelled() -> str | None:
        shown = get(world, path).text
        return shown if "Acara ini dibatalkan" in shown else None

    assert told not in until(shown_as_cancelled, what="for the cancellation")


def test_an_early_bird_ends_at_an_hour_of_the_events_zone(world: World):
    end = (datetime.now(UTC) + timedelta(days=2)).replace(hour=3, minute=0, second=0, microsecond=0)
    early = {"early_bird_price": 100_000, "early_bird_end": end.isoformat()}
    event = world.publish({"name": "Festival", "price": 150_000, "quota": 10, **early}, timezone="Asia/Makassar")
    shown = re.findall(r"Early bird sampai (.*?)</span>", get(world, f"/id/events/{event['slug']}").text)
    assert [each.replace("\u00a0", " ")[-10:] for each in shown] == ["11.00 WITA"]


def test_an_event_of_a_hundred_tiers_is_bought_from_without_script(world: World):
    """Its form names every tier in the address, far beyond gunicorn's 4,094 bytes."""
    tiers = [{"name": f"Kelas {number}", "price": 100_000, "quota": 5} for number in range(100)]
    organizer = world.somebody("organizer")
    event = organizer.publish(*tiers[:50])
    more = organizer.api.call("PUT", f"events/{event['id']}", json={"tiers": tiers[50:]}, status=200)
    first, *others = more.json()["tiers"]
    choice = "&".join([f"t_{first['id']}=1", *(f"t_{tier['id']}=0" for tier in others)])
    shown = get(world, f"/buy/{event['slug']}?lang=id&{choice}&promo=")
    assert (shown.status_code, len(others), len(shown.request.path_url or "") > 4_094) == (200, 99, True)
    assert "1 × Kelas 0" in shown.text
    too_many = get(world, f"/buy/{event['slug']}?lang=id&{choice.replace('=0', '=1')}")
    assert (too_many.status_code, "paling banyak 20 jenis" in too_many.text) == (200, True)
    assert f"t_{others[-1]['id']}=1" in too_many.text  # the way back keeps the choice


@pytest.mark.parametrize(("language", "words"), [("id", "hanya menerima formulir"), ("en", "takes a form only")])
def test_a_refusal_is_told_in_the_language_of_the_page(world: World, language: str, words: str):
    answer = get(world, "/account/photo/remove", **{"Accept-Language": language})
    assert answer.status_code == 405
    assert words in answer.text
