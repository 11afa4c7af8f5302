"""Our accounts at the gateways: one client each, built at its first use from settings and secrets."""

from shared.cloud.clients import Once
from shared.cloud.secrets import secret
from shared.cloud.settings import settings
from shared.gateways.midtrans import Midtrans
from shared.gateways.sendgrid import Sender, SendGrid
from shared.gateways.xendit import Xendit


@Once
def xendit() -> Xendit:
    """Xendit, with our key and callback token."""
    return Xendit(settings().xendit_base_url, secret("xendit-api-key"), secret("xendit-callback-token"))


@Once
def midtrans() -> Midtrans:
    """Midtrans, both its hosts."""
    return Midtrans(
        core_url=settings().midtrans_base_url,
        snap_url=settings().midtrans_snap_url,
        server_key=secret("midtrans-server-key"),
        client_key=secret("midtrans-client-key"),
    )


@Once
def sendgrid() -> SendGrid:
    """SendGrid, sending in our name."""
    sender = Sender(settings().sender_email, settings().sender_name)
    return SendGrid(settings().sendgrid_base_url, secret("sendgrid-api-key"), sender)
