"""Where the money is: the ledger, and money that goes back. The books always add up to what the gateways moved."""
