"""A page's session over real HTTP: the product keeps it in cookies, and knows its own pages from others (SEC-010)."""

from tests.people import PASSWORD, World
from tests.stack import Client

OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


def test_a_page_signs_in_writes_refreshes_and_signs_out(world: World):
    person = world.somebody()
    browser = Client(world.url)  # keeps cookies, as its requests.Session does
    credentials = {"email": person.address, "password": PASSWORD}
    told = browser.post("auth/login", credentials, status=200, **{"X-Session": "cookie", "Origin": world.url})
    assert set(told) == {"expires_in", "csrf_token"}
    assert browser.get("account")["email"] == person.address
    change = {"full_name": "Siti Baru"}
    assert browser.call("PUT", "account", json=change).json()["type"] == "/problems/csrf"
    browser.call("PUT", "account", json=change, headers={"X-CSRF-Token": told["csrf_token"]}, status=200)
    browser.call("POST", "auth/refresh-token", headers=OUR_PAGE, status=200)
    browser.call("POST", "auth/logout", headers=OUR_PAGE, status=204)
    browser.get("account", status=401)
