"""Our accounts at the gateways: a client each, kept with its connections and circuit breaker until a key is rotated."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.gateways.http import Timeouts
from shared.gateways.midtrans.client import Midtrans
from shared.gateways.midtrans.gateway import MidtransGateway
from shared.gateways.protocol import Gateway, TransferGateway
from shared.gateways.sendgrid.client import Sender, SendGrid
from shared.gateways.whatsapp.client import WhatsApp
from shared.gateways.xendit.client import Xendit
from shared.gateways.xendit.gateway import XenditGateway


# A webhook waits for our question to its gateway, which gives it up after 15 seconds (docs/reference/gateways.md).
def _timeouts() -> Timeouts:
    times = settings().timeout_factor
    return Timeouts(connect_seconds=2 * times, read_seconds=6 * times, total_seconds=12 * times)


GATEWAYS: dict[str, Callable[[], Gateway]] = {
    "xendit": lambda: XenditGateway(xendit()),
    "midtrans": lambda: MidtransGateway(midtrans()),
}
"""Every payment gateway, by its name (`names.NAMES`)."""
NO_GATEWAY = "none"
"""In `payments.gateway`: a payment of Rp 0, which no gateway carries."""
TRANSFERS = "xendit"
"""The gateway that sends money to bank accounts."""
TRANSFER_GATEWAYS: dict[str, Callable[[], TransferGateway]] = {TRANSFERS: lambda: XenditGateway(xendit())}
"""Every gateway that can."""


def gateway(name: str) -> Gateway:
    """The payment gateway of this name."""
    return GATEWAYS[name]()


def transfer_gateway() -> TransferGateway:
    """The gateway that carries payouts, and refunds that no payment gateway can send back."""
    return TRANSFER_GATEWAYS[TRANSFERS]()


def xendit() -> Xendit:
    """Xendit, with our key and callback token."""
    return _xendit(settings().xendit_base_url, secret("xendit-api-key"), secret("xendit-callback-token"))


def midtrans() -> Midtrans:
    """Midtrans, both its hosts."""
    chosen = settings()
    return _midtrans(chosen.midtrans_base_url, chosen.midtrans_snap_url, secret("midtrans-server-key"))


@dataclass(frozen=True)
class SnapScript:
    """The settings that a page of ours needs to open Midtrans's popup over itself (MID-1)."""

    url: str
    client_key: str

    @property
    def origin(self) -> str:
        """The origins of the script and of the popup's frame, for the page's content security policy."""
        address = urlsplit(self.url)
        return f"{address.scheme}://{address.netloc}"


def snap_script() -> SnapScript:
    """The script of Midtrans's popup, `data-client-key` included."""
    chosen = settings()
    url = chosen.midtrans_snap_script_url or f"{chosen.midtrans_snap_url.rstrip('/')}/snap/snap.js"
    return SnapScript(url, secret("midtrans-client-key"))


def sendgrid() -> SendGrid:
    """SendGrid, sending in our name."""
    chosen = settings()
    return _sendgrid(
        chosen.sendgrid_base_url, secret("sendgrid-api-key"), Sender(chosen.sender_email, chosen.sender_name)
    )


def whatsapp() -> WhatsApp:
    """WhatsApp, sending from our business number."""
    chosen = settings()
    return _whatsapp(
        chosen.whatsapp_base_url,
        chosen.whatsapp_version,
        chosen.whatsapp_phone_number_id,
        secret("whatsapp-access-token"),
    )


@lru_cache(maxsize=1)
def _xendit(base_url: str, api_key: str, callback_token: str) -> Xendit:
    return Xendit(base_url, api_key, callback_token, timeouts=_timeouts())


@lru_cache(maxsize=1)
def _midtrans(core_url: str, snap_url: str, server_key: str) -> Midtrans:
    return Midtrans(core_url=core_url, snap_url=snap_url, server_key=server_key, timeouts=_timeouts())


@lru_cache(maxsize=1)
def _sendgrid(base_url: str, api_key: str, sender: Sender) -> SendGrid:
    return SendGrid(base_url, api_key, sender)


@lru_cache(maxsize=1)
def _whatsapp(base_url: str, version: str, phone_number_id: str, token: str) -> WhatsApp:
    return WhatsApp(base_url, version, phone_number_id, token)
