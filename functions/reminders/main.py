"""Reminders of payments and events, sales, and lost second factors (NS-004, NS-005, NOTIFY-1, MFA-1)."""

from shared.identity import second_factor_resets
from shared.messages import event_reminders, mails, payment_reminders, sale_notices
from shared.web import App

app = App("reminders")


@app.job("payments")
def enqueue_payment_reminders() -> None:
    """Every minute: remind buyers who have not paid, 15 minutes before the hold ends."""
    payment_reminders.enqueue_all_due()


@app.job("events")
def enqueue_event_reminders() -> None:
    """Every ten minutes: remind the holders of tickets for an event of the next day."""
    event_reminders.enqueue_all_due()


@app.job("sales")
def enqueue_sale_digests() -> None:
    """Every morning: mail organizers what they have sold since the last digest."""
    sale_notices.enqueue_digests()


@app.job("resets")
def carry_out_resets() -> None:
    """Every ten minutes: remove the second factors whose owners requested that three days ago, and notify them."""
    second_factor_resets.carry_out_due(mails.enqueue_for_account)


main = app.entry_point()
