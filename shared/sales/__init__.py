"""What can be sold, held and sold: tiers, prices, reservations, orders. It never talks to a gateway."""
