"""The world outside, for the tests' own process: nobody is there. A test that needs a gateway or Google says which.

Else a laptop that is connected would call the gateways' real addresses, and Google's with whatever account it has.
"""

from collections.abc import Mapping

NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there."""
ENVIRONMENT = {
    "XENDIT_BASE_URL": NOWHERE,
    "MIDTRANS_BASE_URL": NOWHERE,
    "MIDTRANS_SNAP_URL": NOWHERE,
    "SENDGRID_BASE_URL": NOWHERE,
    "WHATSAPP_BASE_URL": NOWHERE,
    "NO_GCE_CHECK": "true",  # no Google client looks for the machine's account
    "CLOUDSDK_CONFIG": "/nowhere",  # nor for the person's
}


def known_again(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for a product of its own, which finds its simulators."""
    return {name: value for name, value in environment.items() if ENVIRONMENT.get(name) != value}
