"""Accounts, passwords, one-time codes, sessions and tokens. This package never knows what people buy."""
