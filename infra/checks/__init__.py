"""Checks that need more than a linter. Each is a module to run; none is part of the product."""
