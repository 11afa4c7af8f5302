"""The payment gateways by name: the one list of them, which brings no client with it."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

GatewayName = Literal["xendit", "midtrans"]
"""As in `payments.gateway`, in requests and responses, and in the ledger's account `gateway_clearing:<name>`."""

NAMES: Final[tuple[GatewayName, ...]] = get_args(GatewayName)
BRANDS: Final[Mapping[str, str]] = {"xendit": "Xendit", "midtrans": "Midtrans"}
"""The names as people know them."""
SQL_LIST: Final = ", ".join(f"'{name}'" for name in NAMES)
"""For an index that begins with the gateway: `gateway IN (...)`."""
