"""Signing in with Google: the way there, the way back, and the terms where it opens an account (UM-003, DP-004)."""

from dataclasses import replace

from shared.identity import google_redirect
from shared.identity.accounts import TermsNotAccepted
from shared.identity.google_redirect import Return
from shared.identity.second_factor_sign_in import SecondFactorChallenge
from shared.problems import Problem
from shared.site import forms, rendering, sign_in, sign_in_pages
from shared.web import CREDENTIALS, App
from shared.web.pages import Page, PageRequest, Redirect

pages = App("site")


@pages.page(google_redirect.PATH, anybody=True)
def begin(request: PageRequest) -> Redirect:
    """Go to Google's page, which comes back to the form below."""
    target = forms.target(request, sign_in_pages.SIGNED_IN)
    authorization = google_redirect.begin(request.client, target, request.language)
    return Redirect(authorization.url, google_key=authorization.key)


@pages.form(google_redirect.PATH, anybody=True, limit=CREDENTIALS, from_elsewhere=True)
def receive_token(request: PageRequest) -> Page | Redirect:
    """Take what Google's page posts: a proof who it is, or that they did not want to."""
    return _sign_in(request, accepts_terms=False)


@pages.form(f"{google_redirect.PATH}/terms", anybody=True, limit=CREDENTIALS)
def accept_terms(request: PageRequest) -> Page | Redirect:
    """Take the same proof again, with the terms accepted: it opens an account."""
    return _sign_in(request, accepts_terms=request.form.get("accept_terms") == "true")


def _sign_in(request: PageRequest, *, accepts_terms: bool) -> Page | Redirect:
    try:
        returned = google_redirect.read_return(request.form.get("state", ""), request.client)
    except Problem as problem:
        return sign_in_pages.login_page(request, problem=problem)
    request = replace(request, language=returned.language)
    target = forms.safe_next(returned.target, sign_in_pages.SIGNED_IN)
    try:
        tokens = google_redirect.sign_in(request.form, returned, request.client, accepts_terms=accepts_terms)
    except TermsNotAccepted:
        return _terms_page(request, returned)
    except SecondFactorChallenge as asked:
        return sign_in.second_factor_page(request, asked.challenge, target)
    except Problem as problem:
        return sign_in_pages.login_page(request, target=target, problem=problem)
    return Redirect(target, tokens=tokens)


def _terms_page(request: PageRequest, returned: Return) -> Page:
    return rendering.form_page(
        "google_terms.html",
        request,
        address=sign_in_pages.address(forms.safe_next(returned.target, sign_in_pages.SIGNED_IN)),
        action=f"{google_redirect.PATH}/terms",
    )
