"""Sign-in with Google by redirect (UM-003): where a browser is sent, and what it brings back.

The implicit flow of OpenID Connect with `response_mode=form_post`: Google's page posts an ID token to ours, so that
no script of Google's runs on our pages. The `state` is our nonce and where to go on; it is believed only of the browser
that the nonce was issued to (google_nonces).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, urlencode

from pydantic import ValidationError

from shared.cloud.settings import settings
from shared.identity import google, google_nonces, google_tokens
from shared.identity.client_networks import ClientNetwork
from shared.identity.google import GoogleSignIn
from shared.identity.google_tokens import GoogleTokenInvalid
from shared.identity.sessions import Tokens
from shared.problems import NotSignedIn

PATH = "/login/google"
"""The redirect URI's path: `<public address>/login/google` is registered with Google."""
MAX_TARGET = 2000


class GoogleCancelled(NotSignedIn):
    """You have not signed in with Google. Try again, or have a code mailed."""

    slug = "google-cancelled"


@dataclass(frozen=True)
class Authorization:
    """The `url` at Google to go to, and the `key` for the cookie of the browser that goes."""

    url: str
    key: str


@dataclass(frozen=True)
class Return:
    """A browser that comes back: to which nonce it was sent away, where it goes on, and in which language."""

    nonce: str
    target: str
    language: Literal["id", "en"]


def is_on() -> bool:
    """True if sign-in with Google is set up."""
    return bool(google_tokens.client_ids())


def begin(client: ClientNetwork, target: str, language: Literal["id", "en"]) -> Authorization:
    """Begin a sign-in of this browser that goes on at `target` of ours. Raises GoogleSignInOff."""
    issued = google.nonce(client)
    query = {
        "client_id": google_tokens.client_ids()[0],
        "redirect_uri": f"{settings().public_url.rstrip('/')}{PATH}",
        "response_type": "id_token",
        "response_mode": "form_post",
        "scope": "openid email profile",
        "nonce": issued.nonce,
        "state": urlencode({"nonce": issued.nonce, "target": target[:MAX_TARGET], "language": language}),
        "prompt": "select_account",
        "hl": language,
    }
    return Authorization(f"{settings().google_authorization_url}?{urlencode(query)}", issued.key)


def read_return(state: str, client: ClientNetwork) -> Return:
    """The sign-in that a browser comes back from. Raises GoogleTokenInvalid where another browser began it, or none."""
    given = {name: values[0] for name, values in parse_qs(state).items()}
    if not google_nonces.is_valid(given.get("nonce"), client.google_key):
        raise GoogleTokenInvalid("This sign-in was not started here. Sign in with Google again.")
    language: Literal["id", "en"] = "en" if given.get("language") == "en" else "id"
    return Return(given["nonce"], given.get("target", ""), language)


def sign_in(
    response: Mapping[str, str], returned: Return, client: ClientNetwork, *, accepts_terms: bool = False
) -> Tokens:
    """Sign in by what Google's page posted. Raises GoogleCancelled, and what google.sign_in raises."""
    if "id_token" not in response:
        raise GoogleCancelled
    try:
        request = GoogleSignIn(
            id_token=response["id_token"],
            nonce=returned.nonce,
            accept_terms=accepts_terms,
            language=returned.language,
        )
    except ValidationError as error:
        raise GoogleTokenInvalid from error
    return google.sign_in(request, client)
