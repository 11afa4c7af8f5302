"""Sessions: refreshing tokens and signing out (UM-004, SEC-004)."""

from typing import Annotated

from shared.identity import sessions
from shared.identity.sessions import RefreshRequest, SessionEnded, Tokens
from shared.web import SESSIONS, App, OrCookie, SignedIn, Transaction

app = App("sessions")


@app.post("/auth/refresh-token", anybody=True, limit=SESSIONS, problems=(SessionEnded,))
def refresh_token(request: Annotated[RefreshRequest, OrCookie()]) -> Tokens:
    """Exchange a refresh token for new tokens. Each works once; reuse ends the session."""
    return sessions.refresh(request)


@app.post("/auth/logout", anybody=True, status=204, limit=SESSIONS, ends_session=True)
def logout(request: Annotated[RefreshRequest, OrCookie()], tx: Transaction) -> None:
    """End the session that the refresh token belongs to."""
    sessions.end(tx, request)


@app.post("/auth/logout-everywhere", status=204, ends_session=True)
def logout_everywhere(caller: SignedIn, tx: Transaction) -> None:
    """End all sessions of the account, including this one. An access token stays valid until it expires."""
    sessions.end_everywhere(tx, caller.id)


main = app.entry_point()
