"""Reminders: of payments that are open, and of events that are near (NS-004, NS-005)."""

from shared.messages import event_reminders, payment_reminders
from shared.web import App

app = App("reminders")


@app.job("payments")
def remind_of_payments() -> None:
    """Every minute: remind who has not paid, 15 minutes before the hold ends."""
    payment_reminders.remind_all_due()


@app.job("events")
def remind_of_events() -> None:
    """Every ten minutes: remind who holds a ticket for an event of the next day."""
    event_reminders.remind_all_due()


main = app.entry_point()
