"""The store: one DuckDB file, a journal in front of it, and artifacts beside it.

Query functions live in one file per table group and take an open connection: ``insert_x(connection, rows)`` and
``x_of(connection, ...)``. Connections are short: ``with store.read() as connection: ...``.
"""

from gatekeeper.store.artifacts import open_artifact, put, sweep
from gatekeeper.store.connection import Store
from gatekeeper.store.firewall import OpenItems
from gatekeeper.store.gate_budget import GateBudget, budget_of, inherited_alpha, next_alpha_of
from gatekeeper.store.gate_rows import row_keys
from gatekeeper.store.journal import Journal
from gatekeeper.store.looks import Look, looks_of, reserve_look, settle_look
from gatekeeper.store.pointers import sync_pointers
from gatekeeper.store.recovery import Recovery, recover
from gatekeeper.store.spend import Budget

__all__ = [
    "Budget",
    "GateBudget",
    "Journal",
    "Look",
    "OpenItems",
    "Recovery",
    "Store",
    "budget_of",
    "inherited_alpha",
    "looks_of",
    "next_alpha_of",
    "open_artifact",
    "put",
    "recover",
    "reserve_look",
    "row_keys",
    "settle_look",
    "sweep",
    "sync_pointers",
]
