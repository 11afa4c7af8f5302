"""HTTP: routes, validation, guards, problem documents. It decides nothing about tickets or money."""

from shared.cloud.database import Transaction
from shared.models import File
from shared.web.app import App
from shared.web.auth import (
    Admin,
    AdminOfDesk,
    Buyer,
    FreshlyProvenAdmin,
    FreshlyProvenBuyer,
    FreshlyProvenOrganizer,
    GateStaff,
    Organizer,
    OrganizerOrSteppedUpAdmin,
    SignedIn,
    SignedInHere,
    SignedInOrSteppedUpAdmin,
    SteppedUpAdmin,
    SteppedUpAdminOfDesk,
    Viewer,
)
from shared.web.caching import Cached
from shared.web.cookie_mode import OrCookie
from shared.web.rate_limits import CODE_MAILS, CREDENTIALS, EXPORTS, GATE, NOTIFICATIONS, PAGES, QUOTES, SESSIONS
from shared.web.rendering import HtmlPage, PlainText
from shared.web.requests import MaxBytes, RawRequest, Upload
from shared.web.routes import DeliveryAttempt, IdempotencyKey
from shared.web.webhooks import forgeries_recorded

__all__ = [
    "CODE_MAILS",
    "CREDENTIALS",
    "EXPORTS",
    "GATE",
    "NOTIFICATIONS",
    "PAGES",
    "QUOTES",
    "SESSIONS",
    "Admin",
    "AdminOfDesk",
    "App",
    "Buyer",
    "Cached",
    "DeliveryAttempt",
    "File",
    "FreshlyProvenAdmin",
    "FreshlyProvenBuyer",
    "FreshlyProvenOrganizer",
    "GateStaff",
    "HtmlPage",
    "IdempotencyKey",
    "MaxBytes",
    "OrCookie",
    "Organizer",
    "OrganizerOrSteppedUpAdmin",
    "PlainText",
    "RawRequest",
    "SignedIn",
    "SignedInHere",
    "SignedInOrSteppedUpAdmin",
    "SteppedUpAdmin",
    "SteppedUpAdminOfDesk",
    "Transaction",
    "Upload",
    "Viewer",
    "forgeries_recorded",
]
