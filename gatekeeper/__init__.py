"""gatekeeper: may a small student model replace an expensive teacher on one task?

The functions behind the verbs of the command line are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_FUNCTIONS = {
    "load_suite": "gatekeeper.suite.load",
    "open_session": "gatekeeper.run.opening",
    "check_suite": "gatekeeper.check",
    "run_loop": "gatekeeper.loop",
    "evaluate_students": "gatekeeper.evaluate",
    "rescore_suite": "gatekeeper.rescore",
    "read_spend": "gatekeeper.spend",
    "reconcile_spend": "gatekeeper.spend",
    "write_report": "gatekeeper.report",
    "verify_run": "gatekeeper.verify.run",
    "Store": "gatekeeper.store.connection",
}

__all__ = [
    "Store",
    "__version__",
    "check_suite",
    "evaluate_students",
    "load_suite",
    "open_session",
    "read_spend",
    "reconcile_spend",
    "rescore_suite",
    "run_loop",
    "verify_run",
    "write_report",
]

if TYPE_CHECKING:
    from gatekeeper.check import check_suite
    from gatekeeper.evaluate import evaluate_students
    from gatekeeper.loop import run_loop
    from gatekeeper.report import write_report
    from gatekeeper.rescore import rescore_suite
    from gatekeeper.run.opening import open_session
    from gatekeeper.spend import read_spend, reconcile_spend
    from gatekeeper.store.connection import Store
    from gatekeeper.suite.load import load_suite
    from gatekeeper.verify.run import verify_run


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(import_module(_FUNCTIONS[name]), name)
    raise AttributeError(f"module 'gatekeeper' has no attribute {name!r}")
