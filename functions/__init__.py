"""The functions: one folder per deployed function; its `main.py` lists its routes, or the modules that declare them."""
