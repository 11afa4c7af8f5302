"""Errors between us and a gateway.

GatewayError
├── GatewayUnavailable    no usable answer: try later; whether the call took effect may be unknown
├── GatewayRefused        a definite refusal, with the gateway's own code
├── GatewayMisconfigured  our key or our rights are wrong: nobody's order will work until a human acts
├── PayloadUnreadable     an answer or a webhook that is not what the gateway documents
└── SignatureInvalid      a webhook that does not prove its origin

The text of an error names the gateway and codes only: messages of gateways repeat what was sent to
them, names and addresses included, so they stay in `message`, out of logs.
"""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

UNKNOWN = "UNKNOWN"
"""The code of a refusal that came without a readable one: from a proxy, or another host than we think."""


class GatewayError(Exception):
    """A call to `gateway` (xendit, midtrans, sendgrid), or a webhook of its, failed."""

    def __init__(self, gateway: str, reason: str) -> None:
        super().__init__(f"{gateway}: {reason}")
        self.gateway = gateway
        self.reason = reason


class GatewayUnavailable(GatewayError):
    """The gateway gave no usable answer; the same call may work after `retry_after_seconds`.

    `outcome_unknown` is true where a request may have taken effect although no answer came back
    (a time-out, a 5xx): ask for the status before repeating it, unless it carries a key.
    """

    def __init__(self, gateway: str, reason: str, *, retry_after_seconds: float, outcome_unknown: bool) -> None:
        super().__init__(gateway, reason)
        self.retry_after_seconds = retry_after_seconds
        self.outcome_unknown = outcome_unknown


class NotSettledYet(GatewayUnavailable):
    """The payment has not settled at the gateway, so that its money can't be given back yet: within a day it can."""

    def __init__(self, gateway: str) -> None:
        super().__init__(gateway, "not settled yet", retry_after_seconds=3600, outcome_unknown=False)


class GatewayRefused(GatewayError):
    """The gateway understood and refused: `code` is its own code for the reason, `status` the HTTP status."""

    def __init__(self, gateway: str, *, status: int, code: str, message: str = "") -> None:
        super().__init__(gateway, f"refused with {status} {code}")
        self.status = status
        self.code = code
        self.message = message


class GatewayMisconfigured(GatewayError):
    """The gateway does not accept our key (401) or grants it too little (403)."""

    def __init__(self, gateway: str, *, status: int, code: str, message: str = "") -> None:
        super().__init__(gateway, f"does not accept our key or rights: {status} {code}")
        self.status = status
        self.code = code
        self.message = message


class PayloadUnreadable(GatewayError):
    """An answer or a webhook lacks a field it must have, or is no JSON at all."""


class SignatureInvalid(GatewayError):
    """A webhook without the proof that the gateway sent it. Answer 401 and keep nothing of it."""


def refusal(gateway: str, *, status: int, code: str, message: str) -> GatewayRefused | GatewayMisconfigured:
    """The error for a definite answer with HTTP-like `status` outside 2xx."""
    kind = GatewayMisconfigured if status in (401, 403) else GatewayRefused
    return kind(gateway, status=status, code=code, message=message)


def none_if_unknown(ask: Callable[[], T]) -> T | None:
    """The result of `ask`; None where the gateway does not know what is asked about."""
    try:
        return ask()
    except GatewayRefused as refused:
        if refused.status == 404 and refused.code != UNKNOWN:
            return None
        raise
