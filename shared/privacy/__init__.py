"""Privacy requests: a copy of a person's data, and deletion (UM-009, DP-001 to DP-003).

It reads and anonymises rows of every package, so it lies above them all. It decides nothing about sales or money.
"""
