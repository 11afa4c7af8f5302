"""The second factor: the second step of signing in, and setting it up or switching it off in the account (MFA-1)."""

from shared.cloud.database import snapshot, transaction
from shared.identity import people, second_factor_enrolment, second_factor_resets, second_factor_sign_in
from shared.identity.second_factor_enrolment import (
    AlreadyEnrolled,
    Enrolment,
    EnrolmentConfirmation,
    EnrolmentExpired,
    RecoveryCodes,
)
from shared.identity.second_factor_resets import ResetRequest
from shared.identity.second_factor_sign_in import ChallengeExpired, SecondFactorProof
from shared.identity.second_factors import SecondFactorInvalid
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.problems import Problem
from shared.site import forms, refusals, rendering, sign_in, sign_in_pages
from shared.web import CREDENTIALS, App, FreshlyProvenBuyer, SignedIn
from shared.web.pages import Page, PageRequest, Redirect

SECOND_FACTOR = "/account/second-factor"
NEW = f"{SECOND_FACTOR}/new"

pages = App("site")


@pages.form("/login/second-factor", anybody=True, limit=CREDENTIALS)
def answer_challenge(request: PageRequest) -> Page | Redirect:
    """Take the code of the second step, and go on where they wanted to."""
    challenge, target = request.form.get("challenge", ""), forms.target(request, sign_in_pages.SIGNED_IN)
    given, _ = forms.read(SecondFactorProof, forms.non_empty(request.form, "challenge", "code"), request.language)
    if given is None:
        return sign_in.second_factor_page(request, challenge, target, SecondFactorInvalid())
    try:
        tokens = second_factor_sign_in.sign_in(given, request.client, mails.enqueue_for_account)
    except ChallengeExpired as problem:
        return sign_in_pages.login_page(request, problem=problem)
    except Problem as problem:
        return sign_in.second_factor_page(request, challenge, target, problem)
    return Redirect(target, tokens=tokens)


@pages.form("/login/second-factor/reset", anybody=True, limit=CREDENTIALS)
def request_reset(request: PageRequest) -> Page:
    """Ask to remove the second factor of a phone that is lost with every recovery code."""
    challenge, target = request.form.get("challenge", ""), forms.target(request, sign_in_pages.SIGNED_IN)
    try:
        wanted = ResetRequest.model_construct(challenge=challenge)
        requested = second_factor_resets.request(wanted, mails.enqueue_for_account)
    except ChallengeExpired as problem:
        return sign_in_pages.login_page(request, problem=problem)
    except Problem as problem:
        return sign_in.second_factor_page(request, challenge, target, problem)
    return rendering.form_page(
        "login_reset_requested.html", request, address=sign_in_pages.address(target), requested=requested
    )


@pages.page(SECOND_FACTOR)
def show(request: PageRequest, viewer: SignedIn) -> Page:
    """The second factor's state, and what can be done with it."""
    return _page(request, viewer)


@pages.page(NEW)
def begin(request: PageRequest, viewer: FreshlyProvenBuyer) -> Page | Redirect:
    """The page with the QR code for an authenticator app."""
    try:
        with snapshot() as tx:
            enrolment = second_factor_enrolment.begin(tx, viewer)
    except Problem as problem:
        return _page(request, viewer, problem=problem)
    return _new_page(request, viewer, enrolment)


@pages.form(SECOND_FACTOR, limit=CREDENTIALS)
def confirm(request: PageRequest, viewer: FreshlyProvenBuyer) -> Page | Redirect:
    """Take the first code of the app, and show the recovery codes, this once."""
    given, errors = forms.read(
        EnrolmentConfirmation, forms.non_empty(request.form, "enrolment", "code"), request.language
    )
    if given is None:
        return _again(request, viewer, errors)
    try:
        with transaction() as tx:
            made = second_factor_enrolment.confirm(tx, viewer, given, mails.enqueue_for_account)
    except AlreadyEnrolled:
        return Redirect(SECOND_FACTOR)
    except SecondFactorInvalid as problem:
        return _again(request, viewer, {"code": refusals.of(problem, request.language).title})
    except Problem as problem:
        return _page(request, viewer, problem=problem)
    return _codes_page(request, viewer, made)


@pages.form(f"{SECOND_FACTOR}/recovery-codes")
def renew_recovery_codes(request: PageRequest, viewer: FreshlyProvenBuyer) -> Page:
    """Make new recovery codes, and show them, this once."""
    with transaction() as tx:
        made = second_factor_enrolment.renew_recovery_codes(tx, viewer, mails.enqueue_for_account)
    return _codes_page(request, viewer, made)


@pages.form(f"{SECOND_FACTOR}/off")
def switch_off(viewer: FreshlyProvenBuyer) -> Redirect:
    """Remove it."""
    with transaction() as tx:
        second_factor_enrolment.switch_off(tx, viewer, mails.enqueue_for_account)
    return Redirect(f"{SECOND_FACTOR}?off=yes")


def _page(request: PageRequest, viewer: Principal, *, problem: Problem | None = None) -> Page:
    with snapshot() as tx:
        factor = second_factor_enrolment.read(tx, viewer.id)
        person = people.get_or_refuse(tx, viewer.id)
    return rendering.form_page(
        "second_factor.html",
        request,
        viewer=viewer,
        problem=problem,
        address=SECOND_FACTOR,
        factor=factor,
        may_enrol=second_factor_enrolment.may_enrol(person.role),
        may_switch_off=second_factor_enrolment.may_switch_off(person.role),
        is_demanded=viewer.lacks_second_factor,
        is_off=request.query.get("off") == "yes",
        next=forms.target(request, ""),
    )


def _again(request: PageRequest, viewer: Principal, errors: dict[str, str]) -> Page | Redirect:
    """The same QR code again; a new one where the former took too long."""
    try:
        with snapshot() as tx:
            enrolment = second_factor_enrolment.resume(tx, viewer, request.form.get("enrolment", ""))
    except EnrolmentExpired:
        return Redirect(NEW)
    return _new_page(request, viewer, enrolment, errors)


def _new_page(
    request: PageRequest, viewer: Principal, enrolment: Enrolment, errors: dict[str, str] | None = None
) -> Page:
    return rendering.form_page(
        "second_factor_new.html",
        request,
        viewer=viewer,
        errors=errors,
        address=NEW,
        enrolment=enrolment,
        next=forms.target(request, SECOND_FACTOR),
    )


def _codes_page(request: PageRequest, viewer: Principal, made: RecoveryCodes) -> Page:
    return rendering.form_page(
        "recovery_codes.html",
        request,
        viewer=viewer,
        address=SECOND_FACTOR,
        codes=made.recovery_codes,
        next=forms.target(request, SECOND_FACTOR),
    )
