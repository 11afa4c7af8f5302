"""Hands functions-framework the entry point of one function, so that one image serves them all.

Only the asked function is imported: a cold start pays for nothing else. FUNCTION_TARGET names it (a folder of
functions/).
"""

import importlib
from pathlib import Path
from typing import Any

_FUNCTIONS = Path(__file__).parent / "functions"


def __getattr__(name: str) -> Any:
    """The entry point of the function `name`. Raises AttributeError where there is none."""
    if name.startswith("_") or not (_FUNCTIONS / name / "main.py").is_file():
        raise AttributeError(f"there is no function {name!r}")
    return importlib.import_module(f"functions.{name}.main").main
