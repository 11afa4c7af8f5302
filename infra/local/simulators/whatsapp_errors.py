"""Refusals in the words of the Graph API."""

import secrets

from infra.local.simulators.api import ApiError


def refusal(status: int, code: int, details: str) -> ApiError:
    """A refusal with its code, by which alone callers decide."""
    error = {
        "message": f"(#{code}) {details}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details},
        "fbtrace_id": secrets.token_urlsafe(12),
    }
    return ApiError(status, {"error": error})
