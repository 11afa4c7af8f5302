"""Gate staff of organizers, and the events they may scan (GATE)."""

from uuid import UUID

from shared.messages import mails
from shared.problems import NotFound
from shared.tickets import gate_staff
from shared.tickets.gate_staff import GateEventList, Invitation, StaffList, StaffResponse
from shared.web import App, FreshlyProvenOrganizer, GateStaff, Organizer, Transaction

app = App("staff")


@app.post("/organizer/staff", status=201)
def invite(invitation: Invitation, organizer: FreshlyProvenOrganizer, tx: Transaction) -> StaffResponse:
    """Assign gate staff to events. New staff get a mail with a code to choose a password.

    If an address has another account, its owner gets a mail that asks for a different address; the response is the
    same.
    """
    response, email = gate_staff.invite(tx, organizer, invitation)
    mails.enqueue_for_account(tx, email)
    return response


@app.get("/organizer/staff")
def show(organizer: Organizer, tx: Transaction) -> StaffList:
    """Your gate staff and their events."""
    return gate_staff.list_staff(tx, organizer)


@app.delete("/organizer/staff/{staff_id}", status=204, problems=(NotFound,))
def dismiss(staff_id: UUID, organizer: Organizer, tx: Transaction) -> None:
    """Remove gate staff from all your events, and delete their account or invitation."""
    gate_staff.dismiss(tx, organizer, staff_id)


@app.get("/gate/events")
def gate_events(caller: GateStaff, tx: Transaction) -> GateEventList:
    """The events at which you may scan, until their gates close for good."""
    return gate_staff.gate_events(tx, caller)


main = app.entry_point()
