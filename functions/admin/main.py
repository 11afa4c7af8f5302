"""What only admins do to accounts."""

from uuid import UUID

from shared.identity import roles
from shared.identity.accounts import UserAnswer
from shared.identity.roles import RoleChange, RoleFixed
from shared.problems import NotFound
from shared.web import Admin, App, Transaction

app = App("admin")


@app.put("/admin/users/{user_id}/role", problems=(NotFound, RoleFixed))
def change_role(user_id: UUID, change: RoleChange, admin: Admin, tx: Transaction) -> UserAnswer:
    """Make a customer an organizer or the reverse, or either an admin. Their sessions end."""
    return roles.change(tx, admin.id, user_id, change)


main = app.entry_point()
