"""Synthetic monitoring: the product as a buyer finds it, tried around the clock."""
