"""GATE: organizers choose who scans at which event; those people see and scan nothing else."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Response
from sqlalchemy import text

from shared.cloud.database import transaction
from shared.identity import accounts, registration
from shared.identity.accounts import TERMS_VERSION
from shared.identity.tokens import Principal, principal_of
from tests.endpoints import call, problem
from tests.factories import Event, a_gate_staff, a_user, an_event
from tests.integration.identity.steps import (
    PASSWORD,
    a_member,
    an_address,
    column,
    forget_password,
    let_pass,
    login,
    register,
)

pytestmark = pytest.mark.usefixtures("database")


class Organizer:
    """Somebody with two events."""

    def __init__(self) -> None:
        with transaction() as tx:
            self.principal = a_user(tx, role="organizer")
            self.events = [an_event(tx, organizer_id=self.principal.id) for _ in range(2)]

    def invite(self, email: str, *events: Event, **body: Any) -> Response:
        """The endpoint's answer."""
        asked = {"email": email, "full_name": "Dewi", "event_ids": [str(event.id) for event in events], **body}
        return call("POST", "/organizer/staff", by=self.principal, json=asked)

    def staff(self) -> list[dict[str, Any]]:
        """The list."""
        items: list[dict[str, Any]] = call("GET", "/organizer/staff", by=self.principal).get_json()["items"]
        return items

    def dismiss(self, user_id: str) -> Response:
        """The endpoint's answer."""
        return call("DELETE", f"/organizer/staff/{user_id}", by=self.principal)


@pytest.fixture
def organizer() -> Organizer:
    return Organizer()


def codes_mailed(email: str) -> list[str]:
    """The codes in the invitations to an address, oldest first."""
    with transaction() as tx:
        rows = tx.execute(
            text("""
                SELECT context ->> 'code' FROM emails WHERE to_address = :email AND template = 'staff_invitation'
                ORDER BY created_at
            """),
            {"email": email},
        )
        return list(rows.scalars())


def templates(email: str) -> list[str]:
    """The kinds of mails to an address."""
    with transaction() as tx:
        rows = tx.execute(text("SELECT template FROM emails WHERE to_address = :email"), {"email": email})
        return list(rows.scalars())


def join(email: str) -> Principal:
    """Choose a password with the code of the invitation, and sign in."""
    code = codes_mailed(email)[-1]
    chosen = call("POST", "/auth/reset-password", json={"email": email, "code": code, "password": PASSWORD})
    assert chosen.status_code == 204, chosen.get_data(as_text=True)
    tokens = call("POST", "/auth/login", json={"email": email, "password": PASSWORD}).get_json()
    principal = principal_of(tokens["access_token"])
    assert principal is not None
    return principal


def scan(staff: Principal, event: Event) -> int:
    """The status of scanning something at an event: 404 where it isn't theirs."""
    body = {"event_id": str(event.id), "qr": "palsu"}
    return call("POST", "/tickets/scan", by=staff, json=body).status_code


def gate_events(caller: Principal) -> list[str]:
    """The events a caller is shown."""
    return [event["id"] for event in call("GET", "/gate/events", by=caller).get_json()["items"]]


def test_an_invited_person_chooses_a_password_and_scans_at_the_chosen_event_only(organizer: Organizer):
    email = an_address()
    here, elsewhere = organizer.events
    answer = organizer.invite(email, here)
    assert answer.status_code == 201
    invited = answer.get_json()
    assert (invited["email"], invited["has_joined"], invited["event_ids"]) == (email, False, [str(here.id)])
    assert column("terms_version", email) is None, "nobody accepts terms for somebody else"

    staff = join(email)
    assert (staff.role, staff.organizer_id) == ("staff", organizer.principal.id)
    assert column("terms_version", email) == TERMS_VERSION
    assert (scan(staff, here), scan(staff, elsewhere)) == (200, 404)
    assert gate_events(staff) == [str(here.id)]
    assert [(person["id"], person["has_joined"]) for person in organizer.staff()] == [(str(staff.id), True)]


def test_inviting_again_changes_the_events_and_mails_nobody_who_has_joined(organizer: Organizer):
    email = an_address()
    here, elsewhere = organizer.events
    organizer.invite(email, here)
    staff = join(email)
    organizer.invite(email, elsewhere)
    assert (scan(staff, here), scan(staff, elsewhere)) == (404, 200)
    assert len(codes_mailed(email)) == 1
    assert [person["event_ids"] for person in organizer.staff()] == [[str(elsewhere.id)]]


def test_an_invitation_can_be_renewed_by_its_owner(organizer: Organizer):
    """Its code lives three days; after that a forgotten password is asked for, which needs the mailbox only."""
    email = an_address()
    organizer.invite(email, organizer.events[0])
    with transaction() as tx:
        life = tx.execute(
            text(
                "SELECT c.expires_at - c.created_at FROM one_time_codes c JOIN users u ON u.id = c.user_id"
                " WHERE u.email = :e"
            ),
            {"e": email},
        ).scalar_one()
        tx.execute(text("UPDATE one_time_codes SET created_at = created_at - interval '4 days'"))
    assert life.days == 3
    assert forget_password(email) is not None


def test_who_is_dismissed_is_out_at_once(organizer: Organizer):
    email = an_address()
    organizer.invite(email, *organizer.events)
    staff = join(email)
    assert organizer.dismiss(str(staff.id)).status_code == 204
    assert [scan(staff, event) for event in organizer.events] == [401, 401], (
        "their token says staff still, and they are nobody"
    )
    assert organizer.staff() == []
    signing_in = call("POST", "/auth/login", json={"email": email, "password": PASSWORD})
    assert problem(signing_in) == (401, "invalid-credentials")
    assert organizer.invite(email, organizer.events[0]).get_json()["id"] != str(staff.id)


