"""A rule is matched as werkzeug's are, and compiles nothing for building addresses until one is built."""

from unittest import mock

from werkzeug import routing

from shared.web.rules import Rule


def test_an_address_is_matched_and_built():
    with mock.patch.object(routing.Rule, "_compile_builder", side_effect=AssertionError):
        addresses = routing.Map([Rule("/orders/<order_id>", endpoint="order")]).bind("")
        assert addresses.match("/orders/7") == ("order", {"order_id": "7"})
    assert addresses.build("order", {"order_id": "7", "page": "2"}) == "/orders/7?page=2"
