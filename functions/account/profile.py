"""Profile and photo, password, becoming an organizer (UM-007, UM-008)."""

from typing import Annotated

from shared.identity import password_change, photos, profiles, roles
from shared.identity.accounts import UserResponse
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_change import PasswordChange, WrongPassword
from shared.identity.principals import FreshProofRequired
from shared.identity.profiles import ProfileChange, ProfileResponse
from shared.identity.roles import OrganizerApplication, RoleFixed, RoleTaken
from shared.identity.sessions import SessionEnded, Tokens
from shared.pictures import NotAnImage
from shared.web import App, MaxBytes, SignedIn, Transaction, Upload

routes = App("account")


@routes.get("/account")
def show(caller: SignedIn, tx: Transaction) -> ProfileResponse:
    """Your profile."""
    return profiles.read(tx, caller.id)


@routes.put("/account", problems=(FreshProofRequired, SessionEnded))
def change(changes: ProfileChange, caller: SignedIn, tx: Transaction) -> ProfileResponse:
    """Change your names, phone, language, or consent to marketing mails."""
    return profiles.change(tx, caller, changes)


@routes.post("/account/photo", problems=(NotAnImage,))
def set_photo(file: Annotated[Upload, MaxBytes(photos.MAX_PHOTO_BYTES)], caller: SignedIn) -> ProfileResponse:
    """Set your photo: JPEG or PNG, at most 5 MB. It is cropped to a small square, without metadata."""
    return photos.replace(caller.id, file.content)


@routes.delete("/account/photo", status=204)
def remove_photo(caller: SignedIn, tx: Transaction) -> None:
    """Remove your photo."""
    photos.remove(tx, caller.id)


@routes.put("/account/password", problems=(WrongPassword, TooManyAttempts))
def change_password(changes: PasswordChange, caller: SignedIn) -> Tokens:
    """Change your password. Every session ends; continue with the tokens in the response."""
    return password_change.change(caller.id, changes, caller.session_id)


@routes.post("/account/organizer", status=200, problems=(RoleFixed, RoleTaken))
def become_organizer(wanted: OrganizerApplication, caller: SignedIn, tx: Transaction) -> UserResponse:
    """Become an organizer. Refresh your tokens afterwards: until then they carry your former role."""
    return roles.become_organizer(tx, caller, wanted)