def test_another_organizers_staff_and_events_are_out_of_reach(organizer: Organizer):
    other = Organizer()
    email = an_address()
    theirs = other.invite(email, other.events[0]).get_json()
    assert problem(organizer.invite(an_address(), other.events[0])) == (422, "invalid")
    assert problem(organizer.invite(an_address(), organizer.events[0], event_ids=[str(uuid4())])) == (422, "invalid")
    assert problem(organizer.dismiss(theirs["id"])) == (404, "not-found")
    assert organizer.staff() == []
    assert len(other.staff()) == 1


@pytest.mark.parametrize("role", ["customer", "organizer", "admin", "staff"])
def test_an_organizer_does_not_learn_who_has_an_account(organizer: Organizer, role: str):
    """Neither from the answer nor from the list; the owner is told, once a day."""
    others = Organizer().principal.id if role == "staff" else None
    member, free = a_member(role=role, organizer_id=others), an_address()
    answers = [organizer.invite(email, organizer.events[0]) for email in (member.email, free, member.email)]
    assert [answer.status_code for answer in answers] == [201] * 3
    shown = [{**answer.get_json(), "id": None, "email": None} for answer in answers]
    assert shown[0] == shown[1]
    assert {person["email"]: person for person in organizer.staff()} == {
        answer.get_json()["email"]: answer.get_json() for answer in answers
    }
    assert [column("role", member.email), column("organizer_id", member.email)] == [role, others]
    assert templates(member.email) == ["staff_address_taken"]
    assert templates(free) == ["staff_invitation"]


def test_an_invitation_is_withdrawn_whosever_address_it_is(organizer: Organizer):
    member, free = a_member(), an_address()
    for email in (member.email, free):
        invited = organizer.invite(email, organizer.events[0]).get_json()
        assert problem(Organizer().dismiss(invited["id"])) == (404, "not-found")
        assert organizer.dismiss(invited["id"]).status_code == 204
        assert problem(organizer.dismiss(invited["id"])) == (404, "not-found")
    assert organizer.staff() == []
    assert login(member.email)
    assert forget_password(free) is None


def test_who_joins_after_they_were_listed_is_dismissed_by_the_listed_id_too(organizer: Organizer):
    email = an_address()
    invited = organizer.invite(email, *organizer.events).get_json()
    staff = join(email)
    assert organizer.dismiss(invited["id"]).status_code == 204
    assert [scan(staff, event) for event in organizer.events] == [401, 401]
    assert organizer.staff() == []


def test_an_invitation_keeps_nobody_from_an_account_of_their_own(organizer: Organizer):
    email = an_address()
    organizer.invite(email, organizer.events[0])
    before = organizer.staff()
    user, letter = register(email, full_name="Siti Rahma")
    assert letter is not None
    assert letter.template == "verify_email"
    tokens = registration.verify_email(accounts.EmailCode(email=email, code=letter.context["code"]))
    assert principal_of(tokens.access_token) == Principal(user.id, "customer", None)
    assert login(email)
    assert scan(Principal(user.id, "staff", organizer.principal.id), organizer.events[0]) == 403
    assert organizer.staff() == before, "and the organizer does not learn of it"


def test_an_address_that_nobody_proved_goes_to_the_last_who_asked_once_no_code_is_on_its_way(organizer: Organizer):
    first, email = Organizer(), an_address()
    first.invite(email, first.events[0])
    organizer.invite(email, organizer.events[0])
    assert column("organizer_id", email) == first.principal.id, "the code in the first mail still works"
    let_pass(email, 4 * 86_400)
    organizer.invite(email, organizer.events[0])
    assert len(codes_mailed(email)) == 2
    assert join(email).organizer_id == organizer.principal.id
    assert [(person["email"], person["has_joined"]) for person in first.staff()] == [(email, False)]


def test_a_registration_that_was_never_verified_keeps_nobody_from_the_gate(organizer: Organizer):
    email = an_address()
    register(email, phone="+62 812 3456 789")
    let_pass(email, 601)
    organizer.invite(email, organizer.events[0])
    assert join(email).role == "staff"
    assert column("phone", email) is None, "what a stranger wrote is gone"
    assert login(email)


@pytest.mark.parametrize("role", ["customer", "staff"])
def test_only_organizers_invite(organizer: Organizer, role: str):
    with transaction() as tx:
        caller = a_user(tx) if role == "customer" else a_gate_staff(tx, organizer.events[0])
    answer = call("GET", "/organizer/staff", by=caller)
    assert problem(answer) == (403, "forbidden")


def test_organizers_are_shown_their_own_events_at_the_gate(organizer: Organizer):
    Organizer()
    assert sorted(gate_events(organizer.principal)) == sorted(str(event.id) for event in organizer.events)


def test_who_chose_whom_is_in_the_audit_trail(organizer: Organizer):
    email = an_address()
    organizer.invite(email, organizer.events[0])
    staff = join(email)
    organizer.dismiss(str(staff.id))
    with transaction() as tx:
        lines = tx.execute(
            text("SELECT action, actor_id, details::text AS said FROM audit_log WHERE subject_id = :id ORDER BY id"),
            {"id": str(staff.id)},
        ).all()
    assert [(line.action, line.actor_id) for line in lines if line.action.startswith("staff")] == [
        ("staff.assigned", organizer.principal.id),
        ("staff.dismissed", organizer.principal.id),
    ]
    assert not any(email in line.said for line in lines)
