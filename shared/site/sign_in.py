"""Signing in to pages by a mailed code (AUTH-1) and a second factor (MFA-1): what forms send, what is wrong with it."""

from urllib.parse import urlencode

from shared.identity import code_sign_in, google_redirect
from shared.identity import tokens as token_records
from shared.identity.code_sign_in import SignInCodeRequest, SignInProof
from shared.identity.codes import CodeInvalid
from shared.identity.sessions import Tokens
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.problems import NotSignedIn, Problem
from shared.site import forms, rendering
from shared.web.constant_time import CODE_MS, pad_to
from shared.web.pages import Page, PageRequest


def send_code(request: PageRequest) -> tuple[str, dict[str, str]]:
    """Mail a code to the address that the form names; the address, and what is wrong with it by field.

    Raises TooManyAttempts.
    """
    given = {**forms.non_empty(request.form, "email"), "accept_terms": request.form.get("accept_terms") == "true"}
    asked, errors = forms.read(SignInCodeRequest, {**given, "language": request.language}, request.language)
    if asked is None:
        return request.form.get("email", ""), errors
    with pad_to(CODE_MS):
        code_sign_in.send_code(asked, request.client, mails.enqueue_for_account)
    return asked.email, {}


def sign_in_by_code(request: PageRequest) -> Tokens:
    """Sign in with the code that the form gives. Raises CodeInvalid, TermsNotAccepted, TooManyAttempts."""
    given = forms.non_empty(request.form, "email", "code")
    given["code"] = given.get("code", "").replace(" ", "")
    proof, _ = forms.read(SignInProof, {**given, "language": request.language}, request.language)
    if proof is None:
        raise CodeInvalid
    with pad_to(CODE_MS):
        return code_sign_in.sign_in(proof, request.client)


def second_factor_page(request: PageRequest, challenge: str, target: str, problem: Problem | None = None) -> Page:
    """The page that asks for the second factor of who has passed the first step, and goes on to `target`."""
    return rendering.form_page(
        "login_second_factor.html",
        request,
        problem=problem,
        address=f"/login?{urlencode({'next': target})}",
        challenge=challenge,
        next=target,
    )


def google_path(target: str) -> str:
    """The address of ours that leads to Google's page and then to `target`; empty where Google is not set up."""
    return f"{google_redirect.PATH}?{urlencode({'next': target})}" if google_redirect.is_on() else ""


def principal(tokens: Tokens) -> Principal:
    """The person whom these tokens sign in."""
    found = token_records.principal_of(tokens.access_token)
    if found is None:
        raise NotSignedIn
    return found
