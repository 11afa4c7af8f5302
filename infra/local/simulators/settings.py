"""Settings of the simulators: their addresses and ours, and the keys we share with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SimulatorSettings:
    """Keys are those the product uses; an empty `mail_events_url` means that no delivery events are sent.

    An empty `whatsapp_webhook_url` means that nothing that people write in a chat arrives. A business number may take
    and send `whatsapp_messages_a_second` in all. `whatsapp_templates` were approved before.

    An empty `midtrans_client_key` lets any page open the popup.
    `public_url` is where browsers reach the simulators (without `/simulators`), `webhook_url` the
    address under which the product takes `xendit` and `midtrans` webhooks. Retries of webhooks keep
    their published rhythm, scaled so that the first comes after `first_retry_seconds`. Refunds and
    payouts are settled by the clock after `settle_seconds`.
    """

    public_url: str
    webhook_url: str
    xendit_api_key: str
    xendit_callback_token: str
    midtrans_server_key: str
    sendgrid_api_key: str
    mail_events_url: str = ""
    whatsapp_webhook_url: str = ""
    whatsapp_access_token: str = ""
    whatsapp_app_secret: str = ""
    whatsapp_phone_number_id: str = ""
    whatsapp_number: str = ""
    whatsapp_messages_a_second: int = 80
    whatsapp_templates: tuple[Mapping[str, Any], ...] = ()
    midtrans_client_key: str = ""
    google_client_ids: tuple[str, ...] = ()
    merchant_name: str = "Karcis"
    first_retry_seconds: float = 1.0
    settle_seconds: float = 1.0

    def page(self, path: str) -> str:
        """The address of a page of the simulators."""
        return f"{self.public_url.rstrip('/')}/simulators{path}"

    @property
    def google_redirect_uri(self) -> str:
        """The address of ours that is registered with Google."""
        return f"{self.public_url.rstrip('/')}/login/google"

    def webhook(self, gateway: str) -> str:
        """The product's address for this gateway's webhooks."""
        return f"{self.webhook_url.rstrip('/')}/{gateway}"
