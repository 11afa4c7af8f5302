"""The pages of visitors, buyers and holders."""

from shared.site import (
    account_pages,
    chat_account_pages,
    confirmation_pages,
    deletion_pages,
    event_pages,
    google_pages,
    order_pages,
    purchase_pages,
    refund_pages,
    second_factor_pages,
    sign_in_pages,
    static_pages,
    ticket_pages,
    waiting_room_pages,
)

PAGES = (
    static_pages.pages,
    event_pages.pages,
    purchase_pages.pages,
    waiting_room_pages.pages,
    order_pages.pages,
    ticket_pages.pages,
    refund_pages.pages,
    sign_in_pages.pages,
    google_pages.pages,
    account_pages.pages,
    chat_account_pages.pages,
    confirmation_pages.pages,
    second_factor_pages.pages,
    deletion_pages.pages,
)
