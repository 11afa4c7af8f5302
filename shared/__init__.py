"""The product. docs/map.md names every room and which may call which."""
