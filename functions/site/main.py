"""The pages that people see, in Indonesian and English (EM-013..018, U-001..005)."""

from shared.site import (
    account_pages,
    confirmation_pages,
    deletion_pages,
    error_pages,
    event_pages,
    google_pages,
    order_pages,
    purchase_pages,
    refund_pages,
    second_factor_pages,
    sign_in_pages,
    static_pages,
    ticket_pages,
)
from shared.site.admin import (
    approval_pages,
    dead_letter_pages,
    delivery_pages,
    mail_pages,
    overview_pages,
    reconcile_pages,
    record_pages,
    review_pages,
    search_pages,
    statistics_pages,
    task_pages,
    user_action_pages,
    webhook_pages,
)
from shared.site.admin import payout_pages as admin_payout_pages
from shared.site.admin import promo_pages as admin_promo_pages
from shared.site.admin import refund_pages as admin_refund_pages
from shared.site.gate import list_pages, scan_pages
from shared.site.organizer import (
    attendee_pages,
    cancellation_pages,
    dashboard_pages,
    goods_pages,
    payout_pages,
    promo_pages,
    staff_pages,
    start_pages,
    tier_pages,
)
from shared.site.organizer import event_pages as own_event_pages
from shared.site.organizer import order_pages as organizer_order_pages
from shared.site.organizer import refund_pages as organizer_refund_pages
from shared.web import App

app = App("site", error_page=error_pages.problem_page)
for each in (
    static_pages,
    event_pages,
    purchase_pages,
    order_pages,
    ticket_pages,
    refund_pages,
    sign_in_pages,
    google_pages,
    account_pages,
    confirmation_pages,
    second_factor_pages,
    deletion_pages,
    start_pages,
    own_event_pages,
    tier_pages,
    promo_pages,
    goods_pages,
    staff_pages,
    dashboard_pages,
    organizer_order_pages,
    attendee_pages,
    organizer_refund_pages,
    cancellation_pages,
    payout_pages,
    overview_pages,
    search_pages,
    record_pages,
    delivery_pages,
    webhook_pages,
    scan_pages,
    list_pages,
    task_pages,
    review_pages,
    admin_refund_pages,
    admin_payout_pages,
    dead_letter_pages,
    mail_pages,
    user_action_pages,
    approval_pages,
    reconcile_pages,
    admin_promo_pages,
    statistics_pages,
):
    app.include(each.pages)

main = app.entry_point()
