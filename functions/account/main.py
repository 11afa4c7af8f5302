"""A person's own account: profile and photo, password, second factor, becoming an organizer (UM-007, UM-008, MFA-1)."""

from typing import Annotated

from shared.identity import password_change, photos, profiles, roles, second_factor_enrolment
from shared.identity.accounts import UserResponse
from shared.identity.login_throttling import TooManyAttempts
from shared.identity.password_change import PasswordChange, WrongPassword
from shared.identity.principals import FreshProofRequired, SecondFactorRequired
from shared.identity.profiles import ProfileChange, ProfileResponse
from shared.identity.roles import OrganizerApplication, RoleFixed
from shared.identity.second_factor_enrolment import (
    AlreadyEnrolled,
    Enrolment,
    EnrolmentConfirmation,
    EnrolmentExpired,
    RecoveryCodes,
    SecondFactorResponse,
)
from shared.identity.second_factors import SecondFactorInvalid
from shared.identity.sessions import SessionEnded, Tokens
from shared.messages import mails
from shared.pictures import NotAnImage
from shared.problems import NotFound
from shared.web import CREDENTIALS, App, FreshlyProvenBuyer, MaxBytes, SignedIn, Transaction, Upload

app = App("account")

NOT_CONFIRMED = (EnrolmentExpired, SecondFactorInvalid, AlreadyEnrolled)


@app.get("/account")
def show(caller: SignedIn, tx: Transaction) -> ProfileResponse:
    """Your profile."""
    return profiles.read(tx, caller.id)


@app.put("/account", problems=(FreshProofRequired, SessionEnded))
def change(changes: ProfileChange, caller: SignedIn, tx: Transaction) -> ProfileResponse:
    """Change your names, phone, language, or consent to marketing mails."""
    return profiles.change(tx, caller, changes)


@app.post("/account/photo", problems=(NotAnImage,))
def set_photo(file: Annotated[Upload, MaxBytes(photos.MAX_PHOTO_BYTES)], caller: SignedIn) -> ProfileResponse:
    """Set your photo: JPEG or PNG, at most 5 MB. It is cropped to a small square, without metadata."""
    return photos.replace(caller.id, file.content)


@app.delete("/account/photo", status=204)
def remove_photo(caller: SignedIn, tx: Transaction) -> None:
    """Remove your photo."""
    photos.remove(tx, caller.id)


@app.put("/account/password", problems=(WrongPassword, TooManyAttempts))
def change_password(changes: PasswordChange, caller: SignedIn) -> Tokens:
    """Change your password. Every session ends; continue with the tokens in the response."""
    return password_change.change(caller.id, changes, caller.session_id)


@app.post("/account/organizer", status=200, problems=(RoleFixed,))
def become_organizer(wanted: OrganizerApplication, caller: SignedIn, tx: Transaction) -> UserResponse:
    """Become an organizer. Refresh your tokens afterwards: until then they tell your former role."""
    return roles.become_organizer(tx, caller, wanted)


@app.get("/account/second-factor")
def second_factor(caller: SignedIn, tx: Transaction) -> SecondFactorResponse:
    """Your second factor."""
    return second_factor_enrolment.read(tx, caller.id)


@app.post("/account/second-factor", status=200)
def begin_enrolment(caller: FreshlyProvenBuyer, tx: Transaction) -> Enrolment:
    """Begin to set up a second factor, or another phone for it. For organizers and admins."""
    return second_factor_enrolment.begin(tx, caller)


@app.post("/account/second-factor/confirm", status=200, limit=CREDENTIALS, problems=NOT_CONFIRMED)
def confirm_enrolment(given: EnrolmentConfirmation, caller: FreshlyProvenBuyer, tx: Transaction) -> RecoveryCodes:
    """Set up the second factor by the first code of its app. Every other session ends."""
    return second_factor_enrolment.confirm(tx, caller, given, mails.enqueue_for_account)


@app.post("/account/second-factor/recovery-codes", status=200, problems=(NotFound,))
def renew_recovery_codes(caller: FreshlyProvenBuyer, tx: Transaction) -> RecoveryCodes:
    """New recovery codes. The former ones are no longer valid."""
    return second_factor_enrolment.renew_recovery_codes(tx, caller, mails.enqueue_for_account)


@app.delete("/account/second-factor", status=204, problems=(NotFound, SecondFactorRequired))
def switch_off_second_factor(caller: FreshlyProvenBuyer, tx: Transaction) -> None:
    """Remove your second factor. Admins can't: they set up another phone instead."""
    second_factor_enrolment.switch_off(tx, caller, mails.enqueue_for_account)


main = app.entry_point()
