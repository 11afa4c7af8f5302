"""Actions on an account: its role, and a lost second factor (SEC-012, MFA-1)."""

from typing import Final
from uuid import UUID

from shared.cloud.database import Transaction
from shared.identity import approvals, people, principals, roles, second_factor_resets, second_factors
from shared.identity.approvals import AlreadyRequested
from shared.identity.roles import RoleChange, RoleFixed
from shared.identity.second_factor_resets import AdminReset
from shared.identity.tokens import Principal
from shared.messages import mails
from shared.problems import NotFound
from shared.site.admin import actions
from shared.site.admin.actions import Action, Choice, Confirmation, Field
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.states import ApprovalAction
from shared.web import App
from shared.web.pages import Language

USER: Final = "/admin/users/{subject_id}"
ROLES: Final = {"customer": _("Buyer"), "organizer": _("Organizer"), "admin": _("Admin"), "staff": _("Gate staff")}

pages = App("site")


def _confirm_change(tx: Transaction, admin: Principal, user_id: UUID, language: Language) -> Confirmation:
    person = people.get(tx, user_id)
    if person is None:
        raise NotFound
    if person.role == "staff" or person.id == admin.id:
        raise RoleFixed
    others = [role for role in ("customer", "organizer", "admin") if role != person.role]
    return Confirmation(
        translate(language, "Change the role of %(name)s", name=person.full_name),
        [
            translate(language, "It is now: %(role)s", role=translate(language, ROLES[person.role])),
            translate(language, "All their sessions end; they sign in again."),
            translate(language, "An admin sees everybody's data and decides about everybody's money."),
        ],
        translate(language, "Change the role"),
        [
            Field(
                "role",
                translate(language, "New role"),
                kind="choice",
                choices=[Choice(role, translate(language, ROLES[role])) for role in others],
            )
        ],
        record=f"/admin/users/{user_id}",
        is_danger=True,
    )


def _confirm_reset(tx: Transaction, admin: Principal, user_id: UUID, language: Language) -> Confirmation:
    person = people.get(tx, user_id)
    if person is None or person.id == admin.id or second_factors.find(tx, user_id) is None:
        raise NotFound
    needs_approval = person.role == "admin"
    if needs_approval and approvals.find_open(tx, ApprovalAction.SECOND_FACTOR_RESET, user_id):
        raise AlreadyRequested
    return Confirmation(
        translate(language, "Reset two-step verification of %(name)s", name=person.full_name),
        [
            translate(language, "A second admin has to approve it first, within 24 hours.")
            if needs_approval
            else translate(language, "It is removed at once: the password or a mailed code signs in."),
            translate(language, "All their sessions end, and a mail tells them."),
            translate(language, "Make sure by a way that you already knew that its owner asks for this."),
        ],
        translate(language, "Request the reset") if needs_approval else translate(language, "Reset it"),
        [
            Field(
                "reason",
                translate(language, "Why, and how was it made sure who asks?"),
                translate(language, "It is kept in the audit trail."),
            )
        ],
        record=f"/admin/users/{user_id}",
        is_danger=True,
    )


def _reset(tx: Transaction, admin: Principal, user_id: UUID, wanted: AdminReset) -> None:
    second_factor_resets.decide(tx, admin, user_id, wanted, mails.enqueue_for_account)


def _change(tx: Transaction, admin: Principal, user_id: UUID, wanted: RoleChange) -> None:
    roles.change(tx, admin.id, user_id, wanted)


ACTIONS: Final = (
    Action(f"{USER}/role", "user", USER, _confirm_change, _change, RoleChange, proof=principals.require_fresh_proof),
    Action(
        f"{USER}/second-factor", "user", USER, _confirm_reset, _reset, AdminReset, proof=principals.require_fresh_proof
    ),
)
actions.register(pages, *ACTIONS)
