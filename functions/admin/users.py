"""The roles of users."""

from uuid import UUID

from shared.identity import roles
from shared.identity.accounts import UserResponse
from shared.identity.roles import RoleChange, RoleFixed
from shared.problems import NotFound
from shared.web import App, FreshlyProvenAdmin, Transaction

routes = App("admin")


@routes.put("/admin/users/{user_id}/role", problems=(NotFound, RoleFixed))
def change_role(user_id: UUID, change: RoleChange, admin: FreshlyProvenAdmin, tx: Transaction) -> UserResponse:
    """Change the role of a customer, an organizer or another admin. Their sessions end."""
    return roles.change(tx, admin.id, user_id, change)
