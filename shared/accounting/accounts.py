"""The chart of accounts. Debits are positive, credits negative, in whole rupiah."""

from enum import StrEnum
from uuid import UUID


class Account(StrEnum):
    """An account of the platform, or the part before the colon of an account that somebody has of their own.

    SQL spells them out; `tests/unit/source/test_accounts.py` holds that it spells no other.
    """

    GATEWAY_CLEARING = "gateway_clearing"
    """The money that a gateway has taken in for us and not yet passed on: `gateway_clearing:<gateway>`."""
    ORGANIZER_PAYABLE = "organizer_payable"
    """Our debt to an organizer: `organizer_payable:<organizer>`."""
    PAYOUTS_PAYABLE = "payouts_payable"
    """The part of that which is on its way to their bank."""
    PLATFORM_FEE_REVENUE = "platform_fee_revenue"
    """The fee that the customer pays on top, or a promo code's issuer in their place (FN-001)."""
    COMMISSION_REVENUE = "commission_revenue"
    """Our share of the ticket price (FN-004)."""
    PROMOTION_COST = "promotion_cost"
    """Discounts that we pay to the organizer in the customer's place, and our fee where our code waives it (TS-006)."""
    PENALTY_REVENUE = "penalty_revenue"
    """The debts of organizers for cancelled events (FN-015)."""
    PAYMENT_DIFFERENCES = "payment_differences"
    """Differences that an admin accepted, and the unique codes of ISO-3."""
    REFUNDS_PAYABLE = "refunds_payable"
    """Our debts to customers."""
    DASHBOARD_REFUNDS = "dashboard_refunds"
    """Suspense: what went back at a gateway's dashboard for no item of an order yet."""
    GOODWILL_REFUNDS = "goodwill_refunds"
    """Money that went back at a dashboard for nothing that was sold, and that we bear."""
    UNALLOCATED = "unallocated"
    """Money that fits no order and waits for a person."""
    GATEWAY_FEES = "gateway_fees"
    """The fees that gateways keep, by their settlement reports, before tax."""
    INPUT_VAT = "input_vat"
    """The VAT (PPN) on those fees, where the report states it: to be set off against a tax invoice (faktur pajak)."""
    BANK = "bank"
    """Money that has arrived at our bank from gateways."""
    GATEWAY_ADJUSTMENTS = "gateway_adjustments"
    """Money that gateways or the bank took or gave for nothing that was sold, as an admin has decided."""


def gateway_clearing(gateway: str) -> str:
    """The account of what a gateway holds for us."""
    return f"{Account.GATEWAY_CLEARING}:{gateway}"


def organizer_payable(organizer_id: UUID) -> str:
    """The account of what we owe an organizer."""
    return f"{Account.ORGANIZER_PAYABLE}:{organizer_id}"
