"""Midtrans: Core API and Snap payments, and refunds."""
