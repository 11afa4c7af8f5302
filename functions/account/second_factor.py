"""The second factor: set up, renewed, removed (MFA-1)."""

from shared.identity import second_factor_enrolment
from shared.identity.principals import SecondFactorRequired
from shared.identity.second_factor_enrolment import (
    AlreadyEnrolled,
    Enrolment,
    EnrolmentConfirmation,
    EnrolmentExpired,
    RecoveryCodes,
    SecondFactorResponse,
)
from shared.identity.second_factors import SecondFactorInvalid
from shared.messages import mails
from shared.problems import NotFound
from shared.web import CREDENTIALS, App, FreshlyProvenBuyer, SignedIn, Transaction

routes = App("account")

NOT_CONFIRMED = (EnrolmentExpired, SecondFactorInvalid, AlreadyEnrolled)


@routes.get("/account/second-factor")
def second_factor(caller: SignedIn, tx: Transaction) -> SecondFactorResponse:
    """Your second factor."""
    return second_factor_enrolment.read(tx, caller.id)


@routes.post("/account/second-factor", status=200)
def begin_enrolment(caller: FreshlyProvenBuyer, tx: Transaction) -> Enrolment:
    """Begin to set up a second factor, or another phone for it. For organizers and admins."""
    return second_factor_enrolment.begin(tx, caller)


@routes.post("/account/second-factor/confirm", status=200, limit=CREDENTIALS, problems=NOT_CONFIRMED)
def confirm_enrolment(given: EnrolmentConfirmation, caller: FreshlyProvenBuyer, tx: Transaction) -> RecoveryCodes:
    """Set up the second factor by the first code of its app. Every other session ends."""
    return second_factor_enrolment.confirm(tx, caller, given, mails.enqueue_for_account)


@routes.post("/account/second-factor/recovery-codes", status=200, problems=(NotFound,))
def renew_recovery_codes(caller: FreshlyProvenBuyer, tx: Transaction) -> RecoveryCodes:
    """New recovery codes. The former ones are no longer valid."""
    return second_factor_enrolment.renew_recovery_codes(tx, caller, mails.enqueue_for_account)


@routes.delete("/account/second-factor", status=204, problems=(NotFound, SecondFactorRequired))
def switch_off_second_factor(caller: FreshlyProvenBuyer, tx: Transaction) -> None:
    """Remove your second factor. Admins can't: they set up another phone instead."""
    second_factor_enrolment.switch_off(tx, caller, mails.enqueue_for_account)
