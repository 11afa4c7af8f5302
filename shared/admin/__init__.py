"""The admin desk's reads: what is wrong, search, and the whole record of an order, a payment, a person or an event."""
