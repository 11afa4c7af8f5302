"""The functions: one folder per deployed function, with nothing but a `main.py` of a screenful in each."""
