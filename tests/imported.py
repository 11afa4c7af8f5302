"""Imports what a start of the product imports, but for what reads its environment meanwhile (infra/local/web.py)."""

import gc
import importlib
import pkgutil

import alembic.command
import alembic.config  # noqa: F401

import shared
from infra.local import provision, run, seed, serve  # noqa: F401
from infra.local.cloud import server  # noqa: F401
from infra.local.simulators import application  # noqa: F401

for module in pkgutil.walk_packages(shared.__path__, "shared."):
    importlib.import_module(module.name)
for name in serve.GOOGLE_CLIENTS:
    importlib.import_module(f"google.cloud.{name}")
gc.freeze()  # so that those who are forked from here share its memory
