"""Settings from environment variables, read once. Secrets come from `cloud/secrets`."""

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Settings:
    """One field per setting; the environment variable has the same name in capitals."""

    google_cloud_project: str = "karcis-local"
    region: str = "asia-southeast2"
    function: str = "local"
    """The function this process serves (for logs, traces and the database's application name)."""
    k_service: str = ""
    """The service that serves, as Cloud Run names it. Empty: we are not in the cloud."""
    k_revision: str = ""
    """The revision that serves, as Cloud Run names it."""
    public_url: str = "http://127.0.0.1:8080"
    """Our address for buyers; links in mails and the gateways' return addresses begin with it."""
    function_url_template: str = "http://127.0.0.1:8080/functions/{name}"
    """The address at which Pub/Sub, Cloud Tasks and Scheduler reach a function; also the audience of their tokens."""
    invoker: str = "invoker@karcis-local.iam.gserviceaccount.com"
    """The service account that calls the functions which are not public."""

    workflows_url: str = ""
    """The address of Google Workflows, by which they are started. Empty: there are none, as on a laptop."""

    google_client_ids: str = ""
    """Our OAuth client ids, separated by commas. Empty: nobody can sign in with Google."""
    google_authorization_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    """The address of the page on which people sign in with Google. The first client id is the pages' own."""
    google_certs_url: str = "https://www.googleapis.com/oauth2/v1/certs"
    """The address of the keys with which Google signs people's ID tokens."""

    database_url: str = ""
    """A postgresql+pg8000:// URL. Empty: Cloud SQL through the connector, with IAM login."""
    database_instance: str = ""
    """Cloud SQL connection name, project:region:instance."""
    database_name: str = "karcis"
    database_user: str = ""
    database_role: str = ""
    """The database role to act as. Empty: the login's own rights, which in the cloud are no wider."""
    replica_url: str = ""
    """The URL of a read replica, for reports. Empty: that of `replica_instance`, or else the primary."""
    replica_instance: str = ""
    """The Cloud SQL connection name of a read replica, for reports. Empty: they are read from the primary."""
    pool_size: int = 4
    pool_timeout_seconds: int = 3
    statement_timeout_ms: int = 15_000
    lock_timeout_ms: int = 5_000
    timeout_factor: int = 1
    """The factor on our time-outs for other services: more than 1 where machines are busy, as in tests."""

    tickets_bucket: str = "karcis-local-tickets"
    media_bucket: str = "karcis-local-media"
    queue_bucket: str = "karcis-local-queue"
    media_base_url: str = "https://storage.googleapis.com/karcis-local-media"
    """The public address of the media bucket's objects, without a trailing slash."""

    default_gateway: str = "xendit"
    qris_limit: int = 10_000_000
    """The most rupiah that QRIS takes at once. It is not offered above."""
    unique_codes: str = "off"
    """`on` adds 1 to 999 rupiah to each payment, so that its amount alone names it (ISO-3)."""
    xendit_base_url: str = "https://api.xendit.co"
    midtrans_base_url: str = "https://api.midtrans.com"
    midtrans_snap_url: str = "https://app.midtrans.com"
    midtrans_snap_script_url: str = ""
    """The script of Snap's popup, for browsers. Empty: that of `midtrans_snap_url`."""
    sendgrid_base_url: str = "https://api.sendgrid.com"
    whatsapp_base_url: str = "https://graph.facebook.com"
    whatsapp_version: str = "v26.0"
    """The version of Meta's Graph API. Each is served for about two years."""
    whatsapp_phone_number_id: str = ""
    """Meta's id of our business number. Empty: we have none, and whatever is sent to us is for somebody else."""
    whatsapp_number: str = ""
    """Our business number in digits, for links that open a chat with it. Empty: no page offers the chat."""
    whatsapp_link_url: str = "https://wa.me"
    """The address of those links, before the number."""
    whatsapp_message_price: int = 413
    """The rupiah that Meta charges for a message to Indonesia (infra/checks/costs.py has its source)."""
    whatsapp_daily_budget: int = 5_000_000
    """The rupiah that a day's messages may cost; then only what was bought is delivered. 0: without a limit."""
    sender_email: str = "tiket@karcis.example"
    sender_name: str = "Karcis"

    reservation_seconds: int = 900
    """The time for which a reservation holds stock (TS-002)."""
    payment_seconds: int = 1800
    """The time for which an order holds stock, from its reservation on, once a payment method is chosen (TS-008)."""
    access_token_seconds: int = 900
    fresh_proof_seconds: int = 300
    """The maximum age of the last authentication for sensitive changes."""
    cancellation_approval: str = "required"
    """`optional` lets one admin alone cancel an event by the API: on a laptop, which may have a single admin."""
    step_up_seconds: int = 900
    """The maximum age of an admin's last authentication for moving money."""
    second_factor_for_admins: str = "required"
    """`optional` lets admins work without a second factor, for trying the product; else they can only set one up."""
    bank_account_wait_seconds: int = 86_400
    """The time for which no money goes to a bank account that replaced another. 0: it is used at once."""
    secure_cookies: str = "on"
    """`off` only where people reach us by plain HTTP, on a laptop: cookies without Secure and `__Host-`."""
    cors_allowed_origins: str = ""
    """Origins whose pages may read our answers, comma separated, as https://shop.example. Our own needs no entry."""
    rate_limits: str = "on"
    """`off` lets everybody call as often as they like (SEC-003)."""
    constant_time: str = "on"
    """`off`, for tests, delays no response (shared/web/constant_time.py).
    """
    shared_cache: str = "on"
    """`off` answers every read of the catalogue from the database, see docs/decisions/0005-shared-cache.md."""
    threads: int = 4
    """The number of requests that this process serves at once (functions-framework reads the same variable)."""
    bcrypt_cost: int = 12
    """Passwords are hashed with 2^cost rounds of bcrypt. Tests choose fewer; in the cloud fewer than 12 are refused."""
    trusted_proxies: int = 0
    """The number of entries of X-Forwarded-For that our own infrastructure appends: 2 behind Google's load balancer."""
    log_level: str = "INFO"
    trace_exporter: str = "none"
    """The exporter of recorded traces: `cloud` (Cloud Trace), `console`, or `none`."""
    trace_percent: int = 10
    """The percentage of traces that are recorded, if there is an exporter."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process.

    Raises ValueError for an environment variable that isn't a number where one is due, and RuntimeError for weak
    password hashes in the cloud (SEC-015).
    """
    given: dict[str, Any] = {}
    for name, field in Settings.__dataclass_fields__.items():
        value = os.environ.get(name.upper())
        if value is not None:
            given[name] = int(value) if field.type in (int, "int") else value
    made = Settings(**given)
    if made.k_service and made.bcrypt_cost < Settings.bcrypt_cost:
        raise RuntimeError(f"BCRYPT_COST is {made.bcrypt_cost}; in the cloud it is {Settings.bcrypt_cost} or more")
    return made


def function_url(name: str) -> str:
    """The address of one of our functions, without a trailing slash."""
    return settings().function_url_template.format(name=name.replace("_", "-"))
