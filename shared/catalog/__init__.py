"""Events, their tiers and promo codes, and search. This package never touches what is held or sold."""
