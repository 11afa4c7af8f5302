"""What people may ask of us about their data: a copy of it, and to be forgotten (UM-009, DP-001 to DP-003).

It reads and anonymises rows of every room, so it lies above them all. It decides nothing about sales or money.
"""
