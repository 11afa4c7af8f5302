"""The ledger: double-entry postings of every rupiah that is sold, refunded or paid out."""
