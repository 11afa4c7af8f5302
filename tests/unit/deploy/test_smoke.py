"""Smoke tells a product that is there from one that isn't."""

from werkzeug.wrappers import Request, Response

from infra.deploy.smoke import smoke
from tests.unit.deploy.conftest import a_site


def _healthy(request: Request) -> Response:
    if request.path == "/api/v1/events":
        return Response(
            '{"items": []}', content_type="application/json", headers={"Strict-Transport-Security": "max-age=31536000"}
        )
    if request.path in {"/api/v1/account", "/api/v1/payments/webhook/xendit"}:
        return Response(status=401)
    return Response(status=404)


def test_a_product_that_is_there():
    with a_site(_healthy) as url:
        assert smoke(url) == []


def test_endpoints_that_are_open():
    with a_site(lambda request: _healthy(request) if request.path == "/api/v1/events" else Response("{}")) as url:
        assert smoke(url) == [
            "GET /api/v1/account without a token answers 200",
            "an unsigned notification is answered 200",
            "POST /messages/payment.success answers 200",
        ]


def test_a_product_that_fails():
    with a_site(lambda _: Response(status=503)) as url:
        assert "GET /api/v1/events answers 503" in smoke(url)


def test_a_page_where_an_answer_should_be():
    with a_site(lambda _: Response("<html>", status=200)) as url:
        assert any("events_are_listed: JSONDecodeError" in fault for fault in smoke(url))


def test_nobody_there():
    with a_site(_healthy) as url:
        pass
    assert any("ConnectionError" in fault for fault in smoke(url))
