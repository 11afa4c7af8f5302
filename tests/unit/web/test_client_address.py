"""The client's address comes from where our own infrastructure wrote it, never from what the client claims."""

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from shared.web.requests import client_address, client_networks

LIED = "1.2.3.4"


def request(forwarded: str | None, peer: str = "127.0.0.1") -> Request:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return Request(EnvironBuilder(headers=headers, environ_base={"REMOTE_ADDR": peer}).get_environ())


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        ("0", None, "127.0.0.1"),
        ("0", f"{LIED}, 203.0.113.7, 35.191.0.1", "127.0.0.1"),  # nobody of ours is in front: all of it is a claim
        ("2", "203.0.113.7, 35.191.0.1", "203.0.113.7"),
        ("2", f"{LIED}, 203.0.113.7, 35.191.0.1", "203.0.113.7"),
        ("2", f"{LIED}, {LIED},203.0.113.7,35.191.0.1", "203.0.113.7"),
        ("1", f"{LIED}, 203.0.113.7", "203.0.113.7"),
        ("2", LIED, "127.0.0.1"),  # did not come through the balancer
        ("2", "nonsense, 35.191.0.1", "127.0.0.1"),
        ("2", "2001:db8:1:2:3:4:5:6, 35.191.0.1", "2001:db8:1:2::/64"),
        ("2", "2001:db8:1:2:ffff::1, 35.191.0.1", "2001:db8:1:2::/64"),
        ("2", "fe80::1%eth0, 35.191.0.1", "fe80::/64"),
        ("2", "::ffff:203.0.113.7, 35.191.0.1", "203.0.113.7"),  # IPv4 as a dual-stack socket writes it
    ],
)
def test_it_is_taken_from_the_right(given, proxies, forwarded, address):
    given(trusted_proxies=proxies)
    assert client_address(request(forwarded)) == address


def test_of_ipv6_the_networks_that_one_customer_may_own_are_told(given):
    given(trusted_proxies="2")
    wide = ["2001:db8:1:2::/64", "2001:db8:1::/56", "2001:db8:1::/48"]
    assert client_networks(request("2001:db8:1:2:3:4:5:6, 35.191.0.1")) == wide
    assert client_networks(request("203.0.113.7, 35.191.0.1")) == ["203.0.113.7"]
