"""The pages of the admin desk."""

from shared.site.admin import (
    approval_pages,
    dead_letter_pages,
    delivery_pages,
    mail_pages,
    overview_pages,
    payout_pages,
    promo_pages,
    reconcile_pages,
    record_pages,
    refund_pages,
    review_pages,
    search_pages,
    statistics_pages,
    task_pages,
    user_action_pages,
    webhook_pages,
)

PAGES = (
    overview_pages.pages,
    search_pages.pages,
    record_pages.pages,
    delivery_pages.pages,
    webhook_pages.pages,
    task_pages.pages,
    review_pages.pages,
    refund_pages.pages,
    payout_pages.pages,
    dead_letter_pages.pages,
    mail_pages.pages,
    user_action_pages.pages,
    approval_pages.pages,
    reconcile_pages.pages,
    promo_pages.pages,
    statistics_pages.pages,
)
