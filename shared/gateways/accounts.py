"""Our accounts at the gateways: one client each, built at its first use from settings and secrets."""

from shared.cloud.clients import Once
from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.gateways.http import Patience
from shared.gateways.midtrans import Midtrans
from shared.gateways.sendgrid import Sender, SendGrid
from shared.gateways.xendit import Xendit

# A webhook waits for our question to its gateway, and the gateways give it up after 15 seconds (payments.md 1).
_PATIENCE = Patience(connect_seconds=2, read_seconds=6, total_seconds=12)


@Once
def xendit() -> Xendit:
    """Xendit, with our key and callback token."""
    return Xendit(
        settings().xendit_base_url, secret("xendit-api-key"), secret("xendit-callback-token"), patience=_PATIENCE
    )


@Once
def midtrans() -> Midtrans:
    """Midtrans, both its hosts."""
    return Midtrans(
        core_url=settings().midtrans_base_url,
        snap_url=settings().midtrans_snap_url,
        server_key=secret("midtrans-server-key"),
        client_key=secret("midtrans-client-key"),
        patience=_PATIENCE,
    )


@Once
def sendgrid() -> SendGrid:
    """SendGrid, sending in our name."""
    sender = Sender(settings().sender_email, settings().sender_name)
    return SendGrid(settings().sendgrid_base_url, secret("sendgrid-api-key"), sender)
