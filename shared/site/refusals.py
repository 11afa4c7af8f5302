"""Refusals as people are told of them: a title, and what to do next (U-003).

By the slug of the problem; what is not listed here is told by the problem's own sentence.
"""

from typing import Final, NamedTuple

from shared.problems import Problem
from shared.site.languages import gettext_noop as _
from shared.site.languages import translate
from shared.web.pages import Language

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "not-found": (_("There is no such ticket here."), _("Choose again on the event's page.")),
    "sold-out": (
        _("These tickets have just sold out."),
        _("Nothing is held and no money was taken. Choose another type."),
    ),
    "sale-closed": (_("These tickets are not on sale now."), _("Nothing is held and no money was taken.")),
    "too-many-lines": (
        _("An order holds 20 types of tickets at most."),
        _("Nothing is held and no money was taken. Go back and choose fewer types."),
    ),
    "too-many-tickets": (_("That is more than one order may have."), _("Choose fewer tickets.")),
    "person-limit-reached": (
        _("You have as many tickets as one person may have."),
        _("What you bought or hold before counts too. Nothing is held now and no money was taken."),
    ),
    "hold-again-later": (
        _("You held these tickets before without paying."),
        _("Others have their turn now. Try again in a few minutes."),
    ),
    "queue-pass-required": (
        _("This event is sold to whoever was called in its waiting room."),
        _("Nothing is held and no money was taken. Take a place there, or look whether it is your turn."),
    ),
    "queue-pass-used": (
        _("You have placed your order of this turn."),
        _("Look at your orders. To buy more, take a new place in the waiting room."),
    ),
    "waiting-room-closed": (_("Nobody can take a place now."), _("See below what the waiting room is doing.")),
    "not-called-yet": (_("It is not your turn yet."), _("Your place is kept. See below how far it is.")),
    "queue-pass-over": (_("Your turn is over."), _("You can take a new place, at the end.")),
    "place-refused": (_("This is not your place."), _("See below where you are.")),
    "already-reserved": (_("You still have an order for this event."), _("Go on with it, or cancel it first.")),
    "already-registered": (
        _("Somebody with this identity number is registered already."),
        _("Each person can run once. Check the number, or choose another category."),
    ),
    "promo-invalid": (_("This promo code does not count here."), _("Check its letters, or go on without it.")),
    "promo-exhausted": (_("This promo code is used up."), _("Go on without it, or use another one.")),
    "reservation-expired": (
        _("Time is up and the tickets are released."),
        _("Already paid? Don't pay again: we revive the order if tickets remain, otherwise refund everything."),
    ),
    "order-not-payable": (_("This order cannot be paid any more."), _("Look below for what became of it.")),
    "attendees-missing": (
        _("A name, an e-mail address or an identity number is missing."),
        _("Fill in each ticket, then pay."),
    ),
    "checkout-in-progress": (
        _("Your payment is being prepared."),
        _("You pressed the button already. This page shows it in a moment."),
    ),
    "export-too-large": (
        _("That is too much for one file."),
        _("Choose one event, or a shorter period."),
    ),
    "payment-in-review": (
        _("We are looking at a payment of yours."),
        _("What came in is not what was asked for. Pay no more; we write to you."),
    ),
    "payment-method-refused": (
        _("The payment service does not take this order that way."),
        _("No money was taken. Choose another way to pay."),
    ),
    "invalid-credentials": (
        _("E-mail or password is wrong."),
        _("Check both, or sign in with a mailed code instead."),
    ),
    "email-not-verified": (
        _("This address is not verified yet."),
        _("Sign in with a mailed code: that verifies it."),
    ),
    "google-token-invalid": (
        _("Google did not confirm who you are."),
        _("Sign in with Google again, or have a code mailed instead."),
    ),
    "google-cancelled": (
        _("You have not signed in with Google."),
        _("Try again, or have a code mailed instead."),
    ),
    "google-sign-in-off": (_("Google is not available here."), _("Have a code mailed instead.")),
    "second-factor-challenge": (
        _("This account has two-step verification."),
        _("Sign in here with the code of your authenticator app."),
    ),
    "second-factor-invalid": (
        _("The code is wrong or was used already."),
        _("Type the one that your app shows now, or a recovery code."),
    ),
    "second-factor-required": (
        _("Admins need two-step verification."),
        _("Set it up in your account first."),
    ),
    "challenge-expired": (_("That took too long."), _("Sign in again from the beginning.")),
    "enrolment-expired": (_("That took too long."), _("Begin again, with a new QR code.")),
    "already-enrolled": (_("This app is set up already."), _("If the recovery codes are lost, make new ones.")),
    "mailed-code-required": (
        _("First show that the mailbox is yours."),
        _("Begin again and sign in with a mailed code; then have it removed here."),
    ),
    "admin-reset-only": (
        _("An admin's two-step verification is not removed by waiting."),
        _("Ask two other admins to remove it."),
    ),
    "account-not-linked": (
        _("This address has an account that was opened without Google."),
        _("Have a code mailed to it: that signs you in to the same account."),
    ),
    "terms-not-accepted": (_("The terms are not accepted yet."), _("Tick the box, and go on.")),
    "code-invalid": (_("The code is wrong or too old."), _("Check the newest mail, or ask for a new code.")),
    "too-many-attempts": (_("Too many tries."), _("Wait a little before the next one; your account is safe.")),
    "too-many-requests": (_("One moment, please"), _("Many requests came from your connection. Wait a minute.")),
    "order-not-cancellable": (_("This order cannot be cancelled any more."), _("Look below for what became of it.")),
    "too-many-mails": (_("We have mailed that often enough today."), _("Your tickets are on this page in any case.")),
    "tickets-not-issued": (_("Your tickets are still being made."), _("This page shows them in a moment.")),
    "holder-change-closed": (
        _("Names can no longer be changed here."),
        _("Ask the organizer to correct it for you."),
    ),
    "refund-window-closed": (
        _("Refunds can be asked for until seven days before the event."),
        _("That time is over."),
    ),
    "refund-already-requested": (_("You have asked for this refund already."), _("See below what it waits for.")),
    "ticket-used": (_("A ticket that was used cannot be given back."), _("Choose the tickets that were not used.")),
    "products-picked-up": (_("What was picked up cannot be given back."), _("Choose what was not picked up.")),
    "unit-revealed": (_("You have looked at this code already."), _("So it cannot be given back.")),
    "wrong-password": (_("The password is wrong."), _("Check it, or set a new one with a mailed code.")),
    "account-in-use": (_("The account cannot be deleted yet."), _("First this has to end:")),
    "csrf": (_("This form was too old."), _("Nothing has happened. Fill it in again, please.")),
    "account-name-mismatch": (
        _("The bank has this account under another name."),
        _("Write the holder's name as the bank does."),
    ),
    "account-not-found": (_("The bank knows no such account."), _("Check the bank and the number.")),
    "amount-above-limit": (
        _("This way to pay does not take so large an amount."),
        _("No money was taken. Choose another way to pay."),
    ),
    "capacity-exceeded": (
        _("The tickets add up to more than the event holds."),
        _("Lower a number, or raise the capacity."),
    ),
    "forbidden": (_("Your account may not do this."), _("Sign in with another account, or go back.")),
    "fresh-proof-required": (
        _("Before this we make sure that it is you."),
        _("Have a code mailed in your account, then try again."),
    ),
    "invalid": (_("Something is missing or not right"), _("Go back, correct it, and send it again.")),
    "not-signed-in": (_("You are signed out."), _("Sign in, and go on here.")),
    "session-ended": (_("You are signed out."), _("Sign in, and go on here.")),
    "nothing-to-refund": (_("Everything that was paid for these is back with you."), _("See your refunds.")),
    "order-not-refundable": (_("Only a paid order can be given back."), _("See its state on its own page.")),
    "role-fixed": (
        _("The role of this account stays as it is."),
        _(
            "Gate staff keep theirs, and nobody changes their own. "
            "Open an account with another address for your events."
        ),
    ),
    "role-taken": (
        _("An admin has made this account a buyer’s."),
        _("Only an admin can make it an organizer’s again. Write to us."),
    ),
    "method-not-allowed": (_("This address takes a form only."), _("Go back to the page before, and send its form.")),
    "malformed-request": (
        _("We could not read what was sent."),
        _("Nothing has happened. Go back, check what you typed, and send it again."),
    ),
    "wrong-content-type": (
        _("We could not read what was sent."),
        _("Nothing has happened. Go back, check what you typed, and send it again."),
    ),
    "too-large": (_("That is too large."), _("Nothing has happened. Choose a smaller file, or write less.")),
    "request-timeout": (
        _("The connection was too slow."),
        _("Nothing has happened. Send it again where the network is better."),
    ),
    "try-again": (_("Just a moment, we are busy"), _("Nothing was lost. Try again in a few seconds.")),
    "tickets-taken": (
        _("Tickets are held or sold, so it stays published."),
        _("To end it, cancel the event: everybody gets their money back."),
    ),
    "event-cancelled": (
        _("This event is cancelled for good."),
        _("Everything goes back to its buyers by itself. Duplicate the event to hold it again."),
    ),
    "not-deletable": (_("Only a draft that nobody ever ordered from can be deleted."), _("Cancel the event instead.")),
    "dates-fixed": (
        _("Its dates cannot change any more: you have been paid for it."),
        _("Duplicate it to hold it again."),
    ),
    "only-postponed": (
        _("Tickets are held or sold for these dates, so you can only postpone."),
        _("Choose later dates, or ask our support for earlier ones."),
    ),
    "too-many-tiers": (_("An event has 100 tickets and goods at most."), _("Change one that is there.")),
    "tier-code-taken": (_("Another ticket or product has this code."), _("Choose another code.")),
    "quota-too-small": (_("More than that are held or sold already."), _("Choose a higher number.")),
    "kind-is-fixed": (_("Some are held or sold, so their kind stays."), _("Add another one instead.")),
    "tier-ordered": (
        _("Somebody has ordered this, so it stays for their order."),
        _("To stop selling it, set the end of its sale."),
    ),
    "promo-code-taken": (_("You have a code of this name already."), _("Choose another name, or change that one.")),
    "promo-used-more-often": (_("The code was used more often than that."), _("Choose a higher limit.")),
    "report-unreadable": (_("This file is no CSV."), _("Download the report again, as CSV, and send it as it came.")),
    "report-too-long": (
        _("The report has more than 50,000 rows."),
        _("Download it for a shorter period, day by day perhaps."),
    ),
    "report-unknown": (
        _("This is none of the reports that can be imported."),
        _("Its columns are others. Choose the report as the page says, with all its columns."),
    ),
    "report-columns-missing": (
        _("The report lacks columns, or has one twice."),
        _("Nothing was imported. Download it again with all its columns."),
    ),
    "report-rows-unreadable": (
        _("Some rows can't be read."),
        _("Nothing was imported. Correct them where they come from; the first ones are listed."),
    ),
    "report-of-another-account": (
        _("None of these payments is ours."),
        _("Nothing was imported. Is it the report of another account, or of the test mode?"),
    ),
    "bank-arrival-known": (_("This arrival was entered before."), _("Look at the list of arrivals.")),
    "bank-arrival-matched": (
        _("This arrival, or what was chosen for it, is matched already."),
        _("Look at the list of arrivals."),
    ),
    "settlement-difference-not-bookable": (
        _("This difference can't be booked."),
        _("It is booked or closed already, or something else must explain it."),
    ),
    "not-digital": (_("This is no digital good."), _("Codes are uploaded to digital goods only.")),
    "reentry-not-allowed": (
        _("This event lets nobody out and in again."),
        _("Its organizer can allow re-entry in the event's details."),
    ),
    "idempotency-mismatch": (_("This page was used for another entry already."), _("Search anew, and try again.")),
    "not-used": (_("Nobody was let in with this ticket."), _("There is nothing to take back.")),
    "not-picked-up": (_("Nothing of this order was handed over."), _("There is nothing to take back.")),
    "ticket-void": (_("This ticket is no longer valid."), _("Look at its order for what became of it.")),
    "refund-already-decided": (_("This refund was decided already."), _("See its state in the list.")),
    "refund-not-retryable": (_("This refund cannot be sent again now."), _("See its state in the list.")),
    "payout-not-retryable": (_("This payout cannot be sent again now."), _("See its state in the list.")),
    "cancellation-too-late": (
        _("You can cancel until fourteen days before the event."),
        _("That time is over. Ask our support to cancel it for you, or move the event to a later date."),
    ),
    "approval-already-requested": (
        _("This waits for a second admin already."),
        _("Ask a colleague to approve or decline it."),
    ),
    "approval-decided": (_("A colleague was quicker: this is decided already."), _("See the decision in the list.")),
    "approval-expired": (
        _("Nobody approved this in time."),
        _("A request counts for a day, while who made it is an admin. Request it again."),
    ),
    "new-admin": (
        _("You have been an admin for less than a week."),
        _("Another admin has to approve it, or decline it."),
    ),
    "own-approval-request": (
        _("You have requested this yourself."),
        _("Another admin has to approve it. You can take it back."),
    ),
    "bank-account-decided": (
        _("Nothing about this bank account is to be decided any more."),
        _("A colleague was quicker, or its owner has set another one."),
    ),
    "mail-not-sendable": (
        _("This mail cannot be sent again."),
        _("It has gone out meanwhile, or what it said is not kept any more."),
    ),
    "manual-task-done": (_("This task is done already."), _("A colleague was quicker, or it has settled itself.")),
    "not-in-review": (_("This payment is decided already."), _("A colleague was quicker, or it has settled itself.")),
    "order-not-underpaid": (
        _("Nothing is missing for this order, or it has ended."),
        _("Accept or refund the money instead."),
    ),
    "review-not-acceptable": (
        _("The order cannot be paid with this any more."),
        _("It has ended, or its tickets are sold. Refund the money instead."),
    ),
    "not-disputed": (
        _("No dispute of this payment is open any more."),
        _("Somebody has booked it already, or finished its task. Nothing has happened now."),
    ),
    "nothing-in-suspense": (
        _("Nothing of this payment waits for a decision."),
        _("A colleague was quicker, or a refund has taken it."),
    ),
    "item-in-another-refund": (
        _("Some of these are given back already, or a refund of them is requested."),
        _("Decide about that refund first."),
    ),
    "refund-not-payable-by-hand": (
        _("This refund cannot be booked as paid by hand now."),
        _("It is undecided, on its way or done, or money went back at the dashboard: then send it again first."),
    ),
    "reconcile-run-waiting": (
        _("A run of the other kind waits already."),
        _("It begins within a minute. Request yours then."),
    ),
    "dead-letter-decided": (_("This was decided already."), _("A colleague was quicker.")),
    "approval-required": (
        _("A second admin has to approve what an admin cancels."),
        _("Request it on the event's page in the admin desk."),
    ),
    "event-over": (
        _("This event is over or has been paid out."),
        _("It cannot be cancelled any more. You can still approve refunds of single orders."),
    ),
    "not-an-image": (_("This file is not a picture we can read."), _("Choose a JPEG or PNG of 5 MB at most.")),
}


class Refusal(NamedTuple):
    """A refusal or an error in words, and what to do next."""

    title: str
    advice: str


def of(problem: Problem, language: Language) -> Refusal:
    """The words for a problem."""
    if problem.slug in _WORDS:
        title, advice = _WORDS[problem.slug]
        return Refusal(translate(language, title), translate(language, advice))
    return Refusal(translate(language, "That did not work"), problem.detail)
