"""Verdicts on the Cloud API's error codes (docs/reference/whatsapp.md). Only codes decide, never texts."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from shared.gateways.errors import UNKNOWN, GatewayMisconfigured, GatewayRefused, GatewayUnavailable
from shared.gateways.http import HttpResponse

GATEWAY = "whatsapp"

_TOO_MANY = frozenset({4, 80007, 130429})
_AWAY = frozenset({2, 131000, 131016, 131057, 133004})
PAIR_RATE = 131056
_OUTSIDE_WINDOW = 131047
_UNREACHABLE = frozenset({131021, 131026, 131049, 131050, 130403})
_MISCONFIGURED = frozenset({0, 3, 10, 190, 368, 130497, 131031, 131042, 131045, 131048, 131064, 133010})
_TEMPLATE_OFF = frozenset({132001, 132015, 132016})
_PERMISSIONS = range(200, 300)
PAIR_RATE_SECONDS = 4.0


class Verdict(StrEnum):
    """The handling of an error."""

    RETRY = "retry"
    RETRY_RECIPIENT = "retry_recipient"
    """Only this recipient has had too much for now."""
    OUTSIDE_WINDOW = "outside_window"
    """Their last message is older than 24 hours: only a template reaches them."""
    UNREACHABLE = "unreachable"
    MISCONFIGURED = "misconfigured"
    """Our account, key or payment: nobody is reached until a person acts."""
    TEMPLATE_OFF = "template_off"
    """The template is not there, paused or disabled: no message with it leaves."""
    REFUSED = "refused"


def verdict(code: int) -> Verdict:
    """The verdict on an error code; an unknown code is a refusal."""
    if code in _TOO_MANY | _AWAY:
        return Verdict.RETRY
    if code == PAIR_RATE:
        return Verdict.RETRY_RECIPIENT
    if code == _OUTSIDE_WINDOW:
        return Verdict.OUTSIDE_WINDOW
    if code in _TEMPLATE_OFF:
        return Verdict.TEMPLATE_OFF
    if code in _UNREACHABLE:
        return Verdict.UNREACHABLE
    if code in _MISCONFIGURED or code in _PERMISSIONS:
        return Verdict.MISCONFIGURED
    return Verdict.REFUSED


class RecipientRateLimited(GatewayUnavailable):
    """This recipient was sent too much; others are not concerned."""

    def __init__(self) -> None:
        super().__init__(
            GATEWAY, "too many to one recipient", retry_after_seconds=PAIR_RATE_SECONDS, outcome_unknown=False
        )


def effective_status(response: HttpResponse) -> int:
    """The HTTP status that the code in the body amounts to: 429 where nothing was taken, 503 where they are away."""
    if response.ok:
        return response.status
    code = error_code(response.body)
    if code in _TOO_MANY:
        return 429
    return 503 if code in _AWAY else response.status


def refusal(response: HttpResponse) -> GatewayUnavailable | GatewayRefused | GatewayMisconfigured:
    """The error behind an answer that is no success."""
    code = error_code(response.body)
    if code is None:
        kind = GatewayMisconfigured if response.status in (401, 403) else GatewayRefused
        return kind(GATEWAY, status=response.status, code=UNKNOWN)
    if verdict(code) is Verdict.RETRY_RECIPIENT:
        return RecipientRateLimited()
    kind = GatewayMisconfigured if verdict(code) is Verdict.MISCONFIGURED else GatewayRefused
    return kind(GATEWAY, status=response.status, code=str(code))


def error_code(body: Any) -> int | None:
    """The code in an error document. Whatever else it holds may be an object, a text or absent."""
    error = body.get("error") if isinstance(body, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None
