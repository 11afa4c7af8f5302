"""Imports what a start of the product imports, but for what reads its environment meanwhile (infra/local/web.py)."""

import gc

import alembic.command
import alembic.config  # noqa: F401

from infra.local import provision, run, seed, serve  # noqa: F401
from infra.local.cloud import server  # noqa: F401
from infra.local.simulators import application  # noqa: F401

serve.import_packages()
gc.freeze()  # so that those who are forked from here share its memory
