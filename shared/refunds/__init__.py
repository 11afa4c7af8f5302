"""Refunds: requested, approved, executed through gateways or by transfer, recorded, and closed by a person."""
