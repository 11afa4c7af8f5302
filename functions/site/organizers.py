"""The pages of organizers and their gate staff."""

from shared.site.gate import list_pages, scan_pages
from shared.site.organizer import (
    attendee_pages,
    cancellation_pages,
    dashboard_pages,
    event_pages,
    goods_pages,
    order_pages,
    payout_pages,
    promo_pages,
    refund_pages,
    staff_pages,
    start_pages,
    tier_pages,
)

PAGES = (
    start_pages.pages,
    event_pages.pages,
    tier_pages.pages,
    promo_pages.pages,
    goods_pages.pages,
    staff_pages.pages,
    dashboard_pages.pages,
    order_pages.pages,
    attendee_pages.pages,
    refund_pages.pages,
    cancellation_pages.pages,
    payout_pages.pages,
    scan_pages.pages,
    list_pages.pages,
)
