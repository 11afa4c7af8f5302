"""Requests to Midtrans, checked as Snap and Core check them, and turned into columns."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.simulators import midtrans_documents as documents
from infra.local.simulators.api import ApiError
from infra.local.simulators.midtrans_documents import BANKS, CHANNELS, SNAP_BUTTONS

_ORDER_ID = re.compile(r"[A-Za-z0-9\-_~.]{1,50}")
_UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_PAGE_LIVES = timedelta(days=1)
_QR_LIVES = timedelta(minutes=15)
_ACCOUNT_LIVES_SECONDS = range(20, 180 * 86_400 + 1)
_GROUPS = {"bank_transfer": ["bca_va", "bni_va", "bri_va", "permata_va"], "cstore": ["indomaret", "alfamart"]}


def problems_of(body: dict[str, Any]) -> list[str]:
    """The faults of a Snap or charge request, in Snap's words."""
    details = body.get("transaction_details")
    if not isinstance(details, dict):
        return ["transaction_details is required"]
    order_id, amount = details.get("order_id"), details.get("gross_amount")
    problems = []
    if not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
        problems.append("transaction_details.order_id is required, at most 50 letters, digits, - _ ~ .")
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        problems.append("transaction_details.gross_amount is required and must be a whole number above 0")
    items = body.get("item_details") or []
    if items and sum(each.get("price", 0) * each.get("quantity", 1) for each in items) != amount:
        problems.append("transaction_details.gross_amount is not equal to the sum of item_details")
    if any(len(str(each.get("name", ""))) > 50 for each in items):
        problems.append("item_details.name too long")
    return problems


def snap_methods(body: dict[str, Any]) -> list[str]:
    """The methods on a page: those asked for, or all."""
    asked = body.get("enabled_payments") or list(SNAP_BUTTONS)
    buttons = [button for each in asked for button in _GROUPS.get(each, [each])]
    return [SNAP_BUTTONS[button] for button in buttons if button in SNAP_BUTTONS]


def snap_expiry(body: dict[str, Any]) -> datetime:
    """The end of a page's payment: `expiry` where it says when it starts, else `page_expiry`, else a day."""
    now = datetime.now(UTC)
    expiry, page = body.get("expiry") or {}, body.get("page_expiry") or {}
    if expiry.get("start_time"):
        return documents.parse_time(expiry["start_time"]) + _lasts(expiry)
    return now + (_lasts(page) if page else _lasts(expiry) if expiry else _PAGE_LIVES)


def charge_channel(body: dict[str, Any]) -> str:
    """The channel of a Core charge. Raises ApiError: 402 for a type that isn't active, or 400."""
    kind = body.get("payment_type")
    bank = str((body.get("bank_transfer") or {}).get("bank", ""))
    if kind == "bank_transfer" and bank in BANKS:
        return bank.upper()
    channel = next((name for name, each in CHANNELS.items() if each == kind), None)
    if channel is None or kind in ("bank_transfer", "credit_card", "cstore"):
        raise documents.error(402, "Payment channel is not activated.")
    bill = body.get("echannel") if isinstance(body.get("echannel"), dict) else {}
    missing = [name for name in ("bill_info1", "bill_info2") if kind == "echannel" and not (bill or {}).get(name)]
    if missing:
        raise documents.invalid(*(f"echannel.{name} is required" for name in missing))
    return channel


def charge_expiry(body: dict[str, Any], channel: str) -> datetime:
    """The end of a charge: as `custom_expiry` says, else after the type's own time."""
    custom = body.get("custom_expiry")
    if not custom:
        short = documents.CHANNELS[channel] in ("qris", "gopay")
        return datetime.now(UTC) + (_QR_LIVES if short else _PAGE_LIVES)
    start = documents.parse_time(custom["order_time"]) if custom.get("order_time") else datetime.now(UTC)
    lasts = _seconds(custom["expiry_duration"], custom.get("unit", "minute"))
    is_account = documents.CHANNELS[channel] in ("bank_transfer", "echannel")
    if is_account and int(lasts.total_seconds()) not in _ACCOUNT_LIVES_SECONDS:
        raise documents.invalid("custom_expiry.expiry_duration must be between 20 seconds and 180 days")
    return start + lasts


def malformed(error: Exception) -> ApiError:
    """The refusal of a request whose parts have the wrong shape."""
    return documents.error(413, f"The request cannot be processed due to malformed syntax: {type(error).__name__}")


def _lasts(expiry: dict[str, Any]) -> timedelta:
    return _seconds(expiry["duration"], expiry["unit"])


def _seconds(count: int, unit: str) -> timedelta:
    return timedelta(seconds=count * _UNIT_SECONDS[unit.rstrip("s")])
