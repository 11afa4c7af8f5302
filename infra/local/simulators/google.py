"""Google's page for signing in: whoever types an e-mail address comes back as that person.

As published (OpenID Connect at Google): the parameters, the claims, and that an unknown client, an unregistered
redirect URI or a missing nonce ends on a page of Google's instead of going back. The keys are those of the local cloud,
as Google's are one set for people and services.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import Engine

from infra.local.cloud.oidc import Signer
from infra.local.simulators.settings import SimulatorSettings

_PAGE = "/o/oauth2/v2/auth"
_REQUIRED = ("scope", "nonce")
_FREE_MAIL = "gmail.com"

_Page = str | tuple[str, int]


@dataclass(frozen=True)
class _Refusal:
    """A refusal that Google's page shows instead of going back."""

    status: int
    error: str
    detail: str


def sign_in_pages(settings: SimulatorSettings, engine: Engine) -> Blueprint:
    """The page that asks who it is, and the one that posts the answer to ours."""
    pages = Blueprint("google", __name__)
    signer = Signer(engine)

    @pages.get(_PAGE)
    def ask() -> _Page:
        refusal = _refusal(request.args, settings)
        return _error_page(refusal) if refusal else _ask("")

    @pages.post(_PAGE)
    def answer() -> _Page:
        refusal = _refusal(request.args, settings)
        if refusal:
            return _error_page(refusal)
        if "cancel" in request.form:
            return _return({"error": "access_denied"})
        email = request.form.get("email", "").strip()
        if "@" not in email.strip("@"):
            return _ask(email)
        claims = _claims(email, request.args, is_hosted="hosted" in request.form)
        return _return({"id_token": signer.sign(claims), "authuser": "0"})

    return pages


def _refusal(asked: Mapping[str, str], settings: SimulatorSettings) -> _Refusal | None:
    if asked.get("client_id") not in settings.google_client_ids:
        return _Refusal(401, "invalid_client", "The OAuth client was not found.")
    if asked.get("redirect_uri") != settings.google_redirect_uri:
        return _Refusal(400, "redirect_uri_mismatch", f"redirect_uri={asked.get('redirect_uri')}")
    if asked.get("response_type") != "id_token" or asked.get("response_mode") != "form_post":
        return _Refusal(400, "unsupported_response_type", "Only id_token by form_post is simulated.")
    missing = next((name for name in _REQUIRED if not asked.get(name)), None)
    if missing:
        return _Refusal(400, "invalid_request", f"Missing required parameter: {missing}")
    if "openid" not in asked["scope"].split():
        return _Refusal(400, "invalid_scope", "The scope openid is missing.")
    return None


def _claims(email: str, asked: Mapping[str, str], *, is_hosted: bool) -> dict[str, Any]:
    local, _, domain = email.lower().rpartition("@")
    claims: dict[str, Any] = {
        "aud": asked["client_id"],
        "azp": asked["client_id"],
        "sub": _subject(email),
        "nonce": asked["nonce"],
    }
    scopes = asked["scope"].split()
    if "email" in scopes:
        claims |= {"email": email, "email_verified": True}
        claims |= {"hd": domain} if is_hosted and domain != _FREE_MAIL else {}
    if "profile" in scopes:
        claims["name"] = " ".join(local.replace(".", " ").replace("_", " ").title().split())
    return claims


def _subject(email: str) -> str:
    """The number of a Google account: the same for the same address."""
    return f"1{int(hashlib.sha256(email.lower().encode()).hexdigest(), 16) % 10**20:020d}"


def _ask(email: str) -> str:
    return render_template("google.html", email=email)


def _return(fields: Mapping[str, str]) -> str:
    answer = {"state": request.args.get("state", ""), **fields}
    return render_template("google_return.html", action=request.args["redirect_uri"], fields=answer)


def _error_page(refusal: _Refusal) -> tuple[str, int]:
    return render_template("google_error.html", refusal=refusal), refusal.status
