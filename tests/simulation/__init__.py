"""The deterministic simulator: the product's own functions in one process, against one real PostgreSQL, under a seed.

docs/proof.md tells what it proves and how to run it.
"""
