"""The product. docs/map.md names every package and which may import which."""
