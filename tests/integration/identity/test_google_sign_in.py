"""UM-003, DP-004: which account a Google identity opens, and when it is linked to one that is there."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity import password_reset, people, staff
from shared.identity.accounts import TERMS_VERSION
from shared.identity.password_reset import PasswordReset
from shared.identity.tokens import Principal, principal_of
from tests.endpoints import call, problem
from tests.factories import a_user
from tests.integration.identity.google_double import Google
from tests.integration.identity.steps import (
    NEW_PASSWORD,
    a_member,
    an_address,
    code_in,
    column,
    forget_password,
    login,
    register,
)
from tests.threads import at_the_same_time, behind

pytestmark = pytest.mark.usefixtures("database")


class Visitor:
    """Somebody with a Google account."""

    def __init__(self, google: Google, email: str | None = None, **claims: Any) -> None:
        self.subject = uuid4().hex
        self.email = email or f"{uuid4().hex[:12]}@gmail.com"
        self._google = google
        self._claims = claims

    def sign_in(self, *, email: str | None = None, **body: Any) -> Response:
        """The endpoint's answer."""
        token = self._google.token(sub=self.subject, email=email or self.email, **self._claims)
        return call("POST", "/auth/google", json={"id_token": token, **body})


def signed_in(answer: Response) -> Principal:
    """The person whom a response signs in."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    principal = principal_of(answer.get_json()["access_token"])
    assert principal is not None
    return principal


def test_the_first_sign_in_opens_an_account_once_the_terms_are_accepted(google: Google):
    visitor = Visitor(google)
    assert problem(visitor.sign_in()) == (422, "terms-not-accepted")
    first = visitor.sign_in(accept_terms=True, language="en")
    assert set(first.get_json()) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert signed_in(first).role == "customer"
    assert column("is_email_verified", visitor.email)
    assert column("terms_version", visitor.email) == TERMS_VERSION
    assert column("terms_accepted_at > now() - interval '1 minute'", visitor.email)
    assert (column("full_name", visitor.email), column("language", visitor.email)) == ("Siti Rahma", "en")
    assert column("password_hash", visitor.email) is None

    assert signed_in(visitor.sign_in()) == signed_in(first), "the terms are accepted once"


def test_the_identity_is_googles_subject_and_not_the_address(google: Google):
    visitor = Visitor(google)
    person = signed_in(visitor.sign_in(accept_terms=True))
    assert signed_in(visitor.sign_in(email=f"{uuid4().hex}@gmail.com")) == person
    assert column("email", visitor.email) == visitor.email
    namesake = Visitor(google, visitor.email)
    assert problem(namesake.sign_in(accept_terms=True)) == (409, "account-not-linked")


def test_a_verified_account_is_linked_by_the_address_google_runs(google: Google):
    member = a_member(email_domain="gmail.com")
    visitor = Visitor(google, member.email)
    assert signed_in(visitor.sign_in()).id == member.id
    assert login(member.email), "its password goes on to work"
    assert signed_in(visitor.sign_in()).id == member.id
    with transaction() as tx:
        audited = text("SELECT count(*) FROM audit_log WHERE action = 'user.google_linked' AND subject_id = :id")
        assert tx.execute(audited, {"id": str(member.id)}).scalar_one() == 1


def test_an_address_that_google_does_not_run_links_to_nothing(google: Google):
    member = a_member()
    assert problem(Visitor(google, member.email).sign_in()) == (409, "account-not-linked")
    workspace = Visitor(google, member.email, hd="example.com")
    assert signed_in(workspace.sign_in()).id == member.id


def test_an_account_whose_address_is_not_verified_is_not_linked(google: Google):
    """Else whoever registers a stranger's address would have a password for its owner's account."""
    email = f"{uuid4().hex[:12]}@gmail.com"
    register(email)
    assert problem(Visitor(google, email).sign_in(accept_terms=True)) == (409, "account-not-linked")
    assert column("oauth_id", email) is None


def test_an_invitation_to_a_gate_keeps_nobody_from_signing_in_with_google(google: Google):
    visitor = Visitor(google)
    with transaction() as tx:
        organizer = a_user(tx, role="organizer")
        person, _ = staff.invite(tx, organizer.id, staff.StaffInvitation(email=visitor.email, full_name="Dewi"))
    assert person
    assert problem(visitor.sign_in()) == (422, "terms-not-accepted")
    mine = signed_in(visitor.sign_in(accept_terms=True))
    assert (mine.id, mine.role, mine.organizer_id) == (person.id, "customer", None)


def test_an_address_that_google_has_not_verified_opens_and_links_nothing(google: Google):
    visitor = Visitor(google, email_verified=False)
    assert problem(visitor.sign_in(accept_terms=True)) == (401, "google-token-invalid")


def test_a_password_chosen_by_mail_drops_the_link(google: Google):
    """The reader of the mailbox owns the address; the Google account may belong to an earlier owner."""
    email = an_address()
    visitor = Visitor(google, email)
    signed_in(visitor.sign_in(accept_terms=True))
    password_reset.reset_password(
        PasswordReset(email=email, code=code_in(forget_password(email)), password=NEW_PASSWORD)
    )
    assert problem(visitor.sign_in()) == (409, "account-not-linked")


def test_parallel_first_sign_ins_open_one_account(google: Google):
    visitor = Visitor(google)
    answers = at_the_same_time([lambda: visitor.sign_in(accept_terms=True)] * 6)
    assert len({signed_in(answer).id for answer in answers}) == 1


def test_an_account_that_is_deleted_meanwhile_is_not_signed_in(google: Google):
    visitor = Visitor(google)
    before = signed_in(visitor.sign_in(accept_terms=True))
    with transaction() as tx:
        people.lock_for_deletion(tx, before.id)
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": before.id})
        signing_in = behind(tx, lambda: visitor.sign_in(accept_terms=True))
    assert signed_in(signing_in.result()).id != before.id


def test_a_deleted_account_does_not_come_back(google: Google):
    visitor = Visitor(google)
    before = signed_in(visitor.sign_in(accept_terms=True))
    with transaction() as tx:
        tx.execute(text("UPDATE users SET is_deleted = true WHERE id = :id"), {"id": before.id})
    assert signed_in(visitor.sign_in(accept_terms=True)).id != before.id


def test_a_wrong_nonce_is_refused_by_the_endpoint(google: Google):
    answer = Visitor(google, nonce="theirs").sign_in(nonce="ours", accept_terms=True)
    assert problem(answer) == (401, "google-token-invalid")
