"""Stock, prices, promo codes, reservations and orders. This package never talks to a gateway."""
