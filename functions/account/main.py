"""A person's own account: profile and photo, password, a copy of their data, deletion (UM-007 to UM-009, DP-001)."""

from typing import Annotated

from shared.identity import marketing, own_password, photos, profiles
from shared.identity.attempts import TooManyAttempts
from shared.identity.marketing import LinkInvalid, UnsubscribeLink
from shared.identity.own_password import PasswordChange, WrongPassword
from shared.identity.profiles import ProfileAnswer, ProfileChange
from shared.identity.sessions import Tokens
from shared.messages import offers
from shared.pictures import NotAnImage
from shared.privacy import cookie_consents, deletion, export
from shared.privacy.cookie_consents import COOKIES, CookieChoice, CookieConsent, CookieList, ListChanged
from shared.privacy.deletion import AccountInUse, Deletion
from shared.privacy.export import ExportQuery
from shared.web import App, File, MaxBytes, Page, SignedIn, Transaction, Upload, Viewer

app = App("account")


@app.get("/account")
def show(caller: SignedIn, tx: Transaction) -> ProfileAnswer:
    """Your profile."""
    return profiles.read(tx, caller.id)


@app.put("/account")
def change(changes: ProfileChange, caller: SignedIn, tx: Transaction) -> ProfileAnswer:
    """Change your name, phone, language, or whether we may write to you about offers."""
    return profiles.change(tx, caller.id, changes)


@app.post("/account/photo", problems=(NotAnImage,))
def set_photo(file: Annotated[Upload, MaxBytes(photos.MAX_PHOTO_BYTES)], caller: SignedIn) -> ProfileAnswer:
    """Set your photo: JPEG or PNG, 5 MB at most. Its middle is kept as a small square, without metadata."""
    return photos.replace(caller.id, file.content)


@app.delete("/account/photo", status=204)
def remove_photo(caller: SignedIn, tx: Transaction) -> None:
    """Remove your photo."""
    photos.remove(tx, caller.id)


@app.put("/account/password", problems=(WrongPassword, TooManyAttempts))
def change_password(changes: PasswordChange, caller: SignedIn) -> Tokens:
    """Change your password. Every other session ends; go on with the tokens in the answer."""
    return own_password.change(caller.id, changes)


@app.get("/account/export", produces=("application/json", "text/csv"))
def export_data(query: ExportQuery, caller: SignedIn, tx: Transaction) -> File:
    """Everything we hold about you: profile, consents, orders, mails, sessions, and what was done when."""
    file = export.export(tx, caller.id, query)
    return File(file.content, file.content_type, file.filename)


@app.post("/account/delete", status=204, ends_session=True, problems=(WrongPassword, TooManyAttempts, AccountInUse))
def delete(asked: Deletion, caller: SignedIn) -> None:
    """Delete your account for good. What tax law needs is kept without your name."""
    deletion.delete(caller.id, asked)


@app.get("/account/unsubscribe", anybody=True, problems=(LinkInvalid,))
def ask_to_unsubscribe(link: UnsubscribeLink, tx: Transaction) -> Page:
    """The page a link in a mail about offers leads to. It only asks: programs that look at links change nothing."""
    return Page(offers.page(marketing.language(tx, link), is_done=False))


@app.post("/account/unsubscribe", anybody=True, problems=(LinkInvalid,))
def unsubscribe(link: UnsubscribeLink, tx: Transaction) -> Page:
    """End mails about offers, without signing in and with one click (RFC 8058). Doing it again changes nothing."""
    return Page(offers.page(marketing.withdraw(tx, link), is_done=True))


@app.get("/privacy/cookies", anybody=True)
def cookies() -> CookieList:
    """Every cookie we set, with its purpose."""
    return COOKIES


@app.post("/privacy/cookies", status=201, problems=(ListChanged,))
def choose_cookies(choice: CookieChoice, visitor: Viewer, tx: Transaction) -> CookieConsent:
    """Keep what a visitor chose. What is necessary is always among it."""
    return cookie_consents.choose(tx, visitor.id if visitor else None, choice)


main = app.entry_point()
