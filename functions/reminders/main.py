"""Reminders of open payments and near events, and what organizers have sold (NS-004, NS-005, NOTIFY-1)."""

from shared.messages import event_reminders, payment_reminders, sale_notices
from shared.web import App

app = App("reminders")


@app.job("payments")
def enqueue_payment_reminders() -> None:
    """Every minute: remind who has not paid, 15 minutes before the hold ends."""
    payment_reminders.enqueue_all_due()


@app.job("events")
def enqueue_event_reminders() -> None:
    """Every ten minutes: remind who holds a ticket for an event of the next day."""
    event_reminders.enqueue_all_due()


@app.job("sales")
def enqueue_sale_digests() -> None:
    """Every morning: tell organizers what they have sold since they were last told."""
    sale_notices.enqueue_digests()


main = app.entry_point()
